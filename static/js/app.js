/* The house on every page: theme, toasts, dialogs, keys, and what to do when a request fails.
   Listens on document only, so that it survives every swap. Nothing typed is ever thrown away:
   a failed request leaves the page as it is and offers to send it again. */
(() => {
  "use strict";

  const root = document.documentElement;
  const cookie = (name) =>
    document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

  /* theme: the cookie makes the first byte right, the storage tells the other tabs */
  const applyTheme = (theme) => {
    root.dataset.theme = theme;
    document.querySelectorAll("[data-set-theme]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === theme)));
    document.dispatchEvent(new CustomEvent("loupe:theme", { detail: { theme } }));
  };
  const chooseTheme = (theme) => {
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    try { localStorage.setItem("theme", theme); } catch { /* private window: the cookie is enough */ }
    applyTheme(theme);
  };
  addEventListener("storage", (event) => { if (event.key === "theme" && event.newValue) applyTheme(event.newValue); });

  /* toasts */
  const HOLD = { info: 6000, success: 5000, warning: 0, error: 0 };
  const icon = (name) => {
    const sprite = document.querySelector("meta[name=icons]")?.content ?? "";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite}#${name}`);
    svg.append(use);
    return svg;
  };
  /* a toast that had the focus gives it back to where the person was */
  let cameFrom = null;
  document.addEventListener("focusin", (event) => { if (!event.target.closest(".toast")) cameFrom = event.target; });
  const takeAway = (element) => {
    const held = element.contains(document.activeElement);
    element.remove();
    if (held) (cameFrom?.isConnected ? cameFrom : document.getElementById("main"))?.focus({ preventScroll: true });
  };
  const watchToast = (element) => {
    if (element.dataset.watched) return;
    element.dataset.watched = "yes";
    const level = ["error", "warning", "success"].find((name) => element.classList.contains(name)) ?? "info";
    let timer = 0;
    const start = () => { if (HOLD[level] && !("stays" in element.dataset)) timer = setTimeout(() => takeAway(element), HOLD[level]); };
    const hold = () => clearTimeout(timer);
    element.addEventListener("pointerenter", hold);
    element.addEventListener("focusin", hold);
    element.addEventListener("pointerleave", start);
    element.addEventListener("focusout", start);
    start();
  };
  /** putAway(key): the toast with this key has said what it had to. */
  const putAway = (key) => document.querySelectorAll(".toast[data-key]").forEach((old) => { if (old.dataset.key === key) takeAway(old); });
  /** toast({words, detail, level, key, stays, actions: [{label, run | href}]}): a key replaces the toast that has it;
      one that stays waits until it is answered or dismissed. */
  const toast = ({ words, detail = "", level = "info", key = "", stays = false, actions = [] }) => {
    const shelf = document.getElementById("toasts");
    if (!shelf) return null;
    if (key) shelf.querySelectorAll("[data-key]").forEach((old) => { if (old.dataset.key === key) old.remove(); });
    const element = document.createElement("div");
    element.className = `toast ${level}`;
    if (key) element.dataset.key = key;
    if (stays) element.dataset.stays = "yes";
    element.append(icon({ error: "warning", warning: "warning", success: "check" }[level] ?? "info"));
    const text = document.createElement("div");
    text.className = "toast-words";
    const strong = document.createElement("strong");
    strong.textContent = words;
    text.append(strong);
    if (detail) { const more = document.createElement("span"); more.textContent = detail; text.append(more); }
    if (actions.length) {
      const row = document.createElement("div");
      row.className = "toast-act";
      for (const action of actions) {
        const control = document.createElement(action.href ? "a" : "button");
        control.className = "button small";
        control.textContent = action.label;
        if (action.href) { control.href = action.href; control.target = "_blank"; control.rel = "noopener"; }
        else { control.type = "button"; control.addEventListener("click", () => { takeAway(element); action.run(); }); }
        row.append(control);
      }
      text.append(row);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.setAttribute("aria-label", "Dismiss");
    close.append(icon("cross"));
    close.dataset.dismiss = ".toast";
    element.append(text, close);
    shelf.append(element);
    while (shelf.children.length > 4) shelf.firstElementChild.remove();
    watchToast(element);
    return element;
  };

  /* requests that fail: what happened, what was kept, what to do next */
  const again = (ctx) => ({
    label: "Send again",
    run: () => {
      const element = ctx.sourceElement;
      if (!element?.isConnected) { location.reload(); return; }
      if (element.matches("form")) element.requestSubmit(ctx.request?.submitter?.isConnected ? ctx.request.submitter : undefined);
      else element.dispatchEvent(new CustomEvent(ctx.sourceEvent?.type ?? "click", { bubbles: true, cancelable: true }));
    },
  });
  const isWrite = (ctx) => ctx?.request?.method && ctx.request.method !== "GET";
  const plainWords = (ctx) => {
    const text = (ctx.text ?? "").trim();
    return text && text.length < 300 && !text.includes("<") ? text : "";
  };
  const signInAddress = () => {
    const address = document.querySelector("meta[name=sign-in]")?.content || "/sign-in/";
    return `${address}?next=${encodeURIComponent(location.pathname + location.search)}`;
  };
  const explain = (ctx) => {
    const status = ctx.response.status;
    const kept = isWrite(ctx) ? "What you entered is still on this page." : "This page stays as it was.";
    if (status === 401) {
      return { key: "sign-in", level: "warning", words: "Your sign-in has expired", detail: `${kept} Sign in in the new tab, then send it again.`, actions: [{ label: "Sign in", href: signInAddress() }, again(ctx)] };
    }
    if (status === 403) return { key: "403", level: "warning", words: "That was not allowed", detail: plainWords(ctx) || `Your role does not include it, or this page is too old. ${kept}`, actions: [again(ctx)] };
    if (status === 404) return { key: "404", level: "warning", words: "It is not there any more", detail: plainWords(ctx) || "Somebody may have removed it. Reload to see what there is now.", actions: [{ label: "Reload", run: () => location.reload() }] };
    if (status === 413) return { key: "413", level: "warning", words: "That is too large to send", detail: plainWords(ctx) || kept };
    if (status === 429) return { key: "429", level: "warning", words: "Too many requests at once", detail: `${kept} Try again in a moment.`, actions: [again(ctx)] };
    return { key: "5xx", level: "error", words: "Loupe could not do that", detail: plainWords(ctx) || `${kept} The fault is on our side and is on record.`, actions: isWrite(ctx) ? [again(ctx)] : [] };
  };
  const quietly = (ctx) => ctx?.sourceEvent?.type === "every" || ctx?.sourceElement?.hasAttribute?.("data-quiet");

  document.addEventListener("htmx:config:request", (event) => {
    // the cookie is newer than the page after a sign-in in another tab
    const token = cookie(document.querySelector('meta[name="csrf-cookie"]')?.content || "csrftoken");
    if (!token) return;
    const { request } = event.detail.ctx;
    request.headers["X-CSRFToken"] = token;
    // Django reads the form's own field first, and that one is as old as the page
    if (request.body?.has?.("csrfmiddlewaretoken")) request.body.set("csrfmiddlewaretoken", token);
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if ([400, 409, 422].includes(ctx.response.status)) return; // these answer with a designed fragment
    if (quietly(ctx) && ctx.response.status !== 401) return;
    toast(explain(ctx));
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    if (!ctx || quietly(ctx)) return;
    const late = error?.name === "AbortError";
    if (late && !isWrite(ctx)) return;
    toast({
      key: "offline",
      level: "warning",
      words: late ? "No answer for a minute" : "No connection to Loupe",
      detail: isWrite(ctx) ? "What you entered is still on this page." : "This page stays as it was.",
      actions: [again(ctx)],
    });
  });
  addEventListener("offline", () => toast({ key: "offline", level: "warning", words: "You are offline", detail: "Go on working: nothing on this page is lost." }));
  addEventListener("online", () => {
    putAway("offline");
    toast({ key: "online", level: "success", words: "Connected again" });
  });
  // A server may ask for a toast: HX-Trigger: {"toast": {"words": "…", "level": "success"}}
  document.addEventListener("toast", (event) => toast(event.detail));

  /* a dialog may name the address of its content (data-load): it is fetched when it is first wanted */
  const openDialog = async (name, event) => {
    const dialog = document.getElementById(name);
    if (!dialog || dialog.open) return;
    event.preventDefault();
    const address = dialog.dataset.load;
    if (address) {
      const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (answer?.status === 401) { location.reload(); return; }
      if (!answer?.ok) { toast({ key: "dialog", level: "warning", words: "That could not be opened", detail: "Nothing is lost. Try again in a moment." }); return; }
      dialog.innerHTML = await answer.text();
      delete dialog.dataset.load;
    }
    if (!dialog.open) dialog.showModal();
  };

  /* dialogs, menus, dismissals, copying: by attribute, nothing to initialise */
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-set-theme],[data-open],[data-close],[data-dismiss],[data-copy],[data-fill]");
    if (target) {
      if (target.dataset.setTheme) chooseTheme(target.dataset.setTheme);
      if (target.dataset.open && !(event.ctrlKey || event.metaKey || event.shiftKey)) openDialog(target.dataset.open, event);
      if ("close" in target.dataset) target.closest("dialog")?.close();
      const away = target.dataset.dismiss && target.closest(target.dataset.dismiss);
      if (away) takeAway(away);
      if (target.dataset.copy) {
        navigator.clipboard?.writeText(target.dataset.copy).then(() => toast({ key: "copied", level: "success", words: "Copied" }));
      }
      if (target.dataset.fill) {
        // {"field id": "value"}: puts words into fields, as the demo sign-ins do
        for (const [id, value] of Object.entries(JSON.parse(target.dataset.fill))) {
          const field = document.getElementById(id);
          if (field) { field.value = value; field.dispatchEvent(new Event("input", { bubbles: true })); }
        }
        if (target.dataset.submit) document.getElementById(target.dataset.submit)?.requestSubmit();
      }
    }
    if (event.target instanceof HTMLDialogElement && event.target.open) event.target.close(); // the backdrop
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  const isTyping = (element) => !!element?.closest?.("input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    // no key with Ctrl, Alt or Meta is ever ours
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) { menu.open = false; menu.querySelector("summary")?.focus(); event.stopImmediatePropagation(); }
      return;
    }
    if (event.key === "?" && !isTyping(event.target) && !document.querySelector("dialog[open]")) {
      const help = document.getElementById("keys");
      if (help) { event.preventDefault(); help.showModal(); }
    }
  });

  /* places to let a file fall: the input inside receives it, so the form works as ever */
  const dropPlace = (event) => event.target.closest?.(".drop");
  document.addEventListener("dragover", (event) => {
    const place = dropPlace(event);
    if (place) { event.preventDefault(); place.classList.add("is-over"); }
  });
  document.addEventListener("dragleave", (event) => {
    const place = dropPlace(event);
    if (place && !place.contains(event.relatedTarget)) place.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    const place = dropPlace(event);
    if (!place) return;
    event.preventDefault();
    place.classList.remove("is-over");
    const input = place.querySelector("input[type=file]");
    if (!input || !event.dataTransfer?.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  const start = () => {
    document.querySelectorAll(".toast").forEach(watchToast);
    applyTheme(root.dataset.theme || "system");
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  document.addEventListener("htmx:after:settle", () => document.querySelectorAll(".toast").forEach(watchToast));

  window.loupe = { toast, putAway, isTyping, cookie, signInAddress };
})();
