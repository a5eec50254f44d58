// A `WebSocket`, and what happens to it.

// `codec.rs` names it too, so wasm-bindgen puts it beside this file.
import { read } from "./codec.js";

// See `event.rs`.
const OPENED = 20;
const CLOSED = 21;

const make = (url, protocols) => new WebSocket(url, protocols);

/**
 * Makes a socket, with a function that does it or as the browser does, and tells what happens to it; what
 * it receives is read, or is a `raw` where that is a number. Returns words instead, with the name of
 * what was thrown and the URL as people know it, without its query: there, and in what an error says, a
 * token may be.
 */
export function open(makeSocket, url, protocols, knownUrl, raw, attempt, tell) {
  let socket;
  try {
    socket = (makeSocket ?? make)(url, protocols);
  } catch (thrown) {
    return `${knownUrl.split("?")[0]} (${thrown instanceof Error ? thrown.name : ""})`;
  }
  // A `Blob` can only be read later, which would let messages overtake each other.
  socket.binaryType = "arraybuffer";
  socket.onopen = () => tell(attempt, OPENED, undefined, 0);
  // Of a text the UTF-16 units are counted, which are its bytes where it is ASCII: to count others
  // would be to read it.
  const take = (kind, value, size) => tell(attempt, kind, value, size);
  socket.onmessage =
    raw === undefined
      ? ({ data }) => read(data, take)
      : ({ data }) => take(raw, data, data.length ?? data.byteLength);
  // `close` always comes, `error` does not: nothing depends on `error`.
  socket.onclose = ({ code, reason }) => tell(attempt, CLOSED, reason, code);
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
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
}
