/** Connections that the server or the network drops, with and without a word. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { accept, greet } from "./support/fault_server.mjs";
import { faultPage, RETRY_MS } from "./support/fault_page.mjs";
import { connectsStill } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

/** One try, and five more. */
const ATTEMPTS = 6;

/** What Chromium may write of a socket that is reset in its first moments. */
const REFUSED = /^error: WebSocket connection to 'ws:[^']*' failed: /;

/** How a connection ends: each leads to another attempt. */
const ENDS = {
  "a close frame": (peer) => peer.close(1011),
  "the end of the stream": (peer) => peer.end(),
  "a reset": (peer) => peer.reset(),
};

for (const [how, end] of Object.entries(ENDS)) {
  test(
    `accepted and dropped at once by ${how}, it was never connected, and six attempts are all`,
    scene(async (the) => {
      const fault = await the.faultServer({ play: (peer) => end(peer.accept()) });
      const ada = await faultPage(the, fault.ws, { allow: [REFUSED] });

      await ada.connect();
      for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
        await ada.isIn("waiting", attempt);
        await ada.pass(RETRY_MS);
      }
      await ada.isIn("failed");
      await ada.pass(600_000);

      const { states, outcome } = await ada.told();
      assert.equal(outcome.code, "attempts-exhausted");
      assert.ok(!states.includes("connected"));
      assert.equal(fault.peers.length, ATTEMPTS);
      assert.equal(await connectsStill(ada.page), "connected");
    }),
  );

  test(
    `welcomed and dropped by ${how} before it has lasted, failures still count; then they do not`,
    scene(async (the) => {
      const fault = await the.faultServer();
      const ada = await faultPage(the, fault.ws, { allow: [REFUSED] });

      await ada.connect();
      for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
        await ada.isIn("connected", attempt - 1);
        // A moment before the failures would count no more.
        await ada.pass(9_990);
        end(fault.peers.at(-1));
        await ada.isIn("waiting", attempt);
        await ada.pass(RETRY_MS);
      }
      await ada.isIn("connected", ATTEMPTS - 1);
      await ada.pass(10_001);
      await ada.isIn("connected", 0);
      end(fault.peers.at(-1));

      await ada.isIn("waiting", 1);
      assert.deepEqual((await ada.told()).errors, []);
      assert.equal(fault.peers.length, ATTEMPTS);
    }),
  );

  test(
    `a connection that ends by ${how} comes back, whether or not the browser tells of an error`,
    scene(async (the) => {
      const fault = await the.faultServer();
      const ada = await faultPage(the, fault.ws);
      await ada.connect();
      await ada.isIn("connected");
      await ada.page.evaluate(() => {
        window.heard = [];
        const [socket] = window.onesocketLedger.sockets();
        for (const type of ["error", "close"]) {
          socket.addEventListener(type, (event) => window.heard.push(`${type} ${event.code ?? ""}`));
        }
      });

      end(fault.peers[0]);
      await ada.isIn("waiting", 1);
      await ada.pass(RETRY_MS);
      await ada.isIn("connected", 1);

      const code = how === "a close frame" ? 1011 : 1006;
      assert.deepEqual(await ada.page.evaluate(() => window.heard), [`close ${code}`]);
      assert.equal(fault.peers.length, 2);
      assert.equal(fault.open, 1);
    }),
  );
}

test(
  "a server that accepts and says nothing, again and again, gets six attempts of ten seconds each",
  scene(async (the) => {
    const fault = await the.faultServer({ play: accept });
    const ada = await faultPage(the, fault.ws);

    await ada.connect();
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      await fault.peerNumber(attempt);
      await ada.isOpen();
      await ada.pass(10_001);
      if (attempt < ATTEMPTS) {
        await ada.isIn("waiting", attempt);
        await ada.pass(RETRY_MS);
      }
    }

    await ada.isIn("failed");
    const { states, outcome, reasons } = await ada.told();
    assert.equal(outcome.code, "attempts-exhausted");
    assert.match(reasons.at(-1), /no welcome came within 10000 ms/);
    assert.ok(!states.includes("connected"));
    assert.equal(fault.peers.length, ATTEMPTS);
  }),
);

test(
  "a socket that the server drops while we close it is closed, once, and nothing follows",
  scene(async (the) => {
    for (const end of Object.values(ENDS)) {
      const fault = await the.faultServer({ play: greet });
      const ada = await faultPage(the, fault.ws);
      await ada.connect();
      await ada.isIn("connected");
      const [peer] = fault.peers;
      peer.echoes = false;

      await ada.page.evaluate(() => void window.client.close());
      end(peer);
      await ada.isIn("closed");
      await ada.pass(60_000);

      const { states, errors } = await ada.told();
      assert.deepEqual(states, ["connecting", "connected", "closing", "closed"]);
      assert.deepEqual(errors, []);
      assert.equal(fault.peers.length, 1);
    }
  }),
);
