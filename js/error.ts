import type { ErrorCode } from "./error_code.js";

export type { ErrorCode };

/**
 * Every error of this package: a stable {@link OneSocketError.code | code} for programs and a
 * sentence that names the fix for people. It never contains a token.
 */
export class OneSocketError extends Error {
  /** By which one of another copy of this package is known too. */
  override readonly name = "OneSocketError";

  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  /**
   * The messages that were accepted by `send()` and will not be delivered, oldest first: strings,
   * and a `Uint8Array` for what was binary. `undefined` where no message was lost.
   */
  readonly undelivered: readonly unknown[] | undefined;

  /**
   * @param code - For programs.
   * @param message - For people: what happened and what to do.
   * @param more - `undelivered`: messages that were lost with it; `cause`: what led to it.
   */
  constructor(
    code: ErrorCode,
    message: string,
    more: { undelivered?: readonly unknown[] | undefined; cause?: unknown } = {},
  ) {
    super(message, "cause" in more ? { cause: more.cause } : undefined);
    this.code = code;
    this.undelivered = more.undelivered;
  }

  /** Knows an error of another copy of this package by its name: `instanceof` means what it says. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const isOurs = Function.prototype[Symbol.hasInstance].call(this, value);
    return isOurs || (this === OneSocketError && nameOf(value) === "OneSocketError");
  }
}

/** Returns the name of an error, of another window's too; `undefined` for what is none. */
export function nameOf(thrown: unknown): string | undefined {
  const isError = thrown instanceof Error || /Error|DOMException/.test(Object.prototype.toString.call(thrown));
  try {
    return isError ? String((thrown as Error).name) : undefined;
  } catch {
    return "an Error";
  }
}

/**
 * For `getToken` to throw when nobody is signed in any more. The connection then fails at once with
 * `unauthorized`, instead of asking again; resolving to `null` says the same.
 */
export class NotAuthenticated extends Error {
  /** By which one of another copy of this package is known too. */
  override readonly name = "NotAuthenticated";

  /** @param message - For the application's own use. */
  constructor(message = "Nobody is signed in.") {
    super(message);
  }
}

/**
 * For `getToken` to throw when its endpoint says when to come back, as one does that answers 429
 * with `Retry-After`: it is not asked again before that, unless a person calls `connect()` or
 * `refreshToken()`.
 */
export class RetryLater extends Error {
  /** By which one of another copy of this package is known too. */
  override readonly name = "RetryLater";

  /** After how many milliseconds to ask again. */
  readonly afterMs: number;

  /**
   * @param afterMs - After how many milliseconds to ask again; more than a day counts as a day.
   * @param message - For the application's own use.
   */
  constructor(afterMs: number, message = "There is no token now.") {
    super(message);
    this.afterMs = afterMs;
  }
}

/**
 * Tells the page of an error in the application's own code, as an uncaught one would be told. Never
 * throws, even where the page has a `reportError` of its own that does.
 */
export function report(error: unknown): void {
  // Node has no `reportError`.
  if (typeof reportError !== "function") {
    throwLater(error);
    return;
  }
  try {
    reportError(error);
  } catch (thrown) {
    throwLater(error);
    throwLater(thrown);
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Calls a function of the application's; what it throws or rejects with reaches the page, not us. */
export function callOut<T>(callback: (value: T) => unknown, value: T): void {
  try {
    const result = callback(value);
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}
