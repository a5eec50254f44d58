// A `WebSocket`, and what happens to it.

// `codec.rs` names it too, so wasm-bindgen puts it beside this file.
import { read, readShared } from "./codec.js";

// See `event.rs`.
const OPENED = 20;
const CLOSED = 21;
const WRONG_SUBPROTOCOL = 22;
const FORBIDDEN = 23;

/** What a `raw` is for a connection that clients share: see `readShared`. */
const SHARED = 255;

/** The code of a close without a closing handshake (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;

/** The events that are listened to. */
const EVENTS = ["open", "message", "error", "close"];

/** What a page is told of that its Content-Security-Policy has forbidden. */
const VIOLATION = "securitypolicyviolation";

/** Listens with a function, or with `null` no more. */
function listen(socket, listener) {
  for (const type of EVENTS) socket[`on${type}`] = listener;
}

/**
 * Makes a socket, of a constructor or of the browser's, and tells what happens to it; what it receives is
 * read, or is a `raw` where that is a number. Returns words instead, with the name of what was thrown and
 * the URL as people know it, without its query: there, and in what an error says, a token may be.
 */
export function open(Given, url, protocols, knownUrl, raw, attempt, driver) {
  const known = knownUrl.split("?")[0];
  let wasWrong = false;
  let isForbidden = false;
  let socket;
  try {
    socket = new (Given ?? WebSocket)(url, protocols);
  } catch (thrown) {
    return `${known} (${thrown instanceof Error ? thrown.name : ""})`;
  }
  // A `Blob` can only be read later, which would let messages overtake each other.
  socket.binaryType = "arraybuffer";
  // One function for all events, by what they have: it is smaller, and what an application has made may
  // tell of events without a type.
  const listener = (event = {}) => {
    const { data, code } = event;
    if (data !== undefined) {
      // Of a text the UTF-16 units are counted, which are its bytes where it is ASCII: to count others
      // would be to read it.
      if (raw === undefined) read(data, driver, attempt);
      else if (raw === SHARED) readShared(data, driver, attempt);
      else driver.tell(attempt, raw, data, data.length ?? data.byteLength);
    } else if (code !== undefined) {
      driver.tell(attempt, wasWrong ? WRONG_SUBPROTOCOL : CLOSED, event.reason, code);
    } else if (event.type === VIOLATION) {
      // An event of the page, perhaps of another socket.
      isForbidden ||= event.effectiveDirective === "connect-src" && url.startsWith(event.blockedURI);
    } else if (socket.readyState === 3) {
      // A close comes in the same task, with the code; but none for a socket that a
      // Content-Security-Policy has blocked (Chromium).
      setTimeout(() => {
        if (socket.onclose === null) return;
        if (isForbidden) driver.tell(attempt, FORBIDDEN, known, 0);
        else driver.tell(attempt, CLOSED, "", ABNORMAL);
      }, 0);
    } else if (event.type !== "error") {
      // A server that does not know the wire's subprotocol answers without one; some browsers close then.
      wasWrong = (raw === undefined || raw === SHARED) && socket.protocol === "";
      if (wasWrong) shut(socket, 1000, "");
      else driver.tell(attempt, OPENED, undefined, 0);
    }
  };
  listen(socket, listener);
  globalThis.addEventListener?.(VIOLATION, listener);
  return socket;
}

/** Sends a frame; returns false if the socket is not open yet, where sending throws. */
export function send(socket, frame) {
  try {
    socket.send(frame);
    return true;
  } catch {
    return false;
  }
}

/** Begins the closing handshake, with a code and a reason that can be sent. */
export function shut(socket, code, reason) {
  try {
    socket.close(code, reason);
  } catch {
    // What an application has made may throw; its `close` event comes all the same, or is not waited for.
  }
}

/** Tells nothing any more. */
export function silence(socket) {
  globalThis.removeEventListener?.(VIOLATION, socket.onclose);
  listen(socket, null);
}
