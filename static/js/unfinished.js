/* A shape that is begun and not closed: no key, link or decision leads away from it. Enter closes a polygon, Escape
   drops the shape. */
import { announce } from "./keys.js";

const PASSES = new Set(["Escape", "Tab", "+", "=", "-", "0", "?"]);
const LEADS_AWAY = "a[href]:not([target=_blank]), [data-act], [data-go], [data-reason]";
const WORDS = "The shape is not closed yet: Enter closes it, Escape drops it.";

const corners = (polygon) => {
  const numbers = polygon.getAttribute("points").match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
  const points = Array.from({ length: numbers.length / 2 }, (_, index) => [numbers[2 * index], numbers[2 * index + 1]]);
  // the last one follows the hand, until the hand is back at the first corner
  return polygon.parentElement.querySelector(".a9s-handle") ? points : points.slice(0, -1);
};

/** guardUnfinished(root, close): keys and clicks while a shape is unfinished. `close` gets the corners of a polygon in
    pixels of the rendition. Returns what to call when the picture is left. */
export const guardUnfinished = (root, close) => {
  const begun = () => root.querySelector(".a9s-rubberband .a9s-inner, .glass polyline[points]:not([points=''])");
  const hold = (event, words) => {
    event.preventDefault();
    event.stopPropagation();
    announce(words);
    window.loupe.toast({ key: "tool", words });
  };
  const onClick = (event) => {
    // another tab takes nothing away
    if (event.ctrlKey || event.metaKey || event.shiftKey || !event.target.closest(LEADS_AWAY) || !begun()) return;
    hold(event, WORDS);
  };
  const onKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || window.loupe.isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const shape = begun();
    if (!shape || PASSES.has(event.key) || event.key === "Shift") return;
    const found = event.key === "Enter" && shape.matches("polygon") && root.querySelector("[data-tool=polygon][aria-pressed=true]") ? corners(shape) : [];
    if (found.length < 3) { hold(event, event.key === "Enter" ? "A polygon has at least three corners." : WORDS); return; }
    event.preventDefault();
    event.stopPropagation();
    close(found);
  };
  addEventListener("keydown", onKey, true);
  addEventListener("click", onClick, true);
  return () => { removeEventListener("keydown", onKey, true); removeEventListener("click", onClick, true); };
};
