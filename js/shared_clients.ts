/** The clients that the parts of a page share. */

import { OneSocketError } from "./error.js";
import { Face } from "./face.js";
import { WasmClient } from "./wasm_client.js";
import { forwardTo, newest } from "./functions.js";
import { type ClientOptions, differences, readOptions, type Settings } from "./options.js";
import type { Client, Sendable } from "./types.js";
import { resolveUrl } from "./url.js";

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
 * The newest functions (`getToken`, `decode`, those of `wire` and `logger`, `WebSocket`) replace the old ones; one
 * that is missing replaces none. `close()` is everybody's close. For another user call
 * `free()` on the client first: it is then forgotten, and the next `connect()` makes a new one.
 *
 * Rejects with a {@link OneSocketError}: `invalid-options` that names all faults, or the options that
 * differ from those with which the client was made; else as {@link Client.connect} does.
 */
export async function connect<T = unknown, S = Sendable>(
  options: ClientOptions<T>,
): Promise<Client<T, S>> {
  const client = clientFor(options);
  await client.connect();
  return client as Client<T, S>;
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
  found.settings = { ...settings, ...newest(made, settings) };
  return found.client;
}

function share(url: string, settings: Settings): Shared {
  const functions = forwardTo(settings, () => entry.settings);
  const client = new WasmClient({ ...settings, ...functions, url }, () => registry().delete(url));
  const entry: Shared = { client: new Face(client), settings };
  registry().set(url, entry);
  return entry;
}
