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

/** Throws `unsupported` where there are no sockets, neither of a given constructor nor of the global one. */
export function requireSockets(given: WebSocketConstructor | undefined): void {
  if ((given ?? globalThis.WebSocket) !== undefined) return;
  throw new OneSocketError(
    "unsupported",
    "There is no WebSocket here. Browsers, workers, Node 22, Deno and Bun have one. In Node 20 give " +
      "the one of the package ws: createClient({ WebSocket, … }).",
  );
}
