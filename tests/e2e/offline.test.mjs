/**
 * What the browser says of the network, of a server that is not on this machine by its name: it is a
 * hint. Offline a try is made every 30 s, and none is counted; once it is online, at once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { faultPage } from "./support/fault_page.mjs";
import { FAR_HOST } from "./support/flags.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

test(
  "offline is a hint: it is tried every 30 s, at no cost; online it is there again at once",
  scene(async (the) => {
    const { fault, ada } = await connected(the, {
      allow: [/WebSocket connection to 'ws:[^']*' failed: /],
    });
    await tell(ada, "offline");
    assert.equal((await ada.status()).state, "connected", "a socket may live on");

    fault.play = (peer) => peer.reset();
    fault.peers[0].reset();
    await ada.isIn("waiting", 0);
    for (let tries = 2; tries <= 12; tries += 1) {
      await ada.pass(29_900);
      assert.equal(fault.peers.length, tries - 1, "it is tried rarely");
      await ada.pass(200);
      await until("it is tried", () => fault.peers.length === tries);
      await ada.isIn("waiting", 0);
    }

    fault.play = (peer) => peer.accept().welcome();
    await tell(ada, "online");
    await ada.isIn("connected", 0);
    assert.equal(fault.peers.length, 13);
    assert.equal(ada.watch.tokenRequests, 13);
  }),
);

test(
  "a browser that never says that it is online again is not believed",
  scene(async (the) => {
    const { fault, ada } = await connected(the);
    await tell(ada, "offline");
    fault.peers[0].reset();
    await ada.isIn("waiting", 0);

    await ada.pass(31_000);
    await ada.isIn("connected", 0);
    assert.equal(fault.peers.length, 2);
  }),
);

test(
  "the close, the watchdog and the network in one tick make one attempt",
  scene(async (the) => {
    const { fault, ada } = await connected(the);
    fault.peers[0].reset();
    await ada.isIn("waiting", 1);
    await tell(ada, "offline");

    await tell(ada, "offline", "online", "visibilitychange", "resume", "online", "pageshow");
    await ada.isIn("connected", 1);
    await ada.pass(60_000 - 35_000);

    assert.deepEqual((await ada.told()).states, [
      "connecting",
      "connected",
      "waiting",
      "connecting",
      "connected",
    ]);
    assert.equal(fault.peers.length, 2);
    assert.equal(fault.open, 1);
  }),
);

test(
  "a network that flickers does not lead to more than an attempt a second, and each is counted",
  scene(async (the) => {
    const { fault, ada } = await connected(the, {
      allow: [/WebSocket connection to 'ws:[^']*' failed: /],
    });
    fault.play = (peer) => peer.reset();
    fault.peers[0].reset();
    await ada.isIn("waiting", 1);

    await tell(ada, "online");
    await ada.isIn("waiting", 2);
    for (let time = 0; time < 20; time += 1) await tell(ada, "offline", "online");
    assert.equal((await ada.status()).state, "waiting");
    assert.equal(fault.peers.length, 2);
    for (const attempt of [3, 4, 5]) {
      await ada.pass(1_000);
      await tell(ada, "online");
      await ada.isIn("waiting", attempt);
    }
    await ada.pass(1_000);
    await tell(ada, "online");

    const { error } = await ada.isIn("failed");
    assert.equal(error.code, "attempts-exhausted");
    assert.equal(fault.peers.length, 6);
    // And online revives what was given up, with a full budget.
    fault.play = (peer) => peer.accept().welcome();
    await ada.pass(1_000);
    await tell(ada, "online");
    await ada.isIn("connected", 0);
    assert.equal(fault.peers.length, 7);
  }),
);

test(
  "what was closed, or has failed for good, is not revived by any of it",
  scene(async (the) => {
    const { fault, ada } = await connected(the);
    const all = ["offline", "online", "visibilitychange", "resume", "pageshow"];

    fault.peers[0].close(4409);
    await ada.isIn("failed");
    await tell(ada, ...all);
    await ada.pass(60_000);
    assert.equal((await ada.status()).state, "failed");

    await ada.connect();
    await ada.isIn("connected");
    await ada.page.evaluate(() => window.client.close());
    await tell(ada, ...all);
    await ada.pass(60_000);
    assert.equal((await ada.status()).state, "closed");
    assert.equal(fault.peers.length, 2);
  }),
);

test(
  "a server on this machine needs no network",
  scene(async (the) => {
    const fault = await the.faultServer();
    const ada = await faultPage(the, fault.ws);
    await ada.connect();
    await ada.isIn("connected");
    await tell(ada, "offline");

    fault.peers[0].reset();
    await ada.isIn("waiting", 1);
    await ada.pass(5_501);

    await ada.isIn("connected", 1);
    assert.equal(fault.peers.length, 2);
  }),
);

/** A client that is connected to a server with a name of its own. */
async function connected(the, options) {
  const fault = await the.faultServer();
  // A machine without a network says so from the start; here the tests say what is.
  const before = async (page) => {
    await page.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, "onLine", { get: () => true });
    });
  };
  const ada = await faultPage(the, fault.at(FAR_HOST), { ...options, before });
  await ada.connect();
  await ada.isIn("connected");
  return { fault, ada };
}

/** What the browser tells the page, in one tick. */
async function tell(ada, ...events) {
  await ada.page.evaluate((names) => {
    for (const name of names) {
      const target = name === "visibilitychange" || name === "resume" ? document : window;
      const event = name === "pageshow" ? new PageTransitionEvent(name, { persisted: true }) : new Event(name);
      target.dispatchEvent(event);
    }
  }, events);
}
