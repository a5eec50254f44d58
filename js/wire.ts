/** Wires of the application's own: what they may say, and how it reaches the machine. */

import { readSendable } from "./validate.js";
import type { Answer, CoreWire } from "./core.js";
import { OneSocketError, report } from "./error.js";
import type { Sendable } from "./types.js";
import { hasFragment, hasSocketScheme, parseUrl, resolveUrl, toWebSocket } from "./url.js";

/**
 * What the client may do after a close: not come back by itself; come back under the usual rules; come
 * back once, at once, with a token that was just fetched.
 */
export type RetryAdvice = "never" | "soon" | "fresh-token";

/**
 * Any WebSocket server. Messages pass as they are, text and binary, and the connection counts as
 * connected once the socket is open. All else has its place only if you give it one. A token is the
 * empty string where there is no `getToken`.
 *
 * Such a server answers nothing: what was sent counts as delivered, and `undelivered` means unsent.
 * `join()`, `leave()` and `publish()` reject with `unsupported`.
 */
export interface PlainWire {
  /**
   * Where to connect, in place of the option `url`: as that may be, a path on this origin included.
   * A token in a URL ends up in access logs; prefer one of the other places.
   */
  readonly url?: (token: string) => string | URL;
  /** The subprotocols to offer; of characters that a header's token may have (RFC 6455, 4.1). */
  readonly protocols?: (token: string) => string[];
  /** The first message of every socket, before any that waits. */
  readonly hello?: (token: string) => Sendable;
  /**
   * Says whether a message means that the server has taken the client in, as an `auth_ok` does. Until
   * one does, the client is `connecting` and what is sent waits; an attempt for which none does within
   * 10 s has failed. Listeners hear that message, and those before it. Without this the client is
   * connected as soon as the socket is open.
   */
  readonly ready?: (data: unknown) => boolean;
  /**
   * The message that brings a new token, so that no reconnect is needed. Without it the token is
   * refreshed at the next reconnect.
   */
  readonly refresh?: (token: string) => Sendable;
  /**
   * The message by which the server is asked for a sign of life: after `heartbeat.intervalMs` (25 s)
   * without anything from it, and when the page wakes up. Anything that comes within
   * `heartbeat.timeoutMs` will do. Without it a silent connection is held to be dead only where
   * `heartbeat.intervalMs` says how often the server speaks; one that closes within 2 s after the page
   * has woken up is replaced at once either way.
   */
  readonly ping?: () => Sendable;
  /** Says whether a message is only the answer to a ping: then no listener is told of it. */
  readonly isPong?: (data: unknown) => boolean;
  /**
   * The answer to a message of the server that wants one, its ping for example: it is sent at once, and
   * no listener is told of the message. `undefined` for every other message.
   */
  readonly answer?: (data: unknown) => Sendable | undefined;
  /**
   * Makes what goes over the wire of what {@link Client.send} is given, which may then be anything:
   * `encode: JSON.stringify`. What it throws is the `cause` of an `invalid-message` that `send()` throws.
   */
  readonly encode?: (data: unknown) => Sendable;
  /**
   * Says what a close code means; `undefined` for the usual meaning, by which 1000 is final. Servers
   * often end with 1000 whenever they restart: then answer "soon".
   */
  readonly retry?: (code: number) => RetryAdvice | undefined;
}

/** The places that a wire has. */
export const PLACES = [
  "url",
  "protocols",
  "hello",
  "ready",
  "refresh",
  "ping",
  "isPong",
  "answer",
  "encode",
  "retry",
] as const;

/** Those at which a token can reach the server for a new socket. */
export const TOKEN_PLACES = ["url", "protocols", "hello"] as const;

/** In the order in which the machine knows them. */
const ADVICE: readonly unknown[] = ["never", "soon", "fresh-token"] satisfies RetryAdvice[];

/** Makes what the machine asks, out of checked options. */
export function makeWire(wire: PlainWire): CoreWire {
  return {
    pings: wire.ping !== undefined,
    refreshes: wire.refresh !== undefined,
    agrees: wire.ready !== undefined,
    open: (url, token) =>
      answer(() => ({
        url: wire.url ? readUrl(ask(wire, "url", token)) : url,
        protocols: wire.protocols ? readProtocols(ask(wire, "protocols", token)) : [],
        ...(wire.hello && { message: readMessage("hello", ask(wire, "hello", token)) }),
      })),
    refresh: (token) => answer(() => ({ message: readMessage("refresh", ask(wire, "refresh", token)) })),
    ping: () => harmless(() => readMessage("ping", wire.ping?.())),
    isReady: (data) => harmless(() => wire.ready?.(data)) === true,
    isPong: (data) => harmless(() => wire.isPong?.(data)) === true,
    retry: (code) => harmless(() => readAdvice(wire.retry?.(code))) ?? 0,
  };
}

/** Returns what a message of the server is to be answered with, if it is to be answered. */
export function answerTo({ answer: reply }: PlainWire, data: unknown): string | Uint8Array | undefined {
  return harmless(() => {
    const said = reply?.(data);
    return said === undefined ? undefined : readMessage("answer", said);
  });
}

/**
 * Makes what goes over the wire of what the application sends.
 *
 * Throws `invalid-message`.
 */
export function encoded({ encode }: PlainWire, data: unknown): Sendable {
  try {
    return encode === undefined ? (data as Sendable) : encode(data);
  } catch (cause) {
    throw new OneSocketError("invalid-message", "wire.encode() threw an error.", { cause });
  }
}

/** Answers the machine, or says what is wrong with what the application has answered. */
function answer<T>(work: () => T): Answer<T> {
  try {
    return work();
  } catch (error) {
    return { fault: (error as OneSocketError).message };
  }
}

/** Asks the application. What it throws is reported as it is, and not quoted: a token may be in it. */
function ask(wire: PlainWire, place: "url" | "protocols" | "hello" | "refresh", token: string): unknown {
  try {
    return wire[place]?.(token);
  } catch (thrown) {
    report(thrown);
    throw fault(place, "threw an error, which was reported");
  }
}

/** Asks the application for something without which it goes on all the same. */
function harmless<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch (thrown) {
    report(thrown);
    return undefined;
  }
}

function readUrl(answer: unknown): string {
  const text = typeof answer === "string" || answer instanceof URL ? String(answer) : "";
  if (text.startsWith("/")) return resolveUrl(text);
  const url = parseUrl(text);
  if (url !== undefined && hasSocketScheme(url) && !hasFragment(url)) return toWebSocket(url);
  throw fault("url", "must answer a ws:, wss:, http: or https: URL without a fragment, or a path");
}

function readProtocols(answer: unknown): string[] {
  const good = Array.isArray(answer) && answer.every((protocol) => typeof protocol === "string");
  if (good) return answer;
  throw fault("protocols", "must answer a list of strings");
}

function readMessage(place: string, answer: unknown): string | Uint8Array {
  try {
    const message = readSendable(answer as Sendable);
    // The application may go on to change its buffer.
    return message.slice();
  } catch {
    throw fault(place, "must answer a string, an ArrayBuffer or a view of one");
  }
}

function readAdvice(answer: unknown): number {
  if (answer === undefined || ADVICE.includes(answer)) return ADVICE.indexOf(answer) + 1;
  throw fault("retry", 'must answer "never", "soon", "fresh-token" or undefined');
}

function fault(place: string, what: string): OneSocketError {
  return new OneSocketError("invalid-options", `wire.${place}() ${what}.`);
}
