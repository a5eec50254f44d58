/** socket.io-client, over WebSocket alone. Engine.IO: 0 opens, 4 is a message; socket.io: 40, 42. */

import { io } from "socket.io-client";

const OPEN = { sid: "a", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1e6 };

export async function open(socketOf, onMessage) {
  let client;
  const socket = await socketOf(() => {
    client = io("http://stand-in", { transports: ["websocket"], forceNew: true });
    client.on("m", onMessage);
  });
  socket.opens();
  socket.receives(`0${JSON.stringify(OPEN)}`);
  socket.receives('40{"sid":"b"}');
  return {
    socket,
    text: (text) => `42["m",${JSON.stringify(text)}]`,
    send: (text) => client.emit("m", text),
  };
}
