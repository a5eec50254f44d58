/**
 * A hundred times the tab that leads goes, in every way in which a tab goes, while the others send: how long
 * they are without a connection, and what becomes of ten thousand messages. The figures are printed; a
 * busy machine is slow, so only what must not be is asserted.
 */

import { test } from "node:test";

import { openSenders, spread, WAYS } from "./support/failover.mjs";
import { scene } from "./support/scene.mjs";

/** How often the leader goes in each way. */
const ROUNDS = 20;

test(
  "a hundred leaders go while the others send: nothing is lost, doubled or out of order",
  scene(async (the) => {
    const senders = await openSenders(the);
    for (const way of Object.keys(WAYS)) {
      const gaps = [];
      for (let round = 0; round < ROUNDS; round += 1) gaps.push(...(await senders.loseLeader(way)));
      const { p50, p95, max } = spread(gaps);
      the.print(`the leader ${way}: the others are connected after ${p50} ms (p50), ${p95} ms (p95), ${max} ms at most`);
    }

    await senders.verify();
    the.print(`${senders.sent} messages over ${ROUNDS * Object.keys(WAYS).length} changes of the leader: none lost, doubled or out of order`);
  }, 600_000),
  { timeout: 600_000 },
);
