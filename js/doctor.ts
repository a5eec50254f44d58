/**
 * onesocket's doctor, for an application that does not use onesocket yet: it watches every `WebSocket` that
 * the page makes, and says which are duplicates, who made each, how long each lived, and which were closed
 * while they were still connecting.
 *
 * `import "onesocket/doctor"` as the first import of a page is enough, in development. What it finds is a
 * warning on the console and a panel in the corner of the page.
 *
 * @packageDocumentation
 */

import { showPanel } from "./doctor_panel.js";

/** What was seen of one socket. */
export interface SocketRecord {
  /** Its URL without query and user: a token may be there. */
  readonly url: string;
  /** The component or function that made it, as far as the stack tells; else `""`. */
  readonly madeBy: string;
  /** The stack where it was made. */
  readonly stack: string;
  /** When it was made, as `Date.now()`. */
  readonly madeAtMs: number;
  /** How long it took to open, in milliseconds; `undefined` if it did not. */
  openedAfterMs: number | undefined;
  /** How long it lived, in milliseconds; `undefined` while it does. */
  livedMs: number | undefined;
  /** The code with which it closed; `undefined` while it lives. */
  code: number | undefined;
  /** Whether another one to the same URL lived when it was made. */
  readonly isDuplicate: boolean;
  /** Whether `close()` was called before it was open: a browser complains of that. */
  wasClosedEarly: boolean;
}

/** How many sockets are remembered: a page that makes more makes too many. */
const REMEMBERED = 500;

const records: SocketRecord[] = [];
const watchers = new Set<() => void>();
const warned = new Set<string>();

/** What {@link doctor} offers. */
export interface Doctor {
  /** What was seen, oldest first; the last 500. */
  readonly sockets: readonly SocketRecord[];
  /** Writes a table of the sockets to the console, and returns what it says at the top. */
  report(): string;
  /** Gives the page its `WebSocket` back, and takes the panel away. */
  stop(): void;
}

/** Says in one sentence what was found. */
function summary(): string {
  const living = records.filter(({ livedMs }) => livedMs === undefined);
  const urls = new Set(living.map(({ url }) => url)).size;
  const duplicates = records.filter(({ isDuplicate }) => isDuplicate).length;
  const early = records.filter(({ wasClosedEarly }) => wasClosedEarly).length;
  return (
    `${records.length} made, ${living.length} open to ${urls} ${urls === 1 ? "URL" : "URLs"}, ` +
    `${duplicates} duplicates, ${early} closed while connecting`
  );
}

function changed(): void {
  for (const watcher of watchers) watcher();
}

/** Remembers a socket and what happens to it. */
function watch(socket: WebSocket, stack: string): void {
  const madeAtMs = Date.now();
  const [beforeQuery = ""] = socket.url.split("?");
  const url = beforeQuery.replace(/\/\/[^/@]*@/, "//");
  const lives = records.filter((other) => other.url === url && other.livedMs === undefined);
  const record: SocketRecord = {
    url,
    madeBy: makerIn(stack),
    stack,
    madeAtMs,
    openedAfterMs: undefined,
    livedMs: undefined,
    code: undefined,
    isDuplicate: lives.length > 0,
    wasClosedEarly: false,
  };
  records.push(record);
  if (records.length > REMEMBERED) records.shift();
  socket.addEventListener("open", () => {
    record.openedAfterMs = Date.now() - madeAtMs;
    changed();
  });
  socket.addEventListener("close", ({ code }) => {
    record.livedMs = Date.now() - madeAtMs;
    record.code = code;
    changed();
  });
  const close = socket.close.bind(socket);
  socket.close = (...how) => {
    if (socket.readyState === 0) record.wasClosedEarly = true;
    close(...how);
    changed();
  };
  if (record.isDuplicate && !warned.has(url)) {
    warned.add(url);
    const names = [...lives, record].map(({ madeBy }) => madeBy || "?").join(", ");
    console.warn(`🔌 onesocket/doctor: ${lives.length + 1} sockets to ${url}, made by ${names}`);
  }
  changed();
}

/** Returns the component that made a socket, else the innermost function with a name. */
function makerIn(stack: string): string {
  const names = stack
    .split("\n")
    .map((line) => /^\s*(?:at (?:new )?)?([\w$.]+)(?: \(|@)/.exec(line)?.[1]?.split(".").at(-1) ?? "")
    .filter((name) => name !== "" && name !== "WebSocket" && name !== "Error");
  return names.find((name) => /^[A-Z]/.test(name)) ?? names[0] ?? "";
}

function start(): () => void {
  const page = globalThis as { WebSocket?: typeof WebSocket };
  const Real = page.WebSocket;
  if (Real === undefined) return () => {};
  const Watched = new Proxy(Real, {
    construct(target, values, newTarget) {
      const socket: WebSocket = Reflect.construct(target, values, newTarget);
      // The first lines are this function's own.
      watch(socket, (new Error().stack ?? "").split("\n").slice(2).join("\n"));
      return socket;
    },
  });
  page.WebSocket = Watched;
  const hide = showPanel({ records, summary, subscribe: (watcher) => watchers.add(watcher) });
  return () => {
    if (page.WebSocket === Watched) page.WebSocket = Real;
    hide();
    watchers.clear();
  };
}

const stop = start();

/** The one that watches this page. */
export const doctor: Doctor = {
  sockets: records,
  report: () => {
    const said = summary();
    console.table(
      records.map(({ url, madeBy, openedAfterMs, livedMs, code, isDuplicate, wasClosedEarly }) => ({
        url,
        "made by": madeBy,
        "open after ms": openedAfterMs,
        "lived ms": livedMs ?? "open",
        code,
        duplicate: isDuplicate,
        "closed while connecting": wasClosedEarly,
      })),
    );
    return said;
  },
  stop,
};
