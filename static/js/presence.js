/* Who else looks at a picture now. Signs of life are small requests beside the page; nothing waits for them. */
import { csrfToken } from "./verdicts.js";

const BEAT = 10_000; // a sign of life counts for 30 s
const SETTLED = 800; // who only passes by is not shown

/** Draws people ({name, initials}) into a list; an empty one takes no place. */
export const drawPeople = (list, people) => {
  const known = [...list.children].map((item) => item.title).join();
  if (known === people.map((person) => person.name).join()) return;
  list.hidden = !people.length;
  list.replaceChildren(...people.map((person) => {
    const item = document.createElement("li");
    item.className = "avatar";
    item.title = person.name;
    const initials = document.createElement("span");
    initials.setAttribute("aria-hidden", "true");
    initials.textContent = person.initials;
    const name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = person.name;
    item.append(initials, name);
    return item;
  }));
};

/** Colleagues on the frames of a sheet: `present` says who is at which image. */
export const drawPresent = (sheet, present) => {
  for (const list of sheet.querySelectorAll(".frame > .present")) if (!present[list.parentElement.dataset.id]) list.remove();
  for (const [id, people] of Object.entries(present)) {
    const frame = document.getElementById(`frame-${id}`);
    if (!frame) continue;
    let list = frame.querySelector(":scope > .present");
    if (!list) {
      list = document.createElement("ul");
      list.className = "present";
      list.setAttribute("role", "list");
      list.setAttribute("aria-label", "Looking at it now");
      frame.append(list);
    }
    drawPeople(list, people);
  }
};

let here = null; // {door, list}
let timer = 0;

const post = (door, call, keepalive = false) => fetch(door, { method: "POST", body: new URLSearchParams(call), keepalive, headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } });
const beat = async () => {
  clearTimeout(timer);
  const asked = here;
  if (!document.hidden) {
    const answer = await post(asked.door, {}).catch(() => null);
    if (asked !== here) return;
    if (answer?.ok) drawPeople(asked.list, (await answer.json()).others);
    here.told = true;
  }
  timer = setTimeout(beat, BEAT);
};
const leave = () => { if (here?.told) post(here.door, { leave: "1" }, true).catch(() => {}); };

/** One looks at the picture of this loupe now. */
export const lookAt = (root) => {
  if (!here) {
    addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else beat(); });
  }
  here = { door: root.dataset.presence, list: root.querySelector("#present"), told: false };
  clearTimeout(timer);
  timer = setTimeout(beat, SETTLED);
};
