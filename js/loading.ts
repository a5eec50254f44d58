/** Loads the wasm module: the one file that knows the generated glue. */

import type { Glue } from "./core.js";
import { OneSocketError } from "./error.js";

let loading: Promise<Glue> | undefined;

/**
 * Loads the wasm, once a page. A load that failed is forgotten, so that the next call tries again.
 *
 * Rejects with `unsupported`.
 */
export function load(): Promise<Glue> {
  loading ??= fetchGlue().catch((cause: unknown) => {
    loading = undefined;
    throw cause instanceof OneSocketError ? cause : failure(cause);
  });
  return loading;
}

async function fetchGlue(): Promise<Glue> {
  for (const needed of ["WebSocket", "WebAssembly"] as const) {
    if (globalThis[needed] === undefined) {
      throw new OneSocketError(
        "unsupported",
        `There is no ${needed} here. Call connect() in a browser's page; on a server, leave the ` +
          "client alone.",
      );
    }
  }
  const glue: Glue = await import("./wasm/onesocket.js");
  await glue.default();
  return glue;
}

function failure(cause: unknown): OneSocketError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new OneSocketError(
    "unsupported",
    `The wasm module could not be loaded (${said}). Serve onesocket_bg.wasm beside its script with ` +
      "the MIME type application/wasm, and where there is a Content-Security-Policy allow " +
      "'wasm-unsafe-eval' in its script-src. Then call connect() again.",
    { cause },
  );
}
