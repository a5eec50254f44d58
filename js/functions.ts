/** The functions that an application gives: each render and each hot reload makes new ones. */

import { decoded } from "./decode.js";
import { type ClientOptions, LOG_METHODS, type Settings } from "./options.js";
import type { WebSocketConstructor, WebSocketLike } from "./socket.js";
import { PLACES } from "./wire.js";

/** The options that are functions, or have them. */
export type Functions = Pick<Settings, "getToken" | "decode" | "wire" | "WebSocket" | "logger">;

/** Returns those of options, which need not be checked. */
export function functionsOf({ getToken, decode, wire, WebSocket, logger }: ClientOptions): Functions {
  return { getToken, decode, wire: wire === "onesocket" ? undefined : wire, WebSocket, logger };
}

/** Returns the newer functions; one that is missing replaces none. */
export function newest(made: Functions, newer: Functions): Functions {
  return {
    getToken: newer.getToken ?? made.getToken,
    decode: newer.decode ?? made.decode,
    wire: newer.wire ?? made.wire,
    WebSocket: newer.WebSocket ?? made.WebSocket,
    logger: newer.logger ?? made.logger,
  };
}

/** Returns functions that call the newest ones. */
export function forwardTo(first: Functions, current: () => Functions): Functions {
  const { getToken, decode, wire, WebSocket, logger } = first;
  // Constructs what it returns, as any function does that returns an object.
  function construct(url: string, protocols: string[]): WebSocketLike {
    const Newest = current().WebSocket ?? globalThis.WebSocket;
    return new Newest(url, protocols);
  }
  return {
    getToken: getToken && ((request) => (current().getToken ?? getToken)(request)),
    decode: decode && ((data) => decoded(current().decode ?? decode, data)),
    wire: wire && forward(wire, PLACES, () => current().wire),
    WebSocket: WebSocket && (construct as unknown as WebSocketConstructor),
    logger: logger && forward(logger, LOG_METHODS, () => current().logger),
  };
}

/** Returns an object with the methods of `first`, which call those of the newest one that has them. */
function forward<T extends object>(
  first: T,
  names: readonly (keyof T & string)[],
  current: () => T | undefined,
): T {
  const methods = names.filter((name) => first[name] !== undefined);
  const call =
    (name: keyof T) =>
    (...values: unknown[]): unknown => {
      const found = current();
      const target = found?.[name] === undefined ? first : found;
      return (target as Record<keyof T, (...values: unknown[]) => unknown>)[name](...values);
    };
  return Object.fromEntries(methods.map((name) => [name, call(name)])) as T;
}
