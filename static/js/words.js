/* Words on a picture and its marks. What is being typed is kept in this browser; what was sent without an answer is
   sent again when Loupe answers, the person is signed in, or the mark it belongs to is saved. The server stores the
   same words of one person once, so that a lost answer costs nothing. */
import { announce } from "./keys.js";

const RETRY = 8000;
const SOON = 150;
export const WORDS = "loupe.words.";
const WAITING = {
  offline: "Not sent yet: no connection. Kept in this browser and sent again.",
  "sign-in": "Not sent yet: your sign-in has expired. Kept in this browser: sign in, and it is sent.",
  mark: "Kept in this browser: sent with the mark.",
};

/** openWords(root, drawAnew): the forms for words in `root`, the loupe. `drawAnew()` asks for the whole talk and shows it.
    Returns {restore, close}. */
export const openWords = (root, drawAnew) => {
  // by the form's own address: its answer may come when another picture lies on the table
  const nameOf = (field) => `${WORDS}${root.dataset.user}.${field.form.getAttribute("action").split("/")[2]}.${field.id}`;
  const read = (field) => { try { return JSON.parse(localStorage.getItem(nameOf(field))); } catch { return null; } };
  const keep = (field, wanted) => {
    const record = { words: field.value, wanted, annotation: field.form.elements.annotation?.value ?? "" };
    try {
      if (field.value.trim()) localStorage.setItem(nameOf(field), JSON.stringify(record));
      else localStorage.removeItem(nameOf(field));
    } catch { /* no storage here: kept as long as the page */ }
  };
  const forget = (field) => { try { localStorage.removeItem(nameOf(field)); } catch { /* as above */ } };
  const formOf = (target) => (target?.matches?.("form.reply") ? target : null);
  const fieldOf = (form) => form.elements.text;
  const liveOf = (form) => (form.isConnected ? form : formOf(root.querySelector(`#${CSS.escape(fieldOf(form).id)}`)?.form)) ?? form;
  let flying = null; // one at a time: each answer is the whole talk, and an older one must not draw over a newer
  let sent = ""; // its words; what is typed meanwhile is not taken with them
  let failed = ""; // the field whose words could not be sent: the others' turn comes first
  let timer = 0;

  const tell = (form, why) => {
    let line = form.querySelector(".unsaved");
    if (!line) {
      line = document.createElement("p");
      line.className = "unsaved";
      form.append(line);
    }
    if (line.textContent === WAITING[why]) return;
    line.textContent = WAITING[why];
    announce(WAITING[why]);
  };

  const sendWanted = () => {
    clearTimeout(timer);
    const forms = [...root.querySelectorAll("#talk form.reply")].sort((one, other) => (fieldOf(one).id === failed) - (fieldOf(other).id === failed));
    for (const form of forms) {
      if (!read(fieldOf(form))?.wanted) continue;
      if (!form.hasAttribute("hx-post")) tell(form, "mark");
      else if (flying) continue; // its answer comes back here
      else if ("htmxPowered" in form.dataset) form.requestSubmit();
      else timer = setTimeout(sendWanted, SOON); // the page is still being made ready
    }
  };

  /* words typed before a reload, or before the list around their field was drawn anew */
  const restore = () => {
    root.querySelectorAll("#talk textarea").forEach((field) => { if (!field.value) field.value = read(field)?.words ?? ""; });
    sendWanted();
  };

  const onInput = (event) => { if (event.target.matches("#talk textarea")) keep(event.target, false); };
  const onKey = (event) => {
    if (!event.target.matches("#talk textarea") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") { event.stopPropagation(); root.querySelector("#stage").focus(); }
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); event.target.form.requestSubmit(); }
  };
  const onSubmit = (event) => {
    const form = formOf(event.target);
    if (!form) return;
    keep(fieldOf(form), true);
    const saved = form.hasAttribute("hx-post");
    if (saved && !flying) { flying = form; sent = fieldOf(form).value; return; }
    event.preventDefault();
    event.stopPropagation();
    if (!saved) tell(form, "mark");
  };

  const onAnswer = (event) => {
    const form = formOf(event.detail.ctx?.sourceElement);
    if (!form) return;
    flying = null;
    const status = event.detail.ctx.response?.status;
    // refused words stay in their field and are not sent again by themselves
    if (status === 200) { if (read(fieldOf(form))?.words === sent) forget(fieldOf(form)); } else if (status === 422) keep(fieldOf(form), false);
    if (form.isConnected) return;
    // the list was drawn anew meanwhile, with a copy of the words
    if (status !== 200) { event.detail.tasks.forEach((task) => { task.target = root.querySelector("#talk"); }); return; }
    event.preventDefault();
    const copy = fieldOf(liveOf(form));
    if (copy.value === sent) copy.value = "";
    drawAnew();
  };
  const onFailure = ({ detail }) => {
    const form = formOf(detail.ctx?.sourceElement);
    if (!form) return;
    flying = null;
    const status = detail.ctx.response?.status;
    if (status === 422) return;
    failed = fieldOf(form).id;
    tell(liveOf(form), status === 401 || status === 403 ? "sign-in" : "offline");
    clearTimeout(timer);
    timer = setTimeout(sendWanted, RETRY);
  };

  root.addEventListener("input", onInput);
  root.addEventListener("keydown", onKey);
  root.addEventListener("submit", onSubmit, true);
  document.addEventListener("htmx:before:swap", onAnswer);
  document.addEventListener("htmx:after:settle", restore);
  document.addEventListener("htmx:response:error", onFailure);
  document.addEventListener("htmx:error", onFailure);
  addEventListener("online", sendWanted);
  addEventListener("focus", sendWanted);

  return {
    restore,
    close: () => {
      clearTimeout(timer);
      document.removeEventListener("htmx:before:swap", onAnswer);
      document.removeEventListener("htmx:after:settle", restore);
      document.removeEventListener("htmx:response:error", onFailure);
      document.removeEventListener("htmx:error", onFailure);
      removeEventListener("online", sendWanted);
      removeEventListener("focus", sendWanted);
    },
  };
};
