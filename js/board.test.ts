import assert from "node:assert/strict";
import { test } from "node:test";

import { Board } from "./board.js";
import { bareStatus, type State } from "./status.js";

test("a status that says the same is the same object, and one that differs is frozen", () => {
  const { board } = setUp();
  const before = board.status;

  board.store(bareStatus("idle", 5));
  assert.equal(board.status, before);
  board.store({ ...bareStatus("failed", 5, { code: "refused", message: "no" }) });

  assert.notEqual(board.status, before);
  assert.ok(Object.isFrozen(board.status) && Object.isFrozen(board.status.error));
});

test("a status that is stored is true before anybody is told of it", () => {
  const { board, told } = setUp();

  board.store(bareStatus("connecting", 5));
  assert.deepEqual([board.status.state, told], ["connecting", []]);
  board.tell("idle", "connecting", undefined);

  assert.deepEqual(told, ["idle > connecting", "status"]);
});

test("a change without a change of the state is told to subscribers alone", () => {
  const { board, told } = setUp();

  board.tell("connected", "connected", undefined);

  assert.deepEqual(told, ["status"]);
});

test("of what leads from the beginning to where the connection stands only the end is told", () => {
  const { board, told } = setUp();
  board.become("connecting");
  told.length = 0;
  const step = (previous: State, current: State, reason?: string): void => {
    board.store(bareStatus(current, 5));
    board.tell(previous, current, reason);
  };

  board.settle(() => {
    step("idle", "connecting");
    assert.equal(board.status.state, "connecting");
  });
  assert.deepEqual(told, []);
  board.settle(() => {
    step("connecting", "closing", "first");
    step("closing", "closed", "last");
    board.tellError("closed", "lost", ["text"]);
  });

  assert.deepEqual(told, ['error closed ["text"]', "connecting > closed (last)", "status"]);
});

test("a board whose settling threw tells again", () => {
  const { board, told } = setUp();

  assert.throws(() =>
    board.settle(() => {
      throw new Error("x");
    }),
  );
  board.become("connecting");

  assert.deepEqual(told, ["idle > connecting", "status"]);
});

test("after its end nothing changes and nobody is told", () => {
  const { board, told } = setUp();

  board.end();
  board.become("connecting");
  board.store(bareStatus("connected", 5));
  board.tellError("refused", "no");

  assert.deepEqual([board.status.state, told], ["closed", ["idle > closed", "status"]]);
});

/** A board, and what it tells. */
function setUp(): { board: Board; told: string[] } {
  const board = new Board(5);
  const told: string[] = [];
  board.listeners.add("state", ({ previous, current, reason }) => {
    told.push(`${previous} > ${current}${reason === undefined ? "" : ` (${reason})`}`);
  });
  board.listeners.add("status", () => told.push("status"));
  board.listeners.add("error", ({ code, undelivered }) => {
    told.push(`error ${code} ${JSON.stringify(undelivered)}`);
  });
  return { board, told };
}
