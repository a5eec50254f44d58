import type { ReadyState, State, Status } from "./status.js";
import type { Stats } from "./stats.js";
import type { Client, ConnectOptions, Events, Sendable } from "./types.js";

const INNER = Symbol("client");

/**
 * A client as an application has it. It works through a `Proxy` too, as Vue, MobX and others make one of
 * what they are given: a proxy has no private fields, but passes a function on as it is.
 */
export class Face implements Client {
  /** @internal */
  readonly [INNER]: () => Client;

  constructor(client: Client) {
    this[INNER] = () => client;
  }

  get state(): State {
    return this[INNER]().state;
  }

  get status(): Status {
    return this[INNER]().status;
  }

  get readyState(): ReadyState {
    return this[INNER]().readyState;
  }

  get bufferedAmount(): number {
    return this[INNER]().bufferedAmount;
  }

  stats(): Stats {
    return this[INNER]().stats();
  }

  isConnected(): boolean {
    return this[INNER]().isConnected();
  }

  isConnecting(): boolean {
    return this[INNER]().isConnecting();
  }

  connect(options?: ConnectOptions): Promise<void> {
    return this[INNER]().connect(options);
  }

  close(code?: number, reason?: string): Promise<void> {
    return this[INNER]().close(code, reason);
  }

  hold(): () => void {
    return this[INNER]().hold();
  }

  send(data: Sendable): void {
    this[INNER]().send(data);
  }

  publish(group: string, data: unknown): Promise<void> {
    return this[INNER]().publish(group, data);
  }

  join(group: string): Promise<void> {
    return this[INNER]().join(group);
  }

  leave(group: string): Promise<void> {
    return this[INNER]().leave(group);
  }

  refreshToken(): Promise<void> {
    return this[INNER]().refreshToken();
  }

  on<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): () => void {
    return this[INNER]().on(event, listener);
  }

  subscribe(listener: () => void): () => void {
    return this[INNER]().subscribe(listener);
  }

  free(): void {
    this[INNER]().free();
  }
}
