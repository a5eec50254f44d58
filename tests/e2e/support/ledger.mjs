/** What is written down inside a page, from before its first script: see `watch.mjs`. */

/** How the lines begin by which a page tells what must not be. */
export const COMPLAINT = "onesocket-watch: ";

/**
 * Runs in the page. It keeps the books of what onesocket makes, and complains on the console of what
 * must never be:
 *
 * - two live sockets of one client. A socket is live until it has closed, or was shut and detached:
 *   then nobody hears what it says.
 * - a state that does not follow from the one before it, by the published diagram.
 *
 * @param {{ steps: string[], complaint: string }} given - The steps of the diagram: `"idle closed"`.
 */
export function keepLedger({ steps, complaint }) {
  const say = console.error.bind(console);
  const complain = (what) => say(complaint + what);
  const sockets = new Set();
  const names = new Set();
  const timers = new Set();
  const listeners = [];
  let clients = [];
  let known = 0;

  const CLOSED = 3;
  const isLive = ({ readyState, onmessage }) =>
    readyState !== CLOSED && (readyState < WebSocket.CLOSING || onmessage !== null);

  window.WebSocket = class extends WebSocket {
    constructor(url, protocols = []) {
      super(url, protocols);
      const name = [protocols].flat().find((one) => one.startsWith("onesocket.client."));
      if (name === undefined) return;
      for (const other of sockets) {
        if (other.name !== name || !isLive(other.socket)) continue;
        complain(`a second live socket of a client; the first one's readyState is ${other.socket.readyState}`);
      }
      names.add(name);
      const entry = { name, socket: this };
      sockets.add(entry);
      this.addEventListener("close", () => sockets.delete(entry));
    }
  };

  // Who called: the wasm, through no more than the glue between it and what it imports, which is up to
  // three functions. A listener that the wasm has called is farther from it.
  const isOurs = () => {
    const [, , , ...callers] = new Error().stack.split("\n");
    return callers.slice(0, 4).some((caller) => caller.includes("wasm-function"));
  };

  const { setTimeout: set, clearTimeout: clear } = window;
  window.setTimeout = (handler, ms, ...rest) => {
    if (!isOurs()) return set.call(window, handler, ms, ...rest);
    const run = () => {
      timers.delete(id);
      handler(...rest);
    };
    const id = set.call(window, run, ms);
    timers.add(id);
    ledger.timersSet += 1;
    return id;
  };
  window.clearTimeout = (id) => {
    timers.delete(id);
    clear.call(window, id);
  };

  for (const target of [window, document]) {
    const { addEventListener: add, removeEventListener: remove } = target;
    target.addEventListener = (type, listener, options) => {
      if (isOurs()) listeners.push({ target, type, listener });
      add.call(target, type, listener, options);
    };
    target.removeEventListener = (type, listener, options) => {
      const index = listeners.findIndex(
        (one) => one.target === target && one.type === type && one.listener === listener,
      );
      if (index >= 0) listeners.splice(index, 1);
      remove.call(target, type, listener, options);
    };
  }

  const ledger = {
    /** How many timers onesocket has set. */
    timersSet: 0,

    /** The sockets of onesocket that have not closed, oldest first. */
    sockets: () => [...sockets].map(({ socket }) => socket),

    /** Takes a client that the page has made, and returns it. */
    watch(client) {
      // Not to keep what the page has let go of.
      clients = clients.filter((one) => one.deref() !== undefined);
      if (clients.some((one) => one.deref() === client)) return client;
      clients.push(new WeakRef(client));
      known += 1;
      let last = client.state;
      client.on("state", ({ previous, current }) => {
        if (previous !== last) complain(`a step from ${previous}, while the state was ${last}`);
        if (!steps.includes(`${previous} ${current}`)) {
          complain(`a step that is not in the diagram: from ${previous} to ${current}`);
        }
        last = current;
      });
      return client;
    },

    /** Frees all clients. Returns how many there are that nobody has handed over. */
    freeAll() {
      for (const client of clients) client.deref()?.free();
      return Math.max(0, names.size - known);
    },

    /** Returns what onesocket has made and not taken away. */
    left() {
      const live = [...sockets].filter(({ socket }) => isLive(socket));
      return [
        ...live.map(({ socket }) => `a socket, readyState ${socket.readyState}`),
        ...[...timers].map(() => "a timer"),
        ...listeners.map(({ type }) => `a listener to ${type}`),
      ];
    },
  };
  window.onesocketLedger = ledger;

  // The demo page shows its client to the console and to tests.
  let shown;
  Object.defineProperty(Window.prototype, "onesocketClient", {
    configurable: true,
    get: () => shown,
    set: (client) => {
      shown = ledger.watch(client);
    },
  });
}
