/**
 * Real tabs: hidden and frozen, left and come back to. What was lost meanwhile is replaced at once,
 * by one socket, and what was accepted meanwhile arrives once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { FAR_HOST } from "./support/flags.mjs";
import { FOREIGN, startForeignServer } from "./support/foreign_server.mjs";
import { HOST } from "./support/host.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";
import { until } from "./support/wait.mjs";

/**
 * What comes with a page that stood still. The browser says on the console that it has taken the
 * socket away; it does so when the page runs again, so that the new one may be the first to arrive, and
 * it may reset the old one.
 */
const FROZEN = { replaces: true, isReset: true, allow: [/failed: Page entered Back-Forward Cache/] };

test(
  "a tab that was frozen replaces its dead socket at once, by one, and loses nothing it was given",
  scene(async (the) => {
    const { server, tabs, ada, bob } = await twoTabs(the, FROZEN);
    await tabs.hide(ada);
    await ada.freeze();
    // The browser takes them; they go nowhere.
    await ada.evaluate(publish, [4, 5, 6]);

    await ada.resume();
    await isBack(ada);

    await heard(bob, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(await statesSince(ada), ["connecting", "connected"]);
    assert.equal(ada.watch.sockets.length, 2);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    assert.deepEqual(await ada.evaluate(() => window.settled), Array(6).fill("fulfilled"));
  }),
);

test(
  "a frozen tab that a person comes back to makes one attempt, though three events tell of it",
  scene(async (the) => {
    const { server, tabs, ada, bob } = await twoTabs(the, FROZEN);
    await tabs.hide(ada);
    await ada.freeze();

    // `resume`, `visibilitychange` and `close` come in one go.
    await Promise.all([ada.resume(), ada.activate()]);
    await isBack(ada);

    await ada.evaluate(publish, [4]);
    await heard(bob, [1, 2, 3, 4]);
    assert.deepEqual(await statesSince(ada), ["connecting", "connected"]);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "a tab that was only hidden keeps its connection, and takes what comes",
  scene(async (the) => {
    const { server, tabs, ada, bob } = await twoTabs(the);

    for (let time = 0; time < 3; time += 1) {
      await tabs.hide(ada);
      await ada.activate();
    }
    await tabs.hide(ada);
    await bob.evaluate(publish, [7]);
    await heard(ada, [7]);

    assert.deepEqual(await statesSince(ada), []);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

for (const [kind, prepare] of [
  ["the back/forward cache", () => {}],
  [
    "a page that is loaded anew",
    // A page that listens to this is not cached.
    () => window.addEventListener("unload", () => {}),
  ],
]) {
  test(
    `come back to by ${kind}, a page is connected again by itself, by one socket`,
    scene(async (the) => {
      const { server, ada, bob } = await twoTabs(the, FROZEN);
      const isCached = kind.includes("cache");
      await ada.evaluate(prepare);

      await ada.goto(server.url.replace(HOST, FAR_HOST));
      const type = await ada.goBack();
      assert.equal(type, isCached ? "BackForwardCacheRestore" : "Navigation");
      if (isCached) await isBack(ada);
      else await beginAnew(ada);

      await ada.evaluate(publish, [4]);
      await heard(bob, [1, 2, 3, 4]);
      await bob.evaluate(publish, [8]);
      await heard(ada, [8]);
      if (isCached) assert.deepEqual(await statesSince(ada), ["connecting", "connected"]);
      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
      assert.equal(await ada.evaluate(() => window.onesocketLedger.sockets().length), 1);
    }),
  );
}

for (const name of FOREIGN) {
  test(
    `${name}: a dead socket is replaced at once though the server cannot be asked`,
    scene(async (the) => {
      const foreign = the.use(await startForeignServer(name));
      const { folder } = the.use(plainSite());
      const server = await the.server({ site: folder });
      const tabs = await startTabs(the);
      const ada = await tabs.open(the, server.url, FROZEN);
      await ada.evaluate(beginPlain, foreign.ws);
      await tabs.hide(ada);
      await ada.freeze();

      await Promise.all([ada.resume(), ada.activate()]);
      await isBack(ada);

      assert.deepEqual(await statesSince(ada), ["connecting", "connected"]);
      await foreign.has({ opened: 2, open: 1 });
    }),
  );
}

/** Two people in a group, each in a tab; the first has published 1, 2 and 3. */
async function twoTabs(the, { allow, ...serving } = {}) {
  const { folder } = the.use(plainSite());
  const server = await the.server({ site: folder, ...serving });
  const tabs = await startTabs(the);
  const bob = await tabs.open(the, server.url);
  await bob.evaluate(begin, "bob");
  const ada = await tabs.open(the, server.url, { allow });
  await ada.evaluate(begin, "ada");
  await ada.evaluate(publish, [1, 2, 3]);
  await heard(bob, [1, 2, 3]);
  return { server, tabs, ada, bob };
}

/** Begins once the page is loaded. */
async function beginAnew(tab) {
  await until("the page is there", () => tab.evaluate(() => window.clientOf !== undefined));
  await tab.evaluate(begin, "ada");
}

/** Runs in the page: connects to a server that has no ping. */
async function beginPlain(url) {
  const client = window.onesocket.createClient({ url, wire: {} });
  Object.assign(window, { client, states: [] });
  await client.connect();
  client.on("state", ({ current }) => window.states.push(current));
}

/** Runs in the page: connects and joins. */
async function begin(user) {
  const client = window.clientOf(user);
  Object.assign(window, { client, heard: [], settled: [], states: [] });
  client.on("message", ({ data }) => window.heard.push(data));
  await client.connect();
  await client.join("tea");
  client.on("state", ({ current }) => window.states.push(current));
}

/** Runs in the page: publishes, and waits for no answer. */
function publish(numbers) {
  for (const number of numbers) {
    const told = window.client.publish("tea", number);
    told.then(
      () => window.settled.push("fulfilled"),
      ({ code }) => window.settled.push(code),
    );
  }
}

async function heard(tab, numbers) {
  const all = () => tab.evaluate(() => window.heard);
  await until(`${numbers.length} messages`, async () => (await all()).length >= numbers.length);
  assert.deepEqual(await all(), numbers);
}

/** Waits until it has been lost and is there again. */
async function isBack(tab) {
  await until("the connection is back", () =>
    tab.evaluate(() => window.states.length > 0 && window.client.isConnected()),
  );
}

/** The states since it was connected for the first time. */
async function statesSince(tab) {
  return await tab.evaluate(() => window.states);
}
