"use client";

/**
 * onesocket for React: a provider, and hooks that keep the connection while they are mounted.
 *
 * Strict Mode, hot reload and server rendering are safe: there is one socket, and nothing starts
 * before a component is mounted in a browser.
 *
 * @packageDocumentation
 */

import {
  createContext,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import {
  type Client,
  type ClientOptions,
  createClient,
  type Message,
  OneSocketError,
  type Status,
} from "./client.js";

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

/** The properties of {@link ConnectionProvider}: a client, or the options to make one. */
export type ConnectionProviderProps = { readonly children?: ReactNode } & (
  | {
      /** A client that the application has made, and keeps. */
      readonly client: Client;
      readonly options?: undefined;
    }
  | {
      /**
       * The options of a client that the provider makes, and frees once it is unmounted. A new `url`
       * makes a new client; the newest `getToken` is used; other changes have no effect.
       */
      readonly options: ClientOptions;
      readonly client?: undefined;
    }
);

/** What hooks need of a client. */
interface Shared {
  readonly actions: ConnectionActions;
  readonly subscribe: (listener: () => void) => () => void;
  readonly getStatus: () => Status;
  readonly getServerStatus: () => Status;
}

const Context = createContext<Shared | null>(null);

interface ProvideOptionsProps {
  readonly options: ClientOptions;
  readonly children?: ReactNode;
}

const sharedByClient = new WeakMap<Client, Shared>();

/** React 18 warns of a layout effect on a server, where it does nothing. */
const useCommitEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/**
 * Gives a client to the components below. It does not connect: a mounted {@link useConnection} or
 * {@link useMessages} does.
 *
 * Throws `invalid-options` if the options are not good, or if neither a client nor options are given.
 */
export function ConnectionProvider(props: ConnectionProviderProps): ReactElement {
  const { client, options, children } = props;
  if (client !== undefined) return <ProvideClient client={client}>{children}</ProvideClient>;
  if (options !== undefined) return <ProvideOptions options={options}>{children}</ProvideOptions>;
  throw new OneSocketError(
    "invalid-options",
    "<ConnectionProvider> needs a client, or the options to make one.",
  );
}

/**
 * Returns the status of the connection and what can be done with it, and renders again whenever the
 * status changes. Holds the connection while mounted: see {@link Client.hold}.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useConnection(): Connection {
  const { actions, subscribe, getStatus, getServerStatus } = useShared("useConnection");
  const { client } = actions;
  useEffect(() => client.hold(), [client]);
  const status = useSyncExternalStore(subscribe, getStatus, getServerStatus);
  return useMemo(() => ({ ...status, ...actions }), [status, actions]);
}

/**
 * Calls `listener` with every message that arrives while the component is mounted, and renders
 * nothing for it. The listener of the last render is called; it needs no `useCallback`. Holds the
 * connection while mounted: see {@link Client.hold}.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useMessages(listener: (message: Message) => void): void {
  const { client } = useShared("useMessages").actions;
  const latest = useRef(listener);
  useInsertionEffect(() => {
    latest.current = listener;
  });
  // In the commit itself: an effect may run later, and what arrived before it would be lost.
  useCommitEffect(() => client.on("message", (message) => latest.current(message)), [client]);
  useEffect(() => client.hold(), [client]);
}

function ProvideClient({ client, children }: { client: Client; children?: ReactNode }): ReactElement {
  return <Context.Provider value={share(client)}>{children}</Context.Provider>;
}

function ProvideOptions({ options, children }: ProvideOptionsProps): ReactElement {
  // Making a client starts nothing, so one that React throws away costs nothing.
  const [made, setMade] = useState(() => new OwnedClient(options));
  let owned = made;
  if (owned.url !== String(options.url)) {
    owned = new OwnedClient(options);
    setMade(owned);
  }
  useInsertionEffect(() => owned.use(options));
  useEffect(() => owned.keep(setMade), [owned]);
  return <ProvideClient client={owned.client}>{children}</ProvideClient>;
}

function useShared(hook: string): Shared {
  const shared = useContext(Context);
  if (shared !== null) return shared;
  throw new OneSocketError(
    "invalid-options",
    `${hook}() was called outside a <ConnectionProvider>. Put one around the component.`,
  );
}

/** A client that a provider has made. */
class OwnedClient {
  readonly client: Client;
  readonly url: string;
  #options: ClientOptions;
  #isFreed = false;
  #freeing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientOptions) {
    const { getToken } = options;
    this.#options = options;
    this.url = String(options.url);
    this.client = createClient(
      // What is no function is for createClient() to complain of.
      typeof getToken === "function"
        ? { ...options, getToken: (request) => (this.#options.getToken ?? getToken)(request) }
        : options,
    );
  }

  /** Takes the options of the last render; of them `getToken` is used. */
  use(options: ClientOptions): void {
    this.#options = options;
  }

  /** Keeps the client while the provider is mounted; returns what to do when it is not. */
  keep(replace: (by: OwnedClient) => void): (() => void) | undefined {
    if (this.#isFreed) {
      // What is in an <Activity> is hidden and shown again: its effects begin again much later.
      replace(new OwnedClient(this.#options));
      return undefined;
    }
    clearTimeout(this.#freeing);
    return () => {
      // Not at once: Strict Mode and hot reload end effects and begin them again.
      this.#freeing = setTimeout(() => {
        this.#isFreed = true;
        this.client.free();
      }, 0);
    };
  }
}

/** Returns the same for the same client, so that nothing subscribes twice or renders in vain. */
function share(client: Client): Shared {
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
    error: null,
  });
}
