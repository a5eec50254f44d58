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
 * be taken from it: `const { send } = client`. Each is made when it is first asked for, and stays the same.
 */
export class Face {
  /** @internal Gives the client inside; or a method of it, which needs no `this`. */
  readonly [INNER]: (name?: Method) => unknown;

  constructor(client: Client) {
    const made: Partial<Record<Method, unknown>> = {};
    this[INNER] = (name) => (name === undefined ? client : (made[name] ??= client[name].bind(client)));
  }

  /** The state of the connection. */
  get state(): State {
    return inside(this).state;
  }

  /** What is known of the connection; another object with each change. */
  get status(): Status {
    return inside(this).status;
  }

  /** The `readyState` of the socket. */
  get readyState(): ReadyState {
    return inside(this).readyState;
  }

  /** How many bytes wait, in the queue and in the socket. */
  get bufferedAmount(): number {
    return inside(this).bufferedAmount;
  }
}

function inside(face: Face): Client {
  return face[INNER]() as Client;
}

for (const name of METHODS) {
  Object.defineProperty(Face.prototype, name, {
    configurable: true,
    get(this: Face) {
      return this[INNER](name);
    },
    // A test may put something of its own in its place.
    set(this: Face, value: unknown) {
      Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
    },
  });
}

// The methods are made of those of the client inside.
export interface Face extends Pick<Client, Method> {}
