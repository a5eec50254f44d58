/** phoenix: a channel of it. */

import { Socket } from "phoenix";

export async function open(socketOf, onMessage) {
  const client = new Socket("ws://stand-in/socket", { transport: WebSocket });
  const channel = client.channel("m");
  channel.on("m", ({ data }) => onMessage(data));
  const socket = await socketOf(() => client.connect());
  socket.opens();
  channel.join();
  const [join, ref] = JSON.parse(socket.lastSent);
  const reply = { status: "ok", response: {} };
  socket.receives(JSON.stringify([join, ref, "m", "phx_reply", reply]));
  let answered = Number(ref);
  return {
    socket,
    text: (text) => JSON.stringify([null, null, "m", "m", { data: text }]),
    send: (text) => channel.push("m", { data: text }),
    /** The server has answered all: each push waits for that, with a timer of its own. */
    answered() {
      const [, last] = JSON.parse(socket.lastSent);
      while (answered < Number(last)) {
        answered += 1;
        socket.receives(JSON.stringify([join, String(answered), "m", "phx_reply", reply]));
      }
    },
  };
}
