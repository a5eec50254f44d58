import assert from "node:assert/strict";
import { test } from "node:test";

import { StatusStore } from "./status_store.js";
import { Calls } from "./calls.js";
import type { Arrived, Callbacks } from "./core.js";
import { CoreCallbacks } from "./callbacks.js";

test("a message has what was said, and nothing of the wire or of what a server has added", () => {
  const { callbacks, told } = setUp();
  const frame = { type: "message", data: { any: 1 }, group: "tea", from: "ada", extra: 1 };
  const bytes = new ArrayBuffer(2);

  for (const arrived of [frame, { type: "message", data: null }, bytes]) {
    callbacks.message(arrived as Arrived);
  }

  assert.deepEqual(told, [
    { data: { any: 1 }, group: "tea", from: "ada" },
    { data: null },
    { data: bytes },
  ]);
});

test("what is absent in the machine is null in the status", () => {
  const { callbacks, store } = setUp();

  callbacks.status("connected", 1, 2, 5, undefined, "c1", 1000, undefined, undefined);
  assert.deepEqual(store.status, {
    state: "connected",
    readyState: 1,
    attempt: 2,
    maxAttempts: 5,
    retryAtMs: null,
    connectionId: "c1",
    tokenExpiresAtMs: 1000,
    error: null,
  });
  callbacks.status("failed", 3, 0, 5, undefined, undefined, undefined, "refused", "no");

  assert.deepEqual(store.status.error, { code: "refused", message: "no" });
});

test("an answer without a code is a success, and one with a code an error of ours", async () => {
  const { callbacks, calls } = setUp();
  const [good, bad] = [calls.open(), calls.open()];

  callbacks.settled(good.call, undefined, undefined);
  callbacks.settled(bad.call, "refused", "join first");

  await good.promise;
  await assert.rejects(bad.promise, {
    name: "OneSocketError",
    code: "refused",
    message: "join first",
  });
});

test("a line of the log takes its turn among the events", () => {
  const lines: string[] = [];
  const { callbacks, store } = setUp((_, text) => lines.push(text));
  store.listeners.add("token", () => {
    callbacks.log("debug", "caused");
    lines.push("told");
  });

  callbacks.token("fetched", undefined);
  callbacks.log("debug", "later");

  assert.deepEqual(lines, ["told", "caused", "later"]);
});

/** A callbacks, what is behind it, and the messages that are told. */
function setUp(log: Callbacks["log"] = () => {}): {
  callbacks: Callbacks;
  store: StatusStore;
  calls: Calls;
  told: unknown[];
} {
  const [store, calls] = [new StatusStore(5), new Calls()];
  const told: unknown[] = [];
  store.listeners.add("message", (message) => told.push(message));
  return { callbacks: new CoreCallbacks(store, calls, undefined, log), store, calls, told };
}
