/* The film strip follows by itself while a version is on its way (htmx asks for it); here it is said what became of it. */
import { announce } from "./keys.js";
import { answeredMeanwhile, anyPending, csrfToken } from "./verdicts.js";

/** A mark of the version before, answered by the version `id` or opened again; a failure is told. */
export const answerMark = async (button, id) => {
  const parcel = { changes: [{ id: button.dataset.answer, version: Number(button.dataset.version), resolved: button.dataset.resolved === "yes", resolved_in: id }] };
  const told = await fetch(button.closest("[data-parent-marks]").dataset.parentMarks, {
    method: "POST",
    body: JSON.stringify(parcel),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
  }).then((response) => response.json()).catch(() => null);
  const problem = told ? told.message ?? Object.values({ ...told.conflicts, ...told.refused })[0] : "No answer from Loupe. Try again.";
  if (problem) window.loupe.toast({ level: "warning", words: "That was not saved", detail: problem });
};

/** openFilm(look): `look(address)` goes to a version, `count(number)` gets how many
    wait for this person's decision as the server knows it. Returns {begin(root), beside(by)}; `begin`
    is called for every picture on the table. */
export const openFilm = (look, count) => {
  let root = null;
  let coming = new Map(); // element id → version

  const begin = (loupe) => {
    root = loupe;
    window.loupe.putAway(`film-${root.dataset.id}`); // it is looked at
    coming = new Map([...root.querySelectorAll("#film [data-coming]")].map((item) => [item.id, item.dataset.version]));
  };
  const arrive = (id, version) => {
    const link = document.getElementById(id)?.querySelector("a");
    if (!link) {
      window.loupe.toast({ key: id, level: "warning", words: `Version ${version} could not be made`, detail: "The campaign's page says why." });
      return;
    }
    announce(`Version ${version} is here.`);
    window.loupe.toast({ key: id, level: "success", stays: true, words: `Version ${version} is here`, actions: [{ label: "Look at it", run: () => look(link.getAttribute("href")) }] });
  };
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail.ctx?.sourceElement?.id !== "film") return;
    for (const [id, version] of coming) if (!("coming" in (document.getElementById(id)?.dataset ?? {}))) arrive(id, version);
    root.querySelector("#compare").hidden = root.querySelectorAll("[data-version-link]").length < 2;
    count(Number(root.querySelector("#film").dataset.remaining));
    begin(root);
  });
  /** The address of the version that is `by` steps newer, "" at the end of the strip. */
  const beside = (by) => {
    const links = [...root.querySelectorAll("[data-version-link]")]; // newest first
    return links[links.findIndex((link) => link.getAttribute("aria-current")) - by]?.getAttribute("href") ?? "";
  };
  return { begin, beside };
};

/** recount(left, table, count): `left`, returned, are verdicts that another page left on their way, so that this one
    was drawn before the server had them all, as where one was answered while this page was on its way. Once nothing
    is on its way, how many wait is asked anew. */
export const recount = (left, table, count) => {
  let answers = 0;
  const ask = async () => {
    const before = answers;
    const answer = anyPending() ? null : await fetch(`/images/${table().dataset.id}/film/`, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#film");
    // decided meanwhile: the answer to that asks again
    if (!told || anyPending() || answers !== before) return;
    for (const name of ["verdict:stored", "verdict:refused"]) document.removeEventListener(name, onAnswer);
    count(Number(told.dataset.remaining));
  };
  const onAnswer = () => { answers += 1; setTimeout(ask); };
  const late = answeredMeanwhile();
  if (left.size || late) for (const name of ["verdict:stored", "verdict:refused"]) document.addEventListener(name, onAnswer);
  if (late) setTimeout(ask);
  return left;
};
