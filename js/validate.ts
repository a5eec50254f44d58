/** Whether what is to be said can be said. Each check returns what is wrong, or `undefined`. */

import type { Json } from "./core.js";
import { OneSocketError } from "./error.js";
import type { Sendable } from "./types.js";
import { fitsUtf8, utf8Length } from "./utf8.js";

const MAX_GROUP_BYTES = 128;
/** A close frame holds 125 bytes (RFC 6455, section 5.5), two of which are the code. */
const MAX_REASON_BYTES = 123;

/** Says what is wrong with the name of a group. */
export function groupFault(group: unknown): OneSocketError | undefined {
  // A lone surrogate has no UTF-8: it would arrive as another name.
  const good =
    typeof group === "string" &&
    group !== "" &&
    fitsUtf8(group, MAX_GROUP_BYTES) &&
    !/[\p{Cc}\p{Cs}]/u.test(group);
  if (good) return undefined;
  return new OneSocketError(
    "invalid-message",
    `The name of a group is a string of 1 to ${MAX_GROUP_BYTES} bytes of UTF-8 without control characters.`,
  );
}

/** Says what is wrong with the arguments of `close()`: browsers throw at what is not allowed. */
export function closeFault(code: unknown, reason: unknown): OneSocketError | undefined {
  const number = code as number;
  const inRange = code === 1000 || (Number.isInteger(code) && number >= 3000 && number <= 4999);
  if (code !== undefined && !inRange) {
    return new OneSocketError("invalid-options", "The code of close() is 1000 or 3000 to 4999.");
  }
  if (reason === undefined || (typeof reason === "string" && fitsUtf8(reason, MAX_REASON_BYTES))) {
    return undefined;
  }
  return new OneSocketError(
    "invalid-options",
    `The reason of close() is a string of at most ${MAX_REASON_BYTES} bytes of UTF-8.`,
  );
}

/**
 * Turns what `send()` was given into text or a view of the same memory.
 *
 * Throws `invalid-message`.
 */
export function readSendable(data: Sendable): string | Uint8Array {
  if (typeof data === "string") return data;
  if (isTagged(data, "ArrayBuffer")) return new Uint8Array(data as ArrayBuffer);
  if (ArrayBuffer.isView(data) && !isTagged(data.buffer, "SharedArrayBuffer")) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  throw new OneSocketError(
    "invalid-message",
    "send() takes a string, an ArrayBuffer or a view of one, and no shared memory. Turn an object " +
      "into text with JSON.stringify(), a Blob into a buffer with arrayBuffer().",
  );
}

/**
 * Turns what `publish()` was given into text, a view of the same memory, or JSON.
 *
 * Throws `invalid-message`.
 */
export function readPublishable(data: unknown): string | Uint8Array | Json {
  if (typeof data === "string") return data;
  if (ArrayBuffer.isView(data) || isTagged(data, "ArrayBuffer")) {
    return readSendable(data as ArrayBuffer);
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(data, refuseLoss) as string | undefined;
  } catch (cause) {
    if (cause instanceof OneSocketError) throw cause;
    throw new OneSocketError(
      "invalid-message",
      "publish() takes what JSON.stringify() can write: no cycles, no BigInt.",
      { cause },
    );
  }
  if (json !== undefined) return { json };
  throw new OneSocketError(
    "invalid-message",
    "publish() takes what has JSON: not undefined, a function or a symbol. Publish null instead.",
  );
}

/** What JSON would write as `{}`, or number by number. */
const LOSSY = ["Blob", "File", "Map", "Set", "WeakMap", "WeakSet", "ArrayBuffer", "SharedArrayBuffer"];

/** Passes a value on to JSON, unless that would lose what is in it. */
function refuseLoss(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const kind = LOSSY.find((tag) => isTagged(value, tag)) ?? (ArrayBuffer.isView(value) && "view");
  if (kind === false) return value;
  throw new OneSocketError(
    "invalid-message",
    `JSON cannot carry the ${kind} inside this message. Publish an ArrayBuffer or a view of one by ` +
      "itself, and write everything else as strings, numbers, arrays and plain objects.",
  );
}

/** Returns how many bytes a payload has on the wire. */
export function payloadBytes(payload: string | Uint8Array | Json): number {
  if (payload instanceof Uint8Array) return payload.byteLength;
  return utf8Length(typeof payload === "string" ? payload : payload.json);
}

/** Says whether something is an `AbortSignal`. */
export function isSignal(value: unknown): boolean {
  return isTagged(value, "AbortSignal");
}

/** Knows an object by its tag: one from another frame is no instance of our own class. */
function isTagged(value: unknown, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}
