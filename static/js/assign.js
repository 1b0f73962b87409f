/* Who is to look? A dialog that is worked by typing a name and Enter, or by the arrows; shared by sheet and loupe. */
import { announce } from "./keys.js";
import * as verdicts from "./verdicts.js";

const dialog = document.getElementById("assign");
const field = document.getElementById("assign-find");
const people = () => [...dialog.querySelectorAll("[data-person]")];
const shown = () => people().filter((button) => !button.parentElement.hidden);
let chosen = null; // what becomes of the choice

/** Opens the dialog; `then` gets {id, name} of the colleague. */
export const choosePerson = (title, then) => {
  chosen = then;
  document.getElementById("assign-title").textContent = title;
  field.value = "";
  narrow();
  dialog.showModal();
  field.focus();
};

const narrow = () => {
  const wanted = field.value.trim().toLowerCase();
  for (const button of people()) button.parentElement.hidden = !button.dataset.name.toLowerCase().includes(wanted);
  document.getElementById("assign-none").hidden = shown().length > 0;
};
const choose = (button) => {
  if (!button) return;
  dialog.close();
  chosen({ id: button.dataset.person, name: button.dataset.name });
};
field?.addEventListener("input", narrow);
dialog?.addEventListener("click", (event) => choose(event.target.closest("[data-person]")));
dialog?.addEventListener("keydown", (event) => {
  const at = shown().indexOf(document.activeElement);
  if (event.key === "Enter" && event.target === field) { event.preventDefault(); choose(shown()[0]); }
  else if (event.key === "ArrowDown") { event.preventDefault(); shown()[Math.min(at + 1, shown().length - 1)]?.focus(); }
  else if (event.key === "ArrowUp") { event.preventDefault(); (shown()[at - 1] ?? field).focus(); }
});

/* what has not got through stays in this browser: the next page of this person sends it again */
const me = () => document.querySelector("[data-user]")?.dataset.user ?? "";
const shelf = () => `loupe.assign.${me()}`;
const unsent = () => { try { return JSON.parse(localStorage.getItem(shelf())) ?? []; } catch { return []; } };
const shelve = (call, keep) => {
  const others = unsent().filter(({ to, images }) => to !== call.to || String(images) !== String(call.images));
  const kept = keep ? [...others, call] : others;
  try { if (kept.length) localStorage.setItem(shelf(), JSON.stringify(kept)); else localStorage.removeItem(shelf()); } catch { /* no storage here: the toast offers it again */ }
};

/** Asks, or asks no more; `done` gets the answer {changed, cards, panel?}. A failure is said and can be sent again. */
export const assign = async ({ url = dialog.dataset.url, images, to, name = "", done, takeBack = false }) => {
  const call = { url, images, to, name, takeBack };
  shelve(call, true);
  const body = new URLSearchParams([["to", to], ["do", takeBack ? "unassign" : "assign"], ...images.map((id) => ["image", id])]);
  let problem = "No answer from Loupe.";
  try {
    const answer = await verdicts.postForm(url, body);
    if (answer.ok || answer.status === 404 || answer.status === 422) shelve(call, false);
    if (answer.ok && takeBack) window.loupe.putAway("assign"); // what it says is no longer so
    if (answer.ok) { const told = await answer.json(); done(told); return told; }
    if (answer.headers.get("Content-Type")?.includes("json")) problem = (await answer.json()).message;
    else if (answer.status === 401) problem = "Your sign-in has expired. Sign in in another tab, then send it again.";
  } catch { problem = "No connection to Loupe."; }
  announce(problem);
  window.loupe.toast({ key: "assign", level: "warning", words: takeBack ? "Not taken back yet" : "Not assigned yet", detail: problem, actions: [{ label: "Send again", run: () => assign({ ...call, done }) }] });
  return null;
};

/** Asks and keeps what is new for one undo, however many images it is. */
export const assignAndRemember = ({ url, images, person, done }) => assign({
  url,
  images,
  to: person.id,
  name: person.name,
  done: (told) => {
    if (told.changed.length) verdicts.rememberGroup([{ key: `assign-${Date.now()}`, assigned: { images: told.changed, to: person.id, name: person.name } }]);
    const count = told.changed.length > 1 ? `${told.changed.length} images` : "the picture";
    const words = told.changed.length ? `${person.name} is asked to look at ${count}` : `${person.name} is asked already`;
    announce(words);
    window.loupe.toast({ key: "assign", level: "success", words });
    done(told, words);
  },
});

/** Sends what has not got through, now and whenever the line comes back. */
export const resumeAssignments = (done) => {
  const send = () => {
    for (const { url, images, to, name, takeBack: back } of unsent()) {
      if (back) assign({ url, images, to, name, done, takeBack: true });
      else assignAndRemember({ url, images, person: { id: to, name }, done });
    }
  };
  addEventListener("online", send);
  send();
};

/** The undo of a group that verdicts.undo() gave back; null where it is none of ours. */
export const takeBack = (group, done) => {
  const made = group[0]?.assigned;
  if (!made) return null;
  announce(`Taken back: ${made.name} is asked no more.`);
  return assign({ images: made.images, to: made.to, done, takeBack: true });
};
