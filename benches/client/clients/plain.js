/** A `WebSocket` and a handler: what everything else is compared with. */

export function open(socketOf, onMessage) {
  const socket = socketOf(() => {
    const made = new WebSocket("ws://stand-in/");
    made.binaryType = "arraybuffer";
    made.onmessage = ({ data }) => onMessage(data);
    return made;
  });
  socket.opens();
  return { socket, text: (text) => text, bytes: (bytes) => bytes, send: (text) => socket.send(text) };
}
