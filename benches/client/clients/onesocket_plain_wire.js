/** This project's client over the wire of any other server. */

import { createClient } from "onesocket";

export function open(socketOf, onMessage) {
  const client = createClient({ url: "ws://stand-in/", wire: {} });
  client.on("message", ({ data }) => onMessage(data));
  const socket = socketOf(() => void client.connect());
  socket.opens();
  return { socket, text: (text) => text, bytes: (bytes) => bytes, send: (text) => client.send(text) };
}
