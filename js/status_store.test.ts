import assert from "node:assert/strict";
import { test } from "node:test";

import { OneSocketError } from "./error.js";
import { StatusStore } from "./status_store.js";
import { bareStatus } from "./status.js";

test("a status that says the same is the same object, and one that differs is frozen", () => {
  const { store } = setUp();
  const before = store.status;

  store.set(bareStatus("idle", 5));
  assert.equal(store.status, before);
  store.set({ ...bareStatus("failed", 5, { code: "refused", message: "no" }) });

  assert.notEqual(store.status, before);
  assert.ok(Object.isFrozen(store.status) && Object.isFrozen(store.status.error));
});

test("a status that is stored is true before anybody is told of it", () => {
  const { store, told } = setUp();

  store.set(bareStatus("connecting", 5));
  assert.deepEqual([store.status.state, told], ["connecting", []]);
  store.tell("connecting", undefined);

  assert.deepEqual(told, ["idle > connecting", "status"]);
});

test("a change without a change of the state is told to subscribers alone", () => {
  const { store, told } = setUp();

  store.tell("idle", undefined);

  assert.deepEqual(told, ["status"]);
});

test("after its end nothing changes and nobody is told", () => {
  const { store, told } = setUp();

  store.end();
  store.become("connecting");
  store.set(bareStatus("connected", 5));
  store.listeners.tell("error", new OneSocketError("refused", "no"));

  assert.deepEqual([store.status.state, told], ["closed", ["idle > closed", "status"]]);
});

test("a change has its reason where there is one, and no field for it else", () => {
  const { store } = setUp();
  const changes: unknown[] = [];
  store.listeners.add("state", (change) => changes.push(change));

  store.tell("connecting", undefined);
  store.tell("failed", "because");

  assert.deepEqual(changes, [
    { previous: "idle", current: "connecting" },
    { previous: "connecting", current: "failed", reason: "because" },
  ]);
});

test("to become what it is already is told to nobody", () => {
  const { store, told } = setUp();

  store.become("idle");
  store.become("closed");
  store.become("closed");

  assert.deepEqual(told, ["idle > closed", "status"]);
});

/** A store, and what it tells. */
function setUp(): { store: StatusStore; told: string[] } {
  const store = new StatusStore(5);
  const told: string[] = [];
  store.listeners.add("state", ({ previous, current, reason }) => {
    told.push(`${previous} > ${current}${reason === undefined ? "" : ` (${reason})`}`);
  });
  store.listeners.add("status", () => told.push("status"));
  store.listeners.add("error", ({ code, undelivered }) => {
    told.push(`error ${code} ${JSON.stringify(undelivered)}`);
  });
  return { store, told };
}
