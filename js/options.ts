/** The options: what they mean, their defaults, and the only place where they are checked. */

import { DEFAULTS, FOREVER, type OptionName } from "./defaults.js";
import type { Decode } from "./decode.js";
import { OneSocketError } from "./error.js";
import type { WebSocketConstructor } from "./socket.js";
import type { GetToken } from "./tokens.js";
import { hasFragment, hasSocketScheme, parseUrl, toWebSocket } from "./url.js";
import { PLACES, type PlainWire, TOKEN_PLACES } from "./wire.js";

/** How a connection is tried again after a failure. */
export interface ReconnectOptions {
  /** How many automatic attempts follow a failure; 0 for none, `Infinity` for no end. Default: 5. */
  readonly maxAttempts?: number;
  /** The time between the end of one attempt and the next one, in milliseconds. Default: 5000. */
  readonly intervalMs?: number;
  /** By what the interval grows from attempt to attempt, 1 to 10; 1 keeps it. Default: 1. */
  readonly factor?: number;
  /**
   * What a growing interval does not exceed, in milliseconds. Default: 60 000, or `intervalMs` if
   * that is more.
   */
  readonly maxIntervalMs?: number;
  /**
   * The largest share of the interval that is added by chance, 0 to 1, so that many clients do not
   * come back in step. Default: 0.1.
   */
  readonly jitter?: number;
}

/** How much may wait to be sent. Beyond it `send()` throws `queue-full`. */
export interface QueueOptions {
  /** How many messages, at most 1 000 000. Default: 1000. */
  readonly maxMessages?: number;
  /** How many bytes of payload in all, text in UTF-8, at most 1 GiB. Default: 1 048 576. */
  readonly maxBytes?: number;
  /**
   * What becomes of messages in the state `failed`. With `"refuse"` `send()` throws `closed`, and what waited when the
   * connection failed is undelivered; with `"wait"` both wait for the next `connect()`. Default: `"refuse"`
   */
  readonly whenFailed?: WhenFailed;
}

/** What becomes of messages in the state `failed`. */
export type WhenFailed = "refuse" | "wait";

/** When a token is refreshed over the open connection. */
export interface RefreshOptions {
  /**
   * How long before the token's end, in milliseconds; at half its life where that is later. Default:
   * 60 000.
   */
  readonly beforeExpiryMs?: number;
  /**
   * How long after the last token was fetched at the earliest, in milliseconds, unless the token would
   * be dead by then. Default: 30 000.
   */
  readonly minIntervalMs?: number;
}

/** How a connection is found to be dead that was never closed. */
export interface HeartbeatOptions {
  /**
   * How often something comes from the server at least, in milliseconds; 0 for as often as the
   * server says that it pings. Default: 0.
   */
  readonly intervalMs?: number;
  /**
   * How much longer the server may be silent, and how long it may take to answer when it is asked, in
   * milliseconds. Default: 10 000.
   */
  readonly timeoutMs?: number;
}

/** Where log lines go; `console` is one. */
export type Logger = Pick<Console, "debug" | "info" | "warn" | "error">;

/** The options of `createClient()` and `connect()`. All times are in milliseconds, at most 2^31 − 1. */
export interface ClientOptions<T = unknown> {
  /**
   * Where to connect: a `ws:`, `wss:`, `http:` (meaning `ws:`) or `https:` (meaning `wss:`) URL, or a
   * path on this origin (`"/ws"`), which is resolved at `connect()`. It has no fragment.
   */
  readonly url: string | URL;
  /**
   * Fetches a token. It is asked at every attempt and at every refresh, never twice at once, and cut
   * off after 10 s. It
   * answers a string, `{ token, expiresInMs }`, or a promise of one; `null`, or throwing
   * `NotAuthenticated`, says that nobody is signed in. Without it there are no tokens.
   */
  readonly getToken?: GetToken;
  /**
   * Checks what a message carries, and makes of it what listeners get: a function, or a schema of zod,
   * valibot, ArkType or another library of standardschema.dev. What it refuses is dropped, and is an
   * `error` event with the code `invalid-message`; its `cause` is what the function threw, or the
   * schema's issues. Default: everything is taken as it comes.
   */
  readonly decode?: Decode<T>;
  /**
   * How to speak with the server: `"onesocket"`, the default, as PROTOCOL.md says; a
   * {@link PlainWire} for any other WebSocket server.
   */
  readonly wire?: "onesocket" | PlainWire;
  /**
   * The constructor of sockets, where there is no `WebSocket` or it is not the one to use: that of the
   * package `ws` in Node 20, for example. Default: the global one.
   */
  readonly WebSocket?: WebSocketConstructor;
  /**
   * What the tabs and windows of this origin have in common that share **one** connection: the user's id, say.
   * One of them leads and has the socket; another takes over when it closes, reloads, crashes or
   * freezes. Where the server takes several tabs over one connection, as `onesocket-server` does, nothing
   * is lost or doubled then. With another server, or a wire of your own, one tab speaks for all, and
   * what was unanswered is reported in `undelivered`: `status.exactlyOnce` says which holds. Default:
   * each tab has a connection of its own.
   */
  readonly share?: string;
  /**
   * How a connection is tried again: `false` for not at all, `"forever"` for without end: after 1 s,
   * then after twice as long each time, up to 30 s, with up to half of that added by chance.
   */
  readonly reconnect?: false | "forever" | ReconnectOptions;
  /** How long a handshake may take until the session is agreed. Default: 10 000. */
  readonly connectTimeoutMs?: number;
  /** How long the close of a socket is waited for before it is given up. Default: 3000. */
  readonly closeTimeoutMs?: number;
  /** How long a connection must last before earlier failures count no more. Default: 10 000. */
  readonly stableAfterMs?: number;
  /** How long the connection stays after its last holder has gone. Default: 500. */
  readonly releaseAfterMs?: number;
  /** When a token is refreshed over the open connection. */
  readonly refresh?: RefreshOptions;
  /** How a connection is found to be dead that was never closed. */
  readonly heartbeat?: HeartbeatOptions;
  /** How much may wait to be sent. */
  readonly queue?: QueueOptions;
  /** Where log lines go. Default: nowhere. Tokens are never logged. */
  readonly logger?: Logger;
}

/** The options, checked. */
export interface Settings {
  /** An absolute `ws:` or `wss:` URL, or a path that begins with `/`. */
  readonly url: string;
  readonly getToken: GetToken | undefined;
  /** `undefined` for none. */
  readonly decode: Decode<unknown> | undefined;
  /** `undefined` for `onesocket.v1`. */
  readonly wire: PlainWire | undefined;
  /** `undefined` for the global one. */
  readonly WebSocket: WebSocketConstructor | undefined;
  /** `undefined` for a connection that no other tab shares. */
  readonly share: string | undefined;
  readonly logger: Logger | undefined;
  /** The numbers that the user has set. */
  readonly numbers: Numbers;
}

/** The names of the options that are numbers, in the order of the machine. */
export const OPTION_NAMES = Object.keys(DEFAULTS) as OptionName[];

/** Options that are numbers, by name. */
export type Numbers = Readonly<Partial<Record<OptionName, number>>>;

interface Rule {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** The words of an option that has words; the number is the place of one. */
  readonly words?: readonly string[];
}

/** Browsers fire a timer at once that is set for longer. */
const MAX_MS = 2 ** 31 - 1;

const RULES: Readonly<Record<OptionName, Rule>> = {
  "reconnect.maxAttempts": { min: 0, max: Infinity, whole: true },
  "reconnect.intervalMs": { min: 1, max: MAX_MS },
  "reconnect.factor": { min: 1, max: 10 },
  "reconnect.maxIntervalMs": { min: 1, max: MAX_MS },
  "reconnect.jitter": { min: 0, max: 1 },
  connectTimeoutMs: { min: 1, max: MAX_MS },
  closeTimeoutMs: { min: 1, max: MAX_MS },
  stableAfterMs: { min: 0, max: MAX_MS },
  releaseAfterMs: { min: 0, max: MAX_MS },
  "refresh.beforeExpiryMs": { min: 0, max: MAX_MS },
  "refresh.minIntervalMs": { min: 0, max: MAX_MS },
  "heartbeat.intervalMs": { min: 0, max: MAX_MS },
  "heartbeat.timeoutMs": { min: 1, max: MAX_MS },
  "queue.maxMessages": { min: 0, max: 1_000_000, whole: true },
  "queue.maxBytes": { min: 0, max: 2 ** 30, whole: true },
  "queue.whenFailed": { min: 0, max: 1, words: ["refuse", "wait"] satisfies WhenFailed[] },
};

const INTERVAL = "reconnect.intervalMs";
const MAX_INTERVAL = "reconnect.maxIntervalMs";

/** The options that are objects with numbers in them. */
const GROUPS = ["reconnect", "refresh", "heartbeat", "queue"];
/** The methods of a {@link Logger}. */
export const LOG_METHODS = ["debug", "info", "warn", "error"] as const;
const OPTIONS = [
  "url",
  "getToken",
  "decode",
  "wire",
  "WebSocket",
  "share",
  ...new Set(OPTION_NAMES.map((name) => name.split(".")[0] as string)),
  "logger",
];

/** The options that are functions, or have them: the newest ones are called. */
const REPLACED = ["WebSocket", "logger", "getToken", "decode"] as const;

type Named = Readonly<Record<string, unknown>>;

/**
 * Checks the options.
 *
 * Throws one `invalid-options` that names all faults together.
 */
export function readOptions(options: unknown): Settings {
  if (!isObject(options)) {
    throw new OneSocketError("invalid-options", "The options are an object with at least a url.");
  }
  const faults: string[] = [];
  checkNames(options, "", OPTIONS, faults);
  const settings: Settings = {
    url: readUrl(options["url"], faults),
    getToken: readGetToken(options["getToken"], faults),
    decode: readDecode(options["decode"], faults),
    wire: readWire(options["wire"], faults),
    WebSocket: readWebSocket(options["WebSocket"], faults),
    share: readShare(options["share"], faults),
    logger: readLogger(options["logger"], faults),
    numbers: readNumbers(options, faults),
  };
  const { getToken, wire } = settings;
  if (getToken !== undefined && wire !== undefined && !TOKEN_PLACES.some((place) => wire[place])) {
    faults.push(`getToken: no ${TOKEN_PLACES.join("(), ")}() of the wire takes the token anywhere`);
  }
  if (faults.length > 0) {
    throw new OneSocketError("invalid-options", `Invalid options: ${faults.join("; ")}.`);
  }
  return settings;
}

/** Returns an option that is a number: as it was set, or its default. */
export function numberOf(numbers: Numbers, name: OptionName): number {
  const value = numbers[name] ?? DEFAULTS[name];
  // An interval that is set above the default of the largest one raises it.
  return name === MAX_INTERVAL ? Math.max(value, numbers[INTERVAL] ?? 0) : value;
}

/**
 * Names the options in which newer settings differ from those with which a client was made. Another
 * function in the place of one does not: each render and each hot reload makes new ones.
 */
export function differences(made: Settings, newer: Settings): string[] {
  const names: string[] = OPTION_NAMES.filter(
    (name) => numberOf(made.numbers, name) !== numberOf(newer.numbers, name),
  );
  const has = ({ wire }: Settings): unknown[] => [wire, ...PLACES.map((place) => wire?.[place])];
  const places = has(newer);
  if (has(made).some((place, at) => !place !== !places[at])) names.push("wire");
  if (made.share !== newer.share) names.push("share");
  // What was made without one cannot begin to use it.
  const begun = REPLACED.filter((name) => made[name] === undefined && newer[name] !== undefined);
  return [...names, ...begun];
}

function readUrl(value: unknown, faults: string[]): string {
  const fault = (what: string): string => {
    faults.push(`url: ${what}`);
    return "";
  };
  if (typeof value !== "string" && !(value instanceof URL)) {
    return fault("must be a string or a URL");
  }
  const text = String(value);
  const isPath = text.startsWith("/");
  // A path is tried on an origin that cannot exist: with "//host" it would leave it.
  const base = "http://path.invalid";
  const url = parseUrl(text, isPath ? base : undefined);
  if (isPath && url?.origin !== base) {
    return fault(`"${shown(text)}" is no path on this origin; write the whole URL`);
  }
  if (url === undefined) {
    return fault(
      `"${shown(text)}" is no URL; write one that begins with wss:// or ws://, or a path that begins with /`,
    );
  }
  if (!hasSocketScheme(url)) {
    return fault(`the scheme "${shown(url.protocol)}" is none of ws:, wss:, http: and https:`);
  }
  if (hasFragment(url)) return fault("must have no fragment (#…); browsers refuse it");
  return isPath ? text : toWebSocket(url);
}

/** Quotes no query and no more than can be read: a token may have got in there. */
function shown(text: string): string {
  const [beforeQuery = ""] = text.split("?");
  return beforeQuery.length > 80 ? `${beforeQuery.slice(0, 80)}…` : beforeQuery;
}

function readGetToken(value: unknown, faults: string[]): GetToken | undefined {
  if (value !== undefined && typeof value !== "function") {
    faults.push("getToken: must be a function that answers a token");
  }
  return value as GetToken | undefined;
}

function readDecode(value: unknown, faults: string[]): Decode<unknown> | undefined {
  const isSchema = value instanceof Object && "~standard" in value;
  if (value !== undefined && typeof value !== "function" && !isSchema) {
    faults.push("decode: must be a function or a schema");
  }
  return value as Decode<unknown> | undefined;
}

function readWire(value: unknown, faults: string[]): PlainWire | undefined {
  if (value === undefined || value === "onesocket") return undefined;
  if (!isObject(value)) {
    faults.push('wire: must be "onesocket" or an object that describes another wire');
    return undefined;
  }
  checkNames(value, "wire.", [...PLACES], faults);
  for (const place of PLACES) {
    const given = value[place];
    if (given !== undefined && typeof given !== "function") {
      faults.push(`wire.${place}: must be a function`);
    }
  }
  return value;
}

function readWebSocket(value: unknown, faults: string[]): WebSocketConstructor | undefined {
  if (value !== undefined && typeof value !== "function") {
    faults.push("WebSocket: must be a constructor, as the browser's WebSocket is");
  }
  return value as WebSocketConstructor | undefined;
}

function readShare(value: unknown, faults: string[]): string | undefined {
  const good = value === undefined || (typeof value === "string" && value !== "" && value.length <= 1000);
  if (!good) faults.push("share: must be a text of 1 to 1000 characters, the user's id for example");
  return value as string | undefined;
}

function readLogger(value: unknown, faults: string[]): Logger | undefined {
  const good =
    value === undefined ||
    (isObject(value) && LOG_METHODS.every((method) => typeof value[method] === "function"));
  if (!good) faults.push(`logger: must have the methods ${LOG_METHODS.join(", ")}, as console has`);
  return value as Logger | undefined;
}

function readNumbers(options: Named, faults: string[]): Numbers {
  const named: Named = { ...options, reconnect: readReconnect(options["reconnect"]) };
  for (const group of GROUPS) {
    const known = OPTION_NAMES.filter((name) => name.startsWith(`${group}.`));
    const value = named[group];
    if (isObject(value)) {
      const inner = known.map((name) => name.slice(group.length + 1));
      checkNames(value, `${group}.`, inner, faults);
    } else if (value !== undefined) {
      faults.push(`${group}: must be an object${group === "reconnect" ? ', "forever" or false' : ""}`);
    }
  }
  const numbers: Partial<Record<OptionName, number>> = {};
  for (const name of OPTION_NAMES) {
    const value = lookUp(named, name);
    if (value === undefined) continue;
    const { min, max, whole, words } = RULES[name];
    const number = words ? words.indexOf(value as string) : value;
    const inRange = typeof number === "number" && number >= min && number <= max;
    const kind = words ? `"${words.join('" or "')}"` : `a ${whole ? "whole " : ""}number from ${min} to ${max}`;
    if (inRange && (!whole || Math.floor(number) === number)) numbers[name] = number;
    else faults.push(`${name}: must be ${kind}`);
  }
  const interval = numberOf(numbers, INTERVAL);
  if ((numbers[MAX_INTERVAL] ?? interval) < interval) {
    faults.push(`${MAX_INTERVAL}: must not be less than ${INTERVAL} (${interval})`);
  }
  return numbers;
}

/** Returns the options that a word stands for. */
function readReconnect(value: unknown): unknown {
  if (value === false) return { maxAttempts: 0 };
  return value === "forever" ? FOREVER : value;
}

/** Returns `options.a.b` for "a.b". */
function lookUp(options: Named, name: string): unknown {
  const [outer = "", inner] = name.split(".");
  const value = options[outer];
  if (inner === undefined) return value;
  return isObject(value) ? value[inner] : undefined;
}

function checkNames(given: Named, prefix: string, known: string[], faults: string[]): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const list = (names: string[]): string => names.map((name) => prefix + name).join(", ");
  faults.push(`unknown: ${list(unknown)} (known: ${list(known)})`);
}

function isObject(value: unknown): value is Named {
  return typeof value === "object" && value !== null;
}
