/* Comparing two versions: side by side, wipe, overlay, blink. Which two, and how, is in the address. */

const BLINK = 700;

/** The address of the picture on the table with other parameters; an empty one goes. */
export const addressWith = (root, changes) => {
  const address = new URL(root.dataset.url, location.origin);
  for (const [name, value] of Object.entries(changes)) if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
  return address.pathname + address.search;
};

const versionIn = (link) => link?.getAttribute("href").match(/\/images\/(gen_\w+)\//)[1];

/** Where a key leads: into comparing with the version it was made from, else with the one before, to another way
    of laying the two, or out again. "" where there is only one version. */
export const comparisonFrom = (root, mode) => {
  if (root.dataset.compare) return addressWith(root, mode ? { mode: root.dataset.mode === mode ? "side" : mode } : { compare: "", mode: "" });
  const links = [...root.querySelectorAll("[data-version-link]")]; // newest first
  const at = links.findIndex((link) => link.getAttribute("aria-current"));
  const parent = links.find((link) => versionIn(link) === root.dataset.parent);
  const other = versionIn(parent ?? links[at + 1] ?? links[at - 1]);
  return other ? addressWith(root, { compare: other, mode: mode ?? "" }) : "";
};

/** Where a version of the film strip leads: to that version, or while comparing to it on the other side. */
export const versionFrom = (root, link) => (root.dataset.compare && !link.hasAttribute("aria-current") ? addressWith(root, { compare: versionIn(link) }) : link.getAttribute("href"));

let blinking = 0;

/** Lays the two that the page shows: the wipe follows its slider, and what blinks begins to. */
export const layPair = (root) => {
  clearInterval(blinking);
  const pair = root.querySelector("#pair");
  if (!pair) return;
  const turn = () => pair.classList.toggle("is-other");
  const wiper = root.querySelector("#wiper");
  wiper?.addEventListener("input", () => pair.style.setProperty("--wipe", `${wiper.value}%`));
  if (root.dataset.mode !== "blink") return;
  // where motion is unwelcome it turns by hand: a click, or the space bar
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) blinking = setInterval(turn, BLINK);
  root.querySelector("#stage").addEventListener("keydown", (event) => { if (event.key === " " && !event.ctrlKey && !event.altKey && !event.metaKey) { event.preventDefault(); turn(); } });
  pair.addEventListener("click", turn);
};
