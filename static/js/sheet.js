/* The contact sheet: keys, verdicts that are marked at once and sent behind, arrivals that move nothing. */
import { assignAndRemember, choosePerson, resumeAssignments, takeBack } from "./assign.js";
import { comeBack, keepPlace } from "./come_back.js";
import { announce, announced, bindKeys } from "./keys.js";
import { bindReasons, reasonKeys } from "./reasons.js";
import { drawPresent } from "./presence.js";
import { frameInRow } from "./rows.js";
import * as verdicts from "./verdicts.js";

const sheet = document.getElementById("sheet");
const bar = document.getElementById("decide-bar");
const MARK_WORDS = { approved: "Approved", rejected: "Rejected", changes: "Changes asked", signed: "Signed" };
const POLL_BUSY = 4000;
const POLL_CALM = 15_000;

const frames = () => [...sheet.querySelectorAll(".frame")];
const frameOf = (id) => document.getElementById(`frame-${id}`);
const isOpen = (frame) => frame.dataset.reviewable === "yes" && !frame.dataset.decision;
let here = null; // the frame that the keyboard stands on
let reasons = null; // the reasons of a rejection
let told = ""; // what was just done, beside its undo, until one goes on

/* --- where one is --------------------------------------------------------------------------- */
const stand = (frame, { focus = true, scroll = true } = {}) => {
  if (!frame) return;
  if (frame !== here) told = "";
  here?.classList.remove("is-here");
  here = frame;
  here.classList.add("is-here");
  if (focus) here.querySelector("a").focus({ preventScroll: true });
  if (scroll) here.scrollIntoView({ block: "nearest" });
  history.replaceState(history.state, "", `#${here.id}`);
  showBar();
};

const step = (by) => {
  const all = frames();
  stand(here ? all[all.indexOf(here) + by] : all[0]);
};

const stepRow = (direction) => { if (here) stand(frameInRow(frames(), here, direction)); else step(0); };

const nextOpen = (from) => {
  const all = frames();
  const start = from ? all.indexOf(from) + 1 : 0;
  return all.slice(start).find(isOpen) ?? null;
};

const goToNextOpen = async () => {
  const found = nextOpen(here) ?? nextOpen(null);
  if (found) { stand(found); return; }
  if (await loadMore()) { goToNextOpen(); return; }
  announce("Everything on this sheet is reviewed.");
  window.loupe.toast({ key: "done", level: "success", words: "Everything on this sheet is reviewed" });
};

const loadMore = () => new Promise((resolve) => {
  const more = document.getElementById("more-frames");
  if (!more) { resolve(false); return; }
  const done = () => { document.removeEventListener("htmx:after:settle", done); clearTimeout(timer); resolve(true); };
  const timer = setTimeout(() => { document.removeEventListener("htmx:after:settle", done); resolve(false); }, 5000);
  document.addEventListener("htmx:after:settle", done);
  more.click();
});

/* --- selection -------------------------------------------------------------------------------- */
const selected = () => [...sheet.querySelectorAll(".frame.is-selected")];
const select = (frame, on = !frame.classList.contains("is-selected")) => {
  if (frame.dataset.reviewable !== "yes") return;
  told = "";
  frame.classList.toggle("is-selected", on);
  frame.querySelector(".pick")?.setAttribute("aria-pressed", String(on));
  announce(on ? `${frame.dataset.name} selected, ${selected().length} in all` : `${frame.dataset.name} not selected`);
  showBar();
};
const clearSelection = () => {
  const held = bar.contains(document.activeElement);
  selected().forEach((frame) => select(frame, false));
  showBar();
  if (held) holdFocus();
};
const aimed = () => (selected().length ? selected() : here ? [here] : []);

const showBar = () => {
  const chosen = selected();
  bar.hidden = !chosen.length && !here && !told;
  document.getElementById("bar-words").textContent = chosen.length ? `${chosen.length} selected` : told || (here?.dataset.name ?? "");
  bar.querySelector("[data-act=clear]").hidden = !chosen.length;
  for (const button of bar.querySelectorAll("[data-act=approved], [data-act=rejected], [data-act=changes], [data-act=assign]")) button.hidden = !aimed().length;
  const open = aimed().some((frame) => frame.dataset.reviewable === "yes");
  bar.querySelectorAll("[data-act=approved], [data-act=rejected], [data-act=changes]").forEach((button) => { button.disabled = !open; });
};

/* said in the bar, where the undo is, and to those who do not see it */
const tell = (words) => {
  told = words;
  announce(words);
  showBar();
};

/* never nowhere: where the keyboard stands, else the sheet itself */
const holdFocus = () => (here?.querySelector("a") ?? sheet).focus({ preventScroll: true });

const askReason = () => { if (aimed().some((frame) => frame.dataset.reviewable === "yes")) reasons.open(); };

/* --- verdicts --------------------------------------------------------------------------------- */
const draw = (frame, decision, words, fresh) => {
  const was = frame.dataset.decision;
  frame.dataset.decision = decision;
  const thumb = frame.querySelector(".thumb");
  thumb.querySelector(".mark")?.remove();
  if (decision) {
    const mark = document.createElement("span");
    mark.className = `mark ${decision}${fresh ? " fresh" : ""}`;
    mark.setAttribute("aria-hidden", "true");
    thumb.append(mark);
  }
  frame.querySelector(".standing-words").textContent = words ? `, ${words}` : "";
  if (decision) frame.querySelector(".frame-edge .flag")?.remove();
  if (!was !== !decision) count(decision ? 1 : -1);
  add("approved", (decision === "approved") - (was === "approved"));
};

/* the figure of a chip that may not be there */
const add = (chip, by) => {
  const figure = document.getElementById(chip);
  if (figure) figure.textContent = Math.max(0, Number(figure.textContent) + by);
};
const count = (by) => {
  const progress = document.getElementById("review-progress");
  const done = Number(progress.style.getPropertyValue("--done")) + by;
  progress.style.setProperty("--done", done);
  document.getElementById("reviewed").textContent = done;
  add("to-review", -by);
};

const say = (frame, words, actions) => {
  let problem = frame.querySelector(".frame-problem");
  if (!problem) {
    problem = document.createElement("div");
    problem.className = "frame-problem";
    frame.append(problem);
  }
  verdicts.explain(problem, words, actions);
  frame.classList.add("is-refused");
  announce(`${frame.dataset.name}: ${words}`);
};
const unsay = (frame) => {
  const problem = frame.querySelector(".frame-problem");
  const held = problem?.contains(document.activeElement);
  problem?.remove();
  if (held) frame.querySelector("a").focus({ preventScroll: true });
  frame.classList.remove("is-refused", "is-sending");
};

const decide = (decision, { reason = "", note = "", targets = aimed() } = {}) => {
  const open = targets.filter((frame) => frame.dataset.reviewable === "yes");
  if (!open.length) return;
  const entries = open.map((frame) => {
    unsay(frame);
    const before = { decision: frame.dataset.decision, words: frame.querySelector(".standing-words").textContent.replace(/^, /, "") };
    draw(frame, decision, MARK_WORDS[decision], true);
    frame.classList.add("is-sending");
    return verdicts.decide({ id: frame.dataset.id, url: frame.dataset.verdict, name: frame.dataset.name, decision, reason, note, seen: Number(frame.dataset.seen), before });
  });
  verdicts.remember(entries);
  clearSelection();
  tell(open.length > 1 ? `${announced[decision]}: ${open.length} images` : `${announced[decision]}: ${open[0].dataset.name}`);
  reasons.close();
  if (open.length === 1 && open[0] === here) {
    const found = nextOpen(here) ?? nextOpen(null);
    if (found) stand(found); else goToNextOpen();
  }
};

const undo = () => {
  const items = verdicts.undo((id) => Number(frameOf(id)?.dataset.seen ?? 0));
  if (!items.length) { announce("Nothing to undo."); return; }
  if (takeBack(items, drawAssigned)) { stand(frameOf(items[0].assigned.images[0])); return; }
  for (const item of items) {
    const frame = frameOf(item.id);
    if (!frame) continue;
    unsay(frame);
    draw(frame, item.before.decision, item.before.words, false);
    frame.classList.add("is-sending");
  }
  stand(frameOf(items[0].id));
  tell(items.length > 1 ? `Taken back: ${items.length} images` : `Taken back: ${items[0].name}`);
};

/* --- who is to look ----------------------------------------------------------------------------- */
const drawAssigned = ({ cards }) => {
  for (const [id, html] of Object.entries(cards)) {
    const frame = frameOf(id);
    frame?.querySelector(".assigned")?.remove();
    frame?.insertAdjacentHTML("beforeend", html);
  }
};
const sayAssigned = (answer, words) => { drawAssigned(answer); if (words) tell(words); };
const assign = () => {
  const images = aimed().map((frame) => frame.dataset.id);
  if (!images.length) return;
  const title = images.length > 1 ? `Who is to look at ${images.length} images?` : `Who is to look at ${aimed()[0].dataset.name}?`;
  choosePerson(title, (person) => { clearSelection(); assignAndRemember({ images, person, done: sayAssigned }); });
};

document.addEventListener("verdict:stored", ({ detail }) => {
  const frame = frameOf(detail.id);
  if (!frame) return;
  frame.dataset.seen = detail.answer.version;
  if (verdicts.pending(detail.id)) return; // a later decision of ours is already drawn
  unsay(frame);
  draw(frame, detail.answer.decision, detail.answer.words, false);
});

document.addEventListener("verdict:refused", ({ detail }) => {
  const { entry, answer, message, locked } = detail;
  const frame = frameOf(detail.id);
  if (!frame) { window.loupe.toast({ level: "warning", words: `${entry.name}: not stored`, detail: message }); return; }
  if (answer.version !== undefined) frame.dataset.seen = answer.version;
  const theirs = { decision: answer.decision ?? entry.before?.decision ?? "", words: answer.words ?? "" };
  draw(frame, theirs.decision, theirs.words, false);
  frame.classList.remove("is-sending");
  if (locked) frame.dataset.reviewable = "no";
  const keep = { label: locked ? "All right" : "Keep theirs", run: () => { unsay(frame); stand(frame); } };
  const mine = { label: "Decide as I did", run: () => { stand(frame); decide(entry.decision, { reason: entry.reason, note: entry.note, targets: [frame] }); } };
  say(frame, message, locked || entry.decision === "undo" ? [{ ...keep, label: "All right" }] : [keep, mine]);
});

document.addEventListener("verdict:waiting", ({ detail }) => {
  const frame = frameOf(detail.id);
  if (!frame) return;
  const again = () => { unsay(frame); frame.classList.add("is-sending"); verdicts.sendAgain(detail.id); };
  say(frame, verdicts.waitingWords(detail.why), verdicts.waitingActions(detail.why, again));
});

const redrawUnsent = (entries) => {
  for (const [id, entry] of entries) {
    const frame = frameOf(id);
    if (!frame) continue;
    const decision = entry.decision === "undo" ? "" : entry.decision;
    draw(frame, decision, MARK_WORDS[decision] ?? "", false);
    frame.classList.add("is-sending");
  }
};

/* --- what others do meanwhile ----------------------------------------------------------------- */
const arrived = new Set();
const showArrivals = () => {
  const place = document.getElementById("arrivals");
  if (!arrived.size) { place.replaceChildren(); return; }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.textContent = `${arrived.size} new picture${arrived.size > 1 ? "s" : ""}`;
  button.addEventListener("click", bringIn);
  place.replaceChildren(button);
};

/* the new frames take their place in the order; what one looks at stays where it is */
const bringIn = async () => {
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) { location.reload(); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("#sheet .frame");
  let anchor = null;
  const brought = [];
  for (const frame of fresh) {
    const known = document.getElementById(frame.id);
    if (known) { anchor = known; continue; }
    const node = document.adoptNode(frame);
    node.classList.add("is-arriving");
    if (anchor) anchor.after(node); else sheet.prepend(node);
    anchor = node;
    brought.push(node);
  }
  arrived.clear();
  showArrivals();
  announce(`${brought.length} new pictures on the sheet`);
  if (brought[0]) stand(brought[0]);
};

/* stacks: another version came on top. It takes the frame's place, unless one looks at that frame just now */
const turnStacks = async (turned) => {
  for (const { shot, id } of turned) {
    const frame = sheet.querySelector(`.frame[data-shot="${shot}"]`);
    if (!frame) { arrived.add(id); continue; }
    if (frame.dataset.id === id || frame === here || frame.matches(".is-selected, .is-refused") || verdicts.pending(frame.dataset.id)) continue;
    const address = new URL(location.href);
    address.searchParams.set("shot", shot);
    const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#sheet .frame");
    if (!fresh || !frame.isConnected || frame === here) continue;
    const link = fresh.querySelector("a");
    const to = new URL(link.getAttribute("href"), location.origin);
    if (!new URLSearchParams(location.search).has("shot")) to.searchParams.delete("shot"); // it was only for asking
    link.setAttribute("href", to.pathname + to.search);
    frame.replaceWith(document.adoptNode(fresh));
  }
};

let since = sheet?.dataset.now;
const poll = async () => {
  let pause = POLL_CALM;
  if (!document.hidden) {
    const address = `${sheet.dataset.changes}?${sheet.dataset.query}&since=${encodeURIComponent(since)}`;
    const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) {
      const told = await answer.json();
      since = told.now;
      drawPresent(sheet, told.present);
      if (told.turned) await turnStacks(told.turned);
      else for (const id of told.arrived) if (!frameOf(id)) arrived.add(id);
      showArrivals();
      for (const row of told.standings) {
        const frame = frameOf(row.id);
        if (!frame || verdicts.pending(row.id) || row.version <= Number(frame.dataset.seen)) continue;
        frame.dataset.seen = row.version;
        verdicts.learnVersion(row.id, row.version);
        if (row.decision === "signed") frame.dataset.reviewable = "no";
        draw(frame, row.decision, row.words, true);
      }
      if (told.busy) pause = POLL_BUSY;
    }
  }
  setTimeout(poll, pause);
};

/* --- wiring ----------------------------------------------------------------------------------- */
const acts = {
  approved: () => decide("approved"),
  rejected: askReason,
  changes: () => decide("changes"),
  undo,
  assign,
  clear: clearSelection,
};

const start = () => {
  // a finger or a button that is down: the bar must not slide under it and take the click
  let pressed = false;
  document.addEventListener("mousedown", () => { pressed = true; }, true);
  document.addEventListener("mouseup", () => { pressed = false; }, true);
  sheet.addEventListener("focusin", (event) => {
    const frame = event.target.closest(".frame");
    if (frame && frame !== here && !pressed && event.target.matches("a")) stand(frame, { focus: false });
  });
  sheet.addEventListener("click", (event) => {
    const frame = event.target.closest(".frame");
    if (event.target.closest(".pick")) select(frame);
    else if (frame && event.target.closest("a")) stand(frame, { focus: false, scroll: false });
  });
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) acts[button.dataset.act]();
  });
  reasons = bindReasons(document.getElementById("reasons"), {
    reject: (reason, note) => decide("rejected", { reason, note }),
    home: () => here?.querySelector("a") ?? sheet,
    changed: (open) => {
      document.getElementById("bar-decisions").hidden = open;
      if (!open) here?.querySelector("a").focus({ preventScroll: true });
    },
  });
  document.addEventListener("htmx:after:settle", () => redrawUnsent(verdicts.resume()));
  const once = (act) => (event) => { if (!event.repeat) act(); };
  bindKeys({
    ArrowRight: () => step(1), l: () => step(1),
    ArrowLeft: () => step(-1), h: () => step(-1),
    ArrowDown: () => stepRow(1), j: () => stepRow(1),
    ArrowUp: () => stepRow(-1), k: () => stepRow(-1),
    Enter: (event) => { if (event.target.closest("button, a, summary")) return false; here?.querySelector("a").click(); return !!here; },
    a: once(acts.approved), x: once(acts.rejected), r: once(acts.changes), t: once(assign), z: once(undo),
    s: once(() => here && select(here)), m: once(goToNextOpen),
    ...reasonKeys(() => reasons),
    Escape: () => {
      if (reasons.isOpen) reasons.close();
      else if (selected().length) clearSelection();
      else return false;
      return true;
    },
  });
  redrawUnsent(verdicts.resume());
  resumeAssignments(sayAssigned);
  // the browser goes to the frame of the address by itself and takes the focus away: afterwards is our turn
  keepPlace(() => here);
  const arrive = () => comeBack({ sheet, stand, loadMore });
  if (document.readyState === "complete") arrive();
  else addEventListener("load", () => setTimeout(arrive));
  setTimeout(poll, POLL_BUSY);
};

if (sheet) start();

/* an empty field of the filter form says nothing in the address */
document.addEventListener("submit", (event) => {
  if (event.target.id !== "filter-form") return;
  for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
  setTimeout(() => { for (const field of event.target.elements) field.disabled = false; });
});
