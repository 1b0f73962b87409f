/* Why is it rejected? A digit picks the reason. Some reasons ask for a note, and N opens one for any of them.
   The element is templates/review/reasons.html; what is typed stays in it until the verdict is given. */
import { announce } from "./keys.js";

const OWN_KEYS = /^([1-9n]|Escape|Tab)$/i;

/** {isOpen, open, close, pick(digit), addNote, holds(event)}: `reject(code, note)` is called with the choice, `changed`
    after a turn; `home()` is where the focus goes when what had it before is gone. */
export const bindReasons = (place, { reject, home, changed = () => {} }) => {
  const list = place.querySelector(".reason-list");
  const form = place.querySelector("form");
  const field = form.elements.note;
  const noteButton = list.querySelector("[data-add-note]");
  const buttons = [...list.querySelectorAll("[data-reason]")];
  let chosen = null; // the reason that the note is for; with none yet, the words come first
  let cameFrom = null; // what had the focus before the reasons were asked for, and has it again after

  const turn = ({ open, writing = false }) => {
    const held = place.contains(document.activeElement);
    place.hidden = !open;
    list.hidden = writing && !!chosen;
    form.hidden = !writing;
    noteButton.setAttribute("aria-expanded", String(writing));
    changed(open);
    if (held && !open && place.contains(document.activeElement)) (cameFrom?.isConnected && cameFrom !== document.body && cameFrom.checkVisibility() ? cameFrom : home()).focus({ preventScroll: true });
  };
  const write = (reason) => {
    chosen = reason;
    turn({ open: true, writing: true });
    const name = reason?.querySelector("span").textContent.replace(/…$/, "");
    form.querySelector("label").textContent = name ? `${name}: what is wrong?` : "What is wrong? Then choose the reason.";
    form.querySelector("[data-give]").hidden = !reason;
    field.required = !!reason;
  };
  const choose = (button) => {
    const words = form.hidden ? "" : field.value.trim();
    chosen = button;
    if (words || !button.dataset.asksNote) { give(words); return; }
    write(button);
    field.focus();
  };
  const give = (note) => {
    field.value = "";
    turn({ open: false });
    reject(chosen.dataset.reason, note);
  };
  const askForReason = () => {
    place.focus({ preventScroll: true });
    announce(`Now the reason: press 1 to ${buttons.length}.`);
  };
  const reasons = {
    get isOpen() { return !place.hidden; },
    open() {
      if (!reasons.isOpen) cameFrom = document.activeElement;
      chosen = null;
      turn({ open: true });
      // a button that made room for the reasons cannot keep the focus
      if (!cameFrom.checkVisibility()) buttons[0].focus({ preventScroll: true });
      place.scrollIntoView({ block: "nearest" });
      announce(`Why? Press 1 to ${buttons.length}, N to add a note, or Escape.`);
    },
    close() { turn({ open: false }); },
    pick(digit) {
      const button = reasons.isOpen && !list.hidden && buttons[digit - 1];
      if (!button) return false;
      choose(button);
      return true;
    },
    addNote() {
      if (!reasons.isOpen) return false;
      if (form.hidden) write(null);
      field.focus();
      place.scrollIntoView({ block: "nearest" });
      return true;
    },
    /** Whether a key means nothing while the reasons are asked for: words that miss the field decide nothing. */
    holds(event) {
      if (!reasons.isOpen || OWN_KEYS.test(event.key)) return false;
      if (event.key === "Enter" && event.target === cameFrom && cameFrom.matches("a")) event.preventDefault();
      return true;
    },
  };
  const back = () => {
    const from = chosen;
    if (field.value) write(null);
    else { chosen = null; turn({ open: true }); }
    if (from) from.focus(); else askForReason();
  };
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.reason) choose(button);
    else if (button === noteButton) reasons.addNote();
    else if (button) reasons.close();
  });
  form.addEventListener("click", (event) => { if (event.target.closest("[data-not-now]")) back(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); if (chosen) give(field.value.trim()); else askForReason(); });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); back(); } });
  return reasons;
};

/** The digits for bindKeys, and every other key held back while the reasons are open: `reasons()` gives what is bound
    at the moment. */
export const reasonKeys = (reasons) => {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || window.loupe.isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (reasons()?.holds(event)) event.stopImmediatePropagation();
  }, true);
  const pick = (event) => !event.repeat && (reasons()?.pick(Number(event.key)) ?? false);
  return { ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => [String(digit), pick])), n: (event) => !event.repeat && (reasons()?.addNote() ?? false) };
};
