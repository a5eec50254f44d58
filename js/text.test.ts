import assert from "node:assert/strict";
import { test } from "node:test";

import { SENTENCES } from "./sentences.js";
import { writeOut } from "./text.js";

function numberOf(words: string): number {
  const sentence = SENTENCES.findIndex((other) => other.startsWith(words));
  assert.ok(sentence >= 0, words);
  return sentence;
}

test("numbers and what was said stand in their places", () => {
  assert.equal(
    writeOut(numberOf("Gave up"), [5, 0, 0], "the socket closed"),
    "Gave up after 5 attempts to reconnect; the socket closed. Check that the server is up and the " +
      "url is right, then call connect().",
  );
  assert.equal(
    writeOut(numberOf("🔌 Reconnecting"), [1, 2, 300]),
    "🔌 Reconnecting (attempt 1 of 2) in 300 ms",
  );
});

test("what was said is quoted as it is, and nothing is where nothing was said", () => {
  const refused = numberOf("The server refused the token");

  assert.equal(
    writeOut(refused, [0, 0, 0], "$& {0}"),
    'The server refused the token "$& {0}". Sign in, then call connect().',
  );
  assert.equal(
    writeOut(refused, [0, 0, 0]),
    "The server refused the token. Sign in, then call connect().",
  );
});
