import { nameOf, NotAuthenticated, RetryLater } from "./error.js";
import { isNumber, lifeOfJwt } from "./jwt.js";
import { fitsUtf8 } from "./utf8.js";

/** What `getToken` may answer; `null`: nobody is signed in. */
export type TokenAnswer =
  | string
  | {
      /** The token: 1 byte to 16 KiB of ASCII, without spaces and line breaks. */
      readonly token: string;
      /**
       * How long it lives from now, in milliseconds. What the server says counts more; where neither
       * says anything, the `exp` of a JWT does.
       */
      readonly expiresInMs?: number;
    }
  | null;

/** What `getToken` is asked. */
export interface TokenRequest {
  /** Whether the token is for a new connection or for the one that is open. */
  readonly reason: "connect" | "refresh";
  /** Fires when the answer is not wanted any more: hand it to `fetch()`. */
  readonly signal: AbortSignal;
}

/** The application's function that fetches a token. */
export type GetToken = (request: TokenRequest) => TokenAnswer | Promise<TokenAnswer>;

/** What came of asking. No message holds what was answered. */
export type TokenResult =
  | { readonly kind: "token"; readonly token: string; readonly expiresInMs: number | undefined }
  | { readonly kind: "none" }
  | { readonly kind: "later"; readonly afterMs: number }
  | { readonly kind: "failed"; readonly message: string };

/** A token travels in a header; servers take 16 KiB of headers, many only 8. */
const MAX_TOKEN_BYTES = 16 * 1024;
const MAX_NAME = 64;

/** Asks `getToken`, and drops the answers to what is not asked any more. */
export class Tokens {
  readonly #getToken: GetToken;
  readonly #answered: (fetch: number, result: TokenResult) => void;
  readonly #warn: (text: string) => void;
  readonly #asked = new Map<number, AbortController>();
  #hasWarned = false;

  constructor(
    getToken: GetToken,
    answered: (fetch: number, result: TokenResult) => void,
    warn: (text: string) => void,
  ) {
    this.#getToken = getToken;
    this.#answered = answered;
    this.#warn = warn;
  }

  /**
   * Asks. Not at once but in a microtask: no code of the application's runs inside the machine, and
   * an attempt that is given up in the same tick costs no token.
   */
  ask(fetch: number, reason: "connect" | "refresh"): void {
    const controller = new AbortController();
    this.#asked.set(fetch, controller);
    queueMicrotask(() => {
      if (!controller.signal.aborted) void this.#run(fetch, reason, controller.signal);
    });
  }

  /** Fires the signal of that fetch; its answer is dropped. */
  abort(fetch: number): void {
    const controller = this.#asked.get(fetch);
    this.#asked.delete(fetch);
    controller?.abort();
  }

  /** Aborts whatever is asked. */
  abortAll(): void {
    for (const fetch of this.#asked.keys()) this.abort(fetch);
  }

  async #run(fetch: number, reason: "connect" | "refresh", signal: AbortSignal): Promise<void> {
    let result: TokenResult;
    try {
      const answer = await this.#getToken({ reason, signal });
      result = readAnswer(answer);
      const doubt = this.#hasWarned ? undefined : doubtOf(answer);
      if (doubt !== undefined) {
        this.#hasWarned = true;
        this.#warn(doubt);
      }
    } catch (thrown) {
      result = readThrown(thrown);
    }
    if (this.#asked.delete(fetch)) this.#answered(fetch, result);
  }
}

/** A life below is probably in seconds, as `expires_in` of OAuth 2 is: of an hour that is 3600. */
const SHORT_LIFE_MS = 5000;
/** A life above is probably a point in time, as `exp` of a JWT or `Date.now()` is: 10 years. */
const LONG_LIFE_MS = 10 * 365 * 24 * 3600 * 1000;

/** Says what is implausible about the life that `getToken` names; it is taken all the same. */
export function doubtOf(answer: unknown): string | undefined {
  const { expiresInMs: life } = (answer ?? {}) as { expiresInMs?: unknown };
  if (!isNumber(life) || life <= 0 || (life >= SHORT_LIFE_MS && life <= LONG_LIFE_MS)) return undefined;
  const likely = life < SHORT_LIFE_MS ? "seconds, as OAuth has them (times 1000 then)" : "a point in time";
  return `🔌 expiresInMs is in milliseconds from now, and ${life} is implausible. Is it ${likely}?`;
}

/** Makes sense of what `getToken` answered. */
export function readAnswer(answer: unknown): TokenResult {
  if (answer === null) return { kind: "none" };
  if (typeof answer === "string") return readToken(answer, undefined);
  if (typeof answer !== "object") {
    return failed(`answered ${answer === undefined ? "undefined" : `a ${typeof answer}`}`);
  }
  const { token, expiresInMs } = answer as { token?: unknown; expiresInMs?: unknown };
  if (typeof token !== "string") return failed("answered an object whose token is no string");
  // JSON has no undefined, so a server may say null.
  return readToken(token, expiresInMs ?? undefined);
}

/**
 * Makes sense of what `getToken` threw. What an error says is not repeated: a SyntaxError of JSON
 * quotes what was to be read, which may be a token, and so may the application's own.
 */
export function readThrown(thrown: unknown): TokenResult {
  const name = nameOf(thrown)?.slice(0, MAX_NAME);
  // The name, for the application may have got its class from another copy of this package.
  if (thrown instanceof NotAuthenticated || name === "NotAuthenticated") return { kind: "none" };
  if (name === undefined) return failed("threw what is no Error");
  if (thrown instanceof RetryLater || name === "RetryLater") return readLater(thrown);
  const reason = "what it says is not repeated here, for a token may be in it";
  return { kind: "failed", message: `getToken failed with ${name}; ${reason}` };
}

function readLater(thrown: unknown): TokenResult {
  const { afterMs } = thrown as { afterMs?: unknown };
  if (isNumber(afterMs) && afterMs >= 0) {
    return { kind: "later", afterMs };
  }
  return failed("threw RetryLater with what is no number of milliseconds");
}

function readToken(token: string, expiresInMs: unknown): TokenResult {
  if (token === "") return failed("answered an empty token");
  if (!fitsUtf8(token, MAX_TOKEN_BYTES)) {
    return failed(`answered a token of more than ${MAX_TOKEN_BYTES} bytes`);
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    return failed("answered a token with a space, a line break or what is not ASCII");
  }
  if (expiresInMs === undefined) {
    return { kind: "token", token, expiresInMs: lifeOfJwt(token, Date.now()) };
  }
  if (isNumber(expiresInMs) && expiresInMs > 0) {
    return { kind: "token", token, expiresInMs };
  }
  return failed("answered an expiresInMs that is no positive number of milliseconds");
}

function failed(what: string): TokenResult {
  // The machine writes it into a sentence of its own.
  const expected = "it must answer a token, { token, expiresInMs } or null";
  return { kind: "failed", message: `getToken ${what}; ${expected}` };
}
