import assert from "node:assert/strict";
import { test } from "node:test";

import { Calls } from "./calls.js";

test("a call is settled once, by its number, and numbers are used once", async () => {
  const calls = new Calls();
  const [first, second] = [calls.open(), calls.open()];
  assert.equal(new Set([first.call, second.call, calls.number()]).size, 3);

  calls.settle(second.call, new Error("no"));
  calls.settle(second.call);
  calls.settle(first.call);
  calls.settle(99, new Error("of nobody"));

  await first.promise;
  await assert.rejects(second.promise, /no/);
});

test("who has opened a call hears of its end before anybody who awaits it, also if it calls again", async () => {
  const calls = new Calls();
  const order: string[] = [];
  const { call, promise } = calls.open(() => {
    order.push("settled");
    calls.settle(call, new Error("again"));
  });
  const awaited = promise.then(() => order.push("awaited"));

  calls.settle(call);
  order.push("returned");
  await awaited;

  assert.deepEqual(order, ["settled", "returned", "awaited"]);
});

test("all that is open is rejected, and nothing that was settled", async () => {
  const calls = new Calls();
  const [done, first, second] = [calls.open(), calls.open(), calls.open()];
  calls.settle(done.call);

  calls.rejectAll(new Error("gone"));

  await done.promise;
  await assert.rejects(first.promise, /gone/);
  await assert.rejects(second.promise, /gone/);
});
