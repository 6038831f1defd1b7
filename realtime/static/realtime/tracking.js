/* Keeps an order's page up to date: its progress, its conversation, who is there.
 *
 * Whatever is cut, the next connection asks for what came after the last message that is shown;
 * and what was written here is sent again, under the same id, until it comes back. */
const SHORTEST_WAIT = 200; // milliseconds; doubled with each failure, and drawn at random below
const LONGEST_WAIT = 10_000;
const QUIET_LIMIT = 50_000; // milliseconds: three heartbeats of the server, and some more
const WRITING_INTERVAL = 2_500; // milliseconds; the others are told for four seconds
const FINAL = new Set([4400, 4401, 4403, 4404]); // another try would not help
const NEAR = 40; // pixels from the end: whoever is there reads along

const at = (id) => document.getElementById(id);
const page = at("order");
const own = { name: page.dataset.name, role: page.dataset.role };
const state = { after: Number(page.dataset.after), seq: Number(page.dataset.seq), failures: 0, unread: 0 };
const waiting = new Map(); // id → text: what was sent, and has not come back
const kept = `unsent ${page.dataset.socket}`;
let socket = null;
let quiet = 0;
let toldAt = -Infinity;

/* --- What is shown ---------------------------------------------------------------------------- */
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
function showTime(time, text) {
  if (time.dateTime !== text) time.dateTime = text;
  if (!text) return void (time.textContent = "");
  time.textContent = clock.format(new Date(text));
  time.title = new Date(text).toLocaleString();
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text; // a change is read aloud
}

function showLine(name, text) {
  at("line").className = name;
  put(at("line"), text);
}

function showProgress(told) {
  if (told.seq < state.seq) return;
  state.seq = told.seq;
  const why = at("why");
  why.className = `why ${told.state}`;
  put(why.querySelector(".sign"), told.sign);
  put(why.querySelector("b"), told.headline);
  put(why.querySelector("p span"), told.detail);
  for (const step of told.steps) {
    const row = document.querySelector(`[data-step="${CSS.escape(step.name)}"]`);
    if (!row) continue;
    row.className = step.state;
    put(row.querySelector(".sign"), step.sign);
    put(row.querySelector("small"), step.note);
    showTime(row.querySelector("time"), step.at);
  }
}

function line(message) {
  const row = document.createElement("li");
  row.className = message.role;
  if (message.role !== "notice") {
    const by = document.createElement("span");
    by.className = "by";
    by.textContent = message.is_mine ? "You" : message.author;
    row.append(by);
  }
  const text = document.createElement("p");
  text.dir = "auto";
  text.textContent = message.text;
  row.append(text, document.createElement("time"));
  if (message.is_mine) row.classList.add("mine");
  return row;
}

const scroll = at("scroll");
const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  state.unread = 0;
  at("pill").hidden = true;
}

function add(row, before = null) {
  const follows = isAtEnd() || row.classList.contains("mine");
  at("messages").insertBefore(row, before);
  if (follows) return toEnd();
  state.unread += 1;
  put(at("pill"), `${state.unread} new`);
  at("pill").hidden = false;
}

const rowOf = (id) => document.querySelector(`[data-id="${CSS.escape(id)}"]`);

function settle(id) {
  rowOf(id)?.remove();
  waiting.delete(id);
  keep();
}

/* A message is there. If it is shown already, as after a load, its repeat has done its work. */
function onSaid(told) {
  if (told.number <= state.after) settle(told.id);
}

function showMessage(message) {
  if (message.number <= state.after) return;
  if (message.number !== state.after + 1) return again(); // it reads on from what is shown
  state.after = message.number;
  if (message.id) settle(message.id);
  const row = line(message);
  row.dataset.number = message.number;
  showTime(row.querySelector("time"), message.at);
  add(row, document.querySelector("#messages > .pending, #messages > .unsent"));
}

function showPeople(people) {
  const others = people.filter((each) => !each.is_me);
  at("people").replaceChildren(
    ...others.map((each) => {
      const name = document.createElement("i");
      name.textContent = each.name;
      return name;
    }),
  );
  if (!others.length && people.length) at("people").textContent = "nobody else is here";
  const writing = others.filter((each) => each.is_writing).map((each) => each.name);
  const verb = writing.length > 1 ? "are" : "is";
  put(at("writing"), writing.length ? `${writing.join(", ")} ${verb} writing …` : "\u00a0");
}

/* --- What is written -------------------------------------------------------------------------- */
function keep() {
  try {
    sessionStorage.setItem(kept, JSON.stringify([...waiting]));
  } catch {
    // Then it is lost with the page, and only then.
  }
}

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function say(id, text) {
  waiting.set(id, text);
  keep();
  const row = line({ role: own.role, author: own.name, is_mine: true, text });
  row.classList.add("pending");
  row.dataset.id = id;
  row.querySelector("time").textContent = "sending";
  add(row);
  send({ type: "say", id, text });
}

function refuse(id, why) {
  const row = id && rowOf(id);
  if (!row) return;
  waiting.delete(id);
  keep();
  row.className = row.className.replace("pending", "unsent");
  row.querySelector("time").textContent = `not sent. ${why}`;
  if (!at("text").value) at("text").value = row.querySelector("p").textContent;
}

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only where the page is secure
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const text = at("text");
function fit() {
  text.rows = Math.min(5, text.value.split("\n").length);
}
at("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const written = text.value.trim();
  text.value = "";
  fit();
  if (written) say(newId(), written);
  toldAt = -Infinity;
  text.focus();
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (matchMedia("(pointer: coarse)").matches) return; // a phone's Enter is a new line
  event.preventDefault();
  at("say").requestSubmit();
});
text.addEventListener("input", () => {
  fit();
  if (!text.value.trim() || performance.now() - toldAt < WRITING_INTERVAL) return;
  toldAt = performance.now();
  send({ type: "writing" });
});
at("pill").addEventListener("click", toEnd);
scroll.addEventListener("scroll", () => isAtEnd() && toEnd());

/* --- The connection --------------------------------------------------------------------------- */
const SHOW = {
  progress: showProgress,
  message: showMessage,
  said: onSaid,
  people: (told) => showPeople(told.people),
  error: (told) => refuse(told.about, told.message),
};

function expectNews() {
  clearTimeout(quiet);
  quiet = setTimeout(again, QUIET_LIMIT);
}

function again() {
  const old = socket;
  socket = null;
  old?.close();
  clearTimeout(quiet);
  showLine("waiting", "connection lost, trying again");
  showPeople([]);
  const most = Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** Math.min(state.failures, 10));
  state.failures += 1;
  setTimeout(connect, SHORTEST_WAIT / 2 + Math.random() * most);
}

function connect() {
  const url = new URL(`${page.dataset.socket}?after=${state.after}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const mine = new WebSocket(url, ["sagas.v1"]);
  let isWelcome = false;
  socket = mine;
  expectNews();
  mine.onmessage = (event) => {
    if (socket !== mine) return;
    expectNews();
    if (!isWelcome) {
      isWelcome = true; // a socket that opens may still be refused
      state.failures = 0;
      showLine("open", "live");
      for (const [id, words] of waiting) send({ type: "say", id, text: words });
    }
    const told = JSON.parse(event.data);
    SHOW[told.type]?.(told);
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    if (!FINAL.has(event.code)) return again();
    socket = null;
    clearTimeout(quiet);
    showLine("", event.reason || "This page has ended: load it again.");
    showPeople([]);
    text.disabled = true;
  };
}

for (const time of document.querySelectorAll("main time")) showTime(time, time.getAttribute("datetime"));
toEnd();
try {
  for (const [id, words] of JSON.parse(sessionStorage.getItem(kept) ?? "[]")) say(id, words);
} catch {
  // What can't be read was not ours.
}
connect();
