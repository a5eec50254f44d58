import type { StatusStore } from "./status_store.js";
import type { Calls } from "./calls.js";
import type { Arrived, Callbacks } from "./core.js";
import { type ErrorCode, OneSocketError } from "./error.js";
import type { Log } from "./log.js";
import type { ReadyState } from "./status.js";
import { writeOut } from "./text.js";
import type { Tokens } from "./tokens.js";
import type { Message } from "./types.js";

/** Makes what the machine calls: each call goes to the part that it concerns. */
export function makeCallbacks(
  store: StatusStore,
  calls: Calls,
  tokens: Tokens | undefined,
  log: Log,
): Callbacks {
  return {
    status: (
      state,
      readyState,
      attempt,
      maxAttempts,
      retryAtMs,
      connectionId,
      tokenExpiresAtMs,
      errorCode,
      errorMessage,
    ) => {
      store.set({
        state,
        readyState: readyState as ReadyState,
        attempt,
        maxAttempts,
        retryAtMs: retryAtMs ?? null,
        connectionId: connectionId ?? null,
        tokenExpiresAtMs: tokenExpiresAtMs ?? null,
        error:
          errorCode === undefined
            ? null
            : { code: errorCode as ErrorCode, message: errorMessage ?? "" },
      });
    },
    changed: (current, reason) => store.tell(current, reason),
    message: (arrived) => store.listeners.tell("message", toMessage(arrived)),
    error: (code, message, undelivered) => {
      store.tellError(code as ErrorCode, message, undelivered);
    },
    settled: (call, code, message) => {
      if (code === undefined) calls.settle(call);
      else calls.settle(call, new OneSocketError(code as ErrorCode, message ?? ""));
    },
    fetchToken: (fetch, reason) => tokens?.ask(fetch, reason),
    abortToken: (fetch) => tokens?.abort(fetch),
    token: (event, expiresInMs) => {
      const told = { event, ...(expiresInMs !== undefined && { expiresInMs }) };
      store.listeners.tell("token", Object.freeze(told));
    },
    log: (level, text) => store.listeners.inTurn(() => log(level, text)),
    text: (sentence, a, b, c, said) => writeOut(sentence, [a, b, c], said),
    refusal: (code, message) => new OneSocketError(code as ErrorCode, message),
  };
}

/** Leaves out what belongs to the wire, and what a server may have added. */
function toMessage(arrived: Arrived): Message {
  // By what it has: a buffer may be one of another realm.
  if (typeof arrived === "string" || !("data" in arrived)) return { data: arrived };
  const { data, group, from } = arrived;
  const message: { -readonly [K in keyof Message]: Message[K] } = { data };
  if (group !== undefined) message.group = group;
  if (from !== undefined) message.from = from;
  return message;
}
