/** centrifuge, its protocol in JSON. */

import { Centrifuge } from "centrifuge";

export async function open(socketOf, onMessage) {
  const client = new Centrifuge("ws://stand-in/");
  const subscription = client.newSubscription("m");
  subscription.on("publication", ({ data }) => onMessage(data));
  subscription.subscribe();
  const socket = await socketOf(() => client.connect());
  socket.opens();
  socket.receives('{"id":1,"connect":{"client":"c","version":"1","ping":25,"pong":true}}');
  await Promise.resolve();
  socket.receives('{"id":2,"subscribe":{}}');
  return {
    socket,
    text: (text) => `{"push":{"channel":"m","pub":{"data":${JSON.stringify(text)}}}}`,
    send: (text) => void client.send(text),
  };
}
