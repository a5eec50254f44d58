/**
 * One WebSocket connection per user, and it stays.
 *
 * Importing this does nothing, on a server too. The wasm is in the script; the first `connect()` makes
 * its instance.
 *
 * @packageDocumentation
 */

import { Face } from "./face.js";
import { WasmClient } from "./wasm_client.js";
import { type ClientOptions, readOptions } from "./options.js";
import type { Client, Sendable } from "./types.js";

/**
 * Makes a client. It starts nothing and needs nothing of a browser, so it is safe on a server;
 * `connect()` or `hold()` start it.
 *
 * `T` is what messages carry, `S` what `send()` takes where {@link PlainWire.encode} makes it.
 *
 * Throws a {@link OneSocketError} with the code `invalid-options` that names all faults together.
 */
export function createClient<T = unknown, S = Sendable>(options: ClientOptions<T>): Client<T, S> {
  return new Face(new WasmClient(readOptions(options))) as Client<T, S>;
}

export type { Accepted, Checked, Decode, Faulty, Issue, PathSegment, Schema } from "./decode.js";
export { type ErrorCode, NotAuthenticated, OneSocketError, RetryLater } from "./error.js";
export type {
  ClientOptions,
  HeartbeatOptions,
  Logger,
  QueueOptions,
  ReconnectOptions,
  RefreshOptions,
  WhenFailed,
} from "./options.js";
export { connect } from "./shared_clients.js";
export type { WebSocketConstructor, WebSocketLike } from "./socket.js";
export type { Stats } from "./stats.js";
export type { AloneReason, ReadyState, Role, State, Status, StatusError } from "./status.js";
export type { GetToken, TokenAnswer, TokenRequest } from "./tokens.js";
export type {
  Client,
  ConnectOptions,
  Events,
  Message,
  Sendable,
  StateChange,
  TokenEvent,
} from "./types.js";
export type { PlainWire, RetryAdvice } from "./wire.js";
