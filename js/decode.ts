/** What an application expects of messages: it is checked before a listener hears of one. */

import { OneSocketError, nameOf } from "./error.js";

/**
 * A schema as zod, valibot, ArkType and others have it, by the interface that they share
 * (standardschema.dev).
 */
export interface Schema<T> {
  /** What the interface says; see standardschema.dev. */
  readonly "~standard": {
    /** Says whether a value is as it should be. */
    readonly validate: (value: unknown) => Checked<T> | Promise<Checked<T>>;
  };
}

/** What a {@link Schema} answers. */
export type Checked<T> = Accepted<T> | Faulty;

/** A value that is as it should be. */
export interface Accepted<T> {
  /** What the schema has made of it. */
  readonly value: T;
  /** There are none. */
  readonly issues?: undefined;
}

/** A value that is not. */
export interface Faulty {
  /** What is wrong with it; the path of the first is named in the error. */
  readonly issues: readonly Issue[];
}

/** One thing that is wrong with a value. */
export interface Issue {
  /** The way to it, from the whole value: keys and places. */
  readonly path?: readonly (PropertyKey | PathSegment)[] | undefined;
}

/** A step of a path, where it is not the key by itself. */
export interface PathSegment {
  /** The key, or the place. */
  readonly key: PropertyKey;
}

/** Makes of `data` what listeners get, or throws: a function of the application's, or a schema. */
export type Decode<T> = ((data: unknown) => T) | Schema<T>;

/**
 * Returns what listeners get.
 *
 * Throws `invalid-message`, with the path where the schema names one and its own error as the cause. The
 * message does not repeat what was said: the application decides who may read it.
 */
export function decoded(decode: Decode<unknown>, data: unknown): unknown {
  let cause: unknown;
  try {
    if (typeof decode === "function") return decode(data);
    const result = decode["~standard"].validate(data);
    if (!("then" in result)) {
      if (result.issues === undefined) return result.value;
      cause = result;
    } else {
      // Messages would overtake each other; nobody else looks at what comes of it.
      result.catch(() => {});
      cause = new TypeError("the schema is asynchronous");
    }
  } catch (thrown) {
    // Who forwards to a newer function has said it already.
    if (thrown instanceof OneSocketError) throw thrown;
    cause = thrown;
  }
  throw new OneSocketError("invalid-message", `decode refuses a message${where(cause)}. It is dropped.`, {
    cause,
  });
}

/** Says where in the message it is wrong, as far as the cause tells. */
function where(cause: unknown): string {
  const path = (cause as { issues?: readonly Issue[] } | undefined)?.issues?.[0]?.path;
  if (path === undefined) return nameOf(cause) === undefined ? "" : ` (${nameOf(cause)})`;
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return ` at ${keys.join(".") || "its root"}`;
}
