/* One saga's page as it goes on. The server draws; this asks for it when there is news, four times a
 * second at most, and puts in place what has changed. Nothing under the pointer or focus moves. */
const PAUSE = 250; // milliseconds between two answers
const POLL = 4000; // milliseconds between two questions, where nothing tells of news

const live = document.getElementById("live");
const shown = new Map(); // part → its HTML as the server sent it
const unseen = new Set(); // parts that wait until nobody points at them
let timer = 0;
let last = 0;

const parts = (root) => [...root.querySelectorAll("[data-part]")];
const story = () => document.getElementById("story");
const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

function ask() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    last = performance.now();
    htmx.trigger(live, "news");
  }, Math.max(0, last + PAUSE - performance.now()));
}

function isHeld(part) {
  if (part.dataset.part === "story") return false; // it only grows at its end
  return part.contains(document.activeElement) && document.activeElement !== document.body
    || part.querySelector(":is(a, button, summary):hover") !== null;
}

function put(found) {
  for (const part of parts(found)) {
    const name = part.dataset.part;
    const old = live.querySelector(`[data-part="${name}"]`);
    const html = part.outerHTML;
    if (shown.get(name) === html) continue;
    if (!old) continue;
    if (isHeld(old)) {
      unseen.add(name);
      continue;
    }
    shown.set(name, html);
    unseen.delete(name);
    if (name === "story") grow(old, part);
    else replace(old, part);
  }
}

function replace(old, part) {
  const left = old.querySelector(".scroll")?.scrollLeft ?? 0;
  const line = old.querySelector("#line")?.textContent;
  old.replaceWith(part);
  if (left) part.querySelector(".scroll").scrollLeft = left;
  if (line !== undefined) part.querySelector("#line").textContent = line;
}

function grow(old, part) {
  const box = story();
  const follows = isAtEnd(box);
  const list = box.querySelector("ol");
  const wanted = [...part.querySelectorAll("ol > li")];
  const numbers = new Set(wanted.map((row) => row.dataset.seq));
  const first = Number(wanted[0]?.dataset.seq ?? 0);
  for (const row of [...list.children]) // told by a later line now
    if (Number(row.dataset.seq) >= first && !numbers.has(row.dataset.seq)) row.remove();
  let next = [...list.children].find((row) => Number(row.dataset.seq) >= first) ?? null;
  let fresh = 0;
  for (const row of wanted) {
    if (next?.dataset.seq === row.dataset.seq) {
      next = next.nextElementSibling;
      continue;
    }
    list.insertBefore(row, next);
    fresh += 1;
  }
  old.querySelector("h2").replaceWith(part.querySelector("h2"));
  const pill = document.getElementById("pill");
  if (follows) box.scrollTop = box.scrollHeight;
  else if (fresh) {
    pill.dataset.count = Number(pill.dataset.count ?? 0) + fresh;
    pill.textContent = `${pill.dataset.count} ${live.dataset.new}`;
    pill.hidden = false;
  }
}

function start() {
  for (const part of parts(live)) shown.set(part.dataset.part, part.outerHTML);
  const box = story();
  box.scrollTop = box.scrollHeight;
  const graph = document.querySelector(".drawn");
  const at = graph?.querySelector(".now, .wait, .bad, .due")?.getBoundingClientRect();
  if (at) graph.scrollLeft += at.left - graph.getBoundingClientRect().left - graph.clientWidth / 3;
  const pill = document.getElementById("pill");
  pill.addEventListener("click", () => (story().scrollTop = story().scrollHeight));
  box.addEventListener("scroll", () => {
    if (!isAtEnd(box)) return;
    pill.hidden = true;
    pill.dataset.count = 0;
  });
  live.addEventListener("pointerout", () => unseen.size && ask());
  live.addEventListener("focusout", () => unseen.size && ask());
  live.addEventListener("htmx:beforeSwap", (event) => {
    event.detail.shouldSwap = false;
    const found = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
    if (parts(found).length) put(found);
    else if (event.detail.xhr.status < 500) location.reload(); // logged out, or gone: a page says so
  });
}

async function follow() {
  const { saga, seq, base, client } = live.dataset;
  const { followSaga } = await import(client);
  const say = (text) => (document.getElementById("line").textContent = text);
  followSaga(saga, {
    base: new URL(base, location.href).href,
    after: Number(seq),
    onEvent: ask,
    onSnapshot: (now) => now.last_seq > Number(seq) && ask(),
    onEnd: () => (ask(), say("")),
    onError: (error) => (say(error.message), setInterval(ask, POLL)),
    onState: (state) => say(live.dataset[state] ?? ""), // "open" and "waiting" have words
  });
}

start();
if (live.hasAttribute("hx-get") && live.dataset.base) follow();
