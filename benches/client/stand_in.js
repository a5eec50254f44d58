/** A stand-in for `WebSocket` in a page: what costs time is then the client, and not the network. */

const NAMES = ["open", "message", "error", "close"];

/** Has the interface of a `WebSocket`, and does what the page says. */
export class StandIn extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  /** The one that was made last. */
  static last;

  CONNECTING = 0;
  OPEN = 1;
  CLOSING = 2;
  CLOSED = 3;
  binaryType = "blob";
  bufferedAmount = 0;
  extensions = "";
  protocol = "";
  readyState = 0;
  /** How many messages it was given to send, and the last of them. */
  sent = 0;
  lastSent;

  constructor(url) {
    super();
    this.url = url;
    StandIn.last = this;
  }

  send(data) {
    this.sent += 1;
    this.lastSent = data;
  }

  close() {
    this.readyState = 3;
  }

  opens(protocol = "") {
    this.readyState = 1;
    this.protocol = protocol;
    this.dispatchEvent(new Event("open"));
  }

  receives(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

// `onopen` and the like, as event handler attributes are.
for (const name of NAMES) {
  const handlers = new WeakMap();
  Object.defineProperty(StandIn.prototype, `on${name}`, {
    get() {
      return handlers.get(this) ?? null;
    },
    set(handler) {
      const before = handlers.get(this);
      if (before) this.removeEventListener(name, before);
      if (handler) this.addEventListener(name, handler);
      handlers.set(this, handler);
    },
  });
}
