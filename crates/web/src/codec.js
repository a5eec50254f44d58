// Frames, written and read where JavaScript has them: see PROTOCOL.md. `codec.rs` gives the numbers
// below their meaning.

const MESSAGE = 0;
const PING = 1;
const PONG = 2;
const ACK = 3;
const REFRESHED = 4;
const ERROR = 5;
const WELCOME = 6;
// What is wrong with a frame follows.
const NOT_JSON = 7;
const NOT_AN_OBJECT = 8;
const NO_TYPE = 9;
const UNKNOWN_TYPE = 10;
const STRANGE_TYPE = 11;
const FIELD_MISSING = 12;
const PAYLOAD_MISSING = 13;
const PAYLOAD_NOT_JSON = 14;
const STRANGE_FORMAT = 15;

const LINE_FEED = 10;

/** The requests of tabs have greater numbers, where one speaks for all: see `relay.rs`. */
const BEFORE_OTHERS = 2 ** 40;

/** As many as can be told to the machine, which uses fewer. */
const MANY_TABS = 2 ** 16 - 1;

/** More bytes than a head may have: a group has 128 at most, each of which JSON may escape. */
const LONGEST_HEAD = 512;

let encoder;
let decoder;
let scratch;

/** Returns a text in UTF-8. jsdom, as Jest has it, has no `TextEncoder`. */
export function encode(text) {
  if (globalThis.TextEncoder) return (encoder ??= new TextEncoder()).encode(text);
  const escaped = encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
  return Uint8Array.from(escaped.match(/%..|./g) ?? [], (part) =>
    part[1] ? parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
}

/** Returns the text of UTF-8. Throws where it is none and there is no `TextDecoder`. */
export function decode(bytes) {
  // What begins with U+FEFF, the name of a group for example, keeps it.
  if (globalThis.TextDecoder) return (decoder ??= new TextDecoder("utf-8", { ignoreBOM: true })).decode(bytes);
  const escaped = Array.from(bytes, (byte) => `%${(byte + 256).toString(16).slice(1)}`);
  return decodeURIComponent(escaped.join(""));
}

/** The same of a head, until the next one: nothing new is made for it. */
function encodeHead(text) {
  if (!globalThis.TextEncoder) return encode(text);
  encoder ??= new TextEncoder();
  scratch ??= new Uint8Array(LONGEST_HEAD);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

const isWhole = (value) => Number.isSafeInteger(value) && value >= 0;
const isText = (value) => typeof value === "string";

/** What a frame of each type must have; what it may have is dropped where it is not as it should be. */
const FRAMES = {
  __proto__: null,
  ping: [PING, () => true],
  pong: [PONG, () => true],
  ack: [ACK, ({ id }) => isWhole(id)],
  refreshed: [REFRESHED, ({ id }) => isWhole(id)],
  error: [ERROR, ({ code, message }) => isText(code) && isText(message)],
  welcome: [
    WELCOME,
    ({ connectionId, user, pingIntervalMs, maxMessageBytes }) =>
      isText(connectionId) && isText(user) && isWhole(pingIntervalMs) && isWhole(maxMessageBytes),
  ],
};

/** Returns what a socket has received as something with a length: of an `ArrayBuffer`, of any realm, a view. */
export function viewOf(data) {
  return isText(data) || ArrayBuffer.isView(data) ? data : new Uint8Array(data);
}

/** Takes a frame apart: what its head says, and the rest, which begins with the line feed. */
export function parts(frame) {
  const text = isText(frame);
  const whole = viewOf(frame);
  const end = whole.indexOf(text ? "\n" : LINE_FEED);
  const size = end < 0 ? whole.length : end;
  const head = text ? whole.slice(0, size) : decode(whole.subarray(0, size));
  return [JSON.parse(head), text ? whole.slice(size) : whole.subarray(size)];
}

/**
 * Reads what the socket of an attempt has received, a string or an `ArrayBuffer`, and tells what it is:
 * one of the numbers above and the head, with the payload as its `data`; or the name of a wrong type.
 */
export function read(data, driver, attempt) {
  const text = isText(data);
  // A view: bytes are not copied.
  const whole = text ? data : new Uint8Array(data);
  const end = whole.indexOf(text ? "\n" : LINE_FEED);
  const size = whole.length;
  const first = end < 0 ? whole : text ? whole.slice(0, end) : whole.subarray(0, end);
  let head;
  try {
    head = JSON.parse(text ? first : decode(first));
  } catch {
    return driver.tell(attempt, NOT_JSON, undefined, size);
  }
  if (typeof head !== "object" || head === null) return driver.tell(attempt, NOT_AN_OBJECT, undefined, size);
  const { type } = head;
  if (type === "message") {
    if (end < 0) return driver.tell(attempt, PAYLOAD_MISSING, undefined, size);
    if (!text) {
      head.data = whole.subarray(end + 1);
    } else if (head.format === undefined) {
      try {
        head.data = JSON.parse(whole.slice(end + 1));
      } catch {
        return driver.tell(attempt, PAYLOAD_NOT_JSON, undefined, size);
      }
    } else if (head.format === "text") {
      head.data = whole.slice(end + 1);
    } else {
      return driver.tell(attempt, STRANGE_FORMAT, undefined, size);
    }
    return driver.tell(attempt, MESSAGE, head, size);
  }
  if (!isText(type) || type === "") return driver.tell(attempt, NO_TYPE, undefined, size);
  if (!(type in FRAMES)) {
    // Only a short word is named, as types are: what else is there may be of any size, and a token.
    const isWord = /^[a-z-]{1,20}$/.test(type);
    return driver.tell(attempt, isWord ? UNKNOWN_TYPE : STRANGE_TYPE, isWord ? type : undefined, size);
  }
  const [kind, isComplete] = FRAMES[type];
  if (!isComplete(head)) return driver.tell(attempt, FIELD_MISSING, type, size);
  if (!isWhole(head.id)) head.id = undefined;
  if (!isWhole(head.tokenExpiresInMs)) head.tokenExpiresInMs = undefined;
  if (!isText(head.epoch)) head.epoch = undefined;
  if (!isWhole(head.tabs)) head.tabs = undefined;
  if (!isText(head.group)) head.group = undefined;
  return driver.tell(attempt, kind, head, size);
}

/**
 * The same over a connection that clients share: tells what is about the connection itself as above, and of
 * everything else, and of the welcome too, its head and the frame as it came.
 */
export function readShared(data, driver, attempt) {
  let head;
  try {
    [head] = parts(data);
  } catch {
    // It is read again below, which says what is wrong with it.
  }
  const { type, as, id, group } = head ?? {};
  // The connection itself has no groups, and few requests.
  const isWelcome = type === "welcome";
  const isOthers =
    !isWelcome &&
    (as !== undefined || type === "message" || id > BEFORE_OTHERS || (type === "error" && isText(group)));
  if (!isOthers) read(data, driver, attempt);
  if (!isOthers && !(isWelcome && FRAMES.welcome[1](head))) return;
  head.type = String(type);
  head.slots = isWhole(as) ? [as] : Array.isArray(as) ? as.filter(isWhole) : [];
  if (!isText(head.epoch)) head.epoch = undefined;
  if (!isWhole(head.id)) head.id = undefined;
  head.tabs = isWhole(head.tabs) ? Math.min(head.tabs, MANY_TABS) : undefined;
  if (!isText(head.group)) head.group = undefined;
  head.frame = data;
  driver.tell(attempt, MESSAGE, head, viewOf(data).length);
}

/** How the frames begin that have an id, and the field behind it. */
const BEGINNINGS = [
  ["message"],
  ["publish", "group"],
  ["join", "group"],
  ["leave", "group"],
  ["refresh", "token"],
].map(([type, field]) => [`{"type":"${type}","id":`, `,"${field}":`]);

/**
 * Writes a frame, with the value of its field and the payload (see `codec.rs`) where it has them. The
 * head of bytes is written before them in their buffer, if it has the room: they are not copied again.
 */
export function write(kind, id, value, payload) {
  const [start, field] = BEGINNINGS[kind];
  let head = start + id;
  if (value !== undefined) head += field + JSON.stringify(value);
  if (payload === undefined) return `${head}}`;
  if (isText(payload)) return `${head},"format":"text"}\n${payload}`;
  if (!(payload instanceof Uint8Array)) return `${head}}\n${payload.json}`;
  const line = encodeHead(`${head}}\n`);
  const size = line.length + payload.length;
  const at = payload.byteOffset - line.length;
  const hasRoom = at >= 0;
  const frame = hasRoom ? new Uint8Array(payload.buffer, at, size) : new Uint8Array(size);
  frame.set(line);
  if (!hasRoom) frame.set(payload, line.length);
  return frame;
}

/** Returns what goes over a wire that has no heads: the JSON text of a value, else the payload itself. */
export function bare(payload) {
  return payload.json ?? payload;
}

/** Returns a payload as the user gave it. */
export function given(payload) {
  if (payload instanceof Uint8Array) return payload.slice();
  return isText(payload) ? payload : JSON.parse(payload.json);
}

/** Returns how many bytes a text is in UTF-8. */
export function utf8Length(text) {
  return encode(text).length;
}

/** Writes bytes in base64url without padding (RFC 4648, section 5), behind a prefix. */
function base64url(prefix, bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return prefix + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Returns the subprotocols to offer: the wire's, the one that carries the token, and the client's. */
export function offer(name, client, tokenPrefix, token) {
  return token === undefined ? [name, client] : [name, base64url(tokenPrefix, encode(token)), client];
}

/** Returns the subprotocol that names a client by 16 random bytes. */
export function clientSubprotocol(prefix) {
  return base64url(prefix, crypto.getRandomValues(new Uint8Array(16)));
}
