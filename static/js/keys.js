/* Keys of a page: one listener, and no key with Ctrl, Alt or Meta is ever bound. */

const LETTERS = /^[a-z]$/;

/** bindKeys({a: (event) => …}): keys by their lower-case name; a handler that returns false leaves the key alone. */
export const bindKeys = (handlers) => {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (window.loupe?.isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.shiftKey && LETTERS.test(key)) return;
    const handler = handlers[key];
    if (handler && handler(event) !== false) event.preventDefault();
  });
};

/** Says it to those who do not see it. */
export const announce = (words) => {
  const region = document.getElementById("announce");
  if (!region) return;
  // the same words twice are two announcements
  region.textContent = region.textContent === words ? `${words}\u00a0` : words;
};

export const announced = { approved: "Approved", rejected: "Rejected", changes: "Changes asked", "": "Decision taken back" };
