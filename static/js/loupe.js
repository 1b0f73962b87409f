/* The loupe: one picture after another. The next ones are fetched and decoded ahead, so that after a verdict
   the next picture is there in the same frame; the verdict itself is sent behind (verdicts.js). */
import { fetchLoupe } from "./ahead.js";
import { assign, assignAndRemember, choosePerson, resumeAssignments, takeBack } from "./assign.js";
import { addressWith, comparisonFrom, layPair, versionFrom } from "./compare.js";
import { answerMark, openFilm, recount } from "./film.js";
import { announce, announced, bindKeys } from "./keys.js";
import { catchUp } from "./left_behind.js";
import { openMarks } from "./marks.js";
import { lookAt } from "./presence.js";
import { openQueue } from "./queue.js";
import { bindReasons, reasonKeys } from "./reasons.js";
import * as verdicts from "./verdicts.js";
import { lookCloser, tellLevel } from "./zoom.js";

const AHEAD = 3;
const FRESH = 90_000;
const RENEWED = 40_000; // in a queue what lies ahead is fetched again while one looks for long
const cache = new Map(); // address → {promise, node, at}
const decided = new Map(); // image id → what one decided here, sent or not
let root = document.getElementById("loupe");
let [closer, marks, reasons] = [null, null, null]; // of the picture on the table
let remaining = Number(root.dataset.remaining);
const learn = (told) => { remaining = verdicts.remainingWith(told); showRemaining(); };
const film = openFilm((address) => go(address), learn);
let queue = null; // where one walks a queue: what is leased to this person (queue.js)

const idIn = (address) => address.match(/\/images\/(gen_\w+)\//)?.[1] ?? "";
const find = (selector) => root.querySelector(selector);

/* --- fetching ahead ---------------------------------------------------------------------------- */
const load = (address, fresh = FRESH) => {
  const known = cache.get(address);
  if (known && Date.now() - known.at < fresh) return known.promise;
  const entry = { at: Date.now(), node: null };
  entry.promise = fetchLoupe(address).then((node) => { entry.node = node; return node; });
  entry.promise.catch(() => { if (cache.get(address) === entry) cache.delete(address); });
  cache.set(address, entry);
  return entry.promise;
};

const prefetch = async () => {
  const here = root;
  if (queue) {
    // one after the other: the next one is to be there first
    for (const item of queue.ahead.slice()) await load(item.url, RENEWED).catch(() => {});
    return;
  }
  let address = here.dataset.unreviewed;
  try {
    for (let step = 0; step < AHEAD && address; step += 1) {
      const node = await load(address);
      if (here !== root) return;
      address = node.dataset.unreviewed;
    }
    for (const name of ["next", "previous"]) if (here.dataset[name]) await load(here.dataset[name]);
  } catch { /* it is only ahead of time; the click fetches again */ }
};

/* --- going from one to the next ------------------------------------------------------------------- */
const swap = (node, { push }) => {
  const left = root.dataset.id;
  const focused = root.contains(document.activeElement) ? document.activeElement.id : "";
  marks?.close();
  closer?.close();
  cache.delete(root.dataset.url);
  root.replaceWith(node);
  root = node;
  if (push) history.pushState({ loupe: true }, "", root.dataset.url);
  document.title = root.dataset.title;
  window.htmx?.process(root);
  begin();
  // the words about a decision that waits went with the picture they stood on
  new Set([left, root.dataset.id]).forEach((id) => { const entry = verdicts.waiting(id); if (entry) tellWaiting({ id, entry, why: entry.why }); });
  const again = focused && focused !== "panel" ? document.getElementById(focused) : null;
  (again?.checkVisibility() && !again.closest("#talk") ? again : find("#stage")).focus({ preventScroll: true });
  scrollTo(0, 0);
  prefetch();
};

const go = (address, { push = true } = {}) => {
  if (!address) return;
  const known = cache.get(address);
  if (known?.node && Date.now() - known.at < FRESH) { swap(known.node, { push }); announce(root.dataset.name); return; }
  const from = root;
  root.classList.add("is-leaving");
  load(address).then((node) => {
    if (root !== from) return;
    swap(node, { push });
    announce(root.dataset.name);
  }).catch(() => {
    root.classList.remove("is-leaving");
    if (navigator.onLine) location.assign(address);
    else window.loupe.toast({ key: "offline", level: "warning", words: "No connection to Loupe", detail: "This picture stays; your decisions are kept.", actions: [{ label: "Try again", run: () => go(address, { push }) }] });
  });
};
const isDecided = (address) => !!decided.get(idIn(address));

/* the next one that waits: along the fetched chain, else by asking again */
const findOpen = () => {
  let address = root.dataset.unreviewed;
  const seen = new Set();
  while (address && isDecided(address) && !seen.has(address)) {
    seen.add(address);
    address = cache.get(address)?.node?.dataset.unreviewed ?? "";
  }
  return address && !isDecided(address) ? address : "";
};

/* in a queue: the next one in one's hands; at its end, its page */
const goOnInQueue = async () => {
  const from = root;
  const item = queue.next() ?? await queue.more();
  if (root !== from) return;
  if (item) { go(item.url); return; }
  announce("Nothing more is handed out.");
  for (let tries = 0; tries < 40 && verdicts.anyPending(); tries += 1) await new Promise((resolve) => { setTimeout(resolve, 100); });
  await queue.leave();
  location.assign(root.dataset.queuePage);
};
const passOver = () => {
  const visited = queue.after();
  if (visited) { go(visited.url); return; }
  if (!decided.has(root.dataset.id)) { queue.pass(); announce("Passed over."); }
  goOnInQueue();
};
const goBack = () => { const visited = queue.before(); if (visited) go(visited.url); else announce("This is where you began."); };
const turn = (by) => {
  if (!queue) go(by > 0 ? root.dataset.next : root.dataset.previous);
  else if (by > 0) passOver();
  else goBack();
};

const goToNextOpen = async () => {
  if (queue) { goOnInQueue(); return; }
  const address = findOpen();
  if (address) { go(address); return; }
  const from = root;
  cache.delete(root.dataset.url);
  const fresh = await load(root.dataset.url).catch(() => null);
  cache.delete(from.dataset.url);
  let next = fresh?.dataset.unreviewed ?? "";
  // verdicts on their way are not known there yet: past what is decided here
  for (const seen = new Set(); next && isDecided(next) && !seen.has(next);) { seen.add(next); next = (await load(next).catch(() => null))?.dataset.unreviewed ?? ""; }
  if (root !== from) return;
  if (next && !isDecided(next)) { go(next); return; }
  announce("Everything here is reviewed.");
  window.loupe.toast({ key: "done", level: "success", words: "Everything here is reviewed", actions: [{ label: "Back to the sheet", run: () => location.assign(root.dataset.sheet) }] });
};

/* --- verdicts ------------------------------------------------------------------------------------- */
const WORDS = { approved: "Approved", rejected: "Rejected", changes: "Changes asked", signed: "Signed" };

const draw = (decision, words, fresh = false) => {
  root.dataset.decision = decision;
  find("#standing-line").textContent = words;
  const place = find("#stage-mark");
  place.replaceChildren();
  if (decision) {
    const mark = document.createElement("span");
    mark.className = `mark ${decision}${fresh ? " fresh" : ""}`;
    place.append(mark);
  }
  root.querySelectorAll("#decide [data-act]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.act === decision)));
};

const count = (by) => {
  queue?.count(-by);
  remaining = Math.max(0, remaining + by);
  showRemaining();
};
const showRemaining = () => { const place = find("#remaining"); if (place) place.textContent = remaining; };

const unsay = () => {
  const problem = find("#problem");
  const held = problem.contains(document.activeElement);
  problem.hidden = true;
  problem.replaceChildren();
  if (held) find("#stage").focus({ preventScroll: true });
};
const say = (words, actions) => { verdicts.explain(find("#problem"), words, actions); announce(words); };

const askReason = () => { if (reasons?.isOpen) reasons.close(); else if (root.dataset.reviewable === "yes") reasons?.open(); };

const decide = (decision, { reason = "", note = "", stay = false } = {}) => {
  if (root.dataset.reviewable !== "yes") { announce("This picture takes no decision."); return; }
  unsay();
  reasons?.close();
  const before = { decision: root.dataset.decision, words: find("#standing-line").textContent };
  if (!before.decision) count(-1);
  const entry = verdicts.decide({ id: root.dataset.id, url: root.dataset.verdict, name: root.dataset.name, decision, reason, note, seen: Number(root.dataset.seen), before });
  verdicts.remember([entry]);
  decided.set(root.dataset.id, decision);
  draw(decision, WORDS[decision], true);
  announce(`${announced[decision]}: ${root.dataset.name}`);
  if (!stay) goToNextOpen();
};

const undo = () => {
  const items = verdicts.undo((id) => (id === root.dataset.id ? Number(root.dataset.seen) : 0));
  if (!items.length) { announce("Nothing to undo."); window.loupe.toast({ key: "undo", words: "Nothing to undo" }); return; }
  if (takeBack(items, drawAssigned)) return;
  for (const item of items) {
    decided.delete(item.id);
    if (!item.before.decision) count(1);
  }
  const [item] = items;
  announce(`Taken back: ${item.name}`);
  if (item.id === root.dataset.id) { unsay(); draw(item.before.decision, item.before.words); return; }
  shownBefore.set(item.id, item.before);
  const address = `/images/${item.id}/${location.search}`;
  cache.delete(address);
  go(address);
};
/* --- who is to look ------------------------------------------------------------------------------- */
const drawAssigned = async ({ cards }) => {
  for (const address of [...cache.keys()]) if (idIn(address) in cards) cache.delete(address);
  const { id, url } = root.dataset;
  if (!(id in cards)) return;
  const fresh = await load(url);
  cache.delete(url);
  if (root.dataset.id !== id) return;
  const place = find("#assigned");
  const held = place.contains(document.activeElement);
  place.replaceWith(fresh.querySelector("#assigned"));
  if (held) find("#assign-open").focus({ preventScroll: true });
};
const askSomebody = () => {
  if (!find("#assign-open")) { announce("This picture takes no changes."); return; }
  const { id, name } = root.dataset;
  choosePerson(`Who is to look at ${name}?`, (person) => assignAndRemember({ images: [id], person, done: drawAssigned }));
};
const shownBefore = new Map(); // image id → what stands once its undo is stored
const latest = new Map(); // image id → the server's last answer about it

document.addEventListener("verdict:stored", ({ detail }) => {
  latest.set(detail.id, detail.answer);
  for (const address of cache.keys()) if (idIn(address) === detail.id && address !== root.dataset.url) cache.delete(address);
  if (detail.entry.decision === "undo" && !verdicts.pending(detail.id)) shownBefore.delete(detail.id);
  if (detail.id !== root.dataset.id || verdicts.pending(detail.id)) return;
  root.dataset.seen = detail.answer.version;
  unsay();
  draw(detail.answer.decision, detail.answer.words);
});

const refusals = new Map(); // image id → why its verdict was refused, until one has seen it there
const showRefusal = ({ entry, answer, message, locked }) => {
  refusals.delete(entry.id);
  if (answer.version !== undefined) root.dataset.seen = answer.version;
  draw(answer.decision ?? entry.before?.decision ?? "", answer.words ?? "");
  if (locked) root.dataset.reviewable = "no";
  const mine = { label: "Decide as I did", run: () => decide(entry.decision, { reason: entry.reason, note: entry.note, stay: true }) };
  say(message, locked || entry.decision === "undo" ? [{ label: "All right", run: unsay }] : [{ label: "Keep theirs", run: unsay }, mine]);
};
document.addEventListener("verdict:refused", ({ detail }) => {
  decided.delete(detail.id);
  if (detail.id === root.dataset.id && !root.classList.contains("is-leaving")) { showRefusal(detail); return; }
  const address = `/images/${detail.id}/${location.search}`;
  cache.delete(address);
  refusals.set(detail.id, detail);
  window.loupe.toast({ key: `verdict-${detail.id}`, level: "warning", words: `${detail.entry.name}: your decision was not stored`, detail: detail.message, actions: [{ label: "Look at it", run: () => go(address) }] });
});

const tellWaiting = ({ id, entry, why }) => {
  const words = verdicts.waitingWords(why);
  if (id === root.dataset.id) say(words, verdicts.waitingActions(why));
  else window.loupe.toast({ key: why, level: "warning", words: `${entry.name}: not sent yet`, detail: words, actions: verdicts.waitingActions(why) });
};
document.addEventListener("verdict:waiting", ({ detail }) => tellWaiting(detail));

/* --- one picture -------------------------------------------------------------------------------------- */
const begin = () => {
  const why = find("#reasons");
  reasons = why && bindReasons(why, {
    reject: (reason, note) => decide("rejected", { reason, note }),
    home: () => find("#stage"),
    changed: (open) => { find("#act-rejected").setAttribute("aria-expanded", String(open)); },
  });
  const stage = find("#stage");
  const picture = find("#picture");
  closer = picture ? lookCloser(stage, picture, {
    changed: (view) => tellLevel(find("#zoom-level"), view),
    swiped: turn,
    blocked: () => !!marks?.tool,
  }) : null;
  marks = picture && !root.dataset.compare ? openMarks(root) : null;
  layPair(root);
  film.begin(root);
  // a page that was on its way while the verdict was stored still shows what stood before
  const told = latest.get(root.dataset.id);
  if (told && told.version > Number(root.dataset.seen) && !verdicts.pending(root.dataset.id)) draw(told.decision, told.words);
  const version = verdicts.knownVersion(root.dataset.id);
  if (version > Number(root.dataset.seen)) root.dataset.seen = version;
  const mine = decided.get(root.dataset.id);
  if (mine && (verdicts.pending(root.dataset.id) || !root.dataset.decision)) draw(mine, WORDS[mine]);
  const before = shownBefore.get(root.dataset.id);
  if (before && verdicts.pending(root.dataset.id)) draw(before.decision, before.words);
  showRemaining();
  lookAt(root);
  if (refusals.has(root.dataset.id)) showRefusal(refusals.get(root.dataset.id));
  if (!root.dataset.queue) return;
  queue ??= openQueue(root, { told: onQueueTold, decided: (id) => decided.has(id) });
  queue.at(root.dataset.id, root.dataset.url);
  queue.showPlace(root);
};

/* --- in a queue: what became of the picture in hand --------------------------------------------------- */
const onQueueTold = (news) => {
  queue.showPlace(root);
  prefetch();
  const { id } = root.dataset;
  if (decided.has(id) || verdicts.pending(id)) return;
  const next = { label: "Next picture", run: goOnInQueue };
  const theirs = news.decided[id];
  if (theirs && theirs.version > Number(root.dataset.seen)) {
    root.dataset.seen = theirs.version;
    verdicts.learnVersion(id, theirs.version);
    draw(theirs.decision, theirs.words);
    say(`${theirs.words} while you were looking. Your marks and words are kept.`, [next, { label: "Keep looking", run: unsay }]);
  } else if (news.lost[id] && find("#problem").hidden) say(`${news.lost[id]} Your marks and words are kept.`, [next, { label: "Keep looking", run: unsay }]);
};
const leave = async () => {
  await queue?.leave();
  location.assign(root.dataset.sheet);
};

/* --- comparing: which two, and how, is in the address (compare.js) ------------------------------------ */
const compare = (mode) => {
  const address = comparisonFrom(root, mode);
  if (address) go(address); else announce("There is only this version.");
};

/* a mark of the version before, answered by this one or not */
const answer = async (button) => {
  await answerMark(button, root.dataset.id);
  cache.delete(root.dataset.url);
  go(root.dataset.url, { push: false });
};

const turnVersion = (by) => {
  const address = film.beside(by);
  if (address) go(address); else announce(by > 0 ? "This is the newest version." : "This is the oldest version.");
};

const acts = { approved: () => decide("approved"), rejected: askReason, changes: () => decide("changes") };

document.addEventListener("click", (event) => {
  if (!root.contains(event.target) || event.defaultPrevented) return;
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  const target = event.target.closest("[data-act], [data-assign], [data-unassign], [data-zoom], [data-go], [data-version-link], [data-tool], [data-toggle-compare], [data-set-mode], [data-answer]");
  if (!target) {
    if (queue && plain && event.target.closest("#back-to-sheet")) { event.preventDefault(); leave(); }
    return;
  }
  if (target.dataset.act) { event.preventDefault(); acts[target.dataset.act](); }
  else if ("assign" in target.dataset) askSomebody();
  else if (target.dataset.unassign) { event.preventDefault(); assign({ images: [root.dataset.id], to: target.dataset.unassign, done: drawAssigned, takeBack: true }); }
  else if (target.dataset.zoom === "fit") { if (closer?.view.scale === 1) closer.full(); else closer?.fit(); }
  else if (target.dataset.zoom) closer?.zoomBy(target.dataset.zoom === "in" ? 1 : -1);
  else if (target.dataset.tool) marks?.use(target.dataset.tool);
  else if (target.dataset.setMode) go(addressWith(root, { mode: target.dataset.setMode }));
  else if (target.dataset.answer) answer(target);
  else if ("toggleCompare" in target.dataset) compare();
  else if (queue && plain && target.dataset.go) { event.preventDefault(); turn(target.dataset.go === "next" ? 1 : -1); }
  else if (plain && "versionLink" in target.dataset) { event.preventDefault(); go(versionFrom(root, target)); }
  else if (plain && target.href) { event.preventDefault(); go(target.getAttribute("href")); }
});

addEventListener("popstate", () => { if (location.pathname.startsWith("/images/")) go(location.pathname + location.search, { push: false }); });
catchUp(() => root.dataset);
const openLink = (selector) => { const link = find(selector); if (link) location.assign(link.href); else announce("This picture takes no changes."); };
const once = (act) => (event) => { if (!event.repeat) act(); };
/* over the picture while it is larger than the table, else to the neighbour */
const arrow = (across, down) => () => { if (closer?.view.scale > 1) closer.panBy(across, down); else turn(across + down); };
bindKeys({
  ArrowRight: arrow(1, 0), ArrowDown: arrow(0, 1), ArrowLeft: arrow(-1, 0), ArrowUp: arrow(0, -1),
  l: () => turn(1), j: () => turn(1), h: () => turn(-1), k: () => turn(-1),
  a: once(acts.approved), x: once(acts.rejected), r: once(() => openLink("#revise")), v: once(() => openLink("#vary")), t: once(askSomebody), z: once(undo), m: once(goToNextOpen),
  ...reasonKeys(() => reasons),
  "[": once(() => turnVersion(-1)), "]": once(() => turnVersion(1)),
  "+": () => closer?.zoomBy(1), "=": () => closer?.zoomBy(1), "-": () => closer?.zoomBy(-1), 0: () => closer?.fit(),
  c: once(() => compare()), w: once(() => compare("wipe")), o: once(() => compare("overlay")), b: once(() => compare("blink")),
  e: once(() => marks?.use(marks.tool ? null : "rectangle")),
  Escape: () => {
    if (reasons?.isOpen) reasons.close();
    else if (marks?.escape()) return true;
    else if (root.dataset.compare) compare();
    else if (closer && closer.view.scale !== 1) closer.fit();
    else leave();
    return true;
  },
});

begin();
resumeAssignments(drawAssigned);
for (const [id, entry] of recount(verdicts.resume(), () => root, learn)) {
  if (entry.decision !== "undo") decided.set(id, entry.decision);
  if (id === root.dataset.id && entry.decision !== "undo") draw(entry.decision, WORDS[entry.decision]);
}
if (document.readyState === "complete") prefetch(); else addEventListener("load", prefetch);
