/* Back on the contact sheet: the same frame, however far down it was, where it lay in the window. */
import { announce } from "./keys.js";

const PLACE = "loupe.sheet.place";
const MOST_PAGES = 20;
const readPlace = () => { try { return JSON.parse(sessionStorage.getItem(PLACE)) ?? {}; } catch { return {}; } };

/** keepPlace(here): whoever leaves the sheet finds the frame `here()` again where it lay. */
export const keepPlace = (here) => addEventListener("pagehide", () => {
  const frame = here();
  if (!frame) return;
  try { sessionStorage.setItem(PLACE, JSON.stringify({ id: frame.id, top: frame.getBoundingClientRect().top })); } catch { /* it is centred then */ }
});

/* the same sheet through another filter: one stands before its pictures and is told how many they are */
const greet = (sheet) => {
  const before = document.referrer && new URL(document.referrer);
  if (!before || before.pathname !== location.pathname || before.search === location.search || document.activeElement !== document.body) return;
  sheet.focus({ preventScroll: true });
  const count = sheet.querySelectorAll(".frame").length;
  announce(`${document.getElementById("more-frames") ? `The first ${count}` : count} picture${count === 1 ? "" : "s"} shown`);
};

/** comeBack({sheet, stand, loadMore}): to the frame that the address names, if it names one. */
export const comeBack = async ({ sheet, stand, loadMore }) => {
  const id = location.hash.slice(1);
  if (!id.startsWith("frame-gen_")) { greet(sheet); return; }
  for (let tries = 0; tries < MOST_PAGES && !document.getElementById(id); tries += 1) if (!(await loadMore())) break;
  const frame = document.getElementById(id);
  if (!frame) return;
  stand(frame);
  const left = readPlace();
  // frames above take their true height only as they are drawn: a few times over, until it lies where it lay
  for (let tries = 0; tries < 4; tries += 1) {
    if (left.id === id) scrollBy(0, frame.getBoundingClientRect().top - left.top); else frame.scrollIntoView({ block: "center" });
    await new Promise(requestAnimationFrame);
  }
};
