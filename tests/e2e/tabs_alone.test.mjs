/**
 * Pages that cannot share a connection, since the browser gives them no lock that they have in common: each has a
 * socket of its own, and says why.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { begin } from "./support/family.mjs";
import { FAR_HOST } from "./support/flags.mjs";
import { HOST } from "./support/host.mjs";
import { openSandbox } from "./support/sandbox.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";

test(
  "in sandboxed frames, which have no origin, each is alone",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder });
    const fault = await the.faultServer();
    const { page } = await the.open(server.url);
    const frames = [await openSandbox(page), await openSandbox(page)];

    for (const frame of frames) {
      const status = await frame.evaluate(async (url) => {
        const client = window.onesocket.createClient({ url, share: "ada" });
        await client.connect();
        return client.status;
      }, fault.ws);

      const { state, role, aloneReason } = status;
      assert.deepEqual(
        { state, role, aloneReason },
        { state: "connected", role: "alone", aloneReason: "opaque-origin" },
      );
    }
    assert.equal(fault.peers.length, 2);
  }),
);

test(
  "in an insecure context, which is a page over http of another machine, each is alone",
  scene(async (the) => {
    const app = the.use(plainSite());
    // Each has a connection: else the second would replace the first.
    const server = await the.server({ site: app.folder, args: ["--connections-per-user", "2"] });
    const tabs = await startTabs(the);
    const url = server.url.replace(HOST, FAR_HOST);

    for (let opened = 1; opened <= 2; opened += 1) {
      const tab = await tabs.open(the, url);
      await tab.evaluate(begin, { user: "ada", share: "ada" });

      const { state, role, aloneReason } = await tab.evaluate(() => window.client.status);
      assert.deepEqual(
        { state, role, aloneReason },
        { state: "connected", role: "alone", aloneReason: "insecure-context" },
      );
      assert.deepEqual(await server.connections("ada"), { open: opened, opened });
    }
  }),
);
