import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { NotAuthenticated, OneSocketError, RetryLater } from "./client.js";
import { report } from "./error.js";

test("an error has a code for programs, a sentence for people and its name", () => {
  const error = new OneSocketError("queue-full", "The queue is full.");

  assert.ok(error instanceof OneSocketError);
  assert.ok(error instanceof Error);
  assert.equal(error.code, "queue-full");
  assert.equal(String(error), "OneSocketError: The queue is full.");
  assert.equal(error.undelivered, undefined);
  assert.equal("cause" in error, false);
});

test("an error carries the lost messages and its cause", () => {
  const cause = new TypeError("x");
  const error = new OneSocketError("closed", "Closed.", { undelivered: ["a", "b"], cause });

  assert.deepEqual(error.undelivered, ["a", "b"]);
  assert.equal(error.cause, cause);
});

test("an error of another copy of this package is one of ours, and a subclass is only itself", () => {
  class Mine extends OneSocketError {}
  const foreign = Object.assign(new Error("x"), { name: "OneSocketError", code: "closed" });
  const ofAnotherWindow: unknown = runInNewContext(
    'Object.assign(new Error("x"), { name: "OneSocketError" })',
  );

  for (const [error, ours, mine] of [
    [foreign, true, false],
    [ofAnotherWindow, true, false],
    [new Mine("closed", "x"), true, true],
    [new OneSocketError("closed", "x"), true, false],
    [new TypeError("x"), false, false],
    [{ name: "OneSocketError" }, false, false],
    [undefined, false, false],
  ]) {
    assert.deepEqual([error instanceof OneSocketError, error instanceof Mine], [ours, mine]);
  }
});

test("that nobody is signed in is an error of its own", () => {
  const error = new NotAuthenticated();

  assert.ok(error instanceof Error);
  assert.equal(error.name, "NotAuthenticated");
  assert.equal(new NotAuthenticated("Gone.").message, "Gone.");
});

test("the errors for getToken have their names, and say something by themselves", () => {
  const later = new RetryLater(5);

  assert.deepEqual([later.name, later.afterMs, later.message], ["RetryLater", 5, "There is no token now."]);
  assert.equal(new RetryLater(5, "Soon.").message, "Soon.");
  assert.equal(new NotAuthenticated().message, "Nobody is signed in.");
});

test("where a page cannot be told of an error it is thrown as nobody's, later", (context) => {
  const later: (() => void)[] = [];
  context.mock.method(globalThis, "queueMicrotask", (work: () => void) => later.push(work));
  const thrown = new Error("of a listener");

  report(thrown);

  assert.equal(later.length, 1);
  assert.throws(() => later[0]?.(), thrown);
});
