/** What is sent before there is a connection, and where there will be none. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { type Client, type ClientOptions, createClient, type OneSocketError } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const CLOSED = { name: "OneSocketError", code: "closed" };

test("what is sent before there is a connection waits, up to the queue's limits", () => {
  const { client } = setUp({ queue: { maxMessages: 3, maxBytes: 10 } });
  const full = { name: "OneSocketError", code: "queue-full" };

  client.send("ünï");
  assert.equal(client.bufferedAmount, 5);
  assert.throws(() => client.send("123456"), full);
  void client.connect();
  client.send(new Uint8Array(4));
  assert.equal(client.bufferedAmount, 9);
  client.send("");
  assert.throws(() => client.send(""), full);

  assert.equal(client.bufferedAmount, 9);
});

test("a published message takes its room in the queue, a group that is joined takes none", async () => {
  const { client } = setUp({ queue: { maxMessages: 1, maxBytes: 10 } });

  const joining = [client.join("tea"), client.join("milk")];
  const published = client.publish("tea", "1234567890");
  assert.equal(client.bufferedAmount, 10);
  await assert.rejects(client.publish("tea", ""), { code: "queue-full" });

  void client.close();
  for (const promise of [...joining, published]) await assert.rejects(promise, CLOSED);
  assert.equal(client.bufferedAmount, 0);
});

test("what was sent and will not be delivered is reported once, as it was when it was sent", async () => {
  const { client, errors } = setUp();
  const buffer = new Uint8Array([1, 2, 3]);
  client.send("first");
  client.send(buffer);
  const published = client.publish("tea", "has its own promise");
  buffer.fill(9);

  void client.close();

  await assert.rejects(published, CLOSED);
  assert.equal(errors.length, 1);
  assert.equal(errors[0]?.code, "closed");
  const undelivered = errors[0]?.undelivered ?? [];
  assert.deepEqual(undelivered, ["first", new Uint8Array([1, 2, 3])]);
  // Nothing but the message is in its buffer.
  assert.equal((undelivered[1] as Uint8Array).buffer.byteLength, 3);
});

test("what a failed connection had taken is reported in the one error event there is", async () => {
  const { client, errors } = setUp();
  client.send("kept");
  const connecting = client.connect();

  StandInSocket.last.closes(1008);
  await assert.rejects(connecting);

  assert.equal(errors.length, 1);
  assert.equal(errors[0]?.code, "refused");
  assert.deepEqual(errors[0]?.undelivered, ["kept"]);
  assert.equal(client.bufferedAmount, 0);
});

test("in closed and failed nothing can be sent, asked or joined", async () => {
  const closed = setUp().client;
  await closed.close();
  const failed = setUp().client;
  const connecting = failed.connect();
  StandInSocket.last.closes(1008);
  await assert.rejects(connecting);

  for (const client of [closed, failed]) {
    assert.throws(() => client.send("x"), CLOSED);
    await assert.rejects(client.publish("tea", 1), CLOSED);
    await assert.rejects(client.join("tea"), CLOSED);
    await assert.rejects(client.leave("tea"), CLOSED);
  }
});

test("what cannot be said is refused in every state", async () => {
  const { client } = setUp();

  for (const refused of [
    client.publish("", 1),
    client.publish("tea", undefined),
    client.join("a\nb"),
  ]) {
    await assert.rejects(refused, { name: "OneSocketError", code: "invalid-message" });
  }
  await assert.rejects(client.leave("x".repeat(129)), { code: "invalid-message" });
  assert.throws(() => client.send({} as string), { code: "invalid-message" });
});

/** A client, and the errors it tells. */
function setUp(options: Partial<ClientOptions> = {}): { client: Client; errors: OneSocketError[] } {
  const client = freedAfter(
    createClient({ url: "wss://example.com/ws", WebSocket: StandInSocket, ...options }),
  );
  const errors: OneSocketError[] = [];
  client.on("error", (error) => errors.push(error));
  return { client, errors };
}
