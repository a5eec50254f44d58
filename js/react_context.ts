"use client";

/** What the hooks and the provider share: the client of a component, and who holds it. */

import { createContext, useContext, useEffect } from "react";

import { type Client, OneSocketError, type Status } from "./client.js";

/** What can be done with the connection. Each function is the same one for as long as the client is. */
export interface ConnectionActions {
  /** The client itself, for what is not here: events, `bufferedAmount`, `free()`. */
  readonly client: Client;
  /** {@link Client.connect} */
  readonly connect: Client["connect"];
  /** {@link Client.close} */
  readonly close: Client["close"];
  /** {@link Client.send} */
  readonly send: Client["send"];
  /** {@link Client.publish} */
  readonly publish: Client["publish"];
  /** {@link Client.join} */
  readonly join: Client["join"];
  /** {@link Client.leave} */
  readonly leave: Client["leave"];
}

/** What `useConnection()` returns: the status and the actions. The same object until the status changes. */
export interface Connection extends Status, ConnectionActions {}

/** What hooks need of a client. */
export interface Shared {
  readonly actions: ConnectionActions;
  readonly subscribe: (listener: () => void) => () => void;
  readonly getStatus: () => Status;
  readonly getServerStatus: () => Status;
}

/** What a provider gives. */
export interface Provided {
  readonly shared: Shared;
  readonly enabled: boolean;
}

/** What every hook takes. */
export interface HookOptions {
  /**
   * `false`: the hook does not hold the connection, as while nobody is signed in. It goes on to tell and
   * to listen, for others may hold it; {@link useGroup} leaves its group. Default: `true`.
   */
  readonly enabled?: boolean | undefined;
}

export const Context = createContext<Provided | null>(null);

/**
 * Returns what the provider gives, and holds the connection while the component is mounted, if the
 * provider and the hook are enabled.
 */
export function useHeld(hook: string, { enabled = true }: HookOptions = {}): Provided {
  const provided = useProvided(hook);
  const { client } = provided.shared.actions;
  const isEnabled = enabled && provided.enabled;
  useEffect(() => (isEnabled ? client.hold() : undefined), [client, isEnabled]);
  return { shared: provided.shared, enabled: isEnabled };
}

/** Returns what the provider gives, and holds nothing. */
export function useProvided(hook: string): Provided {
  const provided = useContext(Context);
  if (provided !== null) return provided;
  throw new OneSocketError(
    "invalid-options",
    `${hook}() was called outside a <ConnectionProvider>. Put one around the component.`,
  );
}

const sharedByClient = new WeakMap<Client, Shared>();

/** Returns the same for the same client, so that nothing subscribes twice or renders in vain. */
export function share(client: Client): Shared {
  const known = sharedByClient.get(client);
  if (known !== undefined) return known;
  const serverStatus = idleStatus(client);
  const shared: Shared = {
    actions: {
      client,
      connect: (options) => client.connect(options),
      close: (code, reason) => client.close(code, reason),
      send: (data) => client.send(data),
      publish: (group, data) => client.publish(group, data),
      join: (group) => client.join(group),
      leave: (group) => client.leave(group),
    },
    subscribe: (listener) => client.subscribe(listener),
    getStatus: () => client.status,
    getServerStatus: () => serverStatus,
  };
  sharedByClient.set(client, shared);
  return shared;
}

/** What a server renders, and a browser when it takes over what a server rendered. */
function idleStatus({ status: { maxAttempts } }: Client): Status {
  return Object.freeze({
    state: "idle",
    readyState: 3,
    attempt: 0,
    maxAttempts,
    retryAtMs: null,
    connectionId: null,
    tokenExpiresAtMs: null,
    exactlyOnce: false,
    error: null,
  });
}
