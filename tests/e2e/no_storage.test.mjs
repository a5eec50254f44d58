/** A frame without an origin: no storage, no locks, no cookies. The connection needs none of them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { openSandbox } from "./support/sandbox.mjs";
import { scene } from "./support/scene.mjs";

test(
  "in a sandboxed frame without an origin it works as anywhere",
  scene(async (the) => {
    const app = the.use(plainSite());
    const fault = await the.faultServer();
    const server = await the.server({ site: app.folder });
    const { page } = await the.open(server.url);
    const frame = await openSandbox(page);

    fault.once("peer", (peer) => peer.message("hello"));

    const found = await frame.evaluate(async (url) => {
      const refused = (ask) => {
        try {
          ask();
          return "allowed";
        } catch (error) {
          return error.name;
        }
      };
      const client = window.onesocket.createClient({ url });
      const heard = new Promise((resolve) => client.on("message", ({ data }) => resolve(data)));
      await client.connect();
      return {
        storage: [refused(() => localStorage.length), refused(() => sessionStorage.length), origin],
        state: client.state,
        heard: await heard,
      };
    }, fault.ws);

    assert.deepEqual(found, {
      storage: ["SecurityError", "SecurityError", "null"],
      state: "connected",
      heard: "hello",
    });
    assert.equal(fault.peers.length, 1);
  }),
);
