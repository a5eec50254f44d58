/** What a client has counted since it was made. */
export interface Stats {
  /** Attempts at a socket: first ones and automatic ones, also those that the browser refused. */
  readonly attempts: number;
  /** Sockets that opened. */
  readonly socketsOpened: number;
  /** Connections that came of an automatic attempt. */
  readonly reconnects: number;
  /** New tokens that the server has taken over the open connection. */
  readonly refreshes: number;
  /** Events of old sockets, and late answers of `getToken`: they have changed nothing. */
  readonly staleEvents: number;
  /** Messages that were handed to the listeners. */
  readonly messagesIn: number;
  /** Messages that were sent, those that were sent again included. */
  readonly messagesOut: number;
  /**
   * The sizes of the frames in which messages came. Of a text its UTF-16 units are counted, which are
   * its bytes where it is ASCII: to count others, every message would have to be read twice.
   */
  readonly bytesIn: number;
  /** The payloads of the messages that were sent, text in UTF-8. */
  readonly bytesOut: number;
}

/** In the order of the table of counters in crates/core; its test `documents` compares them. */
const NAMES = [
  "attempts",
  "socketsOpened",
  "reconnects",
  "refreshes",
  "staleEvents",
  "messagesIn",
  "messagesOut",
  "bytesIn",
  "bytesOut",
] as const satisfies readonly (keyof Stats)[];

/** Names what was counted. */
export function nameStats(counter: (at: number) => number): Stats {
  const named = NAMES.map((name, at) => [name, counter(at)]);
  return Object.freeze(Object.fromEntries(named) as Record<keyof Stats, number>);
}
