/** socket.io over WebSockets: echoes, and publishes to those who have joined. */

import { createServer } from "node:http";

import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { transports: ["websocket"], serveClient: false });

server.on("connection", (socket) => {
  socket.on("join", async () => {
    await socket.join("group");
    socket.emit("joined");
  });
  socket.on("publish", (data) => server.to("group").emit("message", data));
  socket.on("echo", (data) => socket.emit("message", data));
});
const [host, port] = process.argv[2].split(":");
http.listen(Number(port), host, 4096, () => {
  console.log(`listening on http://${host}:${http.address().port}`);
});
