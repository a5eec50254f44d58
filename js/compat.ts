"use client";

/**
 * `useWebSocket()` with the names of react-use-websocket, for an application that moves to onesocket: see
 * MIGRATING.md. There is one connection for a URL in a page, whoever asks.
 *
 * @packageDocumentation
 */

import {
  useCallback,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import type { ClientOptions, PlainWire, Sendable, State } from "./client.js";
import { clientFor } from "./shared_clients.js";

/** The states of a socket, by the names of react-use-websocket, and the names by the states. */
export interface ReadyStates {
  /** There is no URL, or nothing is to be connected. */
  readonly UNINSTANTIATED: -1;
  /** A socket is being opened. */
  readonly CONNECTING: 0;
  /** Messages go and come. */
  readonly OPEN: 1;
  /** The closing handshake is under way. */
  readonly CLOSING: 2;
  /** There is no socket; the next attempt may be waited for. */
  readonly CLOSED: 3;
  /** The name of a state: `ReadyState[readyState]`. */
  readonly [state: number]: string;
}

/** The states of a socket. */
export const ReadyState: ReadyStates = {
  UNINSTANTIATED: -1,
  CONNECTING: 0,
  OPEN: 1,
  CLOSING: 2,
  CLOSED: 3,
  [-1]: "UNINSTANTIATED",
  0: "CONNECTING",
  1: "OPEN",
  2: "CLOSING",
  3: "CLOSED",
};

/** One of {@link ReadyStates}. */
export type ReadyState = -1 | 0 | 1 | 2 | 3;

/** A message, as far as it has what a `MessageEvent` has. */
export interface MessageLike {
  /** A string or an `ArrayBuffer`, as it came. */
  readonly data: unknown;
}

/** The options of {@link useWebSocket}. Components that name one URL share its connection, and so these. */
export interface UseWebSocketOptions {
  /** The subprotocols to offer. */
  readonly protocols?: string | string[];
  /** What is written behind the URL as its query. */
  readonly queryParams?: Readonly<Record<string, string | number>>;
  /** How many automatic attempts follow a failure. Default: 5. */
  readonly reconnectAttempts?: number;
  /** The time between two attempts, in milliseconds. Default: 5000. */
  readonly reconnectInterval?: number;
  /** Says whether to come back after a close. Default: after every one but those that are final. */
  readonly shouldReconnect?: (event: { readonly code: number }) => boolean;
  /** Whether the server is asked for a sign of life. */
  readonly heartbeat?: boolean | HeartbeatOptions;
  /** Says whether `lastMessage` becomes this message. */
  readonly filter?: (message: MessageLike) => boolean;
  /** The connection is there. What this sends goes before what waits. */
  readonly onOpen?: () => void;
  /** The connection is lost or closed. */
  readonly onClose?: (event: { readonly reason: string }) => void;
  /** A message has arrived. */
  readonly onMessage?: (message: MessageLike) => void;
  /** Something went wrong: a `OneSocketError`. */
  readonly onError?: (error: Error) => void;
  /** The attempts are used up: so many. */
  readonly onReconnectStop?: (attempts: number) => void;
}

/** How the server is asked for a sign of life. */
export interface HeartbeatOptions {
  /** What is sent. Default: `"ping"`. */
  readonly message?: string | (() => string);
  /** The answer to it, which is no message. */
  readonly returnMessage?: string;
  /** How long the answer may take, in milliseconds. Default: 10 000. */
  readonly timeout?: number;
  /** After how long a silence it is sent, in milliseconds. Default: 25 000. */
  readonly interval?: number;
}

/** What {@link useWebSocket} returns. */
export interface WebSocketHook<T = unknown> {
  /** Sends; without a connection it waits, unless `keep` is `false`: then it is dropped. */
  readonly sendMessage: (message: Sendable, keep?: boolean) => void;
  /** The same, of a value as JSON. */
  readonly sendJsonMessage: (value: unknown, keep?: boolean) => void;
  /** The message that came last. Each is rendered, and seen by effects, before the next one. */
  readonly lastMessage: MessageLike | null;
  /** The same, read as JSON; `null` where it is none. */
  readonly lastJsonMessage: T | null;
  /** The state of the socket. */
  readonly readyState: ReadyState;
}

/**
 * Connects to a WebSocket server while the component is mounted.
 *
 * @param url - `null` for not yet; a function is called once the component is mounted.
 * @param connect - `false` for not now.
 *
 * Throws a `OneSocketError` if the options are not good, or are others than those of a component that
 * has the same URL. `sendMessage` throws one where nothing would become of the message.
 */
export function useWebSocket<T = unknown>(
  url: string | (() => string) | null,
  options: UseWebSocketOptions = {},
  connect = true,
): WebSocketHook<T> {
  const isMounted = useSyncExternalStore(
    neverChanges,
    () => true,
    () => false,
  );
  const latest = useRef(options);
  useInsertionEffect(() => {
    latest.current = options;
  });
  const address = isMounted && connect && url !== null ? (typeof url === "function" ? url() : url) : null;
  const query = options.queryParams && String(new URLSearchParams(stringsOf(options.queryParams)));
  // The same one at every render, with the newest functions; it starts nothing.
  const client = address === null ? undefined : clientFor(clientOptions(address, query, options));
  const [lastMessage, setLastMessage] = useState<MessageLike | null>(null);
  // The first is being rendered. React would skip what is followed at once by another.
  const arrived = useRef<MessageLike[]>([]);
  const waiting = useRef<Sendable[]>([]);
  useEffect(() => client?.hold(), [client]);
  useEffect(() => {
    // By what it is: effects may run again for one that they have seen (Strict Mode, <Activity>).
    if (arrived.current[0] === lastMessage) arrived.current.shift();
    if (arrived.current[0]) setLastMessage(arrived.current[0]);
  }, [lastMessage]);
  useEffect(() => {
    const sendWaiting = (): void => waiting.current.splice(0).forEach((message) => client?.send(message));
    const removers = [
      client?.on("message", ({ data }) => {
        const { filter, onMessage } = latest.current;
        const message = { data };
        onMessage?.(message);
        if (!(filter?.(message) ?? true)) return;
        if (arrived.current.push(message) === 1) setLastMessage(message);
      }),
      client?.on("error", (error) => latest.current.onError?.(error)),
      client?.on("state", ({ previous, current, reason = "" }) => {
        const { onOpen, onClose, onReconnectStop } = latest.current;
        if (current === "connected") {
          onOpen?.();
          sendWaiting();
        }
        if (previous === "connected") onClose?.({ reason });
        if (client.status.error?.code === "attempts-exhausted") onReconnectStop?.(client.status.maxAttempts);
      }),
    ];
    return () => {
      removers.forEach((remove) => remove?.());
      // Nobody is there to send it later: the client keeps it, or tells that it cannot be delivered.
      if (client !== undefined && !isOver(client.state)) sendWaiting();
    };
  }, [client]);
  const readyState = useSyncExternalStore(
    useCallback((listener) => client?.subscribe(listener) ?? (() => {}), [client]),
    () => client?.readyState ?? ReadyState.UNINSTANTIATED,
    () => ReadyState.UNINSTANTIATED,
  );
  const sendMessage = useCallback(
    (message: Sendable, keep = true) => {
      if (client === undefined) return;
      if (client.isConnected() || (keep && isOver(client.state))) client.send(message);
      else if (keep) waiting.current.push(message);
    },
    [client],
  );
  const sendJsonMessage = useCallback(
    (value: unknown, keep?: boolean) => sendMessage(JSON.stringify(value), keep),
    [sendMessage],
  );
  const lastJsonMessage = useMemo(() => readJson(lastMessage?.data) as T | null, [lastMessage]);
  return { sendMessage, sendJsonMessage, lastMessage, lastJsonMessage, readyState };
}

export default useWebSocket;

function isOver(state: State): boolean {
  return state === "closing" || state === "closed" || state === "failed";
}

function neverChanges(): () => void {
  return () => {};
}

function clientOptions(
  address: string,
  query: string | undefined,
  options: UseWebSocketOptions,
): ClientOptions {
  const { protocols, reconnectAttempts, reconnectInterval, shouldReconnect, heartbeat } = options;
  const beat = heartbeat === true ? {} : heartbeat || undefined;
  const { message = "ping", returnMessage, timeout, interval } = beat ?? {};
  const wire: PlainWire = {
    ...(protocols !== undefined && { protocols: () => [protocols].flat() }),
    ...(beat !== undefined && { ping: () => (typeof message === "string" ? message : message()) }),
    ...(returnMessage !== undefined && { isPong: (data: unknown) => data === returnMessage }),
    ...(shouldReconnect !== undefined && {
      retry: (code: number) => (shouldReconnect({ code }) ? "soon" : "never"),
    }),
  };
  return {
    url: query ? `${address}${address.includes("?") ? "&" : "?"}${query}` : address,
    wire,
    reconnect: {
      ...(reconnectAttempts !== undefined && { maxAttempts: reconnectAttempts }),
      ...(reconnectInterval !== undefined && { intervalMs: reconnectInterval }),
    },
    heartbeat: {
      ...(interval !== undefined && { intervalMs: interval }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
    },
  };
}

function stringsOf(values: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

function readJson(data: unknown): unknown {
  try {
    return typeof data === "string" ? JSON.parse(data) : null;
  } catch {
    return null;
  }
}
