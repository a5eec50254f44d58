import type { ReadyState, State, Status } from "./status.js";
import type { Client } from "./types.js";

const INNER = Symbol("client");

/** The members of a client that are functions. */
type Method = { [K in keyof Client]: Client[K] extends (...args: never[]) => unknown ? K : never }[keyof Client];

const METHODS = Object.keys({
  stats: 0,
  isConnected: 0,
  isConnecting: 0,
  connect: 0,
  close: 0,
  hold: 0,
  send: 0,
  publish: 0,
  join: 0,
  leave: 0,
  refreshToken: 0,
  on: 0,
  subscribe: 0,
  free: 0,
} satisfies Record<Method, 0>) as Method[];

/**
 * A client as an application has it. It works through a `Proxy` too, as Vue, MobX and others make one of
 * what they are given: a proxy has no private fields, but passes a function on as it is. And its methods may
 * be taken from it: `const { send } = client`.
 */
export class Face {
  /** @internal */
  readonly [INNER]: () => Client;

  constructor(client: Client) {
    this[INNER] = () => client;
    for (const name of METHODS) Object.assign(this, { [name]: client[name].bind(client) });
  }

  /** The state of the connection. */
  get state(): State {
    return this[INNER]().state;
  }

  /** What is known of the connection; another object with each change. */
  get status(): Status {
    return this[INNER]().status;
  }

  /** The `readyState` of the socket. */
  get readyState(): ReadyState {
    return this[INNER]().readyState;
  }

  /** How many bytes wait, in the queue and in the socket. */
  get bufferedAmount(): number {
    return this[INNER]().bufferedAmount;
  }
}

// The methods are made of those of the client inside.
export interface Face extends Pick<Client, Method> {}
