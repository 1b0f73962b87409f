/* Queue mode of the loupe. What one looks at and the next few are leased to this person: renewed while one looks,
   handed out ahead so that they are decoded before they are asked for, given back when one leaves. */
import { anyPending, csrfToken, pending, renewToken } from "./verdicts.js";

const BEAT = 40_000; // a lease lasts two minutes
const AHEAD = 3;
const LONGEST_MEMORY = 200;

/** openQueue(root, {told, decided}): the queue that the loupe `root` is in, or null.
    told(answer) hears every answer of the door; decided(id): whether this person has decided on it on this page. */
export const openQueue = (root, { told, decided }) => {
  const door = root.dataset.queue;
  if (!door) return null;
  const memory = `loupe.passed.${root.dataset.user}.${door}`;
  const read = () => { try { return JSON.parse(sessionStorage.getItem(memory)) ?? []; } catch { return []; } };
  const passed = new Set(read());
  const trail = []; // where one has been, in order
  let place = -1;
  let here = null;
  let ahead = [];
  let asking = null;
  let countedAt = 0;
  let until = null; // when what this page holds ends: a farewell that comes late takes nothing from the page after it
  let progress = null; // {total, done, since}: as the door told it, and what one decided since

  const post = (call, keepalive = false) => fetch(door, {
    method: "POST", body: JSON.stringify(call), keepalive,
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
  });

  /* renew what one holds and fill up what lies ahead; one call at a time */
  const ask = async () => {
    const holding = [here.id, ...ahead.map((item) => item.id)];
    const unsent = trail.map((item) => item.id).filter(pending);
    const call = { holding, skip: [...passed, ...unsent].slice(-LONGEST_MEMORY), ahead: Math.max(0, AHEAD - ahead.length) };
    // counting is the database's hardest part, and while verdicts are on their way our own count is the better one
    const counted = progress?.since;
    call.count = !anyPending() && Date.now() - countedAt > BEAT / 2;
    let answer = await post(call);
    if (answer.status === 403 && await renewToken()) answer = await post(call);
    if (!answer.ok) throw new Error(String(answer.status));
    const news = await answer.json();
    until = news.until;
    const gone = (id) => news.lost[id] || news.decided[id];
    ahead = [...ahead.filter((item) => !gone(item.id)), ...news.items.filter((item) => item.id !== here.id && !ahead.some((known) => known.id === item.id))];
    if (call.count) countedAt = Date.now();
    if (Object.keys(news.decided).length) countedAt = 0; // colleagues went on: the next call counts anew
    if (call.count && !anyPending() && progress?.since === counted) progress = { total: news.total, done: news.done, since: 0 };
    told(news);
  };
  const fill = () => (asking ??= ask().catch(() => { /* no line: what one holds stays; the next beat asks again */ }).finally(() => { asking = null; }));

  // never while a call that renews is on its way
  const giveBack = async (release) => { await asking; post({ release, until }, true).catch(() => {}); };

  const beat = setInterval(() => { if (!document.hidden) fill(); }, BEAT);
  const onBack = () => { if (!document.hidden) fill(); };
  document.addEventListener("visibilitychange", onBack);
  // a reload comes back to the picture in hand; what lies ahead goes to the others
  addEventListener("pagehide", () => { if (ahead.length) post({ release: ahead.map((item) => item.id), until }, true).catch(() => {}); });
  addEventListener("pageshow", (event) => { if (event.persisted) { ahead = []; fill(); } });

  return {
    get ahead() { return ahead; },
    fill,
    /** One decided, or took it back. */
    count(by) { if (progress) progress.since += by; },
    /** Writes "12 of 80" into the bar of the loupe. */
    showPlace(loupe) {
      const sign = loupe.querySelector("#queue-place");
      progress ??= { total: Number(sign.dataset.total), done: Number(sign.dataset.done), since: 0 };
      const done = Math.min(progress.total, progress.done + progress.since);
      loupe.querySelector("#queue-number").textContent = Math.min(progress.total, done + (decided(here.id) ? 0 : 1));
      loupe.querySelector("#queue-total").textContent = progress.total;
      sign.style.setProperty("--done", done);
      sign.style.setProperty("--total", progress.total);
    },
    /** This picture is on the table now; one that was put aside undecided comes next again. */
    at(id, url) {
      if (here && here.id !== id && !decided(here.id) && !passed.has(here.id)) ahead.unshift(here);
      here = { id, url };
      ahead = ahead.filter((item) => item.id !== id);
      const known = trail.findIndex((item) => item.id === id);
      if (known < 0) { trail.push(here); place = trail.length - 1; } else place = known;
      return fill();
    },
    /** The next one in hand, decoded or not; null where nothing lies ahead. */
    next() { return ahead.find((item) => !decided(item.id)) ?? null; },
    /** The next one, asked for where nothing lies ahead; null where the queue has nothing more to hand out. */
    async more() {
      await fill();
      if (!this.next()) await fill();
      return this.next();
    },
    /** Not now: it goes back, and does not come again before the queue is started anew. */
    pass() {
      passed.add(here.id);
      try { sessionStorage.setItem(memory, JSON.stringify([...passed].slice(-LONGEST_MEMORY))); } catch { /* this page remembers */ }
      giveBack([here.id]);
    },
    before: () => trail[place - 1] ?? null,
    after: () => trail[place + 1] ?? null,
    /** Everything goes back: one leaves the queue. */
    async leave() {
      clearInterval(beat);
      document.removeEventListener("visibilitychange", onBack);
      try { sessionStorage.removeItem(memory); } catch { /* none */ }
      await Promise.race([asking, new Promise((resolve) => { setTimeout(resolve, 500); })]);
      const release = [here, ...ahead].map((item) => item.id);
      ahead = [];
      giveBack(release);
    },
  };
};
