import assert from "node:assert/strict";
import { test } from "node:test";

import { type Client, createClient } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

/** Makes proxies of an object and of all objects that it hands out, as Vue's `reactive()` does. */
function deepProxy<T extends object>(target: T): T {
  return new Proxy(target, {
    get(from, name, receiver) {
      const value: unknown = Reflect.get(from, name, receiver);
      return Object.prototype.toString.call(value) === "[object Object]" && !Object.isFrozen(value)
        ? deepProxy(value as object)
        : value;
    },
  });
}

test("a client works through a proxy, all of it", async () => {
  const made = freedAfter(createClient({ url: "wss://example.com/ws", WebSocket: StandInSocket }));
  const client: Client = deepProxy(made);
  const told: string[] = [];
  client.on("state", ({ current }) => told.push(current));
  const unsubscribe = client.subscribe(() => {});

  const connecting = client.connect();
  assert.deepEqual([client.isConnecting(), client.isConnected()], [true, false]);
  StandInSocket.last.connects();
  await connecting;
  client.send("x");
  const release = client.hold();
  release();
  unsubscribe();
  const asked = [client.join("a"), client.leave("a"), client.publish("a", 1)];
  await assert.rejects(client.refreshToken(), { code: "invalid-options" });

  assert.deepEqual([client.state, client.readyState, client.bufferedAmount], ["connected", 1, 0]);
  assert.equal(client.status, made.status);
  assert.equal(client.stats().messagesOut, 2);
  assert.equal(StandInSocket.last.sent.length, 4);
  void client.close();
  for (const call of asked) await call.catch(() => {});
  StandInSocket.last.closes(1000);
  client.free();
  assert.deepEqual(told, ["connecting", "connected", "closing", "closed"]);
});

test("the methods of a client may be taken from it", async () => {
  const { connect, send, on, isConnected, stats } = freedAfter(
    createClient({ url: "wss://example.com/ws", WebSocket: StandInSocket }),
  );
  const told: string[] = [];
  on("state", ({ current }) => told.push(current));

  const connecting = connect();
  StandInSocket.last.connects();
  await connecting;
  send("x");

  assert.deepEqual([isConnected(), stats().messagesOut, told], [true, 1, ["connecting", "connected"]]);
});

test("a method stays the same, and a test may replace it", () => {
  const client = freedAfter(createClient({ url: "wss://example.com/ws", WebSocket: StandInSocket }));
  const sent: unknown[] = [];
  assert.equal(client.send, client.send);
  assert.equal("send" in client, true);

  Object.assign(client, { send: (data: unknown) => sent.push(data) });
  client.send("x");

  assert.deepEqual(sent, ["x"]);
});
