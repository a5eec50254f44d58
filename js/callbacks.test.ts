import assert from "node:assert/strict";
import { test } from "node:test";

import { StatusStore } from "./status_store.js";
import { Calls } from "./calls.js";
import type { Arrived, Callbacks } from "./core.js";
import { CoreCallbacks } from "./callbacks.js";
import { SENTENCES } from "./sentences.js";
import type { Logger } from "./options.js";
import type { Tokens } from "./tokens.js";

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

  callbacks.status("connected", 1, 2, 5, undefined, "c1", 1000, true, undefined, undefined);
  assert.deepEqual(store.status, {
    state: "connected",
    readyState: 1,
    attempt: 2,
    maxAttempts: 5,
    retryAtMs: null,
    connectionId: "c1",
    tokenExpiresAtMs: 1000,
    exactlyOnce: true,
    error: null,
  });
  callbacks.status("failed", 3, 0, 5, undefined, undefined, undefined, false, "refused", "no");

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
  const { callbacks, store } = setUp({ ...console, debug: (text: string) => lines.push(text) });
  store.listeners.add("token", () => {
    callbacks.log("debug", "caused");
    lines.push("told");
  });

  callbacks.token("fetched", undefined);
  callbacks.log("debug", "later");

  assert.deepEqual(lines, ["told", "caused", "later"]);
});

test("a token's event says how long it lives where that is known", () => {
  const { callbacks, store } = setUp();
  const events: unknown[] = [];
  store.listeners.add("token", (event) => events.push(event));

  callbacks.token("fetched", 5000);
  callbacks.token("failed", undefined);

  assert.deepEqual(events, [{ event: "fetched", expiresInMs: 5000 }, { event: "failed" }]);
  assert.ok(events.every((event) => Object.isFrozen(event)));
});

test("what the machine asks is passed on: the token, a sentence, an error", () => {
  const asked: unknown[] = [];
  const tokens = {
    ask: (...asks: unknown[]) => asked.push(asks),
    abort: (fetch: number) => asked.push(fetch),
  } as unknown as Tokens;
  const callbacks = new CoreCallbacks(new StatusStore(5), new Calls(), tokens, () => false, undefined, undefined);

  callbacks.fetchToken(3, "refresh");
  callbacks.abortToken(3);
  assert.deepEqual(asked, [[3, "refresh"], 3]);
  const without = setUp().callbacks;
  without.fetchToken(4, "connect");
  without.abortToken(4);

  const sentence = SENTENCES.findIndex((words) => words.includes("{0} of {1}"));
  assert.match(callbacks.text(sentence, 2, 5, 250, undefined), /attempt 2 of 5\) in 250 ms/);
  const error = callbacks.refusal("queue-full", "no room");
  assert.deepEqual([error.code, error.message], ["queue-full", "no room"]);
});

test("an error has the messages that were lost, if there are any", () => {
  const store = new StatusStore(5);
  const callbacks = new CoreCallbacks(store, new Calls(), undefined, () => false, undefined, undefined);
  const told: unknown[] = [];
  store.listeners.add("error", ({ code, undelivered }) => told.push([code, undelivered]));

  callbacks.error("closed", "gone", ["tea"]);
  callbacks.error("closed", "gone", []);
  callbacks.error("closed", "gone", undefined);

  const none = ["closed", undefined];
  assert.deepEqual(told, [["closed", ["tea"]], none, none]);
});

test("a text over a plain wire is the message, also where it looks like one of ours", () => {
  const { callbacks, told } = setUp();

  callbacks.message("plain");

  assert.deepEqual(told, [{ data: "plain" }]);
});

/** A callbacks, what is behind it, and the messages that are told. */
function setUp(logger?: Logger): {
  callbacks: Callbacks;
  store: StatusStore;
  calls: Calls;
  told: unknown[];
} {
  const [store, calls] = [new StatusStore(5), new Calls()];
  const told: unknown[] = [];
  store.listeners.add("message", (message) => told.push(message));
  return { callbacks: new CoreCallbacks(store, calls, undefined, () => false, undefined, logger), store, calls, told };
}
