import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const NOTHING = {
  attempts: 0,
  socketsOpened: 0,
  reconnects: 0,
  refreshes: 0,
  staleEvents: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
};

test("every counter is told under its name, and nothing before there is a machine", () => {
  const client = freedAfter(createClient({ url: "wss://example.com/", WebSocket: StandInSocket }));
  assert.deepEqual(client.stats(), NOTHING);

  void client.connect();
  StandInSocket.last.connects();
  client.send("four");
  StandInSocket.last.receives('{"type":"message"}\n"in"');

  const stats = client.stats();
  assert.ok(Object.isFrozen(stats));
  assert.deepEqual(stats, {
    ...NOTHING,
    attempts: 1,
    socketsOpened: 1,
    messagesIn: 1,
    messagesOut: 1,
    bytesIn: 23,
    bytesOut: 4,
  });
});
