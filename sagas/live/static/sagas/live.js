/* The live page: what the stream tells, as text. */
import { followSaga } from "./saga-progress.js";

const LINES = { connecting: "connecting", open: "live", waiting: "cut off; trying again", closed: "" };
const WORDS = {
  "step.scheduled": "scheduled",
  "step.claimed": "running",
  "step.retrying": "waits to be tried again",
  "step.succeeded": "succeeded",
  "step.failed": "failed",
};
const at = (id) => document.getElementById(id);
const steps = new Map();
let shown = 0; // the last event that a snapshot has in it already

function row(body, ...texts) {
  const line = body.insertRow();
  for (const text of texts) line.insertCell().textContent = text;
  return line;
}

function showStep(name, text) {
  if (!steps.has(name)) steps.set(name, row(at("steps"), name, ""));
  steps.get(name).cells[1].textContent = text;
}

const { sagaId, base } = document.querySelector("main").dataset;
followSaga(sagaId, {
  base,
  onState: (state) => (at("line").textContent = LINES[state]),
  onSnapshot: (saga) => {
    shown = saga.last_seq;
    at("status").textContent = saga.status;
    for (const step of saga.steps) showStep(step.name, step.status.replaceAll("_", " "));
  },
  onEvent: (event) => {
    const line = row(
      at("events"), event.seq, new Date(event.at).toLocaleTimeString(), event.type, event.step ?? "",
    );
    line.dataset.seq = event.seq;
    if (event.seq <= shown) return;
    at("status").textContent = event.status;
    if (event.step && WORDS[event.type]) {
      const undone = event.direction === "compensation" ? "undoing it: " : "";
      showStep(event.step, undone + WORDS[event.type]);
    }
  },
  onEnd: (end) => {
    at("status").textContent = end.status;
    at("line").textContent = "It has ended.";
  },
  onError: (error) => (at("problem").textContent = `${error.message} (${error.code})`),
});
