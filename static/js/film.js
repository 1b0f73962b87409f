/* The film strip follows by itself while a version is on its way (htmx asks for it); here it is said what became of it. */
import { announce } from "./keys.js";

/** openFilm(look): `look(address)` goes to a version. Returns {begin(root)}, called for every picture on the table. */
export const openFilm = (look) => {
  let root = null;
  let coming = new Map(); // element id → version

  const begin = (loupe) => {
    root = loupe;
    coming = new Map([...root.querySelectorAll("#film [data-coming]")].map((item) => [item.id, item.dataset.version]));
  };
  const arrive = (id, version) => {
    const link = document.getElementById(id)?.querySelector("a");
    if (!link) {
      window.loupe.toast({ key: id, level: "warning", words: `Version ${version} could not be made`, detail: "The campaign's page says why." });
      return;
    }
    announce(`Version ${version} is here.`);
    window.loupe.toast({ key: id, level: "success", words: `Version ${version} is here`, actions: [{ label: "Look at it", run: () => look(link.getAttribute("href")) }] });
  };
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail.ctx?.sourceElement?.id !== "film") return;
    for (const [id, version] of coming) if (!("coming" in (document.getElementById(id)?.dataset ?? {}))) arrive(id, version);
    root.querySelector("#compare").hidden = root.querySelectorAll("[data-version-link]").length < 2;
    begin(root);
  });
  return { begin };
};
