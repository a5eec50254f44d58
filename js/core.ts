/**
 * The border between this folder and the wasm module: what each side calls on the other. The module
 * is built from `src/`; `wasm.ts` is where the compiler compares it with these interfaces.
 */

import type { WebSocketConstructor } from "./socket.js";
import type { AloneReason, Role, State } from "./status.js";

/** What the generated glue exports. */
export interface Glue {
  readonly Core: new (options: CoreOptions, callbacks: Callbacks) => Core;
}

/**
 * The machine and its browser shell. Every method may be called from inside a method of
 * {@link Callbacks}, but `free()`, which is called when none of them is running.
 *
 * Call numbers are used once. A number whose promise nobody keeps may be settled all the same.
 */
export interface Core {
  connect(call: number): void;
  /** The caller's `AbortSignal` fired: settles that call with `aborted`. */
  abort(call: number): void;
  close(call: number, code: number | undefined, reason: string | undefined): void;
  hold(): void;
  release(): void;
  /**
   * Sends a payload of so many bytes to the server; it is no {@link Json}.
   *
   * Throws what {@link Callbacks.refusal} has made.
   */
  send(payload: Payload, bytes: number): void;
  /**
   * Makes the request that `Request::named` in the machine knows by this name, with the payload of so
   * many bytes that it has.
   */
  request(call: number, name: string, group?: string, payload?: Payload, bytes?: number): void;
  /** `getToken` has answered: see {@link TokenKind} for what. */
  answer(fetch: number, kind: TokenKind, text: string, ms: number | undefined): void;
  bufferedAmount(): number;
  /** What was counted, by its place in `stats.ts`. */
  counter(at: number): number;
  /**
   * Lets go of the machine. `close()` was called before. A socket that is still shaking hands or
   * closing must be seen to its end all the same.
   */
  free(): void;
}

/**
 * What `getToken` has answered: 0, a token and the milliseconds that it lives, if that is known; 1, no
 * token, and the text says why; 2, the milliseconds after which to ask again; 3, that there is no session.
 */
export type TokenKind = 0 | 1 | 2 | 3;

/** The JSON text of a value. */
export interface Json {
  readonly json: string;
}

/**
 * A payload: a text, bytes that nobody changes any more, or a value as JSON. What stands before the
 * bytes in their buffer is overwritten: see `copies.ts`.
 */
export type Payload = string | Uint8Array | Json;

/** The options, checked. */
export interface CoreOptions {
  /** Returns the number that the user has set for the option at this place of `OPTION_NAMES`. */
  readonly number: (at: number) => number | undefined;
  /** A `ws:` or `wss:` URL. */
  readonly url: string;
  /** Whether there is a `getToken`. */
  readonly hasToken: boolean;
  /** Where it is not the global one. */
  readonly WebSocket: WebSocketConstructor | undefined;
  /** What the tabs have in common that share the connection; `undefined` where none does. */
  readonly share: string | undefined;
  /** How to speak with a server that is not ours; `undefined` for `onesocket.v1`. */
  readonly wire: CoreWire | undefined;
  /** Whether anybody listens to `Callbacks.log`. */
  readonly logs: boolean;
  /** Where the jitter starts: a whole number below 2^32. */
  readonly seed: number;
}

/** What goes over a wire that is not ours. */
export type Sent = string | Uint8Array;

/** What an application has answered; else a sentence for people, without a token, that says why not. */
export type Answer<T> = T | { readonly fault: string };

/**
 * A server that is not ours, as `wire.ts` has made it out of the option `wire`. The token is empty
 * where there is none. What is sent is a text, or bytes that nobody changes any more.
 */
export interface CoreWire {
  readonly pings: boolean;
  readonly refreshes: boolean;
  /** Whether {@link isReady} says when the session is agreed. */
  readonly agrees: boolean;
  /** How a socket is begun: where to, with which subprotocols, and what is sent first. */
  open(url: string, token: string): Answer<{ url: string; protocols: string[]; message?: Sent }>;
  /** The message that brings the server a new token. */
  refresh(token: string): Answer<{ message: Sent }>;
  /** These throw nothing: without an answer of the application's there is none. */
  ping(): Sent | undefined;
  isReady(data: unknown): boolean;
  isPong(data: unknown): boolean;
  /** 0 for the usual meaning, else one more than the place in `ADVICE` of `wire.ts`. */
  retry(code: number): number;
}

/** What arrived: the head of a frame with its payload as `data`; over a plain wire the message itself. */
export type Arrived =
  | { readonly data: unknown; readonly group?: string; readonly from?: string }
  | ArrayBuffer
  | string;

/** What the wasm module calls. No method throws. */
export interface Callbacks {
  /** Stores the status and runs no foreign code: called at once, also inside re-entrant calls. */
  status(
    state: State,
    readyState: number,
    attempt: number,
    maxAttempts: number,
    retryAtMs: number | undefined,
    connectionId: string | undefined,
    tokenExpiresAtMs: number | undefined,
    exactlyOnce: boolean,
    errorCode: string | undefined,
    errorMessage: string | undefined,
  ): void;
  /**
   * Tells the listeners that the status has changed, in order with all else that is told, and what the
   * state is now; it may be the same as before.
   */
  changed(current: State, reason: string | undefined): void;
  /**
   * Stores what this tab is to the others that share its connection, and tells of it; with the reason
   * where it shares none, though it was to. Called in order with all else that is told.
   */
  role(role: Role | "none", reason: AloneReason | undefined): void;
  message(arrived: Arrived): void;
  /** Hands back a payload that the server has accepted, if its memory is worth using again. */
  accepted(payload: Payload): void;
  error(code: string, message: string, undelivered: unknown[] | undefined): void;
  /** Answers a call; without a code it has succeeded. */
  settled(call: number, code: string | undefined, message: string | undefined): void;
  /** Asks `getToken`. It is called in a microtask, and not at all if it is aborted before. */
  fetchToken(fetch: number, reason: "connect" | "refresh"): void;
  /** Fires the signal of that fetch; its answer will be dropped. */
  abortToken(fetch: number): void;
  token(event: "fetched" | "refreshed" | "failed", expiresInMs: number | undefined): void;
  log(level: "debug" | "info" | "warn" | "error", text: string): void;
  /** Writes out a sentence of the machine: see `text.ts`. */
  text(sentence: number, a: number, b: number, c: number, said: string | undefined): string;
  /** Makes what {@link Core.send} throws. */
  refusal(code: string, message: string): unknown;
}
