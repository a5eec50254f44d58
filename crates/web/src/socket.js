// The events of a `WebSocket`. `socket.rs` gives the numbers their meaning, beside those of `codec.js`.

import { read } from "./codec.js";

const OPENED = 20;
const CLOSED = 21;

/** Tells what happens to a socket; what it receives is read, or is a `raw` where that is a number. */
export function listen(socket, raw, tell) {
  // A `Blob` can only be read later, which would let messages overtake each other.
  socket.binaryType = "arraybuffer";
  socket.onopen = () => tell(OPENED, undefined, 0);
  // Of a text the UTF-16 units are counted, which are its bytes where it is ASCII: to count others
  // would be to read it.
  socket.onmessage =
    raw === undefined
      ? ({ data }) => read(data, tell)
      : ({ data }) => tell(raw, data, data.length ?? data.byteLength);
  // `close` always comes, `error` does not: nothing depends on `error`.
  socket.onclose = ({ code, reason }) => tell(CLOSED, reason, code);
}

/** Tells nothing any more. */
export function silence(socket) {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
}
