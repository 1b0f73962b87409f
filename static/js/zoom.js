/* Looking closer: the picture grows from "fits the table" to four screen pixels a picture's pixel, and is moved by hand.
   Its box changes size, so that marks drawn on it keep their place. */

const CLOSEST = 4;
const STEP = Math.SQRT2;
const NUDGE = 0.15; // of the stage: what one arrow key moves

/** lookCloser(stage, picture, {changed, swiped, blocked}): returns {zoomBy, fit, full, panBy, close, view}. */
export const lookCloser = (stage, picture, { changed = () => {}, swiped = () => {}, blocked = () => false } = {}) => {
  const width = Number(picture.dataset.width);
  const view = { scale: 1, x: 0, y: 0 };
  const pointers = new Map();
  let travel = null;
  let sharpening = 0;

  const fitted = () => picture.getBoundingClientRect().width / view.scale || 1;
  const whole = () => width / (fitted() * devicePixelRatio); // the scale of one screen pixel a picture's pixel
  const apply = () => {
    const box = stage.getBoundingClientRect();
    const wide = fitted() * view.scale;
    const high = wide / Number(getComputedStyle(picture).getPropertyValue("--aspect") || 1);
    const room = { x: Math.max(0, (wide - box.width) / 2 + 48), y: Math.max(0, (high - box.height) / 2 + 48) };
    view.x = view.scale <= 1 ? 0 : Math.max(-room.x, Math.min(room.x, view.x));
    view.y = view.scale <= 1 ? 0 : Math.max(-room.y, Math.min(room.y, view.y));
    // on the table, so that two pictures side by side move as one
    stage.style.setProperty("--zoom", view.scale);
    stage.style.setProperty("--x", `${view.x}px`);
    stage.style.setProperty("--y", `${view.y}px`);
    stage.classList.toggle("is-close", view.scale > 1);
    changed({ ...view, percent: Math.round(view.scale / whole() * 100), fits: view.scale === 1 });
    clearTimeout(sharpening);
    // who only passes by does not fetch the whole file
    sharpening = setTimeout(sharpen, view.scale === 1 ? 600 : 120);
  };

  /* the small rendition is replaced where its own pixels would show */
  const sharpen = () => {
    const print = picture.querySelector("#print, .print");
    const full = picture.dataset.full;
    if (!full || !print || !stage.isConnected || picture.querySelector(".sharp")) return;
    if (fitted() * view.scale * devicePixelRatio <= (print.naturalWidth || width) * 1.1 || print.naturalWidth >= width) return;
    const sharp = new Image();
    sharp.className = "sharp";
    sharp.alt = "";
    sharp.src = full;
    sharp.decode().then(() => print.after(sharp)).catch(() => {});
  };

  const zoomTo = (scale, clientX, clientY) => {
    const box = stage.getBoundingClientRect();
    const from = view.scale;
    let next = Math.max(Math.min(1, whole()), Math.min(CLOSEST * whole(), scale));
    if (Math.abs(next - 1) < 0.04) next = 1;
    const at = { x: (clientX ?? box.left + box.width / 2) - (box.left + box.width / 2), y: (clientY ?? box.top + box.height / 2) - (box.top + box.height / 2) };
    view.x = at.x - (at.x - view.x) * (next / from);
    view.y = at.y - (at.y - view.y) * (next / from);
    const unscaled = fitted();
    view.scale = next;
    stage.style.setProperty("--zoom", next);
    if (unscaled) apply();
  };

  const move = (across, down) => {
    if (view.scale <= 1) return;
    view.x += across;
    view.y += down;
    apply();
  };

  stage.addEventListener("wheel", (event) => {
    if (event.altKey || event.metaKey) return;
    event.preventDefault();
    // sideways, or with Shift, the wheel moves the picture; with Ctrl it is the pinch of a trackpad
    const sideways = !event.ctrlKey && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY));
    if (sideways) { move(-event.deltaX, event.shiftKey && !event.deltaX ? -event.deltaY : 0); return; }
    zoomTo(view.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => {
    if (blocked() || event.target.closest("button, a, input")) return;
    zoomTo(view.scale === 1 ? Math.max(whole(), 2) : 1, event.clientX, event.clientY);
  });
  stage.addEventListener("pointerdown", (event) => {
    if (blocked() || event.button > 0 || event.target.closest("button, a, input, .a9s-annotation")) return;
    pointers.set(event.pointerId, event);
    travel = { x: event.clientX, y: event.clientY, touch: event.pointerType !== "mouse", many: pointers.size > 1 };
    if (view.scale > 1 || pointers.size > 1) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 2) {
      const [one, other] = [...pointers.values()];
      const was = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      pointers.set(event.pointerId, event);
      const [a, b] = [...pointers.values()];
      const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      zoomTo(view.scale * (now / (was || 1)), (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2);
      return;
    }
    pointers.set(event.pointerId, event);
    move(event.clientX - before.clientX, event.clientY - before.clientY);
  });
  // two fingers are a pinch, never the page's own scrolling
  stage.addEventListener("touchmove", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
  const lift = (event) => {
    if (!pointers.delete(event.pointerId) || !travel) return;
    const [across, down] = [event.clientX - travel.x, event.clientY - travel.y];
    if (event.type === "pointerup" && travel.touch && !travel.many && view.scale === 1 && Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(down)) swiped(across < 0 ? 1 : -1);
    if (!pointers.size) travel = null;
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);

  // another window, the same picture: what was seen at which enlargement is measured anew
  const resized = new ResizeObserver(() => { if (stage.isConnected) apply(); });
  resized.observe(stage);

  return {
    zoomBy: (times) => zoomTo(view.scale * STEP ** times),
    fit: () => { view.x = 0; view.y = 0; zoomTo(1); },
    full: () => zoomTo(whole()),
    panBy: (across, down) => move(-across * NUDGE * stage.clientWidth, -down * NUDGE * stage.clientHeight),
    close: () => { resized.disconnect(); clearTimeout(sharpening); },
    view,
  };
};

/** The button that tells how close one is, and what a press on it does. */
export const tellLevel = (button, { percent, fits }) => {
  button.textContent = fits ? "Fit" : `${percent} %`;
  button.setAttribute("aria-label", fits ? "Fit: show at 100 %" : `${percent} %: fit to the table`);
};
