/**
 * Five hundred clients of one user come and go, in fifty tabs that go in every way, beside four tabs that stay: at the
 * end the server knows only those, and the tab that leads has kept nothing of the others.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { makeApp } from "./support/app.mjs";
import { leaderOf, openFamily } from "./support/family.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** How many tabs stay. */
const STAY = 4;

/** How often how many tabs come with how many clients: a server takes 64 clients over one connection. */
const WAVES = 10;
const TABS = 5;
const CLIENTS = 10;

/** After so many waves the engine has compiled what runs often, and keeps what it has learned of it. */
const WARM_UP = 3;

/** How many bytes of the heap the engine may take for itself: 23 000 is the most that was seen, also of 850 clients. */
const NOISE = 64 * 1024;

/** What a tab that leads has of each other one, or could have. */
const CLASSES = ["AbortController", "BroadcastChannel", "Function", "Map", "Promise", "WebSocket"];

/** How the tabs of a wave go. */
const WAYS = [
  (tab) => tab.close(),
  (tab) => tab.crash(),
  (tab) => tab.goto("about:blank"),
  (tab) => tab.reload(),
  (tab) => tab.evaluate(() => window.onesocketLedger.freeAll()),
];

const PUBLISH_KEY = "k".repeat(32);

test(
  "of five hundred clients that come and go nothing is left, at the server and in the tab that leads",
  scene(async (the) => {
    const app = the.use(makeApp("key").write("publish-key", PUBLISH_KEY));
    const args = ["--publish-key-file", app.path("publish-key")];
    const { tabs, server, family } = await openFamily(the, STAY, { windows: true, isReset: true, args });
    const leader = await leaderOf(family);
    // Those that come open in a window of their own: in front of the leader they would have it hand over.
    await tabs.open(the, "about:blank", { window: true });
    const before = await leader.evaluate(kept);
    let warm;

    for (let wave = 0; wave < WAVES; wave += 1) {
      if (wave === WARM_UP) warm = await leader.keeps(CLASSES);
      const guests = await Promise.all(Array.from({ length: TABS }, () => tabs.open(the, server.url)));
      await Promise.all(guests.map((tab) => tab.evaluate(comeMany, CLIENTS)));
      await Promise.all(guests.map((tab, at) => WAYS[at](tab)));
      await leaves(leader, before);
      for (const [at, tab] of guests.entries()) if (at > 1) await tab.close();
    }

    const cold = await leader.keeps(CLASSES);
    the.print(`the leader's heap: ${warm.heapBytes} bytes after ${WARM_UP} waves, ${cold.heapBytes} after ${WAVES}`);
    assert.ok(cold.heapBytes - warm.heapBytes < NOISE, `${cold.heapBytes - warm.heapBytes} bytes`);
    assert.deepEqual(cold.objects, warm.objects);
    assert.equal(await membersOf(server, leader), STAY);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

/** Waits until a page has of the browser what it had before. */
async function leaves(tab, before) {
  let now;
  try {
    await until("it keeps nothing of them", async () => {
      now = await tab.evaluate(kept);
      return isDeepStrictEqual(now, before);
    });
  } catch (error) {
    assert.deepEqual(now, before);
    throw error;
  }
}

/** Publishes to the group as a back end does; returns to how many clients of the family the server addresses it. */
async function membersOf(server, leader) {
  const heads = [];
  leader.on("frame", (frame) => heads.push(JSON.parse(frame.split("\n")[0])));
  const answer = await fetch(`${server.url}/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${PUBLISH_KEY}` },
    body: JSON.stringify({ to: { group: "tea" }, data: "who is there" }),
  });
  assert.equal(answer.status, 200);
  const { as } = await until("the message arrives", () => heads.find(({ group }) => group === "tea"));
  return as.length;
}

/** Runs in a page: makes clients that share the connection of the family. */
async function comeMany(count) {
  const clients = Array.from({ length: count }, () => window.clientOf("ada", { share: "ada" }));
  await Promise.all(
    clients.map(async (client) => {
      await client.connect();
      await client.join("tea");
    }),
  );
}

/** Runs in a page: counts what onesocket has of the browser. */
async function kept() {
  const { held, pending } = await navigator.locks.query();
  const locks = (list) => list.filter(({ name }) => name.startsWith("onesocket.")).length;
  const listeners = window.onesocketLedger.left().filter((what) => !what.includes("timer")).length;
  return { held: locks(held), pending: locks(pending), listeners };
}
