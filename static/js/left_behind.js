/* Marks and words that were drawn and written on other pictures and could not be sent: sent now.
   Each image's own page does the same for itself, with its list before one's eyes; this is for those one has left. */
import { csrfToken, renewToken } from "./verdicts.js";
import { WORDS } from "./words.js";

export const MARKS = "loupe.marks.";
const PARTS = ["additions", "changes", "deletions"];

/* what is kept under a prefix: [name, image, value] of everything that is not the picture on the table */
const others = (prefix, here) => {
  const found = [];
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const name = localStorage.key(index);
      if (!name.startsWith(prefix)) continue;
      const image = name.slice(prefix.length).split(".")[0];
      if (image !== here) found.push([name, image, JSON.parse(localStorage.getItem(name))]);
    }
  } catch { /* no storage here: nothing was kept */ }
  return found;
};

const post = async (address, body, type) => {
  const send = () => fetch(address, { method: "POST", body, headers: { "Content-Type": type, Accept: "application/json", "X-CSRFToken": csrfToken() } });
  try {
    const answer = await send();
    return answer.status === 403 && await renewToken() ? await send() : answer;
  } catch { return null; }
};

const sendMarks = async (name, image, unsaved) => {
  const parcel = Object.fromEntries(PARTS.map((part) => [part, Object.values(unsaved[part] ?? {})]));
  const answer = await post(`/images/${image}/marks/`, JSON.stringify(parcel), "application/json");
  if (!answer || ![200, 404, 409].includes(answer.status)) return;
  localStorage.removeItem(name);
  const told = answer.status === 404 ? { message: "The picture is not there any more." } : await answer.json();
  const problem = told.message ?? Object.values({ ...told.conflicts, ...told.refused })[0];
  if (problem) window.loupe.toast({ level: "warning", words: "A mark on another picture was not saved", detail: problem });
};

const sendWords = async (name, image, record, user) => {
  if (!record.wanted) return;
  const { words, annotation } = record;
  const answer = await post(`/images/${image}/comments/`, new URLSearchParams({ text: words, annotation }), "application/x-www-form-urlencoded");
  if (answer?.status === 200) { localStorage.removeItem(name); return; }
  // words on a mark that is still to be saved go after it
  if (![404, 422].includes(answer?.status) || localStorage.getItem(`${MARKS}${user}.${image}`)) return;
  localStorage.setItem(name, JSON.stringify({ ...record, wanted: false }));
  window.loupe.toast({ level: "warning", words: "Words on another picture could not be sent", detail: words });
};

let busy = false;

/* quietly; what cannot be sent stays kept */
const sendLeftBehind = async ({ user, id }) => {
  if (busy) return;
  busy = true;
  for (const item of others(`${MARKS}${user}.`, id)) await sendMarks(...item);
  for (const item of others(`${WORDS}${user}.`, id)) await sendWords(...item, user);
  busy = false;
};

/** catchUp(table): now, and whenever the line or the person comes back. `table()` gives the user and the picture's id. */
export const catchUp = (table) => {
  const send = () => sendLeftBehind(table());
  addEventListener("online", send);
  addEventListener("focus", send);
  send();
};
