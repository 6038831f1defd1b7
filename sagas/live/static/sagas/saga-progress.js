/* Follows a saga from a browser: over a WebSocket, and where that can't be had, over server-sent
 * events. No dependencies.
 *
 *   import { followSaga } from "/static/sagas/saga-progress.js";
 *   const saga = followSaga("order-7", {
 *     onEvent: (event) => console.log(event.seq, event.type),   // each once, in order
 *     onSnapshot: (saga) => {},        // where it stands, after each connect
 *     onEnd: (end) => {},              // {status, last_seq}: nothing more will come
 *     onError: (error) => {},          // {code, message}: another try would not help
 *     onState: (state) => {},          // "connecting", "open", "waiting", "closed"
 *     after: 0,                        // events above this number
 *     token: "…",                      // without one, the session of the page counts
 *     base: "https://…",               // the page's own server by default
 *   });
 *   saga.close();
 */

const SHORTEST_WAIT = 200; // milliseconds; doubled with each failure, and drawn at random below
const LONGEST_WAIT = 10_000;
const QUIET_LIMIT = 50_000; // milliseconds: three heartbeats of the server, and some more
const SOCKET_TRIES = 3; // that never opened, before server-sent events are tried
const TRY_AGAIN = new Set([4408, 4429]);

export function followSaga(sagaId, options = {}) {
  const base = new URL(options.base ?? "/", location.href);
  const state = { after: options.after ?? 0, failures: 0, neverOpened: 0, closed: false };
  const tell = (name, value) => options[name]?.(value);
  const path = encodeURIComponent(sagaId);
  let current = null; // what is open: an object with close()
  let timer = 0;
  let quiet = 0;

  function finish() {
    if (state.closed) return;
    state.closed = true;
    clearTimeout(timer);
    clearTimeout(quiet);
    current?.close();
    tell("onState", "closed");
  }

  function fail(code, message) {
    if (state.closed) return;
    finish();
    tell("onError", { code, message });
  }

  function again() {
    if (state.closed) return;
    clearTimeout(quiet);
    tell("onState", "waiting");
    const most = Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** Math.min(state.failures, 10));
    state.failures += 1;
    timer = setTimeout(connect, SHORTEST_WAIT / 2 + Math.random() * most);
  }

  function expectNews() {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      current?.close();
      again();
    }, QUIET_LIMIT);
  }

  function take(message) {
    if (message.type === "snapshot") {
      state.failures = 0; // a socket that opens may still be refused
      tell("onSnapshot", message.saga);
    } else if (message.type === "error") onRefusal(message.code, message.message);
    else if (message.type === "ended") {
      finish();
      tell("onEnd", message);
    } else if (message.seq !== undefined) {
      if (message.seq <= state.after) return; // seen
      if (message.seq !== state.after + 1) {
        current?.close();
        return again(); // it reads on from what was seen
      }
      state.after = message.seq;
      tell("onEvent", message);
    }
  }

  function onRefusal(code, message) {
    if (code >= 4000 && !TRY_AGAIN.has(code)) fail(code, message);
  }

  function connect() {
    if (state.closed) return;
    tell("onState", "connecting");
    if (typeof WebSocket === "undefined" || state.neverOpened >= SOCKET_TRIES) overEvents();
    else overSocket();
  }

  function overSocket() {
    const url = new URL(`ws/v1/sagas/${path}/?after=${state.after}`, base);
    url.protocol = url.protocol.replace("http", "ws");
    const offered = options.token ? ["sagas.v1", `bearer.${base64url(options.token)}`] : ["sagas.v1"];
    const socket = new WebSocket(url, offered);
    let isMine = true;
    let isOpen = false;
    current = {
      close: () => {
        isMine = false;
        socket.close();
      },
    };
    socket.onopen = () => {
      isOpen = true;
      state.neverOpened = 0;
      expectNews();
      tell("onState", "open");
    };
    socket.onmessage = (event) => {
      if (!isMine || state.closed) return;
      expectNews();
      take(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (!isMine || state.closed) return;
      isMine = false;
      if (!isOpen) state.neverOpened += 1;
      if (event.code === 1000) return finish();
      onRefusal(event.code, event.reason);
      again();
    };
  }

  /* With fetch, and not EventSource: that can send no token, hides why it was refused, and waits
   * as long as it likes. */
  async function overEvents() {
    const abort = new AbortController();
    let isMine = true;
    current = {
      close: () => {
        isMine = false;
        abort.abort();
      },
    };
    try {
      const headers = { Accept: "text/event-stream" };
      if (options.token) headers.Authorization = `Bearer ${options.token}`;
      const url = new URL(`api/v1/sagas/${path}/stream?after=${state.after}`, base);
      const answer = await fetch(url, { headers, signal: abort.signal, cache: "no-store" });
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429)
        return fail(4000 + answer.status, (await answer.json()).message);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      tell("onState", "open");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let waiting = "";
      while (isMine && !state.closed) {
        expectNews();
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (waiting + value).split("\n\n");
        waiting = blocks.pop();
        for (const block of blocks) {
          const data = block.split("\n").filter((line) => line.startsWith("data: "));
          if (data.length && isMine && !state.closed)
            take(JSON.parse(data.map((line) => line.slice(6)).join("\n")));
        }
      }
    } catch {
      // A broken connection is what `after` is for.
    }
    if (isMine) {
      isMine = false;
      state.neverOpened = 0; // the socket is what is wanted
      again();
    }
  }

  connect();
  return {
    close: finish,
    get after() {
      return state.after;
    },
  };
}

function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
