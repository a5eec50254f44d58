import assert from "node:assert/strict";
import { test } from "node:test";

import { requireSockets } from "./socket.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

test("there must be a constructor: one that was given, or the global one", () => {
  withGlobal(StandInSocket, () => requireSockets(undefined));
  withGlobal(undefined, () => {
    requireSockets(StandInSocket);
    assert.throws(() => requireSockets(undefined), { code: "unsupported", message: /Node 20/ });
  });
});

function withGlobal<T>(constructor: unknown, work: () => T): T {
  const page = globalThis as { WebSocket?: unknown };
  const before = Object.getOwnPropertyDescriptor(page, "WebSocket");
  page.WebSocket = constructor;
  try {
    return work();
  } finally {
    if (before === undefined) delete page.WebSocket;
    else Object.defineProperty(page, "WebSocket", before);
  }
}
