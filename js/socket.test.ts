import assert from "node:assert/strict";
import { test } from "node:test";

import { socketMaker } from "./socket.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

test("the constructor that was given makes the sockets, whatever the global one is", () => {
  withGlobal(class extends StandInSocket {}, () => {
    const socket = socketMaker(StandInSocket)("wss://example.com/", ["a", "b"]) as StandInSocket;

    assert.equal(Object.getPrototypeOf(socket), StandInSocket.prototype);
    assert.deepEqual([socket.url, socket.protocols], ["wss://example.com/", ["a", "b"]]);
  });
});

test("without one it is the global one of the moment", () => {
  class Later extends StandInSocket {}
  const make = withGlobal(StandInSocket, () => socketMaker(undefined));

  withGlobal(Later, () => assert.ok(make("wss://example.com/", []) instanceof Later));
  assert.throws(() => make("wss://example.com/", []), { code: "unsupported" });
});

test("a socket has a listener for errors: the package ws throws what nobody hears", () => {
  const socket = socketMaker(StandInSocket)("wss://example.com/", []);

  assert.equal(socket.onerror?.({} as never), undefined);
  assert.equal(typeof socket.onerror, "function");
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
