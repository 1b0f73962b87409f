/* The outbox of verdicts: what one decided is kept in this browser until the server has answered.
   It survives a reload, a lost connection and an expired sign-in. Per image the order is kept; the same
   verdict sent twice is stored once by the server, so a lost answer costs nothing.

   Events on document, detail {id, …}:
   verdict:stored  {answer}: the server has it;  verdict:refused {entry, message, answer, locked}: it has not, and why;
   verdict:waiting {entry, why: "offline" | "sign-in" | "busy"}: it is kept and will be sent. */

const HISTORY = "loupe.decisions";
const ANSWERED = "loupe.answered";
const LONGEST_HISTORY = 200;
const SLOWEST_RETRY = 15_000;

const page = () => document.querySelector("[data-user]")?.dataset.user ?? "";
const prefix = () => `loupe.verdict.${page()}.`;
const say = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

const store = {
  all() {
    const found = [];
    try {
      for (let index = 0; index < localStorage.length; index += 1) {
        const key = localStorage.key(index);
        if (key.startsWith(prefix())) found.push(JSON.parse(localStorage.getItem(key)));
      }
    } catch { /* no storage in this window: the queue lives as long as the page */ }
    return found.sort((one, other) => (one.key < other.key ? -1 : 1));
  },
  keep(entry) { try { localStorage.setItem(prefix() + entry.key, JSON.stringify(entry)); } catch { /* as above */ } },
  drop(entry) { try { localStorage.removeItem(prefix() + entry.key); } catch { /* as above */ } },
};

/* the token of the page, renewed from the page itself after a sign-in elsewhere */
let token = "";
const readToken = (body) => {
  try { return JSON.parse(body.getAttribute("hx-headers:inherited"))["X-CSRFToken"] ?? ""; } catch { return ""; }
};
export const csrfToken = () => (token ||= readToken(document.body));
export const renewToken = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return false;
  token = readToken(new DOMParser().parseFromString(await answer.text(), "text/html").body);
  return token !== "";
};

const queues = new Map(); // image id → entries in order
const versions = new Map(); // image id → the newest version that the server told us
const running = new Set();
let counter = 0;

export const pending = (id) => (queues.get(id)?.length ?? 0) > 0;
/** How many wait for a decision, of which the server says `told`, once it has what is on its way. */
export const remainingWith = (told) => [...queues.values()].flat().reduce((left, { decision, before, restores }) => left + (decision === "undo" ? Number(!restores) : -Number(!before?.decision)), told);
export const anyPending = () => queues.size > 0;
/** Whether a verdict of this tab was answered after this page was asked for: the page may not know of it. */
export const answeredMeanwhile = () => { try { return Number(sessionStorage.getItem(ANSWERED)) >= performance.timeOrigin; } catch { return false; } };
export const knownVersion = (id) => versions.get(id);
export const learnVersion = (id, version) => { if (!(versions.get(id) >= version)) versions.set(id, version); };

const enqueue = (entry) => {
  if (!queues.has(entry.id)) queues.set(entry.id, []);
  queues.get(entry.id).push(entry);
  send(entry.id);
};

/** Decide: {id, url, decision, reason, note, seen, name, before: {decision, words}}. Returns at once. */
export const decide = (wanted) => {
  counter += 1;
  const entry = { reason: "", note: "", ...wanted, key: `${Date.now().toString(36).padStart(9, "0")}-${String(counter).padStart(4, "0")}` };
  if (versions.has(entry.id)) entry.seen = versions.get(entry.id);
  store.keep(entry);
  enqueue(entry);
  return entry;
};

/** Posts a form as this page's person; the page's token is renewed once where it has grown old. */
export const postForm = async (url, body) => {
  const send = () => fetch(url, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } });
  const answer = await send();
  return answer.status === 403 && await renewToken() ? send() : answer;
};

/* what can be undone, one group a keystroke; shared by sheet and loupe in this tab */
const readHistory = () => { try { return JSON.parse(sessionStorage.getItem(HISTORY)) ?? []; } catch { return []; } };
const writeHistory = (groups) => { try { sessionStorage.setItem(HISTORY, JSON.stringify(groups.slice(-LONGEST_HISTORY))); } catch { /* none */ } };
export const remember = (entries) => writeHistory([...readHistory(), entries.map(({ id, url, name, before, key }) => ({ id, url, name, before, key }))]);
/** A group that is undone by somebody else than this outbox: items with a key of their own. */
export const rememberGroup = (group) => writeHistory([...readHistory(), group]);
/* an undo after a reload still names the version that the server told last */
const rememberVersion = (id, version) => writeHistory(readHistory().map((group) => group.map((item) => (item.id === id ? { ...item, version } : item))));
const forget = (entry) => writeHistory(readHistory().map((group) => group.filter((item) => item.key !== entry.key)).filter((group) => group.length));

/** Undo the newest group; returns its items ({id, url, name, before}, or {assigned}: see assign.js) or [].
    `seenOf(id)`: the version of an image that the page shows. */
export const undo = (seenOf = () => 0) => {
  const groups = readHistory();
  const group = groups.pop() ?? [];
  writeHistory(groups);
  for (const item of group) if (item.id) decide({ id: item.id, url: item.url, name: item.name, decision: "undo", seen: Math.max(item.version ?? 0, seenOf(item.id)), before: null, restores: item.before?.decision ?? "" });
  return group;
};

const post = async (entry) => {
  const body = new URLSearchParams({ decision: entry.decision, reason: entry.reason, note: entry.note, seen_version: String(versions.get(entry.id) ?? entry.seen) });
  return fetch(entry.url, { method: "POST", body, keepalive: true, headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } });
};

const wait = (entry, why) => {
  entry.tries = (entry.tries ?? 0) + 1;
  entry.why = why;
  entry.renewed = false; // the next try may fetch the page's token again
  if (why !== "busy" || entry.tries > 1) say("verdict:waiting", { id: entry.id, entry, why });
  if (why === "sign-in") return; // goes on when the person is back, see below
  setTimeout(() => send(entry.id), Math.min(1000 * 2 ** (entry.tries - 1), SLOWEST_RETRY));
};

const settle = async (entry, answer) => {
  const queue = queues.get(entry.id);
  if (answer.status === 200) {
    const told = await answer.json();
    queue.shift();
    store.drop(entry);
    versions.set(entry.id, told.version);
    rememberVersion(entry.id, told.version);
    try { sessionStorage.setItem(ANSWERED, Date.now()); } catch { /* none */ }
    // what was decided on top of it was decided on this version, on the next page as well
    for (const next of queue) { next.seen = told.version; store.keep(next); }
    say("verdict:stored", { id: entry.id, entry, answer: told });
    return true;
  }
  if ([404, 409, 422].includes(answer.status)) {
    const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : { message: "This image is not there any more." };
    // what was decided on top of a refused verdict falls with it
    for (const fallen of queue.splice(0)) { store.drop(fallen); forget(fallen); }
    if (told.version !== undefined) versions.set(entry.id, told.version);
    say("verdict:refused", { id: entry.id, entry, message: told.message, answer: told, locked: told.locked || answer.status === 404 });
    return false;
  }
  if (answer.status === 403 && !entry.renewed) {
    entry.renewed = true;
    if (await renewToken().catch(() => false)) return true; // once more with the fresh token
  }
  wait(entry, answer.status === 401 || answer.status === 403 ? "sign-in" : "busy");
  return false;
};

const send = async (id) => {
  if (running.has(id)) return;
  running.add(id);
  try {
    while (queues.get(id)?.length) {
      const entry = queues.get(id)[0];
      let answer;
      try { answer = await post(entry); } catch { wait(entry, "offline"); return; }
      if (!(await settle(entry, answer))) return;
    }
    queues.delete(id);
  } finally {
    running.delete(id);
  }
};

export const sendAgain = (id) => { if (id) send(id); else for (const each of queues.keys()) send(each); };
addEventListener("online", () => sendAgain());
addEventListener("focus", () => sendAgain());

/** What an earlier page left unsent: queued again and sent. Returns the last entry by image. */
export const resume = () => {
  const last = new Map();
  for (const entry of store.all()) {
    if (queues.get(entry.id)?.some((known) => known.key === entry.key)) continue;
    entry.renewed = false;
    enqueue(entry);
    last.set(entry.id, entry);
  }
  return last;
};

/** The decision on an image that waits to be sent, its `why` as in verdict:waiting; undefined where none does. */
export const waiting = (id) => queues.get(id)?.find((entry) => entry.why);

/** What one can do about the waiting. */
export const waitingActions = (why, again = () => sendAgain()) => [
  ...(why === "sign-in" ? [{ label: "Sign in", href: window.loupe.signInAddress() }] : []),
  { label: "Try again", run: again },
];

/** What the waiting means, in words for the card. */
export const waitingWords = (why) => ({
  offline: "No connection. Your decision is kept and is sent as soon as Loupe answers.",
  "sign-in": "Your sign-in has expired. Your decision is kept: sign in, then try again.",
  busy: "Loupe does not answer yet. Your decision is kept and is sent again.",
})[why];

/** Fills an element with words and buttons: [{label, run | href}]. */
export const explain = (element, words, actions = []) => {
  const text = document.createElement("span");
  text.textContent = `${words} `;
  element.replaceChildren(text, ...actions.map(({ label, run, href }) => {
    const control = document.createElement(href ? "a" : "button");
    control.textContent = label;
    if (href) { control.href = href; control.target = "_blank"; control.rel = "noopener"; }
    else { control.type = "button"; control.addEventListener("click", run); }
    return control;
  }));
  element.hidden = false;
};
