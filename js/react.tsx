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
  type ReactElement,
  type ReactNode,
  useCallback,
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
  type Message,
  OneSocketError,
  type Sendable,
  type Status,
} from "./client.js";
import { Face } from "./face.js";
import { forwardTo, type Functions, functionsOf, newest } from "./functions.js";
import { readOptions } from "./options.js";
import {
  type Connection,
  type ConnectionActions,
  Context,
  type HookOptions,
  share,
  useHeld,
  useProvided,
} from "./react_context.js";
import { type GroupStanding, standingIn, stayIn } from "./react_group.js";
import { WasmClient } from "./wasm_client.js";

export type { Connection, ConnectionActions, GroupStanding, HookOptions };

/** The properties of {@link ConnectionProvider}: a client, or the options to make one. */
export type ConnectionProviderProps = {
  /** The components whose hooks use the connection. */
  readonly children?: ReactNode;
  /** `false`: no hook below holds the connection, as while nobody is signed in. Default: `true`. */
  readonly enabled?: boolean | undefined;
} & (
  | {
      /** A client that the application has made, and keeps, whatever its messages are. */
      readonly client: Client<unknown, never>;
      /** The client has its own. */
      readonly options?: undefined;
    }
  | {
      /**
       * The options of a client that the provider makes, and frees once it is unmounted. Another `url` or
       * `share` makes another client; the newest functions are used (`getToken`, `decode`, those of `wire` and `logger`,
       * `WebSocket`); other changes have no effect.
       */
      readonly options: ClientOptions;
      /** The provider makes it: see {@link useClient}. */
      readonly client?: undefined;
    }
);

interface ProvideOptionsProps {
  readonly options: ClientOptions;
  readonly enabled: boolean;
  readonly children?: ReactNode;
}

/** What {@link useMessages} takes. */
export interface MessagesOptions extends HookOptions {
  /** Only messages to this group. It is not joined by that: see {@link useGroup}. */
  readonly group?: string | undefined;
}

/** What {@link useGroup} returns. The same object until something changes. */
export interface GroupMembership extends GroupStanding {
  /** Publishes a message to the other members: see {@link Client.publish}. */
  readonly publish: (data: unknown) => Promise<void>;
}

/** React 18 warns of a layout effect on a server, where it does nothing. */
const useCommitEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

const ignore = (): void => {};

/**
 * Gives a client to the components below. It does not connect: a mounted hook does.
 *
 * Throws `invalid-options` if the options are not good, or if neither a client nor options are given.
 */
export function ConnectionProvider(props: ConnectionProviderProps): ReactElement {
  const { client, options, enabled = true, children } = props;
  if (client !== undefined) {
    return <ProvideClient client={client as Client} enabled={enabled}>{children}</ProvideClient>;
  }
  if (options !== undefined) {
    return <ProvideOptions options={options} enabled={enabled}>{children}</ProvideOptions>;
  }
  throw new OneSocketError(
    "invalid-options",
    "<ConnectionProvider> needs a client, or the options to make one.",
  );
}

/**
 * Returns what `selector` makes of the connection, and renders again only when that is another value
 * (`Object.is`): `useConnection(({ state }) => state)`. Holds the connection while mounted: see
 * {@link Client.hold}.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useConnection<T>(selector: (connection: Connection) => T, options?: HookOptions): T;
/**
 * Returns the status of the connection and what can be done with it, and renders again whenever the
 * status changes. Holds the connection while mounted: see {@link Client.hold}.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useConnection(selector?: undefined, options?: HookOptions): Connection;
export function useConnection(
  selector?: (connection: Connection) => unknown,
  options?: HookOptions,
): unknown {
  const { shared } = useHeld("useConnection", options);
  const { actions, subscribe, getStatus, getServerStatus } = shared;
  // With the status, so that a selector that makes an object makes one for each status, not each render.
  const selected = useRef<{ status: Status; of: typeof selector; value: unknown }>(undefined);
  const select = (status: Status): unknown => {
    const last = selected.current;
    if (last?.status === status && last.of === selector) return last.value;
    const made = selector === undefined ? status : selector({ ...status, ...actions });
    const value = last !== undefined && Object.is(made, last.value) ? last.value : made;
    selected.current = { status, of: selector, value };
    return value;
  };
  const value = useSyncExternalStore(
    subscribe,
    () => select(getStatus()),
    () => select(getServerStatus()),
  );
  const whole = useMemo(
    () => (selector === undefined ? { ...(value as Status), ...actions } : undefined),
    [selector, value, actions],
  );
  return whole ?? value;
}

/**
 * Returns the client. It holds nothing, and renders nothing when the status changes. `T` is what messages
 * carry, `S` what `send()` takes: see `createClient()`.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useClient<T = unknown, S = Sendable>(): Client<T, S> {
  return useProvided("useClient").shared.actions.client as Client<T, S>;
}

/**
 * Calls `listener` with every message that arrives while the component is mounted, and renders
 * nothing for it. The listener of the last render is called; it needs no `useCallback`. Holds the
 * connection while mounted: see {@link Client.hold}.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useMessages<T = unknown>(
  listener: (message: Message<T>) => void,
  options?: MessagesOptions,
): void {
  const { client } = useHeld("useMessages", options).shared.actions;
  useListener(client, listener, options?.group);
}

/**
 * Calls `callback` whenever the connection is there again after it was lost: to load afresh what may
 * have changed meanwhile. Not for the first connection. Holds the connection while mounted.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useReconnected(callback: () => void, options?: HookOptions): void {
  const { client } = useHeld("useReconnected", options).shared.actions;
  const latest = useLatest(callback);
  useCommitEffect(() => {
    let wasConnected = client.isConnected();
    return client.on("state", ({ current }) => {
      if (current !== "connected") return;
      if (wasConnected) latest.current();
      wasConnected = true;
    });
  }, [client, latest]);
}

/**
 * Joins a group while the component is mounted, also after a reconnect, and calls `listener` with its
 * messages. It is counted: the group is left when the last component that has joined it is unmounted.
 * Holds the connection while mounted.
 *
 * Throws `invalid-options` outside a {@link ConnectionProvider}.
 */
export function useGroup<T = unknown>(
  name: string,
  listener: (message: Message<T>) => void = ignore,
  options?: HookOptions,
): GroupMembership {
  const { shared, enabled } = useHeld("useGroup", options);
  const { client } = shared.actions;
  useListener(client, listener, name);
  const [told, setTold] = useState(() => standingIn(name));
  useEffect(() => (enabled ? stayIn(client, name, setTold) : undefined), [client, name, enabled]);
  const isConnected = useSyncExternalStore(
    shared.subscribe,
    () => client.isConnected(),
    () => false,
  );
  // Of another group nothing is known yet, and without a connection there is no membership.
  const isKnown = told.name === name && (isConnected || told.state === "refused");
  const { state, error } = isKnown ? told : standingIn(name);
  const publish = useCallback((data: unknown) => client.publish(name, data), [client, name]);
  return useMemo(() => ({ state, error, publish }), [state, error, publish]);
}

/** Calls the listener of the last render with the messages to a group, or with all. */
function useListener<T>(
  client: Client,
  listener: (message: Message<T>) => void,
  group: string | undefined,
): void {
  const latest = useLatest(listener);
  // In the commit itself: an effect may run later, and what arrived before it would be lost.
  useCommitEffect(
    () =>
      client.on("message", (message) => {
        if (group === undefined || message.group === group) latest.current(message as Message<T>);
      }),
    [client, group, latest],
  );
}

/** Returns a reference to what was given at the last render. */
function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

function ProvideClient({
  client,
  enabled,
  children,
}: {
  client: Client;
  enabled: boolean;
  children?: ReactNode;
}): ReactElement {
  const provided = useMemo(() => ({ shared: share(client), enabled }), [client, enabled]);
  return <Context.Provider value={provided}>{children}</Context.Provider>;
}

function ProvideOptions({ options, enabled, children }: ProvideOptionsProps): ReactElement {
  // Making a client starts nothing, so one that React throws away costs nothing.
  const [made, setMade] = useState(() => new OwnedClient(options));
  let owned = made;
  if (!owned.isFor(options)) {
    owned = new OwnedClient(options);
    setMade(owned);
  }
  useInsertionEffect(() => owned.use(options));
  useEffect(() => owned.keep(setMade), [owned]);
  return <ProvideClient client={owned.client} enabled={enabled}>{children}</ProvideClient>;
}

/** A client that a provider has made. */
class OwnedClient {
  readonly client: Client;
  #options: ClientOptions;
  #functions: Functions;
  #isFreed = false;
  #freeing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientOptions) {
    const settings = readOptions(options);
    this.#options = options;
    this.#functions = settings;
    const functions = forwardTo(settings, () => this.#functions);
    this.client = new Face(new WasmClient({ ...settings, ...functions }));
  }

  /** Says whether these are options of the same server and the same user. */
  isFor({ url, share }: ClientOptions): boolean {
    return String(url) === String(this.#options.url) && share === this.#options.share;
  }

  /** Takes the options of the last render; of them the functions are used. */
  use(options: ClientOptions): void {
    this.#options = options;
    this.#functions = newest(this.#functions, functionsOf(options));
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
