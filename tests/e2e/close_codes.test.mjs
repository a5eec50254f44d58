/**
 * Any code that a peer can send, also those that none may: the range decides, as PROTOCOL.md says.
 * Browsers hand on whatever comes.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectedPage, RETRY_MS } from "./support/fault_page.mjs";
import { closePayload } from "./support/frames.mjs";
import { connectsStill } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

/** Codes that end the connection for good, and the error that says so. */
const FINAL = {
  refused: [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4400, 4402, 4403, 4408, 4499],
  replaced: [4409],
  "too-large": [4413],
};

/** Codes after which the client comes back; among them those that no peer may send. */
const PASSING = [0, 1, 999, 1001, 1004, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 1016, 2999, 3000];
PASSING.push(3999, 4000, 4399, 4500, 4508, 4513, 4999, 5000, 65_535);

/** What a close frame of 4529 says, and for how long the client stays away at least. */
const DELAYS = {
  "": 5_000,
  "retry-after-ms=1": 5_000,
  "retry-after-ms=70000": 70_000,
  "retry-after-ms=99999999999999999999": 5_000,
  "retry-after-ms=-70000": 5_000,
  "retry-after-ms=7e4": 5_000,
  "70000": 5_000,
};

/** Close frames that are none: a browser ends the connection with 1006, or with 1005 without a code. */
const BROKEN = {
  "no code": Buffer.alloc(0),
  "half a code": Buffer.from([3]),
  "a reason that is no UTF-8": Buffer.concat([closePayload(1000), Buffer.from([0xc3, 0x28])]),
  "a reason of more than 123 bytes": closePayload(1000, "x".repeat(130)),
};

/** What Chromium writes of a close frame that breaks the rules. */
const BROKE_RULES = /^error: WebSocket connection to 'ws:[^']*' failed: /;

for (const [code, numbers] of Object.entries(FINAL)) {
  test(
    `closed with ${numbers.join(", ")} the connection fails as ${code}, for good`,
    scene(async (the) => {
      const { fault, ada } = await connectedPage(the);

      for (const [index, number] of numbers.entries()) {
        fault.peers[index].close(number);
        const { error } = await ada.isIn("failed");
        assert.equal(error.code, code, String(number));
        await ada.pass(600_000);
        assert.equal(fault.peers.length, index + 1, `after ${number} nothing is tried`);
        await ada.connect();
        await ada.isIn("connected");
      }

      const { errors } = await ada.told();
      assert.deepEqual(new Set(errors.map((error) => error.code)), new Set([code]));
      assert.equal(errors.length, numbers.length);
      assert.equal(await connectsStill(ada.page), "connected");
    }),
  );
}

test(
  "closed with 4401 it tries once with a fresh token, then fails as unauthorized",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);

    fault.peers[0].close(4401, "expired");
    const again = await fault.peerNumber(2);
    await ada.isIn("connected", 0);
    assert.equal(ada.watch.tokenRequests, 2);
    again.close(4401, "expired");

    const { error } = await ada.isIn("failed");
    assert.equal(error.code, "unauthorized");
    await ada.pass(600_000);
    assert.equal(fault.peers.length, 2);
    assert.equal(ada.watch.tokenRequests, 2);
  }),
);

test(
  `after any other code it comes back: ${PASSING.join(", ")}`,
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the, { allow: [BROKE_RULES] });

    for (const [index, number] of PASSING.entries()) {
      fault.peers[index].close(number);
      await comesBack(fault, ada, index + 2, 5_000);
    }

    assert.deepEqual((await ada.told()).errors, []);
    assert.equal(fault.open, 1);
  }),
);

test(
  "a code of 4529 may say for how long to stay away, and nothing that it says shortens the wait",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);

    for (const [index, [reason, least]] of Object.entries(DELAYS).entries()) {
      fault.peers[index].close(4529, reason);
      await comesBack(fault, ada, index + 2, least);
    }
  }),
);

test(
  "a close frame that breaks the rules of RFC 6455 is a lost connection like any other",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the, { allow: [BROKE_RULES] });

    for (const [index, payload] of Object.values(BROKEN).entries()) {
      fault.peers[index].closeWith(payload);
      await comesBack(fault, ada, index + 2, 5_000);
    }

    assert.deepEqual((await ada.told()).errors, []);
  }),
);

/** Sees that the next attempt is made after so many milliseconds and not before, and that it lasts. */
async function comesBack(fault, ada, number, least) {
  await ada.isIn("waiting", 1);
  await ada.pass(least - 1);
  assert.equal((await ada.status()).state, "waiting");
  assert.equal(fault.peers.length, number - 1);
  await ada.pass(RETRY_MS - 5_000 + 1);
  await fault.peerNumber(number);
  await ada.isIn("connected", 1);
  await ada.pass(10_001);
  await ada.isIn("connected", 0);
}
