/** Where the server is, seen from this page. */

import { OneSocketError } from "./error.js";

/**
 * Resolves the URL of checked options in this page.
 *
 * Throws `unsupported` where there is no page with an origin.
 */
export function resolveUrl(url: string): string {
  if (!url.startsWith("/")) return url;
  const resolved = parseUrl(url, pageOrigin());
  if (resolved !== undefined) return toWebSocket(resolved);
  throw new OneSocketError(
    "unsupported",
    "The url is a path, and there is no page here on whose origin it could be. Write the whole URL.",
  );
}

/** Writes a URL with the scheme that a WebSocket has. */
export function toWebSocket(url: URL): string {
  return url.href.replace(/^http/, "ws");
}

/** Says whether a URL's scheme means a WebSocket, as it is or once it is written as one. */
export function hasSocketScheme(url: URL): boolean {
  return ["ws:", "wss:", "http:", "https:"].includes(url.protocol);
}

/** Says whether a URL has a fragment, which browsers refuse. Not `hash`, which is empty for a lone "#". */
export function hasFragment(url: URL): boolean {
  return url.href.includes("#");
}

/** Reads a URL; `undefined` if it is none. (`URL.canParse` is younger than many browsers in use.) */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function pageOrigin(): string | undefined {
  // A frame without a URL of its own (`srcdoc`, `blob:`) has the origin of its maker, and a sandboxed
  // one has a URL and no origin.
  const { location, origin } = globalThis as { location?: Location; origin?: string };
  return [location?.origin, location?.href, origin].find((base) => base?.startsWith("http"));
}
