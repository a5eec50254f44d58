/** The clients that the parts of a page share. */

import { OneSocketError } from "./error.js";
import { Face } from "./face.js";
import { WasmClient } from "./wasm_client.js";
import {
  type ClientOptions,
  differences,
  LOG_METHODS,
  readOptions,
  type Settings,
} from "./options.js";
import type { WebSocketConstructor, WebSocketLike } from "./socket.js";
import type { Client } from "./types.js";
import { resolveUrl } from "./url.js";
import { PLACES } from "./wire.js";

interface Shared {
  readonly client: Client;
  /** With the newest functions. */
  settings: Settings;
}

/**
 * The page's clients, by URL. It is the page's, not this module's: two copies of the package (two
 * versions in two chunks, a module beside a bundle) would open a socket each, and the server would let
 * each replace the other. The number stands for the shape of what is in it.
 */
const REGISTRY = Symbol.for("onesocket.clients.1");

function registry(): Map<string, Shared> {
  const page = globalThis as { [REGISTRY]?: Map<string, Shared> };
  return (page[REGISTRY] ??= new Map());
}

/**
 * Connects, and resolves with the client once it is connected. There is one client for a URL in a
 * page, whoever asks: who asks again gets the same one, connected again if it was not.
 *
 * The newest functions (`getToken`, those of `wire` and `logger`, `WebSocket`) replace the old ones; one
 * that is missing replaces none. `close()` is everybody's close. For another user call
 * `free()` on the client first: it is then forgotten, and the next `connect()` makes a new one.
 *
 * Rejects with a {@link OneSocketError}: `invalid-options` that names all faults, or the options that
 * differ from those with which the client was made; else as {@link Client.connect} does.
 */
export async function connect(options: ClientOptions): Promise<Client> {
  const client = clientFor(options);
  await client.connect();
  return client;
}

/** Returns the page's client for the URL in the options; makes it if there is none. */
export function clientFor(options: ClientOptions): Client {
  const settings = readOptions(options);
  const url = resolveUrl(settings.url);
  const found = registry().get(url) ?? share(url, settings);
  const { settings: made } = found;
  const differing = differences(made, settings);
  if (differing.length > 0) {
    throw new OneSocketError(
      "invalid-options",
      `There is a client for this url with other options (${differing.join(", ")}). Use the same ` +
        "ones, or free() that client first.",
    );
  }
  found.settings = {
    ...settings,
    getToken: settings.getToken ?? made.getToken,
    WebSocket: settings.WebSocket ?? made.WebSocket,
    logger: settings.logger ?? made.logger,
  };
  return found.client;
}

function share(url: string, settings: Settings): Shared {
  const forwarding = forwardTo(settings, () => entry.settings);
  const client = new WasmClient({ ...forwarding, url }, () => registry().delete(url));
  const entry: Shared = { client: new Face(client), settings };
  registry().set(url, entry);
  return entry;
}

/** Returns the settings with functions that call the newest ones. */
function forwardTo(settings: Settings, newest: () => Settings): Settings {
  const { getToken, wire, WebSocket, logger } = settings;
  // Constructs what it returns, as any function does that returns an object.
  function construct(url: string, protocols: string[]): WebSocketLike {
    const Newest = newest().WebSocket ?? globalThis.WebSocket;
    return new Newest(url, protocols);
  }
  return {
    ...settings,
    getToken: getToken && ((request) => (newest().getToken ?? getToken)(request)),
    wire: wire && forward(wire, PLACES, () => newest().wire),
    WebSocket: WebSocket && (construct as unknown as WebSocketConstructor),
    logger: logger && forward(logger, LOG_METHODS, () => newest().logger),
  };
}

/** Returns an object with the methods of `first`, which call those of the newest one. */
function forward<T extends object>(
  first: T,
  names: readonly (keyof T & string)[],
  newest: () => T | undefined,
): T {
  const methods = names.filter((name) => first[name] !== undefined);
  const call =
    (name: keyof T) =>
    (...values: unknown[]): unknown =>
      ((newest() ?? first) as Record<keyof T, (...values: unknown[]) => unknown>)[name](...values);
  return Object.fromEntries(methods.map((name) => [name, call(name)])) as T;
}
