/** Clients that look like a `WebSocket`, and make theirs a little later. */

export function openLike(make) {
  return async (socketOf, onMessage) => {
    let client;
    const socket = await socketOf(() => {
      client = make();
      client.binaryType = "arraybuffer";
      client.onmessage = ({ data }) => onMessage(data);
    });
    socket.opens();
    return {
      socket,
      text: (text) => text,
      bytes: (bytes) => bytes,
      send: (text) => client.send(text),
    };
  };
}
