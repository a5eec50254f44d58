import { StatusStore } from "./status_store.js";
import { Calls } from "./calls.js";
import { copied } from "./copies.js";
import {
  closeFault,
  groupFault,
  isSignal,
  payloadBytes,
  readPublishable,
  readSendable,
} from "./validate.js";
import type { Core, Payload } from "./core.js";
import type { OptionName } from "./defaults.js";
import { callOut, OneSocketError } from "./error.js";
import { CoreCallbacks } from "./callbacks.js";
import { writeLog } from "./log.js";
import { numberOf, OPTION_NAMES, type Settings } from "./options.js";
import { requireSockets } from "./socket.js";
import { nameStats, type Stats } from "./stats.js";
import type { ReadyState, State, Status } from "./status.js";
import { type TokenResult, Tokens } from "./tokens.js";
import type { Client, ConnectOptions, Events, Sendable } from "./types.js";
import { resolveUrl } from "./url.js";
import { coreClass } from "./wasm.js";
import { answerTo, encoded, makeWire, type PlainWire } from "./wire.js";

const EVENTS: readonly (keyof Events)[] = ["state", "message", "error", "token"];

/** The client. It decides nothing: the machine does, which is made when it is first needed. */
export class WasmClient implements Client {
  /** What the machine is made of; `undefined` once it is, or never will be. */
  #settings: Settings | undefined;
  readonly #onFree: (() => void) | undefined;
  readonly #store: StatusStore;
  readonly #calls = new Calls();
  readonly #tokens: Tokens | undefined;
  readonly #wire: PlainWire | undefined;
  #core: Core | undefined;
  /** The promise of all `connect()` calls without a signal, while it is pending. */
  #connecting: Promise<void> | undefined;

  constructor(settings: Settings, onFree?: () => void) {
    const { getToken, logger, numbers, wire } = settings;
    this.#settings = settings;
    this.#wire = wire;
    this.#onFree = onFree;
    this.#store = new StatusStore(numberOf(numbers, "reconnect.maxAttempts"));
    this.#tokens =
      getToken &&
      new Tokens(
        getToken,
        (fetch, result) => this.#answerToken(fetch, result),
        // A mistake of the programmer's: who has no logger is to know of it all the same.
        (text) => writeLog(logger ?? console, "warn", text),
      );
  }

  get state(): State {
    return this.status.state;
  }

  get status(): Status {
    return this.#store.status;
  }

  get readyState(): ReadyState {
    return this.status.readyState;
  }

  get bufferedAmount(): number {
    return this.#core?.bufferedAmount() ?? 0;
  }

  stats(): Stats {
    return nameStats((at) => this.#core?.counter(at) ?? 0);
  }

  isConnected(): boolean {
    return this.state === "connected";
  }

  isConnecting(): boolean {
    return this.state === "connecting";
  }

  connect(options?: ConnectOptions): Promise<void> {
    const promise = this.#connect(options?.signal);
    // Its failure is also in the status and in the error event.
    promise.catch(() => {});
    return promise;
  }

  close(code?: number, reason?: string): Promise<void> {
    const fault = closeFault(code, reason);
    if (fault !== undefined) return Promise.reject(fault);
    let core;
    try {
      core = this.#machine();
    } catch {
      // Where there can be no machine there is nothing to close.
      this.#store.become("closed");
      return Promise.resolve();
    }
    const { call, promise } = this.#calls.open();
    core.close(call, code, reason);
    // The machine always closes. Only free() rejects this, and it has closed as well.
    return promise.catch(() => {});
  }

  hold(): () => void {
    // What has failed is not tried again by a component that is mounted.
    const core = this.#core ?? (this.state === "idle" ? this.#start() : undefined);
    core?.hold();
    let held = core !== undefined;
    return () => {
      if (held) this.#core?.release();
      held = false;
    };
  }

  send(data: Sendable): void {
    const given = readSendable(this.#wire === undefined ? data : encoded(this.#wire, data));
    const core = this.#machine();
    const payload = typeof given === "string" ? given : copied(given);
    core.send(payload, payloadBytes(payload));
  }

  async publish(group: string, data: unknown): Promise<void> {
    const given = readPublishable(data);
    await this.#request("publish", group, given instanceof Uint8Array ? copied(given) : given);
  }

  async join(group: string): Promise<void> {
    await this.#request("join", group);
  }

  async leave(group: string): Promise<void> {
    await this.#request("leave", group);
  }

  async refreshToken(): Promise<void> {
    if (this.#freed) throw freed();
    if (this.#core === undefined) {
      const message = "There is no connection whose token could be refreshed; every attempt fetches one.";
      throw new OneSocketError("closed", message);
    }
    const { call, promise } = this.#calls.open();
    this.#core.request(call, "refresh");
    await promise;
  }

  on<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): () => void {
    if (!EVENTS.includes(event)) {
      throw new OneSocketError(
        "invalid-options",
        `There is no event "${String(event)}"; the events are ${EVENTS.join(", ")}.`,
      );
    }
    requireFunction(listener);
    return this.#freed ? () => {} : this.#store.listeners.add(event, listener);
  }

  subscribe(listener: () => void): () => void {
    requireFunction(listener);
    return this.#freed ? () => {} : this.#store.listeners.add("status", listener);
  }

  free(): void {
    if (this.#freed) return;
    const core = this.#core;
    const error = freed();
    core?.close(this.#calls.number(), undefined, undefined);
    // A listener that was told of it may have freed the client itself.
    if (this.#freed) return;
    this.#settings = undefined;
    this.#core = undefined;
    this.#tokens?.abortAll();
    this.#calls.rejectAll(error);
    this.#store.end();
    // Not at once: this may have been called by a listener, and so from inside the machine.
    if (core !== undefined) queueMicrotask(() => core.free());
    this.#onFree?.();
  }

  #connect(signal: AbortSignal | undefined): Promise<void> {
    if (signal !== undefined) return this.#connectUntil(signal);
    const pending = this.#connecting;
    // Of one that has ended only the answer is yet to come: who connects now, connects anew.
    if (pending !== undefined && isLive(this.state)) {
      // The machine hears of every call: in `waiting` it tries at once.
      this.#core?.connect(this.#calls.number());
      return pending;
    }
    const { call, promise } = this.#calls.open(() => {
      if (this.#connecting === promise) this.#connecting = undefined;
    });
    // Before anybody is told: a listener that connects gets the same promise.
    this.#connecting = promise;
    this.#start()?.connect(call);
    return promise;
  }

  #connectUntil(signal: AbortSignal): Promise<void> {
    if (!isSignal(signal)) {
      const message = "The signal of connect() must be an AbortSignal.";
      return Promise.reject(new OneSocketError("invalid-options", message));
    }
    if (signal.aborted) return Promise.reject(aborted());
    const abort = (): void => this.#core?.abort(call);
    const { call, promise } = this.#calls.open(() => signal.removeEventListener("abort", abort));
    signal.addEventListener("abort", abort);
    this.#start()?.connect(call);
    return promise;
  }

  /** `free()` was called: there is no machine, and nothing of which one could be made. */
  get #freed(): boolean {
    return this.#core === undefined && this.#settings === undefined;
  }

  /** Returns the machine; where it cannot be made, the connection fails, and everybody is told. */
  #start(): Core | undefined {
    try {
      return this.#machine();
    } catch (thrown) {
      const { code, message } = thrown as OneSocketError;
      writeLog(this.#settings?.logger, "error", `🔌 WebSocket connection failed: ${message}`);
      // Together: a listener that connects again is told of that after all of this.
      this.#store.listeners.together(() => {
        this.#calls.rejectAll(thrown);
        this.#store.become("connecting");
        this.#store.become("failed", message, { code, message });
        this.#store.listeners.tell("error", thrown as OneSocketError);
      });
      return undefined;
    }
  }

  /**
   * Returns the machine, which the first call makes.
   *
   * Throws `unsupported`, and `closed` after `free()`.
   */
  #machine(): Core {
    const settings = this.#settings;
    if (settings !== undefined) {
      const { decode, logger } = settings;
      const wire = this.#wire;
      const answers = wire && ((data: unknown): boolean => this.#answers(wire, data));
      const callbacks = new CoreCallbacks(
        this.#store,
        this.#calls,
        this.#tokens,
        answers,
        decode,
        logger,
      );
      // Together: it may tell a listener something before it is there.
      this.#store.listeners.together(() => {
        this.#core = makeCore(settings, callbacks);
        this.#settings = undefined;
      });
    }
    if (this.#core === undefined) throw freed();
    return this.#core;
  }

  /** Asks the server for something that it answers. */
  async #request(name: string, group: string, payload?: Payload): Promise<void> {
    const fault = groupFault(group);
    if (fault !== undefined) throw fault;
    const core = this.#machine();
    const { call, promise } = this.#calls.open();
    const bytes = payload === undefined ? undefined : payloadBytes(payload);
    core.request(call, name, group, payload, bytes);
    await promise;
  }

  /** Answers a message over a wire of the application's own, if it wants an answer. */
  #answers(wire: PlainWire, data: unknown): boolean {
    const answer = answerTo(wire, data);
    if (answer === undefined) return false;
    // Of tabs that share a connection each hears the question, and one answers.
    if (this.status.role !== "follower") callOut(() => this.send(answer), undefined);
    return true;
  }

  #answerToken(fetch: number, result: TokenResult): void {
    switch (result.kind) {
      case "token":
        this.#core?.answer(fetch, 0, result.token, result.expiresInMs);
        break;
      case "failed":
        this.#core?.answer(fetch, 1, result.message, undefined);
        break;
      case "later":
        this.#core?.answer(fetch, 2, "", result.afterMs);
        break;
      case "none":
        this.#core?.answer(fetch, 3, "", undefined);
        break;
    }
  }
}

/** Throws `unsupported` where there can be no machine. */
function makeCore(settings: Settings, callbacks: CoreCallbacks): Core {
  const { url, getToken, wire, WebSocket, share, logger, numbers } = settings;
  requireSockets(WebSocket);
  const options = {
    number: (at: number) => numbers[OPTION_NAMES[at] as OptionName],
    url: resolveUrl(url),
    hasToken: getToken !== undefined,
    WebSocket,
    share,
    wire: wire && makeWire(wire),
    logs: logger !== undefined,
    seed: Math.floor(Math.random() * 2 ** 32),
  };
  const Core = coreClass();
  try {
    return new Core(options, callbacks);
  } catch (cause) {
    throw new OneSocketError(
      "unsupported",
      `The machine cannot be made here (${String(cause)}). Call connect() to try again.`,
      { cause },
    );
  }
}

/** Says whether there is a connection, or one is being tried for. */
function isLive(state: State): boolean {
  return state === "connecting" || state === "connected" || state === "waiting";
}

function requireFunction(listener: unknown): void {
  if (typeof listener === "function") return;
  throw new OneSocketError("invalid-options", "A listener must be a function.");
}

function aborted(): OneSocketError {
  return new OneSocketError("aborted", "The AbortSignal of this connect() fired.");
}

function freed(): OneSocketError {
  return new OneSocketError("closed", "free() was called on this client. Make a new one.");
}
