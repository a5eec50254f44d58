import type { OneSocketError } from "./error.js";
import type { Stats } from "./stats.js";
import type { ReadyState, State, Status } from "./status.js";

/** What `send()` takes. Of a view its own range is sent, not the whole buffer. */
export type Sendable = string | ArrayBuffer | ArrayBufferView;

/** A message from the server; `T` is what the option `decode` makes of it. */
export interface Message<T = unknown> {
  /**
   * Any JSON; a string if a text was sent, a `Uint8Array` if bytes were: a view of what came, which
   * nobody else uses. Over a wire of your own: a string or an `ArrayBuffer`, as it came.
   */
  readonly data: T;
  /** The group to which it was published; absent if it was published to none. */
  readonly group?: string;
  /** The user who published it; absent if it came from the server itself. */
  readonly from?: string;
}

/** A change of the state. */
export interface StateChange {
  /** The state before. */
  readonly previous: State;
  /** The state after. Later changes may have followed: `client.state` is what is true now. */
  readonly current: State;
  /** Why, for people. */
  readonly reason?: string;
}

/** What came of a call of `getToken`, or of a token that was refreshed. */
export interface TokenEvent {
  /**
   * `fetched`: `getToken` answered with a token. `refreshed`: the server has taken a new one over the
   * open connection. `failed`: `getToken` gave none; the `error` event says why.
   */
  readonly event: "fetched" | "refreshed" | "failed";
  /** How long the token lives from now, in milliseconds, where that is known. */
  readonly expiresInMs?: number;
}

/** The events of a client, by name. */
export interface Events<T = unknown> {
  /** The state has changed. */
  state: StateChange;
  /** A message has arrived. */
  message: Message<T>;
  /** Something went wrong; with `undelivered` where messages were lost. */
  error: OneSocketError;
  /** `getToken` was asked. */
  token: TokenEvent;
}

/** How `connect()` is called. */
export interface ConnectOptions {
  /** Withdraws this caller. The attempt ends only if nobody else wants it. */
  readonly signal?: AbortSignal;
}

/**
 * One connection, and what can be done with it. Made by `createClient()` or `connect()`.
 *
 * `T` is what messages carry: see {@link ClientOptions.decode}; `S` is what {@link send} takes: see
 * {@link PlainWire.encode}.
 *
 * A method may be called at any time, also from a listener, and its effect is seen at once.
 */
export interface Client<T = unknown, S = Sendable> {
  /** Where the connection stands: `status.state`. */
  readonly state: State;
  /** What may be known of the connection. Frozen; the same object until something changes. */
  readonly status: Status;
  /** The `readyState` of the socket underneath: `status.readyState`. */
  readonly readyState: ReadyState;
  /** How many bytes of messages wait here and in the socket, where that is of this tab. */
  readonly bufferedAmount: number;

  /** Returns what was counted since the client was made; nothing is left of it after `free()`. */
  stats(): Stats;

  /** Says whether `state` is `connected`. */
  isConnected(): boolean;

  /** Says whether `state` is `connecting`. */
  isConnecting(): boolean;

  /**
   * Connects, or joins the attempt in progress: however many call it, there is one attempt. Resolves
   * once connected. The wish lasts until `close()`.
   *
   * Without a signal, all callers get the same promise while it is pending. With a signal each has
   * its own. A rejection that nobody handles is not reported as unhandled: `status.error` and the
   * `error` event tell of it too.
   *
   * Rejects with a `OneSocketError`: `closed` when `close()` is called, `aborted` when the signal
   * fires, `unsupported` where there is no WebAssembly or no WebSocket, else with what `status.error` says once the
   * connection has failed for good (`attempts-exhausted`, `unauthorized`, `refused`, `replaced`,
   * `too-large`, …).
   */
  connect(options?: ConnectOptions): Promise<void>;

  /**
   * Closes the connection; final until the next `connect()`. Resolves once the socket has closed, or
   * has been given up after `closeTimeoutMs`. Pending `connect()` calls reject with `closed`; what
   * waited to be sent is reported in one `error` event.
   *
   * @param code - 1000 (the default) or 3000–4999.
   * @param reason - At most 123 bytes of UTF-8.
   *
   * Rejects with `invalid-options`, and does nothing, if one of these is not so.
   */
  close(code?: number, reason?: string): Promise<void>;

  /**
   * Keeps the connection while at least one holds it. Connects from `idle` or after the last
   * holder's release; never revives `failed` or what `close()` has closed. `releaseAfterMs` after
   * the last release the connection is closed, unless somebody called `connect()`.
   *
   * @returns A function that releases; calling it again does nothing.
   */
  hold(): () => void;

  /**
   * Sends a message to the server. In `idle`, `connecting` and `waiting` it waits in the queue (a
   * buffer is copied then) and goes out in order once connected.
   *
   * Throws a `OneSocketError`: `queue-full`; `too-large` if it is larger than the server takes;
   * `closed` in `closing`, `closed` and `failed` (not in that one with `queue: { whenFailed: "wait" }`);
   * `invalid-message` if it is neither text nor a buffer,
   * or if its memory is shared.
   */
  send(data: S): void;

  /**
   * Publishes a message to the other members of a group, of which this client must be one too. A string
   * goes as it is, an `ArrayBuffer` or a view of one as bytes, everything else as JSON, which is written
   * at the call. Settles with the server's answer.
   *
   * @param group - 1 to 128 bytes of UTF-8 without control characters.
   *
   * Rejects with a `OneSocketError`: `invalid-message` if the name is none, or if JSON cannot carry
   * `data` or something in it (a `Blob`, a `Map`, a buffer);
   * `queue-full`, `too-large`; `refused` if the server says no; `closed` if the connection is
   * closed or was lost before the answer.
   */
  publish(group: string, data: unknown): Promise<void>;

  /**
   * Joins a group, and joins it again after every reconnect until `leave()`. It is counted: two
   * components that join a group are in it until both have left it. Settles with the server's answer.
   *
   * @param group - 1 to 128 bytes of UTF-8 without control characters.
   *
   * Rejects with a `OneSocketError`: `invalid-message` if the name is none; `refused` if the server
   * says no; `closed` if the connection is or gets closed.
   */
  join(group: string): Promise<void>;

  /**
   * Takes back one `join()` of a group, and leaves it with the last one. Settles with the server's
   * answer, at once while others have joined it too; leaving what was not joined is no error.
   *
   * @param group - 1 to 128 bytes of UTF-8 without control characters.
   *
   * Rejects as `join()` does.
   */
  leave(group: string): Promise<void>;

  /**
   * Refreshes the token now, over the open connection, instead of a minute before it runs out. Calls
   * during a refresh join it. Settles with the server's answer; a failure keeps the connection, but
   * not where `getToken` answers that there is no session.
   *
   * Rejects with a `OneSocketError`: `token-failed` if `getToken` gives none or the server does not
   * answer, `unauthorized` if the server refuses it, `closed` if there is no connection or it is lost
   * meanwhile, `invalid-options` without `getToken`. In a tab that shares the connection of another, that
   * one refreshes it.
   */
  refreshToken(): Promise<void>;

  /**
   * Listens to an event. A listener may call anything on the client. One that throws, or whose
   * promise rejects, is handed to `reportError` and harms nobody else.
   *
   * @returns A function that removes the listener, at once.
   *
   * Throws `invalid-options` if there is no such event.
   */
  on<E extends keyof Events>(event: E, listener: (event: Events<T>[E]) => void): () => void;

  /**
   * Calls `listener` whenever `status` has become another object: with `() => client.status` it is
   * what `useSyncExternalStore` and other frameworks' stores want.
   *
   * @returns A function that removes the listener, at once.
   */
  subscribe(listener: () => void): () => void;

  /**
   * Closes the connection and lets go of everything, listeners included. After that the client stays
   * `closed`: `connect()` rejects and `send()` throws, with `closed`.
   */
  free(): void;
}
