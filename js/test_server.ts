/** A server within the process that tests drive: it speaks `onesocket.v1`, or takes what comes. */

import { decode, encode } from "./wasm/codec.js";
import type { WebSocketConstructor, WebSocketLike } from "./socket.js";

const PROTOCOL = "onesocket.v1";
const TOKEN = "onesocket.token.";
const NAME = "onesocket.client.";

/** Days: it does not ping, and a test may let time pass. */
const PING_INTERVAL_MS = 2 ** 31 - 1;

const LINE_FEED = 10;

/** The code of a close without a closing handshake (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;

/** What decides in place of an application's server. */
export interface TestServerOptions {
  /**
   * Says whose a token is, and `null` if it is no good: then the connection is closed with 4401. The
   * token is `undefined` where the client has none. Default: `"ada"`.
   */
  readonly userOf?: (token: string | undefined) => string | null;
  /** Says whether a user may join a group. Default: yes. */
  readonly mayJoin?: (user: string, group: string) => boolean;
  /** The largest payload that it takes, in bytes: what the welcome says. Default: 65 536. */
  readonly maxMessageBytes?: number;
}

/** A message that the server has accepted. */
export interface AcceptedMessage {
  /** Any JSON; a string if a text was sent, a `Uint8Array` if bytes were. */
  readonly data: unknown;
  /** The group to which it was published; absent if it was sent to the server. */
  readonly group?: string;
  /** The user who sent it. */
  readonly from: string;
}

/** To whom a message goes, and from whom it comes. */
export interface Address {
  /** Only to members of this group. */
  readonly group?: string;
  /** Only to this user. */
  readonly user?: string;
  /** Who published it; absent if it comes from the server itself. */
  readonly from?: string;
}

/** An open connection, as the server sees it. */
export interface TestConnection {
  /** Whose it is. */
  readonly user: string;
  /** The groups that it has joined. */
  readonly groups: ReadonlySet<string>;
}

type Frame = string | Uint8Array;

/**
 * A server without a network and without timers: what it does reaches a client in the same turn or in a
 * microtask, so fake timers do not stop it.
 *
 * It agrees the session, acknowledges messages, remembers what it has had of a client, lets users join
 * groups and publish, and keeps one connection per user, as the real one does. To a client with a `wire`
 * of its own it answers nothing, and takes what comes.
 */
export class TestServer {
  /** For the option `WebSocket` of a client. */
  readonly WebSocket: WebSocketConstructor;
  readonly #options: TestServerOptions;
  readonly #accepted: AcceptedMessage[] = [];
  readonly #connections = new Set<Connection>();
  /** The highest id that a client has sent, by its name: a message that comes again is not taken again. */
  readonly #highest = new Map<string, number>();
  #opened = 0;
  #isReachable = true;
  /** What waits until `resume()`; `undefined` while it is not paused. */
  #held: (() => void)[] | undefined;
  #refusal: [code: number, reason: string] | undefined;

  constructor(options: TestServerOptions = {}) {
    this.#options = options;
    const arrive = (socket: TestSocket): void => this.#arrive(socket);
    const receive = (socket: TestSocket, data: Frame): void => this.#receive(socket, data);
    const leave = (socket: TestSocket): void => this.#forget(socket);
    this.WebSocket = class extends TestSocket {
      constructor(url: string, protocols: string | string[] = []) {
        super(url, typeof protocols === "string" ? [protocols] : protocols, receive, leave);
        queueMicrotask(() => arrive(this));
      }
    };
  }

  /** What it has accepted since it was made, oldest first. */
  get accepted(): readonly AcceptedMessage[] {
    return this.#accepted;
  }

  /** The connections that are open. */
  get connections(): readonly TestConnection[] {
    return [...this.#connections];
  }

  /** How many connections were opened since it was made. */
  get opened(): number {
    return this.#opened;
  }

  /** Whether a socket that is opened now reaches it. Those that are open stay: see {@link drop}. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** Lets it be reached, or not. */
  set isReachable(value: boolean) {
    this.#isReachable = value;
  }

  /** Takes the place of the global `WebSocket`; returns what gives it back. */
  install(): () => void {
    const page = globalThis as { WebSocket?: unknown };
    const had = Object.getOwnPropertyDescriptor(page, "WebSocket");
    Object.defineProperty(page, "WebSocket", {
      configurable: true,
      writable: true,
      value: this.WebSocket,
    });
    return () => {
      if (had === undefined) delete page.WebSocket;
      else Object.defineProperty(page, "WebSocket", had);
    };
  }

  /** Sends a message to everybody who is connected, or to those of whom the address speaks. */
  send(data: unknown, to: Address = {}): void {
    const { group, user, from } = to;
    for (const connection of this.#connections) {
      if (user !== undefined && connection.user !== user) continue;
      if (group !== undefined && !connection.groups.has(group)) continue;
      connection.deliver(data, { type: "message", ...(group !== undefined && { group }), from });
    }
  }

  /** Holds back what it would do, handshakes and answers, until `resume()`. */
  pause(): void {
    this.#held ??= [];
  }

  /** Does what it has held back, and from now on answers at once again. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const work of held) work();
  }

  /** Closes all connections, with a code and a reason as RFC 6455 has them. */
  close(code = 1000, reason = ""): void {
    for (const { socket } of this.#connections) socket.end(code, reason);
  }

  /** Ends all connections without a word, as a network does. */
  drop(): void {
    this.close(ABNORMAL);
  }

  /** Closes all connections, and those that come, with a code; `undefined` takes them in again. */
  refuse(code: number | undefined, reason = ""): void {
    this.#refusal = code === undefined ? undefined : [code, reason];
    if (code !== undefined) this.close(code, reason);
  }

  /** Takes a user out of a group, as a back end does: the client is told, and does not join it again. */
  remove(user: string, group: string): void {
    const message = `this user may not be in "${group}" any more`;
    for (const connection of this.#connections) {
      if (connection.user !== user || !connection.groups.delete(group)) continue;
      connection.tell({ type: "error", group, code: "refused", message });
    }
  }

  /** Does something now, or when it is no longer paused. */
  #inTurn(work: () => void): void {
    if (this.#held === undefined) work();
    else this.#held.push(work);
  }

  #arrive(socket: TestSocket): void {
    if (!this.#isReachable) {
      socket.end(ABNORMAL, "");
      return;
    }
    this.#inTurn(() => {
      if (socket.readyState === 0) this.#accept(socket);
    });
  }

  #accept(socket: TestSocket): void {
    const speaks = socket.protocols.includes(PROTOCOL);
    const offered = (prefix: string): string | undefined =>
      socket.protocols.find((protocol) => protocol.startsWith(prefix))?.slice(prefix.length);
    const token = offered(TOKEN);
    const user = (this.#options.userOf ?? (() => "ada"))(token && decode(fromBase64url(token)));
    socket.open(speaks ? PROTOCOL : (socket.protocols[0] ?? ""));
    if (this.#refusal !== undefined) {
      socket.end(...this.#refusal);
      return;
    }
    if (user === null) {
      socket.end(4401, "the token is not valid");
      return;
    }
    if (speaks) {
      const older = [...this.#connections].filter((connection) => connection.user === user);
      for (const connection of older) connection.socket.end(4409, "connected elsewhere");
    }
    this.#opened += 1;
    const connection = new Connection(socket, user, offered(NAME), speaks);
    this.#connections.add(connection);
    if (!speaks) return;
    connection.tell({
      type: "welcome",
      connectionId: `c${this.#opened}`,
      user,
      pingIntervalMs: PING_INTERVAL_MS,
      maxMessageBytes: this.#options.maxMessageBytes ?? 65_536,
      epoch: "test",
    });
  }

  #receive(socket: TestSocket, data: Frame): void {
    this.#inTurn(() => {
      for (const connection of this.#connections) {
        if (connection.socket === socket) this.#take(connection, data);
      }
    });
  }

  #take(connection: Connection, frame: Frame): void {
    if (!connection.speaks) {
      this.#accepted.push({ data: frame, from: connection.user });
      return;
    }
    const { head, payload } = read(frame);
    const { type, id, group = "" } = head;
    switch (type) {
      case "ping":
        connection.tell({ type: "pong" });
        break;
      case "pong":
        break;
      case "refresh":
        connection.tell({ type: "refreshed", id });
        break;
      case "join":
        this.#join(connection, id, group);
        break;
      case "leave":
        connection.groups.delete(group);
        connection.tell({ type: "ack", id });
        break;
      default:
        this.#acceptMessage(connection, head, payload);
    }
  }

  #join(connection: Connection, id: number | undefined, group: string): void {
    if (this.#options.mayJoin?.(connection.user, group) === false) {
      connection.tell({ type: "error", id, code: "refused", message: "you may not join this group" });
      return;
    }
    connection.groups.add(group);
    connection.tell({ type: "ack", id });
  }

  #acceptMessage(connection: Connection, { id = 0, group }: Head, data: unknown): void {
    if (group !== undefined && !connection.groups.has(group)) {
      const message = `join "${group}" before publishing to it`;
      connection.tell({ type: "error", id, code: "refused", message });
      return;
    }
    const { name = "", user: from } = connection;
    if (name === "" || id > (this.#highest.get(name) ?? 0)) {
      this.#highest.set(name, id);
      this.#accepted.push({ data, ...(group !== undefined && { group }), from });
      for (const other of this.#connections) {
        const hears = group !== undefined && other !== connection && other.groups.has(group);
        if (hears) other.deliver(data, { type: "message", group, from });
      }
    }
    connection.tell({ type: "ack", id });
  }

  #forget(socket: TestSocket): void {
    for (const connection of this.#connections) {
      if (connection.socket === socket) this.#connections.delete(connection);
    }
  }
}

interface Head {
  readonly type: string;
  readonly id?: number | undefined;
  readonly group?: string;
}

class Connection implements TestConnection {
  readonly groups = new Set<string>();
  readonly socket: TestSocket;
  readonly user: string;
  /** The name of the client. */
  readonly name: string | undefined;
  /** Whether it speaks our protocol. */
  readonly speaks: boolean;

  constructor(socket: TestSocket, user: string, name: string | undefined, speaks: boolean) {
    this.socket = socket;
    this.user = user;
    this.name = name;
    this.speaks = speaks;
  }

  tell(head: object): void {
    this.socket.receive(JSON.stringify(head));
  }

  deliver(data: unknown, head: object): void {
    const { socket } = this;
    if (!this.speaks) socket.receive(data instanceof Uint8Array ? data.slice().buffer : data);
    else if (data instanceof Uint8Array) socket.receive(joined(encode(`${JSON.stringify(head)}\n`), data));
    else if (typeof data === "string") socket.receive(`${JSON.stringify({ ...head, format: "text" })}\n${data}`);
    else socket.receive(`${JSON.stringify(head)}\n${JSON.stringify(data)}`);
  }
}

/** A `WebSocket` that is not one: its events are what the server says. */
class TestSocket implements WebSocketLike {
  binaryType = "blob";
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readyState = 0;
  protocol = "";
  readonly bufferedAmount = 0;
  readonly url: string;
  readonly protocols: readonly string[];
  readonly #onSent: (socket: TestSocket, data: Frame) => void;
  readonly #onEnded: (socket: TestSocket) => void;

  constructor(
    url: string,
    protocols: readonly string[],
    onSent: (socket: TestSocket, data: Frame) => void,
    onEnded: (socket: TestSocket) => void,
  ) {
    this.url = url;
    this.protocols = protocols;
    this.#onSent = onSent;
    this.#onEnded = onEnded;
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    // The sender may go on to change its buffer.
    const sent = typeof data === "string" ? data : bytesOf(data).slice();
    queueMicrotask(() => this.#onSent(this, sent));
  }

  close(code = 1005, reason = ""): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    queueMicrotask(() => this.end(code, reason));
  }

  open(protocol: string): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.({ type: "open" } as never);
  }

  receive(data: unknown): void {
    // As a browser gives bytes to who has asked for an `ArrayBuffer`.
    const given = data instanceof Uint8Array ? data.slice().buffer : data;
    if (this.readyState === 1) this.onmessage?.({ type: "message", data: given } as never);
  }

  end(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#onEnded(this);
    const wasClean = code !== ABNORMAL;
    if (!wasClean) this.onerror?.({ type: "error" } as never);
    this.onclose?.({ type: "close", code, reason, wasClean } as never);
  }
}

function read(frame: Frame): { head: Head; payload: unknown } {
  const end = typeof frame === "string" ? frame.indexOf("\n") : frame.indexOf(LINE_FEED);
  const at = end < 0 ? frame.length : end;
  if (typeof frame !== "string") {
    return { head: JSON.parse(decode(frame.subarray(0, at))), payload: frame.slice(at + 1) };
  }
  const head = JSON.parse(frame.slice(0, at));
  const payload = frame.slice(at + 1);
  return { head, payload: head.format === "text" || end < 0 ? payload : JSON.parse(payload) };
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function fromBase64url(text: string): Uint8Array {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}
