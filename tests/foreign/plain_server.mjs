/**
 * A WebSocket server of somebody else's making (Node's `ws`), which knows nothing of onesocket: it
 * sends back what it gets. plain_server.py is the same in Python.
 *
 * The texts `ping`, `mute` and `close CODE` do what they say. What happens is told on standard output,
 * a line of JSON each.
 */

import { WebSocketServer } from "ws";

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  handleProtocols: (offered) => (offered.has("chat") ? "chat" : false),
});

server.on("connection", (socket, request) => {
  let muted = false;
  const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(/, */).filter(Boolean);
  tell({ event: "opened", path: request.url, protocols });
  socket.on("close", () => tell({ event: "closed" }));
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    if (isBinary) {
      tell({ event: "bytes", bytes: [...data] });
      socket.send(data);
      return;
    }
    const text = data.toString();
    tell({ event: "text", text });
    if (text === "mute") muted = true;
    else if (text.startsWith("close ")) socket.close(Number(text.slice(6)));
    else if (!muted) socket.send(text === "ping" ? "pong" : text);
  });
});

server.on("listening", () => tell({ event: "listening", port: server.address().port }));
