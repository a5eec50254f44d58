/**
 * An upgrade that is refused, in any way there is: JavaScript sees the same each time, and it is one
 * failed attempt each time. The browser's own line on the console is the only one.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { hang } from "./support/fault_server.mjs";
import { faultPage, RETRY_MS } from "./support/fault_page.mjs";
import { connectsStill } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** One try, and five more. */
const ATTEMPTS = 6;

/** What Chromium writes of a handshake that failed. */
const FAILED = /^error: WebSocket connection to 'ws:[^']*' failed: /;

/** @type {Record<string, import("./support/fault_server.mjs").Play>} */
const WAYS = {
  "answered with 401": (peer) => peer.refuse(401),
  "answered with 403": (peer) => peer.refuse(403),
  "answered with 429": (peer) => peer.refuse(429, { "Retry-After": "60" }),
  "answered with 503": (peer) => peer.refuse(503, { "Retry-After": "60" }),
  "answered with 200": (peer) => peer.refuse(200),
  "redirected by 301": (peer) => peer.refuse(301, { Location: "/elsewhere" }),
  "answered by a reset": (peer) => peer.reset(),
  "answered by the end of the stream": (peer) => peer.end(),
  "answered with what is no HTTP": (peer) => peer.bytes("\u0016\u0003\u0001 not HTTP\r\n\r\n").end(),
  "accepted for another key": (peer) => peer.accept({ key: "bm90IHRoZSBrZXkgYXQgYWxs" }),
  "accepted without a subprotocol": (peer) => peer.accept({ protocol: null }),
  "accepted with a subprotocol of its own": (peer) => peer.accept({ protocol: "other.v1" }),
  "answered by half a head": (peer) => peer.bytes(peer.acceptance().slice(0, 60)).end(),
};

for (const [way, play] of Object.entries(WAYS)) {
  test(
    `an upgrade ${way} is one failed attempt, and after five more the client gives up`,
    scene(async (the) => {
      const fault = await the.faultServer({ play });
      const ada = await faultPage(the, fault.ws, { allow: [FAILED] });

      await ada.connect();
      for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
        await ada.isIn("waiting", attempt);
        assert.equal(fault.peers.length, attempt);
        assert.equal(ada.watch.tokenRequests, attempt, "each attempt asks for a token");
        await ada.pass(RETRY_MS);
      }
      await ada.isIn("failed");
      await ada.pass(600_000);

      const { outcome, errors, states } = await ada.told();
      assert.deepEqual([outcome.ours, outcome.code], [true, "attempts-exhausted"]);
      assert.match(outcome.message, /code 1006/);
      assert.deepEqual(errors, [outcome]);
      assert.ok(!states.includes("connected"));
      assert.equal(fault.peers.length, ATTEMPTS);
      assert.equal(ada.watch.tokenRequests, ATTEMPTS);
      await theBrowserSaid(ada, FAILED, ATTEMPTS);
      assert.equal(await connectsStill(ada.page), "connected");
    }),
  );
}

test(
  "a handshake that hangs is given up after ten seconds, each time, and the warning comes each time",
  scene(async (the) => {
    const fault = await the.faultServer({ play: hang });
    const ada = await faultPage(the, fault.ws);

    await ada.connect();
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      await fault.peerNumber(attempt);
      await ada.pass(9_998);
      assert.equal((await ada.status()).state, "connecting");
      assert.deepEqual(ada.watch.takeProblems(), []);
      await ada.pass(4);
      if (attempt < ATTEMPTS) await ada.isIn("waiting", attempt);
      await ada.watch.gaveUp(1);
      if (attempt < ATTEMPTS) await ada.pass(RETRY_MS);
    }

    await ada.isIn("failed");
    const { outcome, reasons } = await ada.told();
    assert.equal(outcome.code, "attempts-exhausted");
    assert.match(reasons.at(-1), /did not open within 10000 ms/);
    assert.equal(fault.peers.length, ATTEMPTS);
    assert.equal(await connectsStill(ada.page), "connected");
  }),
);

test(
  "an answer that drips and never ends is given up after ten seconds, however lively it looks",
  scene(async (the) => {
    const endless = (peer) => peer.drip(peer.acceptance().replace("\r\n\r\n", "\r\nX: ").padEnd(9e4, "x"), 5);
    const fault = await the.faultServer({ play: endless });
    const ada = await faultPage(the, fault.ws);

    await ada.connect();
    await fault.peerNumber(1);
    await ada.pass(9_998);
    assert.equal((await ada.status()).state, "connecting");
    await ada.pass(4);

    await ada.isIn("waiting", 1);
    await ada.watch.gaveUp(1);
    // The next one is good: the first does not stand in its way.
    fault.play = (peer) => peer.accept().welcome();
    await ada.pass(RETRY_MS);
    await ada.isIn("connected", 1);
    await until("the first socket is gone", () => fault.open === 1);
  }),
);

test(
  "an answer that drips and does end, and a welcome that does, are as good as any",
  scene(async (the) => {
    const fault = await the.faultServer({
      play: (peer) => {
        const welcome = Buffer.from(peer.acceptance());
        peer.drip(Buffer.concat([welcome, peer.welcomeFrame()]), 1);
      },
    });
    const ada = await faultPage(the, fault.ws);

    await ada.connect();
    await ada.isIn("connected", 0);

    assert.deepEqual((await ada.told()).states, ["connecting", "connected"]);
    assert.equal(fault.peers.length, 1);
  }),
);

/** Waits until the console has so many lines of a kind, and checks that it has no other problem. */
async function theBrowserSaid({ watch }, pattern, times) {
  const isBad = (line) => /^(error|warning): /.test(line);
  await until(`${times} lines`, () => watch.console.filter((line) => pattern.test(line)).length >= times);
  const bad = watch.console.filter(isBad);
  assert.equal(bad.length, times, bad.join("\n"));
}
