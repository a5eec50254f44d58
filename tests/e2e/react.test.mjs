/** React in Strict Mode, with its development build: one socket, no warning, nothing lost. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { openReact, reactSite } from "./support/react_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** The default of `releaseAfterMs`. */
const RELEASE_MS = 500;

test(
  "ten components in Strict Mode share one socket, and React has nothing to warn of",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada" });

    const { connectionId } = await ada.isIn("connected");

    await until("all show it", async () =>
      (await ada.shown()).every((state) => state === "connected"),
    );
    assert.equal((await ada.shown()).length, 10);
    // Strict Mode was at work: each was mounted twice.
    assert.equal((await ada.seen()).mounts, 20);
    await ada.pass(30_000);
    assert.equal((await ada.status()).connectionId, connectionId);
    assert.equal(ada.watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "components that are gone for less than the release time find the same connection again",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada" });
    const { connectionId } = await ada.isIn("connected");

    await ada.show(0);
    assert.deepEqual(await ada.shown(), []);
    await ada.pass(RELEASE_MS - 1);
    await ada.show(1);
    await ada.pass(30_000);

    assert.equal((await ada.status()).connectionId, connectionId);
    assert.equal((await ada.shown()).length, 10);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "after the release time the connection is closed, and components that come later open another",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada" });
    await ada.isIn("connected");

    await ada.show(0);
    await ada.pass(RELEASE_MS - 1);
    assert.equal((await ada.status()).state, "connected");
    await ada.pass(2);

    await ada.isIn("closed");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 0), { open: 0, opened: 1 });
    await ada.pass(60_000);
    assert.equal((await ada.status()).state, "closed");

    await ada.show(1);
    await ada.isIn("connected");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "of a burst of a hundred messages none is lost, their order is kept, and nothing renders for it",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada", below: "silent" });
    const bob = await openReact(the.open, server, { user: "bob", providers: "0" });
    await ada.isIn("connected");
    await ada.page.evaluate(() => window.client.join("tea"));
    await bob.page.evaluate(async () => {
      await window.client.connect();
      await window.client.join("tea");
    });
    const before = await ada.seen();

    await bob.page.evaluate(async () => {
      const numbers = Array.from({ length: 100 }, (_, index) => index);
      await Promise.all(numbers.map((number) => window.client.publish("tea", number)));
    });
    await until("the last message", async () => (await ada.seen()).heard.at(-1) === 99);
    await until("the last one shown", async () =>
      (await ada.page.getByTestId("component").textContent()).endsWith(" 99"),
    );

    const after = await ada.seen();
    assert.deepEqual(
      after.heard,
      Array.from({ length: 100 }, (_, index) => index),
    );
    assert.equal(after.renders, before.renders);
  }),
);

test(
  "two providers with the same client share its socket until both are empty",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada", providers: "2" });
    const { connectionId } = await ada.isIn("connected");
    assert.equal((await ada.shown()).length, 20);

    await ada.show(1);
    await ada.pass(30_000);
    assert.equal((await ada.shown()).length, 10);
    assert.equal((await ada.status()).connectionId, connectionId);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });

    await ada.show(0);
    await ada.pass(RELEASE_MS + 1);
    await ada.isIn("closed");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 0), { open: 0, opened: 1 });
  }),
);

test(
  "a provider that makes its client makes one socket, and frees it when it is unmounted",
  scene(async (the) => {
    const { server, ada } = await ready(the, { user: "ada", own: "" });
    const allConnected = async () => {
      const shown = await ada.shown();
      return shown.length === 10 && shown.every((state) => state === "connected");
    };
    await until("all are connected", allConnected);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });

    await ada.show(0);
    await ada.pass(1);
    assert.deepEqual(await server.connectionsWhenOpen("ada", 0), { open: 0, opened: 1 });

    await ada.show(1);
    await until("all are connected again", allConnected);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    await server.hasHadAtMost(1);
  }),
);

/** The page, on a virtual clock. */
async function ready(the, parameters) {
  const server = await the.server({ site: await reactSite() });
  return { server, ada: await openReact(the.open, server, parameters, { clock: true }) };
}
