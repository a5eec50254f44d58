/** Runs in a page: receives and sends over real sockets, as `cpu.mjs` orders. */

import { createClient } from "onesocket";

const url = `ws://${location.host}/`;

/** What opens a connection and resolves with how to send over it, by the name that the table has. */
const CLIENTS = {
  plain: openPlain,
  "plain again": openPlain,
  onesocket: (onMessage) => openOurs({}, onMessage),
  "onesocket, plain wire": (onMessage) => openOurs({ wire: {} }, onMessage),
};

function openPlain(onMessage) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => onMessage(data);
  return new Promise((resolve) => {
    socket.onopen = () => resolve((data) => socket.send(data));
  });
}

async function openOurs(options, onMessage) {
  const client = createClient({ url, ...options });
  client.on("message", ({ data }) => onMessage(data));
  await client.connect();
  return (data) => client.send(data);
}

/** What the server is told and tells, as texts: small beside a batch. */
const connections = {};
for (const [name, open] of Object.entries(CLIENTS)) {
  const connection = { heard: 0, wake: undefined };
  connection.send = await open(() => {
    connection.heard += 1;
    connection.wake?.();
  });
  connections[name] = connection;
}

/** Waits until a connection has heard so many messages. */
function hears(connection, count) {
  return new Promise((resolve) => {
    connection.wake = () => {
      if (connection.heard >= count) resolve();
    };
    connection.wake();
  });
}

/** Exchanges one batch after the other, each of which the other side answers. */
async function exchange({ client, kind, size, batch, batches }) {
  const connection = connections[client];
  const payload = kind.endsWith("bytes") ? new Uint8Array(size) : "x".repeat(size);
  for (let done = 0; done < batches; done += 1) {
    const before = connection.heard;
    if (kind.startsWith("received")) {
      connection.send(JSON.stringify({ kind, size, batch }));
      await hears(connection, before + batch);
    } else {
      for (let sent = 1; sent < batch; sent += 1) connection.send(payload);
      connection.send("answer");
      await hears(connection, before + 1);
    }
  }
}

/** Tells the server of an error, which ends the run. */
function tell({ reason, message }) {
  void fetch("/broken", { method: "POST", body: String(reason ?? message) });
}
addEventListener("unhandledrejection", tell);
addEventListener("error", tell);

for (;;) {
  const response = await fetch("/next");
  const order = await response.json();
  if (order === null) break;
  await exchange(order);
}
