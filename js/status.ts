import type { ErrorCode } from "./error.js";

/**
 * Where the connection stands.
 *
 * - `idle`: made, never asked to connect.
 * - `connecting`: fetching a token, waiting for the old socket to close, shaking hands, agreeing the
 *   session.
 * - `connected`: the session is agreed.
 * - `waiting`: between two attempts.
 * - `closing`: `close()` was called and the socket is not closed yet.
 * - `closed`: `close()` has finished.
 * - `failed`: ended by itself; `status.error` says why.
 */
export type State =
  "idle" | "connecting" | "connected" | "waiting" | "closing" | "closed" | "failed";

/** The `readyState` of a WebSocket: 0 connecting, 1 open, 2 closing, 3 closed. */
export type ReadyState = 0 | 1 | 2 | 3;

/**
 * What a tab is to the others that share its connection (the option `share`): the `leader` has the
 * socket, a `follower` uses it, and one that is `alone` has its own.
 */
export type Role = "leader" | "follower" | "alone";

/**
 * Why a tab is `alone`: the page has no locks (`navigator.locks`) or no `BroadcastChannel`, it was not
 * loaded securely, or its origin is opaque, as that of a sandboxed frame is.
 */
export type AloneReason = "no-locks" | "no-channel" | "insecure-context" | "opaque-origin";

/** Why a connection has failed. */
export interface StatusError {
  /** For programs. */
  readonly code: ErrorCode;
  /** For people. */
  readonly message: string;
}

/** What may be known of a connection. Frozen; the same object until something changes. */
export interface Status {
  /** Where the connection stands. */
  readonly state: State;
  /** The `readyState` of the socket underneath. */
  readonly readyState: ReadyState;
  /** The number of the automatic attempt in progress or planned; 0 for the first try. */
  readonly attempt: number;
  /** How many automatic attempts there may be: the option `reconnect.maxAttempts`. */
  readonly maxAttempts: number;
  /** While `waiting`: when the next attempt begins, as `Date.now()`, for display. Else `null`. */
  readonly retryAtMs: number | null;
  /** While `connected`: the server's name for the connection. Else `null`. */
  readonly connectionId: string | null;
  /** While `connected`: when the token runs out, as `Date.now()`. `null` if that is not known. */
  readonly tokenExpiresAtMs: number | null;
  /**
   * While `connected`: whether what is unanswered when the connection is lost will be sent again, and
   * delivered once, because the server remembers what it had. If not, it is reported in `undelivered`.
   */
  readonly exactlyOnce: boolean;
  /** In `failed`: why. Else `null`. */
  readonly error: StatusError | null;
  /** With the option `share`, while a connection is wanted: what this tab is to the others. */
  readonly role?: Role;
  /** Why the role is `alone`. */
  readonly aloneReason?: AloneReason;
}

/** The status of a connection without a socket. */
export function bareStatus(
  state: State,
  maxAttempts: number,
  error: StatusError | null = null,
): Status {
  return {
    state,
    // As the README says of each state without a socket.
    readyState: state === "connecting" ? 0 : 3,
    attempt: 0,
    maxAttempts,
    retryAtMs: null,
    connectionId: null,
    tokenExpiresAtMs: null,
    exactlyOnce: false,
    error,
  };
}

/** Returns `before` if nothing differs, else `after`, frozen: a snapshot must not change in vain. */
export function replaceStatus(before: Status, after: Status): Status {
  return isSame(before, after) ? before : freezeStatus(after);
}

/** Freezes a status and what is in it. */
export function freezeStatus(status: Status): Status {
  if (status.error !== null) Object.freeze(status.error);
  return Object.freeze(status);
}

function isSame(a: Status, b: Status): boolean {
  return (
    a.state === b.state &&
    a.readyState === b.readyState &&
    a.attempt === b.attempt &&
    a.maxAttempts === b.maxAttempts &&
    a.retryAtMs === b.retryAtMs &&
    a.connectionId === b.connectionId &&
    a.tokenExpiresAtMs === b.tokenExpiresAtMs &&
    a.exactlyOnce === b.exactlyOnce &&
    a.error?.code === b.error?.code &&
    a.error?.message === b.error?.message &&
    a.role === b.role &&
    a.aloneReason === b.aloneReason
  );
}
