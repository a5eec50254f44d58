/**
 * The tab that leads stands still, and no event tells it or anybody: another one finds out, since a person sees
 * it, and takes the lead from it. What the server has passed on to somebody else is the judge. How long the
 * others were without a connection is printed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { openSenders, spread, STALLS } from "./support/failover.mjs";
import { connected, roleOf } from "./support/family.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** No machine is as slow as that: 3000 is promised where nothing else runs. */
const FAR_TOO_LATE_MS = 10_000;

for (const stall of Object.keys(STALLS)) {
  test(
    `the tab that leads stands still, for ${stall}: one takes the lead, once, and it follows afterwards`,
    scene(async (the) => {
      const senders = await openSenders(the, { windows: true });
      const { server, family } = senders;
      for (const tab of family) await tab.sees("visible");

      const { leader, gaps } = await senders.stallLeader(stall);

      const { max } = spread(gaps);
      the.print(`the others were without a connection for ${max} ms at most`);
      assert.ok(max < FAR_TOO_LATE_MS, `${max} ms`);
      await until("it follows", async () => (await roleOf(leader)) === "follower");
      await connected(family);
      await senders.verify();
      await senders.greet();
      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    }),
  );
}
