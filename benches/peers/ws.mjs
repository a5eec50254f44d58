/** Node's `ws`: echoes, and publishes to those who have joined. */

import { createServer } from "node:http";

import { WebSocketServer } from "ws";

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
const members = new Set();

server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    const text = data.toString();
    if (text === "join") {
      members.add(socket);
      socket.send("joined");
    } else if (text.startsWith("publish ")) {
      for (const member of members) member.send(text);
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
  socket.on("close", () => members.delete(socket));
});
const [host, port] = process.argv[2].split(":");
http.listen(Number(port), host, 4096, () => {
  console.log(`listening on http://${host}:${http.address().port}`);
});
