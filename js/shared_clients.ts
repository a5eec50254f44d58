/** The clients that the parts of a page share. */

import { OneSocketError } from "./error.js";
import { WasmClient } from "./wasm_client.js";
import { type ClientOptions, differences, readOptions, type Settings } from "./options.js";
import type { GetToken } from "./tokens.js";
import type { Client } from "./types.js";
import { resolveUrl } from "./url.js";

interface Shared {
  readonly client: WasmClient;
  readonly settings: Settings;
  getToken: GetToken | undefined;
}

/** The page's clients, by URL. */
const shared = new Map<string, Shared>();

/**
 * Connects, and resolves with the client once it is connected. There is one client for a URL in a
 * page, whoever asks: who asks again gets the same one, connected again if it was not.
 *
 * The newest `getToken` replaces the old one. `close()` is everybody's close. For another user call
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
  const found = shared.get(url) ?? share(url, settings);
  const differing = differences(found.settings, settings);
  if (differing.length > 0) {
    throw new OneSocketError(
      "invalid-options",
      `There is a client for this url with other options (${differing.join(", ")}). Use the same ` +
        "ones, or free() that client first.",
    );
  }
  found.getToken = settings.getToken ?? found.getToken;
  return found.client;
}

function share(url: string, settings: Settings): Shared {
  const { getToken } = settings;
  const entry: Shared = {
    settings,
    getToken,
    client: new WasmClient(
      {
        ...settings,
        url,
        getToken: getToken && ((request) => (entry.getToken ?? getToken)(request)),
      },
      () => shared.delete(url),
    ),
  };
  shared.set(url, entry);
  return entry;
}
