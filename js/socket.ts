/** The sockets: the browser's own, or the application's. */

import { OneSocketError } from "./error.js";

/** What a `WebSocket` of the application must have: the browser's interface, as far as it is used. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: never): void;
  close(code?: number, reason?: string): void;
}

/** A constructor of sockets: the browser's `WebSocket`, that of the package `ws`, or one of your own. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/**
 * Returns what makes the sockets of a client: the constructor that was given, or the one that there is
 * at that moment.
 *
 * Throws `unsupported` where there is none.
 */
export function socketMaker(
  given: WebSocketConstructor | undefined,
): (url: string, protocols: string[]) => WebSocketLike {
  constructorOf(given);
  return (url, protocols) => {
    const socket = new (constructorOf(given))(url, protocols);
    // A close follows every error and tells all that there is to know. Without a listener the package
    // ws would throw the error.
    socket.onerror = () => {};
    return socket;
  };
}

function constructorOf(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given ?? globalThis.WebSocket;
  if (found !== undefined) return found as WebSocketConstructor;
  throw new OneSocketError(
    "unsupported",
    "There is no WebSocket here. Browsers, workers, Node 22, Deno and Bun have one. In Node 20 give " +
      "the one of the package ws: createClient({ WebSocket, … }).",
  );
}
