/** The wasm in the script: the one file that knows the generated glue, and how the bytes are written. */

import type { Glue } from "./core.js";
import { OneSocketError } from "./error.js";
import { FREQUENT, TEXT } from "./wasm/bytes.js";
import { Core, start } from "./wasm/onesocket.js";

let core: Glue["Core"] | undefined;

/**
 * Returns the class of the machine. The first call makes the module and its instance; one that fails
 * is forgotten, so that the next one tries again.
 *
 * Throws `unsupported` where there is no WebAssembly, or where the page forbids it.
 */
export function coreClass(): Glue["Core"] {
  if (core !== undefined) return core;
  if (globalThis.WebAssembly === undefined) {
    throw new OneSocketError(
      "unsupported",
      "There is no WebAssembly here. Browsers, workers, Node, Deno and Bun have it; React Native's " +
        "Hermes and browsers in lockdown mode do not.",
    );
  }
  try {
    start(new WebAssembly.Module(decode(TEXT, FREQUENT)));
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new OneSocketError(
      "unsupported",
      `The wasm module cannot be made here (${said}). Where there is a Content-Security-Policy, ` +
        "allow 'wasm-unsafe-eval' in its script-src. Then call connect() again.",
      { cause },
    );
  }
  core = Core;
  return core;
}

/**
 * Reads bytes as `xtask/src/build/script.rs` writes them: a letter for each of the frequent ones, `}`
 * or `~` and a letter for each of the rest.
 */
export function decode(text: string, frequent: string): Uint8Array<ArrayBuffer> {
  const common = (frequent.match(/../g) ?? []).map((hex) => parseInt(hex, 16));
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const rare = all.filter((byte) => !common.includes(byte));
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < RARE_FIRST) {
      bytes[length] = common[place(code)] as number;
    } else {
      at += 1;
      const skipped = code === RARE_FIRST ? 0 : common.length;
      bytes[length] = rare[skipped + place(text.charCodeAt(at))] as number;
    }
    length += 1;
  }
  return bytes.slice(0, length);
}

/** The first of the two letters that stand before a rare byte. */
const RARE_FIRST = 0x7d;

/** The place of a letter among those from `#` to `|` but `\` and the backquote. */
function place(code: number): number {
  return code - 0x23 - (code > 0x5c ? 1 : 0) - (code > 0x60 ? 1 : 0);
}
