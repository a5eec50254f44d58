import type { StatusStore } from "./status_store.js";
import type { Calls } from "./calls.js";
import type { Arrived, Callbacks, Payload } from "./core.js";
import { type Decode, decoded } from "./decode.js";
import { type ErrorCode, OneSocketError } from "./error.js";
import { reuse } from "./copies.js";
import { writeLog } from "./log.js";
import type { Logger } from "./options.js";
import type { AloneReason, ReadyState, Role, State } from "./status.js";
import { writeOut } from "./text.js";
import type { Tokens } from "./tokens.js";
import type { Message } from "./types.js";

/** What the machine calls: each call goes to the part that it concerns. */
export class CoreCallbacks implements Callbacks {
  readonly #store: StatusStore;
  readonly #calls: Calls;
  readonly #tokens: Tokens | undefined;
  readonly #answers: ((data: unknown) => boolean) | undefined;
  readonly #decode: Decode<unknown> | undefined;
  readonly #logger: Logger | undefined;

  constructor(
    store: StatusStore,
    calls: Calls,
    tokens: Tokens | undefined,
    answers: ((data: unknown) => boolean) | undefined,
    decode: Decode<unknown> | undefined,
    logger: Logger | undefined,
  ) {
    this.#store = store;
    this.#calls = calls;
    this.#tokens = tokens;
    this.#answers = answers;
    this.#decode = decode;
    this.#logger = logger;
  }

  status(
    state: State,
    readyState: number,
    attempt: number,
    maxAttempts: number,
    retryAtMs: number | undefined,
    connectionId: string | undefined,
    tokenExpiresAtMs: number | undefined,
    exactlyOnce: boolean,
    errorCode: string | undefined,
    errorMessage: string | undefined,
  ): void {
    this.#store.set({
      state,
      readyState: readyState as ReadyState,
      attempt,
      maxAttempts,
      retryAtMs: retryAtMs ?? null,
      connectionId: connectionId ?? null,
      tokenExpiresAtMs: tokenExpiresAtMs ?? null,
      exactlyOnce,
      error:
        errorCode === undefined
          ? null
          : { code: errorCode as ErrorCode, message: errorMessage ?? "" },
    });
  }

  changed(current: State, reason: string | undefined): void {
    this.#store.tell(current, reason);
  }

  role(role: Role | "none", reason: AloneReason | undefined): void {
    this.#store.play(role === "none" ? undefined : role, reason);
  }

  message(arrived: Arrived): void {
    const message = toMessage(arrived);
    if (this.#answers?.(message.data)) return;
    const decode = this.#decode;
    if (decode === undefined) this.#store.listeners.tell("message", message);
    else this.#store.listeners.inTurn(() => this.#tellDecoded(decode, message));
  }

  accepted(payload: Payload): void {
    if (!(payload instanceof Uint8Array)) return;
    // What a page has put in the place of the browser's own may look at the bytes even now.
    if (String(globalThis.WebSocket).includes("[native code]")) reuse(payload);
  }

  error(code: string, message: string, undelivered: unknown[] | undefined): void {
    const more = undelivered !== undefined && undelivered.length > 0 ? { undelivered } : {};
    this.#store.listeners.tell("error", new OneSocketError(code as ErrorCode, message, more));
  }

  settled(call: number, code: string | undefined, message: string | undefined): void {
    if (code === undefined) this.#calls.settle(call);
    else this.#calls.settle(call, new OneSocketError(code as ErrorCode, message ?? ""));
  }

  fetchToken(fetch: number, reason: "connect" | "refresh"): void {
    this.#tokens?.ask(fetch, reason);
  }

  abortToken(fetch: number): void {
    this.#tokens?.abort(fetch);
  }

  token(event: "fetched" | "refreshed" | "failed", expiresInMs: number | undefined): void {
    const told = { event, ...(expiresInMs !== undefined && { expiresInMs }) };
    this.#store.listeners.tell("token", Object.freeze(told));
  }

  log(level: "debug" | "info" | "warn" | "error", text: string): void {
    this.#store.listeners.inTurn(() => writeLog(this.#logger, level, text));
  }

  text(sentence: number, a: number, b: number, c: number, said: string | undefined): string {
    return writeOut(sentence, [a, b, c], said);
  }

  refusal(code: string, message: string): OneSocketError {
    return new OneSocketError(code as ErrorCode, message);
  }

  /** In turn, as the application's own code is to run, and never inside the machine. */
  #tellDecoded(decode: Decode<unknown>, message: Message): void {
    try {
      this.#store.listeners.tellNow("message", { ...message, data: decoded(decode, message.data) });
    } catch (thrown) {
      const error = thrown as OneSocketError;
      writeLog(this.#logger, "warn", `🔌 ${error.message}`);
      this.#store.listeners.tellNow("error", error);
    }
  }
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
