import assert from "node:assert/strict";
import { test } from "node:test";

import { Board } from "./board.js";
import { Calls } from "./calls.js";
import type { Arrived, Face } from "./core.js";
import { makeFace } from "./face.js";

test("a message has what was said, and nothing of the wire or of what a server has added", () => {
  const { face, told } = setUp();
  const frame = { type: "message", data: { any: 1 }, group: "tea", from: "ada", extra: 1 };
  const bytes = new ArrayBuffer(2);

  for (const arrived of [frame, { type: "message", data: null }, bytes]) {
    face.message(arrived as Arrived);
  }

  assert.deepEqual(told, [
    { data: { any: 1 }, group: "tea", from: "ada" },
    { data: null },
    { data: bytes },
  ]);
});

test("what is absent in the machine is null in the status", () => {
  const { face, board } = setUp();

  face.status("connected", 1, 2, 5, undefined, "c1", 1000, undefined, undefined);
  assert.deepEqual(board.status, {
    state: "connected",
    readyState: 1,
    attempt: 2,
    maxAttempts: 5,
    retryAtMs: null,
    connectionId: "c1",
    tokenExpiresAtMs: 1000,
    error: null,
  });
  face.status("failed", 3, 0, 5, undefined, undefined, undefined, "refused", "no");

  assert.deepEqual(board.status.error, { code: "refused", message: "no" });
});

test("an answer without a code is a success, and one with a code an error of ours", async () => {
  const { face, calls } = setUp();
  const [good, bad] = [calls.open(), calls.open()];

  face.settled(good.call, undefined, undefined);
  face.settled(bad.call, "refused", "join first");

  await good.promise;
  await assert.rejects(bad.promise, {
    name: "OneSocketError",
    code: "refused",
    message: "join first",
  });
});

test("a line of the log takes its turn among the events", () => {
  const lines: string[] = [];
  const { face, board } = setUp((_, text) => lines.push(text));
  board.listeners.add("token", () => {
    face.log("debug", "caused");
    lines.push("told");
  });

  face.token("fetched", undefined);
  face.log("debug", "later");

  assert.deepEqual(lines, ["told", "caused", "later"]);
});

/** A face, what is behind it, and the messages that are told. */
function setUp(log: Face["log"] = () => {}): {
  face: Face;
  board: Board;
  calls: Calls;
  told: unknown[];
} {
  const [board, calls] = [new Board(5), new Calls()];
  const told: unknown[] = [];
  board.listeners.add("message", (message) => told.push(message));
  return { face: makeFace(board, calls, undefined, log), board, calls, told };
}
