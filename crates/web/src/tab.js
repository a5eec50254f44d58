// What tabs of one origin have between them: a lock, of which the browser gives one tab the ownership at a
// time, and a channel, on which each hears all others. And the port through which the connection of a
// tab speaks, which looks like a `WebSocket`.

// `tab.rs` names it too, so wasm-bindgen puts it beside this file.
import { clientSubprotocol, encode, parts, viewOf } from "./codec.js";

/** The version of what tabs say to each other. Tabs of another one are another group. */
const VERSION = 1;

// See `tab.rs`.
const AWAY = 0;
const BACK = 1;
const SHOWN = 2;
const GRANTED = 3;
const LOST = 4;
const HELD = 5;
const OPEN = 6;
const SEND = 7;
const SHUT = 8;
const GONE = 9;
const HEARS = 10;

/** The code of a close that is not one of the server's: the other end of the port is gone. */
const GOING_AWAY = 1001;

/** The events of the page's life, each with its target. */
const EVENTS = [
  ["document", "freeze"],
  ["document", "resume"],
  ["document", "visibilitychange"],
  ["window", "pagehide"],
  ["window", "pageshow"],
];

const isNumber = (value) => typeof value === "number";

/** Says whether something can be a frame, or none. */
const isFrame = (value) =>
  value === undefined || typeof value === "string" || value instanceof ArrayBuffer || value instanceof Uint8Array;

/** Says why tabs cannot share a connection here; `undefined` where they can. */
export function whyAlone() {
  const { BroadcastChannel, isSecureContext, navigator, origin } = globalThis;
  if (isSecureContext === false) return "insecure-context";
  if (origin === "null") return "opaque-origin";
  if (navigator?.locks === undefined) return "no-locks";
  return BroadcastChannel === undefined ? "no-channel" : undefined;
}

/** Returns a number by which a tab is known to the others: whole, and never that of another. */
export function drawTab() {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

/** Says whether a person sees the page. A worker has none, and is not hidden either. */
export function isShown() {
  return globalThis.document?.visibilityState !== "hidden";
}

/** The lock, the channel and the life of the page, as one tab has them. */
export class Room {
  #name;
  #tab;
  #tell;
  #channel;
  /** What waits to be posted, while more may come; `undefined` where the next is posted at once. */
  #gathered;
  /** Has a task run once the browser has told what it has to tell, which no throttling holds up. */
  #soon;
  /** What ends the requests for the lock, by their numbers: those that were granted too. */
  #requests = new Map();
  /** The ports that have not ended. */
  #ports = new Set();
  /** What ends the requests for the locks of other tabs, by these. */
  #watched = new Map();
  /** Gives back the lock by which others know that this tab listens. */
  #end;
  #own;
  #listener;

  /** `tab`, whose number is `own`, is told what happens; the lock and the channel have this name. */
  constructor(name, own, tab) {
    this.#name = name;
    this.#own = own;
    this.#tab = tab;
    this.#tell = (kind, number, value) => this.#tab?.tell(kind, number, value);
    this.#listener = ({ type }) => {
      if (type === "visibilitychange") this.#tell(SHOWN, Number(isShown()));
      else this.#tell(type === "freeze" || type === "pagehide" ? AWAY : BACK, 0);
    };
    this.#each("addEventListener");
  }

  #each(method) {
    for (const [target, type] of EVENTS) globalThis[target]?.[method]?.(type, this.#listener, true);
  }

  /** Asks for the lock; with `steal` it is taken from whoever has it. */
  request(number, steal) {
    const abort = new AbortController();
    let release;
    const released = new Promise((resolve) => (release = resolve));
    this.#requests.set(number, () => {
      abort.abort();
      release();
    });
    const options = steal ? { steal } : { signal: abort.signal };
    const granted = () => {
      this.#tell(GRANTED, number, Date.now());
      return released;
    };
    // It rejects where the request was taken back, and where the lock was taken away.
    navigator.locks.request(this.#name, options, granted).catch(() => {
      if (this.#requests.delete(number)) this.#tell(LOST, number);
    });
  }

  /** Gives the lock back, or takes the request back. */
  release(number) {
    // Whoever gets it is to have heard all of this.
    this.#flush();
    const end = this.#requests.get(number);
    this.#requests.delete(number);
    end?.();
  }

  /** Tells whether the lock is still that of a request. */
  query(number) {
    // By the time of the second answer the browser has told of a lock that was taken away before the first.
    const ask = () => navigator.locks.query().catch(() => {});
    ask()
      .then(ask)
      .then(() => this.#tell(HELD, Number(this.#requests.has(number))));
  }

  /** Listens to the other tabs, or does so no more. */
  listen(on) {
    this.#flush();
    this.#gathered = undefined;
    this.#channel?.close();
    this.#soon?.port1.close();
    this.#channel = on ? new BroadcastChannel(this.#name) : undefined;
    this.#soon = on ? new MessageChannel() : undefined;
    this.#end?.();
    if (!on) return;
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#soon.port1.onmessage = () => {
      const { length } = this.#gathered;
      if (length > 0) this.#gather();
      else this.#gathered = undefined;
    };
    const listens = new Promise((resolve) => (this.#end = resolve));
    navigator.locks.request(this.#lockOf(this.#own), () => listens).catch(() => {});
  }

  #lockOf(tab) {
    return `${this.#name}.${tab}`;
  }

  /** Tells once the tab of a port listens no more, whatever has become of it. */
  watch(tab, port) {
    const abort = new AbortController();
    // Of a tab the newest port counts.
    this.#watched.get(tab)?.abort();
    this.#watched.set(tab, abort);
    const granted = () => {
      this.#watched.delete(tab);
      this.#tell(GONE, port, tab);
    };
    navigator.locks.request(this.#lockOf(tab), { signal: abort.signal }, granted).catch(() => {});
  }

  /** Tells of no other tab any more. */
  unwatch() {
    for (const abort of this.#watched.values()) abort.abort();
    this.#watched.clear();
  }

  /** Posts as another would: a channel does not hear what it has posted itself. */
  probe() {
    const other = new BroadcastChannel(this.#name);
    other.postMessage({ from: this.#own });
    other.close();
  }

  /** Any page of the origin may post anything. */
  #hear(data) {
    const { from, posts } = data ?? {};
    if (from === this.#own) this.#tell(HEARS, 0);
    if (!Array.isArray(posts) || !isNumber(from)) return;
    const channel = this.#channel;
    for (const post of posts) {
      // It has stopped listening meanwhile.
      if (this.#channel !== channel) return;
      const [kind, numbers, text, frame] = Array.isArray(post) ? post : [];
      const areNumbers = isNumber(kind) && Array.isArray(numbers) && numbers.every(isNumber);
      if (areNumbers && typeof text === "string" && isFrame(frame)) {
        this.#tab?.hear(from, kind, numbers, text, frame);
      }
    }
  }

  /**
   * Tells all other tabs. A message of the channel costs each of them several times what is in it, and a
   * server's come in bursts, one task each: what comes while the browser has more to tell goes in one.
   */
  post(kind, numbers, text, frame) {
    if (this.#channel === undefined) return;
    const isFirst = this.#gathered === undefined;
    this.#gathered ??= [];
    // Of bytes a copy: before it is posted an application may change them.
    this.#gathered.push([kind, [...numbers], text, typeof frame === "string" ? frame : frame?.slice(0)]);
    if (isFirst) this.#gather();
  }

  /** Posts what waits, and gathers what comes before the next task. */
  #gather() {
    this.#soon.port2.postMessage(0);
    this.#flush();
  }

  #flush() {
    const posts = this.#gathered;
    if (!posts?.length) return;
    this.#gathered = [];
    this.#channel.postMessage({ from: this.#own, posts });
  }

  /** Leaves, and tells nothing any more. */
  leave() {
    this.#tab = undefined;
    this.#each("removeEventListener");
    this.listen(false);
    this.unwatch();
    for (const end of this.#requests.values()) end();
    this.#requests.clear();
    // Nobody will tell them any more, and one that has not opened yet would wait for ever.
    for (const port of this.#ports) port.ended();
  }

  /** Returns the constructor of the tab's ports, which are numbered. */
  ports() {
    const tell = this.#tell;
    const ports = this.#ports;
    let last = 0;
    return class extends Port {
      constructor() {
        super(++last, tell);
        ports.add(this);
      }

      ended() {
        ports.delete(this);
        super.ended();
      }
    };
  }
}

/** Something like a `WebSocket`, whose other end is in the tab that leads. */
class Port {
  binaryType = "arraybuffer";
  bufferedAmount = 0;
  protocol = "onesocket.v1";
  readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  #number;
  #tell;

  constructor(number, tell) {
    this.#number = number;
    this.#tell = tell;
    // Not before whoever makes it listens: it may end at once.
    queueMicrotask(() => {
      if (this.readyState === 0) tell(OPEN, number, this);
      else this.ended();
    });
  }

  send(frame) {
    this.#tell(SEND, this.#number, frame);
  }

  close() {
    if (this.readyState < 2) {
      this.readyState = 2;
      this.#tell(SHUT, this.#number);
    }
  }

  opened() {
    this.readyState = 1;
    this.onopen?.({ type: "open" });
  }

  received(data) {
    this.onmessage?.({ data });
  }

  ended() {
    this.readyState = 3;
    this.onclose?.({ code: GOING_AWAY, reason: "" });
  }
}

/** Writes who of the clients of a connection sends a frame into it. */
export function addressed(slot, frame) {
  const rest = typeof frame === "string" ? frame.slice(1) : viewOf(frame).subarray(1);
  return joined(`{"as":${slot},`, rest);
}

/** Returns what the head of a frame says of a request; nothing of what is no frame. */
export function headOf(frame) {
  try {
    const { type, id, group } = parts(frame)[0];
    return { type: String(type), id: Number.isSafeInteger(id) ? id : undefined, group: String(group) };
  } catch {
    // Any page of the origin may post anything.
    return { type: "", group: "" };
  }
}

/** Returns a frame under another number. */
export function numbered(frame, id) {
  const [head, rest] = parts(frame);
  return joined(JSON.stringify({ ...head, id }), rest);
}

/** Puts bytes behind a text; or a text, where that is none. */
function joined(text, rest) {
  if (typeof rest === "string") return text + rest;
  const head = encode(text);
  const bytes = new Uint8Array(head.length + rest.length);
  bytes.set(head);
  bytes.set(rest, head.length);
  return bytes;
}

/** Returns the payload of a message, as it goes over a wire that has no heads. */
export function bodyOf(frame) {
  const [{ type }, rest] = parts(frame);
  if (type !== "message") return undefined;
  return typeof rest === "string" ? rest.slice(1) : rest.subarray(1);
}

/** Makes a frame of a message that has come over such a wire. */
export function carried(data) {
  const head = { type: "message", format: typeof data === "string" ? "text" : undefined };
  const line = `${JSON.stringify(head)}\n`;
  return joined(line, viewOf(data));
}

/** Returns such a message again, as a socket would have given it. */
export function unpacked({ data }) {
  return typeof data === "string" ? data : data.slice().buffer;
}

/** Returns the frame that answers the message of a number, and those before it. */
export function ack(id) {
  return `{"type":"ack","id":${id}}`;
}

/** Returns the name of the lock and the channel of the tabs that have a server, a wire and a key in common. */
export function roomName(url, isPlain, key) {
  return `onesocket.${VERSION}.${hashed(`${url} ${isPlain} ${key}`)}`;
}

/** Returns the name of a client, which no other has. */
export function drawClient() {
  return clientSubprotocol("");
}

/** Returns the frame with which a server takes a client over a connection. */
export function attach(slot, client) {
  return `{"type":"attach","id":1,"client":"${client}","as":${slot}}`;
}

/** Returns the frame with which it lets go of one. */
export function detach(slot, id) {
  return `{"type":"detach","id":${id},"as":${slot}}`;
}

/** Returns a number that only these words have, as far as chance allows: FNV-1a of 53 bits. */
function hashed(words) {
  let high = 0x811c9dc5;
  let low = 0x1b873593;
  for (let at = 0; at < words.length; at++) {
    const unit = words.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit ^ (high >>> 15), 0x85ebca6b);
  }
  return ((high >>> 0) & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

/** Returns what a server says first, of the server of a connection that is shared: it has no pings here. */
export function welcome(user, connectionId, maxMessageBytes, epoch) {
  const [type, pingIntervalMs] = ["welcome", Number.MAX_SAFE_INTEGER];
  return JSON.stringify({ type, connectionId, user, pingIntervalMs, maxMessageBytes, epoch });
}
