/** The sockets: the browser's own, or the application's. */

import { OneSocketError } from "./error.js";

/** What a `WebSocket` of the application must have: the browser's interface, as far as it is used. */
export interface WebSocketLike {
  /** Set to `arraybuffer`: then bytes come as an `ArrayBuffer`. */
  binaryType: string;
  /** Called once the connection is established; `protocol` is then what the server has chosen. */
  onopen: ((event: never) => unknown) | null;
  /** Called with each message, as the `data` of an event: a string or an `ArrayBuffer`. */
  onmessage: ((event: never) => unknown) | null;
  /** Called where something has failed. A close follows, or `readyState` is 3. */
  onerror: ((event: never) => unknown) | null;
  /** Called once, with the `code` and the `reason` of the close. */
  onclose: ((event: never) => unknown) | null;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** How many bytes it has taken and not sent yet. */
  readonly bufferedAmount: number;
  /** Sends a string or a `Uint8Array`. */
  send(data: never): void;
  /** Begins the closing handshake, with a code and a reason where they are given. */
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
