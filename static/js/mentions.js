/* While one writes words on a picture, `@` offers the colleagues whose name goes on that way: arrows choose, Enter or
   Tab takes, Escape goes on writing. The names are those of the dialog that asks who is to look (assign.js). */
import { announce } from "./keys.js";

const BEGUN = /(?:^|[^\p{L}\p{N}_@.])@([\p{L}\p{N}_.-]*)$/u;
const MOST = 6;

const list = document.createElement("ul");
list.id = "mentions";
list.className = "mentions";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "Colleagues");
let field = null; // what is written in while the list is open
let chosen = 0;

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const me = () => document.querySelector("[data-user]")?.dataset.user;
const people = () => [...document.querySelectorAll("#assign [data-person]")].filter(({ dataset }) => dataset.person !== me()).map(({ dataset }) => dataset.name);
const begun = (area) => (area.selectionStart === area.selectionEnd ? area.value.slice(0, area.selectionStart).match(BEGUN)?.[1] : undefined);
/* every word of a name, and the name in one word, as it is written behind the sign */
const goesOn = (name, typed) => [plain(name).replace(/\s+/g, ""), ...plain(name).split(/\s+/)].some((word) => word.startsWith(plain(typed)));

const close = () => {
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
  field = null;
  list.remove();
};

const choose = (place) => {
  chosen = (place + list.children.length) % list.children.length;
  [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
  field.setAttribute("aria-activedescendant", list.children[chosen].id);
};

const take = (name) => {
  const area = field;
  const typed = begun(area);
  const from = area.selectionStart - typed.length;
  close();
  area.setRangeText(`${name.replace(/\s+/g, "")} `, from, area.selectionStart, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.focus({ preventScroll: true });
};

const offer = (area, names) => {
  const before = field === area ? list.children.length : 0;
  field = area;
  list.replaceChildren(...names.map((name, index) => {
    const item = document.createElement("li");
    item.id = `mention-${index}`;
    item.setAttribute("role", "option");
    item.dataset.name = name;
    item.textContent = name;
    return item;
  }));
  if (list.previousElementSibling !== area) area.after(list);
  area.setAttribute("aria-controls", list.id);
  choose(0);
  list.scrollIntoView({ block: "nearest" });
  if (names.length !== before) announce(`${names.length} ${names.length === 1 ? "colleague" : "colleagues"}: arrows choose, Enter takes.`);
};

document.addEventListener("input", ({ target }) => {
  if (!target.matches("#talk textarea")) return;
  const typed = begun(target);
  const names = typed === undefined ? [] : people().filter((name) => goesOn(name, typed)).slice(0, MOST);
  if (names.length) offer(target, names); else if (field) close();
});

const KEYS = {
  ArrowDown: () => choose(chosen + 1),
  ArrowUp: () => choose(chosen - 1),
  Enter: () => take(list.children[chosen].dataset.name),
  Tab: () => take(list.children[chosen].dataset.name),
  Escape: close,
};
addEventListener("keydown", (event) => {
  if (!field || event.target !== field || event.isComposing || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
  // the list was taken away with what was drawn anew
  if (!list.isConnected) { close(); return; }
  event.preventDefault();
  event.stopPropagation();
  KEYS[event.key]();
}, true);
// a press takes the name and leaves the caret where it is
list.addEventListener("pointerdown", (event) => event.preventDefault());
list.addEventListener("click", ({ target }) => { const item = target.closest("[data-name]"); if (item && field) take(item.dataset.name); });
document.addEventListener("focusout", ({ target }) => { if (target === field) close(); });
