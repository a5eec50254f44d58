/** Clients that share a connection, as tabs do, over Node's channels and a stand-in for the browser's locks. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { type Client, type ClientOptions, createClient } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";
import { give, giveLocks, rest } from "./test_support/tabs.js";

let takeBack: (() => void)[] = [];

beforeEach(() => {
  StandInSocket.made.length = 0;
  takeBack = [giveLocks()];
});

afterEach(() => {
  for (const take of takeBack.reverse()) take();
});

test("two tabs have one socket, and each its role; the second takes over", async () => {
  const [first, second] = [open(), open()];
  void first.connect();
  await rest();
  void second.connect();
  await rest();
  StandInSocket.last.connects({ tabs: 64 });
  await rest();
  // The server takes each of them.
  const attached = StandInSocket.last.sent.filter((frame) => String(frame).includes('"attach"'));
  assert.equal(attached.length, 2);
  for (const slot of [1, 2]) {
    StandInSocket.last.receives(`{"type":"attached","id":1,"as":${slot},"epoch":"e${slot}"}`);
  }
  await rest();

  assert.equal(StandInSocket.made.length, 1);
  assert.deepEqual([first.state, second.state], ["connected", "connected"]);
  assert.deepEqual([first.status.role, second.status.role], ["leader", "follower"]);

  void first.close();
  StandInSocket.last.closes(1000);
  await rest();
  assert.deepEqual([first.state, first.status.role], ["closed", undefined]);
  assert.deepEqual(StandInSocket.made[0]?.closed, [1000, ""]);
  assert.equal(second.status.role, "leader");
  assert.equal(StandInSocket.made.length, 2);
});

test("one tab answers what a server asks over a wire of the application's own", async () => {
  const answer = (data: unknown): string | undefined => (data === "who?" ? "one of us" : undefined);
  const [first, second] = [open({ wire: { answer } }), open({ wire: { answer } })];
  const heard: unknown[] = [];
  for (const client of [first, second]) client.on("message", ({ data }) => heard.push(data));
  void first.connect();
  await rest();
  void second.connect();
  await rest();
  StandInSocket.last.opens("");
  await rest();
  assert.deepEqual([first.status.role, second.status.role], ["leader", "follower"]);

  StandInSocket.last.receives("who?");
  StandInSocket.last.receives("hello");
  await rest();
  assert.deepEqual(StandInSocket.last.sent, ["one of us"]);
  assert.deepEqual(heard, ["hello", "hello"]);
});

test("where tabs cannot share, a client says why and has a connection of its own", async () => {
  takeBack.push(give("navigator", {}));
  const client = open();
  void client.connect();
  StandInSocket.last.connects();

  const { state, role, aloneReason } = client.status;
  assert.deepEqual([state, role, aloneReason], ["connected", "alone", "no-locks"]);
});

test("what may still wait in the socket of a connection that is lost is undelivered, over such a wire", async () => {
  const options = { wire: {}, queue: { maxBytes: 1000 }, reconnect: false } as const;
  for (const lose of ["close", "close of an empty socket"]) {
    const [first, second] = [open(options), open(options)];
    const undelivered: unknown[] = [];
    for (const client of [first, second]) client.on("error", (error) => undelivered.push(...(error.undelivered ?? [])));
    void first.connect();
    await rest();
    void second.connect();
    await rest();
    const socket = StandInSocket.last;
    socket.opens("");
    await rest();
    socket.bufferedAmount = 100_000;
    first.send("one");
    second.send("two");
    await rest();
    assert.deepEqual(socket.sent, ["one", "two"]);

    if (lose !== "close") socket.bufferedAmount = 0;
    socket.closes(1006);
    await rest();
    assert.deepEqual(undelivered.sort(), ["one", "two"], lose);
    for (const client of [first, second]) client.free();
  }
});

test("a listener may free the client, or connect, while it is told that it shares nothing", async () => {
  takeBack.push(give("navigator", {}));
  const freed = open();
  freed.subscribe(() => freed.free());
  await assert.rejects(freed.connect(), { code: "closed" });
  assert.throws(() => freed.send("x"), { code: "closed" });
  assert.equal(StandInSocket.made.filter(({ closed }) => closed === undefined).length, 0);

  const before = StandInSocket.made.length;
  const client = open();
  let others = 0;
  client.subscribe(() => {
    if ((others += 1) < 3) void client.connect();
  });
  void client.connect();
  await rest();
  assert.equal(StandInSocket.made.length, before + 1);
});

function open(more: Partial<ClientOptions> = {}): Client {
  const options = { url: "wss://example.com/ws", WebSocket: StandInSocket, share: "ada", ...more };
  return freedAfter(createClient(options));
}
