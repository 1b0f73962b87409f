/* Marks on the picture. Rectangles and polygons are drawn with Annotorious, pins and freehand lines by hand;
   all are kept as W3C targets in pixels of the whole picture. A mark is saved the moment it is drawn; what is not
   saved yet waits in this browser, through reload, lost connection and expired sign-in. */
import { announce } from "./keys.js";
import { MARKS } from "./left_behind.js";
import { guardUnfinished } from "./unfinished.js";
import { csrfToken, renewToken } from "./verdicts.js";
import { openWords } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const RETRY = 8000;
const POLL = 6000;
const FINEST = 2.5; // pixels of the screen between two points of a freehand line

let loading = null;
const annotorious = (address) => (loading ??= new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = address;
  script.addEventListener("load", () => resolve(window.Annotorious));
  script.addEventListener("error", () => { loading = null; reject(new Error("Annotorious did not load")); });
  document.head.append(script);
}));

const newId = () => crypto.randomUUID?.() ?? `mark-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;
const round = (number) => Math.round(number * 100) / 100;
const fragment = (box) => ({ selector: { type: "FragmentSelector", conformsTo: "http://www.w3.org/TR/media-frags/", value: `xywh=pixel:${box.map(round).join(",")}` } });
const outline = (points) => ({ selector: { type: "SvgSelector", value: `<svg xmlns="${SVG}"><polygon points="${points.map((point) => point.map(round).join(",")).join(" ")}" /></svg>` } });

/* the numbers of a target, times a factor: Annotorious counts pixels of the rendition, Loupe those of the picture */
const scaled = (target, factor) => {
  const { type, value } = target.selector;
  if (type === "FragmentSelector") return fragment(value.match(/-?[\d.]+(?:e-?\d+)?/g).map((number) => Number(number) * factor));
  const numbers = value.match(/points="([^"]*)"/)?.[1].match(/-?[\d.]+(?:e-?\d+)?/g).map((number) => Number(number) * factor) ?? [];
  return outline(Array.from({ length: numbers.length / 2 }, (_, index) => [numbers[2 * index], numbers[2 * index + 1]]));
};

/** openMarks(root): the marks of the picture in `root`, the loupe. Returns {tool, use, escape, close}. */
export const openMarks = (root) => {
  const picture = root.querySelector("#picture");
  const print = root.querySelector("#print");
  const address = root.dataset.marks;
  const name = `${MARKS}${root.dataset.user}.${root.dataset.id}`;
  const known = new Map(); // id → mark as the server described it
  let annotator = null;
  let factor = 1;
  let closed = false;
  let timer = 0;
  let sending = false;
  let waitingFor = ""; // why the marks are not saved yet
  let drawn = ""; // the mark that was drawn just now
  const state = { tool: null };
  const words = openWords(root, () => drawAnew());

  /* --- what is not saved yet --------------------------------------------------------------------- */
  const read = () => { try { return JSON.parse(localStorage.getItem(name)) ?? { additions: {}, changes: {}, deletions: {} }; } catch { return { additions: {}, changes: {}, deletions: {} }; } };
  let unsaved = read();
  const write = () => {
    try {
      if (Object.values(unsaved).some((part) => Object.keys(part).length)) localStorage.setItem(name, JSON.stringify(unsaved));
      else localStorage.removeItem(name);
    } catch { /* no storage here: kept as long as the page */ }
  };
  const put = (part, item) => { unsaved[part][item.id] = { ...unsaved[part][item.id], ...item }; write(); return flush(); };

  const flush = async () => {
    const parcel = Object.fromEntries(Object.entries(unsaved).map(([part, items]) => [part, Object.values(items)]));
    if (sending || !Object.values(parcel).some((items) => items.length)) return;
    sending = true;
    clearTimeout(timer);
    const post = () => fetch(address, { method: "POST", body: JSON.stringify(parcel), headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() } });
    let answer = null;
    try {
      answer = await post();
      if (answer.status === 403 && await renewToken()) answer = await post();
    } catch { answer = null; }
    sending = false;
    waitingFor = "";
    if (answer?.status === 200) { settle(parcel, await answer.json()); return; }
    if (answer?.status === 409) {
      const told = await answer.json();
      unsaved = { additions: {}, changes: {}, deletions: {} };
      write();
      show(told);
      window.loupe.toast({ level: "warning", words: "The marks were not saved", detail: told.message });
      return;
    }
    wait(answer?.status === 401 || answer?.status === 403 ? "sign-in" : "offline");
  };

  const settle = (parcel, told) => {
    for (const [part, items] of Object.entries(parcel)) for (const item of items) if (JSON.stringify(unsaved[part][item.id]) === JSON.stringify(item)) delete unsaved[part][item.id];
    // what was changed again meanwhile was changed on top of what is saved now
    for (const mark of told.marks) if (unsaved.changes[mark.id]) unsaved.changes[mark.id].version = mark.version;
    write();
    const problems = { ...told.conflicts, ...told.refused };
    for (const words of Object.values(problems)) window.loupe.toast({ level: "warning", words: "A mark was not saved", detail: words });
    show(told);
    // the words belong to the drawing hand: nobody who writes elsewhere by now is called away
    if (drawn && !problems[drawn] && !window.loupe.isTyping(document.activeElement)) root.querySelector(`#reply-${CSS.escape(drawn)}`)?.focus({ preventScroll: false });
    drawn = "";
    flush();
  };

  const wait = (why) => {
    waitingFor = why;
    draw([...known.values()]);
    const line = root.querySelector("#unsaved-words");
    const count = Object.values(unsaved).reduce((sum, items) => sum + Object.keys(items).length, 0);
    const before = line.textContent;
    line.textContent = why === "sign-in" ? `${count} not saved yet: your sign-in has expired. Kept in this browser. ` : `${count} not saved yet: no connection. Kept in this browser and sent again. `;
    if (why === "sign-in") {
      const link = document.createElement("a");
      Object.assign(link, { href: window.loupe.signInAddress(), target: "_blank", rel: "noopener", textContent: "Sign in" });
      line.append(link);
    }
    if (line.textContent !== before) announce(line.textContent);
    if (drawn) root.querySelector(`#reply-${CSS.escape(drawn)}`)?.focus({ preventScroll: false });
    drawn = "";
    timer = setTimeout(flush, RETRY);
  };

  /* a mark that the server does not have yet takes words already: its field has the name of the one that follows */
  const listWaiting = (waiting) => {
    const list = root.querySelector("#unsaved-marks");
    for (const item of [...list.children]) if (!waiting.some((mark) => mark.id === item.dataset.waiting)) item.remove();
    for (const mark of waiting) {
      if (root.querySelector(`#reply-${CSS.escape(mark.id)}`)) continue;
      const item = document.getElementById("unsaved-mark").content.firstElementChild.cloneNode(true);
      item.dataset.waiting = mark.id;
      item.querySelector(".number").textContent = mark.number;
      item.querySelector("label").textContent = `Words on mark ${mark.number}`;
      item.querySelector("label").htmlFor = `reply-${mark.id}`;
      item.querySelector("textarea").id = `reply-${mark.id}`;
      item.querySelector("[name=annotation]").value = mark.id;
      list.append(item);
    }
    root.querySelector("#no-marks")?.toggleAttribute("hidden", waiting.length > 0);
    if (waiting.length) words.restore();
  };

  const drop = (id) => {
    delete unsaved.additions[id];
    write();
    root.querySelector("#unsaved-words").textContent = "";
    draw([...known.values()]);
    root.querySelector("#stage").focus();
  };

  /* --- showing ------------------------------------------------------------------------------------- */
  const show = (told) => {
    if (closed) return;
    const talk = root.querySelector("#talk");
    if (talk && told.html !== undefined) {
      const inside = talk.contains(document.activeElement) ? document.activeElement : null;
      const at = [inside?.selectionStart ?? null, inside?.selectionEnd ?? null];
      const drafts = new Map([...talk.querySelectorAll("textarea")].map((field) => [field.id, field.value]));
      talk.outerHTML = told.html;
      const fresh = root.querySelector("#talk");
      for (const [id, typed] of drafts) { const field = typed && fresh.querySelector(`#${CSS.escape(id)}`); if (field) field.value = typed; }
      window.htmx?.process(fresh);
      if (inside) {
        // what had the focus may be gone with its mark: then the next thing that talks about marks
        const again = (inside.id && fresh.querySelector(`#${CSS.escape(inside.id)}`)) || fresh.querySelector("[data-show-mark]") || root.querySelector("#stage");
        again.focus({ preventScroll: true });
        if (at[0] !== null && again.id === inside.id) again.setSelectionRange(...at);
      }
      words.restore();
    }
    draw(told.marks);
  };

  const draw = (list) => {
    known.clear();
    list.forEach((mark) => known.set(mark.id, mark));
    const waiting = Object.values(unsaved.additions).filter((item) => !known.has(item.id)).map((item, index) => ({ ...item, number: list.length + index + 1, mine: true, version: 0, kind_words: "Change", ...placeOf(item.target) }));
    const all = [...list, ...waiting].filter((mark) => !unsaved.deletions[mark.id]);
    listWaiting(waitingFor ? waiting : []);
    const shown = document.activeElement?.closest?.("#pins .pin")?.dataset.showMark;
    root.querySelector("#pins").replaceChildren(...all.map((mark) => {
      const pin = document.createElement("button");
      pin.type = "button";
      pin.className = `pin is-${mark.kind}${mark.resolved ? " is-resolved" : ""}${mark.shape === "pin" ? " is-pin" : ""}`;
      pin.dataset.showMark = mark.id;
      pin.style.setProperty("--left", mark.left);
      pin.style.setProperty("--top", mark.top);
      pin.setAttribute("aria-label", `Mark ${mark.number}: ${mark.kind_words}`);
      pin.textContent = mark.number;
      return pin;
    }));
    if (shown) (root.querySelector(`.pin[data-show-mark="${CSS.escape(shown)}"]`) ?? root.querySelector("#stage")).focus({ preventScroll: true });
    annotator?.setAnnotations(all.filter((mark) => mark.shape !== "pin").map((mark) => ({
      "@context": "http://www.w3.org/ns/anno.jsonld", id: mark.id, type: "Annotation", body: [],
      target: { source: print.src, ...scaled(mark.target, 1 / factor) },
    })), true);
  };

  const placeOf = (target) => {
    const numbers = target.selector.value.match(/-?\d[\d.]*/g).map(Number);
    const at = target.selector.type === "FragmentSelector" ? numbers : numbers.slice(-2);
    return { left: at[0] / Number(picture.dataset.width) * 100, top: at[1] / Number(picture.dataset.height) * 100 };
  };

  const kindOf = (id) => known.get(id)?.kind ?? unsaved.additions[id]?.kind ?? "change";
  const style = (annotation, { selected } = {}) => {
    const kind = kindOf(annotation.id);
    const quiet = known.get(annotation.id)?.resolved;
    return { stroke: kind === "keep" ? "#f7f7f2" : "#ffb224", strokeWidth: selected ? 3 : 2, strokeOpacity: quiet ? 0.35 : 1, fill: kind === "remove" ? "#000000" : "#ffb224", fillOpacity: quiet ? 0 : kind === "remove" ? 0.35 : selected && kind !== "keep" ? 0.12 : 0 }; // what is looked at keeps its colour
  };

  /* --- drawing -------------------------------------------------------------------------------------- */
  const add = (shape, target, id = newId()) => {
    const item = { id, shape, kind: "change", target };
    announce("Mark drawn. Say what is to change.");
    drawn = id;
    const saved = put("additions", item);
    draw([...known.values()]);
    use(null);
    return saved;
  };

  const unguard = guardUnfinished(root, (points) => {
    annotator.cancelDrawing();
    add("polygon", outline(points.map((point) => point.map((number) => number * factor))));
  });

  /* Annotorious takes back its own drawing on Ctrl or Cmd with Z and Y; those keys are the browser's */
  const keepFromLibrary = (event) => { if (event.ctrlKey || event.metaKey) event.stopPropagation(); };

  const open = async () => {
    let library;
    try { library = await annotorious(root.dataset.annotorious); } catch { return; }
    if (!print.complete) await print.decode().catch(() => {});
    if (closed || !print.naturalWidth) return;
    factor = Number(picture.dataset.width) / print.naturalWidth;
    annotator = library.createImageAnnotator(print, {
      adapter: library.W3CImageFormat(print.src),
      drawingEnabled: false,
      autoSave: true,
      userSelectAction: (annotation) => (known.get(annotation.id)?.mine && root.dataset.reviewable === "yes" ? "EDIT" : "SELECT"),
      style,
      theme: "dark",
    });
    annotator.on("createAnnotation", (annotation) => {
      const shape = annotation.target.selector.type === "SvgSelector" ? "polygon" : "rectangle";
      add(shape, scaled(annotation.target, factor), annotation.id);
    });
    annotator.on("updateAnnotation", (annotation) => {
      const mark = known.get(annotation.id);
      if (mark?.mine) put("changes", { id: mark.id, version: mark.version, shape: mark.shape, target: scaled(annotation.target, factor) });
    });
    annotator.on("selectionChanged", ([annotation]) => { if (annotation) reveal(annotation.id, { select: false }); });
    if (state.tool && !glass) arm(); // before the server answers: by then a shape may be under the hand
    const told = await ask();
    if (closed) return;
    if (told) draw(told.marks);
    flush();
  };

  /* pins and freehand lines: a sheet of glass over the picture while the tool is in the hand */
  let glass = null;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    const across = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    const down = Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
    return [across * Number(picture.dataset.width), down * Number(picture.dataset.height)];
  };
  const layGlass = () => {
    glass = document.createElementNS(SVG, "svg");
    glass.setAttribute("class", "glass");
    glass.setAttribute("viewBox", `0 0 ${picture.dataset.width} ${picture.dataset.height}`);
    let points = null;
    let last = null;
    const line = document.createElementNS(SVG, "polyline");
    glass.append(line);
    glass.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (state.tool === "pin") { add("pin", fragment([...at(event), 0, 0])); return; }
      glass.setPointerCapture(event.pointerId);
      points = [at(event)];
      last = event;
    });
    const follow = (event) => {
      if (!points || Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < FINEST || points.length >= 900) return;
      last = event;
      points.push(at(event));
    };
    glass.addEventListener("pointermove", (event) => {
      if (!points) return;
      // a busy machine tells several places of the hand at once
      for (const each of event.getCoalescedEvents?.() ?? [event]) follow(each);
      line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    });
    glass.addEventListener("pointerup", (event) => {
      follow(event);
      const stroke = points;
      points = null;
      line.setAttribute("points", "");
      if (stroke?.length >= 3) add("freehand", outline(stroke));
      else if (stroke) announce("That line was too short. Draw around what is meant.");
    });
    picture.append(glass);
  };

  const arm = () => {
    glass?.remove();
    glass = null;
    annotator?.setDrawingEnabled(false);
    if (state.tool === "pin" || state.tool === "freehand") layGlass();
    else if (state.tool && annotator) {
      // corners are clicked, boxes are dragged
      annotator.setDrawingMode(state.tool === "polygon" ? "click" : "drag");
      annotator.setDrawingTool(state.tool);
      annotator.setDrawingEnabled(true);
    }
  };

  const use = (tool) => {
    if (tool && root.dataset.reviewable !== "yes") { announce("This picture takes no marks."); return; }
    state.tool = tool === state.tool ? null : tool;
    root.querySelectorAll("[data-tool]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool)));
    root.querySelector("#stage").classList.toggle("is-marking", !!state.tool);
    arm();
    if (!state.tool) window.loupe.putAway("tool");
    else {
      const how = state.tool === "polygon" ? "click each corner, Enter or a double-click closes it" : state.tool === "pin" ? "click on the picture" : "drag on the picture";
      announce(`${state.tool}: ${how}, or Escape.`);
      window.loupe.toast({ key: "tool", words: `${state.tool[0].toUpperCase()}${state.tool.slice(1)}: ${how}` });
    }
  };

  /* --- the list beside it ------------------------------------------------------------------------------ */
  const reveal = (id, { select = true } = {}) => {
    root.querySelectorAll(".mark-item.is-shown, .pin.is-shown").forEach((item) => item.classList.remove("is-shown"));
    const item = root.querySelector(`#mark-${CSS.escape(id)}`);
    item?.classList.add("is-shown");
    item?.scrollIntoView({ block: "nearest" });
    root.querySelector(`.pin[data-show-mark="${CSS.escape(id)}"]`)?.classList.add("is-shown");
    if (select && known.get(id)?.shape !== "pin") annotator?.setSelected(id, false);
  };

  const onClick = (event) => {
    const target = event.target.closest("[data-show-mark], [data-set-kind], [data-resolve], [data-delete-mark], [data-drop-waiting]");
    if (!target) return;
    if ("dropWaiting" in target.dataset) { drop(target.closest("[data-waiting]").dataset.waiting); return; }
    if (target.dataset.showMark) { reveal(target.dataset.showMark); return; }
    const item = target.closest("[data-mark]");
    const change = { id: item.dataset.mark, version: Number(item.dataset.version) };
    if (target.dataset.setKind) put("changes", { ...change, kind: target.dataset.setKind });
    else if (target.dataset.resolve) put("changes", { ...change, resolved: target.dataset.resolve === "yes" });
    else { root.querySelector("#comments-title")?.scrollIntoView({ block: "nearest" }); put("deletions", change); }
  };
  const onBack = () => { flush(); look(); };
  root.addEventListener("click", onClick);
  addEventListener("keydown", keepFromLibrary, true);
  addEventListener("online", onBack);
  addEventListener("focus", onBack);
  words.restore();
  const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 120));
  idle(() => { if (!closed) open(); }, { timeout: 400 });

  const ask = async () => {
    const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
    return answer?.ok && !closed ? answer.json() : null;
  };
  const drawAnew = async () => { const told = await ask(); if (told) show(told); };

  /* what colleagues mark meanwhile; never while one is drawing or writing */
  const look = async () => {
    if (document.hidden || state.tool || sending || root.querySelector("#talk")?.contains(document.activeElement)) return;
    const told = await ask();
    if (!told || sending || state.tool) return;
    const same = told.marks.length === known.size && told.marks.every((mark) => JSON.stringify(mark) === JSON.stringify(known.get(mark.id)));
    if (!same) show(told);
  };
  const watch = setInterval(look, POLL);

  return {
    get tool() { return state.tool; },
    use,
    escape: () => {
      if (state.tool) { annotator?.cancelDrawing(); use(null); return true; }
      if (annotator?.getSelected().length) { annotator.cancelSelected(); return true; }
      return false;
    },
    close: () => {
      closed = true;
      clearInterval(watch);
      clearTimeout(timer);
      words.close();
      unguard();
      window.loupe.putAway("tool");
      removeEventListener("keydown", keepFromLibrary, true);
      removeEventListener("online", onBack);
      removeEventListener("focus", onBack);
      try { annotator?.destroy(); } catch { /* it goes with its picture */ }
    },
  };
};
