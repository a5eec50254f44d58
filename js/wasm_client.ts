import { StatusStore } from "./status_store.js";
import { Calls } from "./calls.js";
import { closeFault, groupFault, isSignal, readSendable, toJson } from "./validate.js";
import type { Core, Glue } from "./core.js";
import { type ErrorCode, fromRefusal, OneSocketError } from "./error.js";
import { makeCallbacks } from "./callbacks.js";
import { PendingCalls } from "./pending.js";
import { load } from "./loading.js";
import { type Log, makeLog } from "./log.js";
import type { Settings } from "./options.js";
import { nameStats, type Stats } from "./stats.js";
import type { ReadyState, State, Status } from "./status.js";
import { type TokenResult, Tokens } from "./tokens.js";
import type { Client, ConnectOptions, Events, Sendable } from "./types.js";
import { resolveUrl } from "./url.js";
import { utf8Length } from "./utf8.js";
import { makeWire } from "./wire.js";

const EVENTS: readonly (keyof Events)[] = ["state", "message", "error", "token"];

/**
 * The client. It has no mind of its own: the machine decides. Until the wasm is there it keeps the
 * calls made, and answers those that cannot wait.
 */
export class WasmClient implements Client {
  readonly #settings: Settings;
  readonly #onFree: (() => void) | undefined;
  readonly #store: StatusStore;
  readonly #calls = new Calls();
  readonly #pending: PendingCalls;
  readonly #log: Log;
  readonly #tokens: Tokens | undefined;
  #core: Core | undefined;
  /** The promise of all `connect()` calls without a signal, while it is pending. */
  #connecting: Promise<void> | undefined;
  #loading = false;
  #freed = false;

  constructor(settings: Settings, onFree?: () => void) {
    const { getToken, logger, numbers } = settings;
    this.#settings = settings;
    this.#onFree = onFree;
    this.#store = new StatusStore(numbers["reconnect.maxAttempts"]);
    this.#pending = new PendingCalls(numbers);
    this.#log = makeLog(logger);
    this.#tokens =
      getToken && new Tokens(getToken, (fetch, result) => this.#answerToken(fetch, result));
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
    return this.#core?.bufferedAmount() ?? this.#pending.bytes;
  }

  stats(): Stats {
    return nameStats(this.#core?.stats());
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
    if (this.#freed) return Promise.resolve();
    if (this.#core === undefined) {
      this.#endUnloaded("closed", "close() was called. Call connect() to connect again.", true);
      return Promise.resolve();
    }
    const { call, promise } = this.#calls.open();
    this.#core.close(call, code, reason);
    return promise;
  }

  hold(): () => void {
    if (this.#freed) return () => {};
    if (this.#core === undefined) {
      this.#pending.hold();
      const revives = this.state === "closed" && !this.#pending.isClosed;
      if (this.state === "idle" || revives) this.#start();
    } else {
      this.#core.hold();
    }
    let held = true;
    return () => {
      if (!held || this.#freed) return;
      held = false;
      if (this.#core === undefined) this.#pending.release();
      else this.#core.release();
    };
  }

  send(data: Sendable): void {
    const given = readSendable(data);
    this.#requireOpen();
    if (this.#core === undefined) {
      // What waits must not change while it does.
      const sent = typeof given === "string" ? given : new Uint8Array(given);
      const bytes = typeof sent === "string" ? utf8Length(sent) : sent.byteLength;
      this.#pending.add({ say: (core) => core.send(sent), sent, bytes });
      return;
    }
    try {
      this.#core.send(given);
    } catch (thrown) {
      throw fromRefusal(thrown);
    }
  }

  async publish(group: string, data: unknown): Promise<void> {
    await this.#request("publish", group, toJson(data));
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
    if (core === undefined) this.#endUnloaded("closed", error.message, true);
    else core.close(this.#calls.number(), undefined, undefined);
    // A listener that was told of it may have freed the client itself.
    if (this.#freed) return;
    this.#freed = true;
    this.#core = undefined;
    this.#tokens?.abortAll();
    this.#calls.rejectAll(error);
    this.#store.end();
    // Not at once: this may have been called by a listener, and so from inside the machine.
    if (core !== undefined) queueMicrotask(() => core.free());
    this.#onFree?.();
  }

  #connect(signal: AbortSignal | undefined): Promise<void> {
    if (this.#freed) return Promise.reject(freed());
    if (signal !== undefined) return this.#connectUntil(signal);
    const pending = this.#connecting;
    // Of one that has ended only the answer is yet to come: who connects now, connects anew.
    if (pending !== undefined && isLive(this.state)) {
      // The machine hears of every call: in `waiting` it tries at once.
      if (this.#core === undefined) this.#log("debug", "🔌 Connection already in progress");
      else this.#core.connect(this.#calls.number());
      return pending;
    }
    const { call, promise } = this.#calls.open(() => {
      if (this.#connecting === promise) this.#connecting = undefined;
    });
    // Before anybody is told: a listener that connects gets the same promise.
    this.#connecting = promise;
    this.#want(call);
    return promise;
  }

  #connectUntil(signal: AbortSignal): Promise<void> {
    if (!isSignal(signal)) {
      const message = "The signal of connect() must be an AbortSignal.";
      return Promise.reject(new OneSocketError("invalid-options", message));
    }
    if (signal.aborted) return Promise.reject(aborted());
    const abort = (): void => this.#abort(call);
    const { call, promise } = this.#calls.open(() => signal.removeEventListener("abort", abort));
    signal.addEventListener("abort", abort);
    this.#want(call);
    return promise;
  }

  #want(call: number): void {
    if (this.#core !== undefined) {
      this.#core.connect(call);
      return;
    }
    this.#pending.connect(call);
    if (this.isConnecting()) this.#log("debug", "🔌 Connection already in progress");
    else this.#start();
  }

  #abort(call: number): void {
    if (this.#core !== undefined) {
      this.#core.abort(call);
      return;
    }
    this.#pending.withdraw(call);
    this.#calls.settle(call, aborted());
    if (this.#pending.isWanted) return;
    const message = "Nobody wanted the connection any more, so it was closed.";
    this.#endUnloaded("closed", message, false);
  }

  /** Begins to load the wasm, or joins a load that an earlier call has begun. */
  #start(): void {
    this.#store.become("connecting");
    // A listener may have closed it again.
    if (this.#loading || !this.isConnecting()) return;
    this.#loading = true;
    void prepare(this.#settings.url).then(
      ({ glue, url }) => {
        this.#loading = false;
        // By now it may not be wanted any more.
        if (this.isConnecting()) this.#begin(glue, url);
      },
      (thrown: unknown) => {
        this.#loading = false;
        if (this.isConnecting()) this.#failLoading(thrown);
      },
    );
  }

  /** Makes the machine, and hands it what was called before it was there, in one go. */
  #begin(glue: Glue, url: string): void {
    const { getToken, wire, logger, numbers, given } = this.#settings;
    const options = {
      numbers: given.flatMap((name) => [name, numbers[name]]),
      url,
      hasToken: getToken !== undefined,
      wire: wire && makeWire(wire),
      logs: logger !== undefined,
      seed: Math.floor(Math.random() * 2 ** 32),
    };
    try {
      const callbacks = makeCallbacks(this.#store, this.#calls, this.#tokens, this.#log);
      const core = new glue.Core(options, callbacks);
      this.#core = core;
      this.#store.settle(() => {
        this.#pending.replay(core, this.#calls.number(), (sent, thrown) => {
          const refusal = fromRefusal(thrown);
          if (!(refusal instanceof OneSocketError)) throw thrown;
          this.#store.tellError(refusal.code, refusal.message, [sent]);
        });
      });
    } catch (thrown) {
      this.#core = undefined;
      this.#failLoading(thrown);
    }
  }

  #failLoading(thrown: unknown): void {
    const refusal = fromRefusal(thrown);
    const error = refusal instanceof OneSocketError ? refusal : brokenWasm(thrown);
    this.#log("error", `🔌 WebSocket connection failed: ${error.message}`);
    this.#endUnloaded("failed", error.message, false, error.code);
  }

  /** Ends what has not begun: answers the calls, and reports what was to be sent. */
  #endUnloaded(
    state: "closed" | "failed",
    message: string,
    asked: boolean,
    code: ErrorCode = "closed",
  ): void {
    // Together: a listener that connects again is told of that after all of this.
    this.#store.listeners.together(() => {
      const undelivered = this.#pending.end(asked);
      const hasFailed = state === "failed";
      this.#calls.rejectAll(new OneSocketError(code, message));
      this.#store.become(state, message, hasFailed ? { code, message } : null);
      if (hasFailed || undelivered.length > 0) this.#store.tellError(code, message, undelivered);
    });
  }

  /** Asks the server for something that it answers. */
  async #request(name: string, group: string, json?: string): Promise<void> {
    const fault = groupFault(group);
    if (fault !== undefined) throw fault;
    this.#requireOpen();
    const { call, promise } = this.#calls.open();
    const say = (core: Core): void => core.request(call, name, group, json);
    try {
      if (this.#core !== undefined) say(this.#core);
      else this.#pending.add({ say, ...(json !== undefined && { bytes: utf8Length(json) }) });
    } catch (thrown) {
      this.#calls.settle(call, fromRefusal(thrown));
    }
    await promise;
  }

  #requireOpen(): void {
    if (this.#freed) throw freed();
    // Where there is a machine, it decides.
    if (this.#core !== undefined || (this.state !== "closed" && this.state !== "failed")) return;
    throw new OneSocketError(
      "closed",
      "The connection is closed, so nothing can be sent. Call connect() first.",
    );
  }

  #answerToken(fetch: number, result: TokenResult): void {
    switch (result.kind) {
      case "token":
        this.#core?.token(fetch, result.token, result.expiresInMs);
        break;
      case "none":
        this.#core?.noSession(fetch);
        break;
      case "later":
        this.#core?.tokenLater(fetch, result.afterMs);
        break;
      case "failed":
        this.#core?.tokenFailed(fetch, result.message);
        break;
    }
  }
}

/** Loads the wasm and finds out where to connect; in one function, so that neither throws at once. */
async function prepare(url: string): Promise<{ glue: Glue; url: string }> {
  return { url: resolveUrl(url), glue: await load() };
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

function brokenWasm(cause: unknown): OneSocketError {
  const message = `The wasm module does not work here (${String(cause)}). Call connect() to try again.`;
  return new OneSocketError("unsupported", message, { cause });
}
