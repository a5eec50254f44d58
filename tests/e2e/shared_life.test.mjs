/**
 * What people do with several windows of an application that shares a connection: they leave and come back,
 * look from one to the other, sign out, and the server is started anew. The server's counts are the judge.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  begin,
  connected,
  everybodyHears,
  heardBy,
  leaderOf,
  openFamily,
  publish,
  roleOf,
  stateOf,
} from "./support/family.mjs";
import { FAR_HOST } from "./support/flags.mjs";
import { HOST } from "./support/host.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

/** What a browser says of a socket that does not outlive its page's sleep. */
const SUSPENDED = /failed: Page entered Back-Forward Cache/;

/** How often a person looks from one window to the other. */
const LOOKS = 12;

test(
  "a leader that is left and come back to by the back/forward cache follows",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 3, { isReset: true }, () => {}, [SUSPENDED]);
    const leader = await leaderOf(family);
    const others = family.filter((tab) => tab !== leader);

    await leader.goto(server.url.replace(HOST, FAR_HOST));
    await leaderOf(others);
    assert.equal(await leader.goBack(), "BackForwardCacheRestore");

    await until("it follows", async () => (await roleOf(leader)) === "follower");
    await connected(family);
    await everybodyHears(family, leader, "back");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "a tab that is frozen in the queue does not hold up those behind it",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 4, { isReset: true }, () => {}, [SUSPENDED]);
    const leader = await leaderOf(family);
    const [frozen, ...others] = family.filter((tab) => tab !== leader);
    await tabs.hide(frozen);
    await frozen.freeze();

    const left = Date.now();
    await leader.close();
    await leaderOf(others);
    const took = Date.now() - left;
    assert.ok(took < 5000, `${took} ms`);

    await frozen.resume();
    await connected([frozen, ...others]);
    await everybodyHears([frozen, ...others], frozen, "thawed");
    assert.equal((await server.connections("ada")).open, 1);
  }),
);

test(
  "tabs that are all frozen are all connected again once they run, over one socket",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 3, { isReset: true }, () => {}, [SUSPENDED]);
    await tabs.hide(...family);
    for (const [at, tab] of family.entries()) {
      await tab.freeze();
      const rest = family.slice(at + 1);
      // Chromium may leave a socket to the server that is frozen in its opening handshake, though it was closed.
      if (rest.length > 0) {
        await leaderOf(rest);
        await connected(rest);
      }
    }
    await server.connectionsWhenOpen("ada", 0);

    for (const tab of family) await tab.resume();

    await connected(family);
    await everybodyHears(family, family[1], "morning");
    assert.equal((await server.connections("ada")).open, 1);
  }),
);

test(
  "a follower that is blocked for four seconds takes nothing from the leader, and is heard afterwards",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 3);
    const leader = await leaderOf(family);
    const [follower] = family.filter((tab) => tab !== leader);

    await follower.evaluate(() => {
      const until = performance.now() + 4000;
      while (performance.now() < until);
    });

    await everybodyHears(family, follower, "awake");
    assert.equal(await roleOf(leader), "leader");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a leader that nobody sees hands over after fifteen seconds, once, and not to who only looks",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 2);
    const leader = await leaderOf(family);
    const [follower] = family.filter((tab) => tab !== leader);
    for (let look = 0; look < LOOKS; look += 1) {
      await (look % 2 === 0 ? follower : leader).activate();
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });

    await follower.activate();
    const hidden = Date.now();
    await until("the one that is seen leads", async () => (await roleOf(follower)) === "leader");
    const took = Date.now() - hidden;
    assert.ok(took > 13_000 && took < 25_000, `${took} ms`);
    await connected(family);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "a server that is started anew has one connection of twelve tabs, and what was sent meanwhile once",
  scene(async (the) => {
    const { server, judge, family } = await openFamily(the, 12, { isReset: true }, () => {}, [UNREACHABLE]);
    await server.stop();
    await until("all wait", async () => {
      return (await Promise.all(family.map(stateOf))).every((state) => state === "waiting");
    });
    const published = family.map((tab, at) => tab.evaluate(publish, [`first of ${at}`, `second of ${at}`]));

    await server.start();

    await Promise.all(published);
    await connected(family);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    await until("the judge is connected", async () => (await stateOf(judge)) === "connected");
    for (const at of family.keys()) {
      for (const other of family) {
        if (other === family[at]) continue;
        const heard = (await heardBy(other)).filter((text) => text.endsWith(` of ${at}`));
        // Whoever was not in the group again when it came has missed it, as after any loss.
        assert.ok([`first of ${at},second of ${at}`, `second of ${at}`, ""].includes(heard.join()), `${heard}`);
      }
    }
  }),
);

test(
  "one who signs out and another who signs in have nothing in common, also under one key",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 3);
    const [first, second, third] = family;
    await first.evaluate(() => window.client.close());
    await first.evaluate(begin, { user: "eve", share: "eve" });
    assert.equal(await roleOf(first), "leader");
    assert.deepEqual(await server.connections("eve"), { open: 1, opened: 1 });
    assert.equal((await server.connections("ada")).open, 1);

    // The server has named eve to this client; under the key of ada's tabs it is none of theirs.
    await first.evaluate(async () => {
      window.eve = window.client;
      await window.eve.leave("tea");
    });
    await second.evaluate(publish, ["of ada"]);
    await until("ada's other tab hears it", async () => (await heardBy(third)).includes("of ada"));
    assert.ok(!(await heardBy(first)).includes("of ada"));
  }),
);
