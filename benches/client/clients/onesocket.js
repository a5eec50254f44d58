/** This project's client, over its own wire: see PROTOCOL.md. */

import { createClient } from "onesocket";

const HEAD = '{"type":"message"}\n';
const WELCOME = { connectionId: "c1", user: "ada", pingIntervalMs: 25_000, maxMessageBytes: 1 << 20 };

/** The server has answered all: the queue has room again. */
function answered(socket) {
  socket.receives(`{"type":"ack","id":${JSON.parse(socket.lastSent.split("\n")[0]).id}}`);
}

export function open(socketOf, onMessage) {
  const client = createClient({ url: "ws://stand-in/" });
  client.on("message", ({ data }) => onMessage(data));
  const socket = socketOf(() => void client.connect());
  socket.opens("onesocket.v1");
  socket.receives(JSON.stringify({ type: "welcome", ...WELCOME }));
  return {
    socket,
    text: (text) => `{"type":"message","format":"text"}\n${text}`,
    bytes(bytes) {
      const frame = new Uint8Array(HEAD.length + bytes.byteLength);
      frame.set(new TextEncoder().encode(HEAD));
      frame.set(new Uint8Array(bytes), HEAD.length);
      return frame.buffer;
    },
    send: (text) => client.send(text),
    answered,
  };
}
