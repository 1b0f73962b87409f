/* Why is it rejected? A digit picks the reason. Some reasons ask for a note, and N asks for one with any of them.
   The element is templates/review/reasons.html; what is typed stays in it until the verdict is given. */
import { announce } from "./keys.js";

/** {isOpen, open, close, pick(digit), addNote}: `reject(code, note)` is called with the choice, `changed` after a turn;
    `home()` is where the focus goes when what had it before is gone. */
export const bindReasons = (place, { reject, home, changed = () => {} }) => {
  const list = place.querySelector(".reason-list");
  const form = place.querySelector("form");
  const field = form.elements.note;
  const noteButton = list.querySelector("[data-add-note]");
  const buttons = [...list.querySelectorAll("[data-reason]")];
  let chosen = null;
  let cameFrom = null; // what had the focus before the reasons were asked for, and has it again after

  const turn = ({ open, writing = false }) => {
    const held = place.contains(document.activeElement);
    place.hidden = !open;
    list.hidden = writing;
    form.hidden = !writing;
    if (!open) noteButton.setAttribute("aria-pressed", "false");
    changed(open);
    if (held && !open && place.contains(document.activeElement)) (cameFrom?.isConnected && cameFrom !== document.body && cameFrom.checkVisibility() ? cameFrom : home()).focus({ preventScroll: true });
  };
  const choose = (button) => {
    chosen = button;
    if (!button.dataset.asksNote && noteButton.getAttribute("aria-pressed") !== "true") { give(""); return; }
    turn({ open: true, writing: true });
    const name = button.querySelector("span").textContent.replace(/…$/, "");
    form.querySelector("label").textContent = `${name}: what is wrong?`;
    field.required = !!button.dataset.asksNote;
    field.focus();
  };
  const give = (note) => {
    field.value = "";
    turn({ open: false });
    reject(chosen.dataset.reason, note);
  };
  const reasons = {
    get isOpen() { return !place.hidden; },
    open() {
      if (!reasons.isOpen) cameFrom = document.activeElement;
      turn({ open: true });
      // a button that made room for the reasons cannot keep the focus
      if (!cameFrom.checkVisibility()) buttons[0].focus({ preventScroll: true });
      place.scrollIntoView({ block: "nearest" });
      announce(`Why? Press 1 to ${buttons.length}, N to add a note, or Escape.`);
    },
    close() { turn({ open: false }); },
    pick(digit) {
      const button = reasons.isOpen && form.hidden && buttons[digit - 1];
      if (!button) return false;
      choose(button);
      return true;
    },
    addNote() {
      if (!reasons.isOpen) return false;
      const on = noteButton.getAttribute("aria-pressed") !== "true";
      noteButton.setAttribute("aria-pressed", String(on));
      announce(on ? "With a note: now the reason." : "Without a note.");
      return true;
    },
  };
  const back = () => { if (form.hidden) reasons.close(); else { turn({ open: true }); chosen.focus(); } };
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.reason) choose(button);
    else if (button === noteButton) reasons.addNote();
  });
  place.addEventListener("click", (event) => { if (event.target.closest("[data-not-now]")) back(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); give(field.value.trim()); });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); back(); } });
  return reasons;
};

/** The digits for bindKeys: `reasons()` gives what is bound at the moment. */
export const reasonKeys = (reasons) => {
  const pick = (event) => !event.repeat && (reasons()?.pick(Number(event.key)) ?? false);
  return { ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => [String(digit), pick])), n: (event) => !event.repeat && (reasons()?.addNote() ?? false) };
};
