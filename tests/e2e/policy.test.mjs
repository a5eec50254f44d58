/** A Content-Security-Policy: what the page must allow, and what is told where it does not. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

test(
  "a policy that forbids wasm is told with the word that is missing, and connect() tries again",
  scene(async (the) => {
    const allow = [/Content Security Policy|WebAssembly/];
    const policy = "script-src 'self' 'unsafe-inline'";
    const { page, watch } = await plainPage(the, { allow }, { policy });

    for (const before of [[], ["failed"]]) {
      const failed = await page.evaluate(connectInVain);
      assert.deepEqual([failed.outcome.ours, failed.outcome.code], [true, "unsupported"]);
      assert.match(failed.outcome.message, /'wasm-unsafe-eval'.*call connect\(\) again/);
      assert.deepEqual([...before, ...failed.states], [...before, "connecting", "failed"]);
      assert.deepEqual(failed.errors, ["unsupported"]);
    }
    assert.equal(watch.sockets.length, 0);
  }),
);

test(
  "a policy of 'self' and 'wasm-unsafe-eval' is enough",
  scene(async (the) => {
    const scripts = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
    const policy = `default-src 'self'; ${scripts}; img-src data:`;
    const { page } = await plainPage(the, undefined, { policy });

    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "a socket that the policy blocks has failed at once and for good, and the error names connect-src",
  scene(async (the) => {
    const allow = [/Content Security Policy/];
    const scripts = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
    const { page, watch } = await plainPage(the, { allow }, { policy: `${scripts}; connect-src 'none'` });

    const outcome = await page.evaluate(() => {
      const options = { url: "/ws?secret", connectTimeoutMs: 600_000 };
      return window.outcome(window.onesocket.createClient(options).connect());
    });

    assert.equal(outcome.code, "invalid-options");
    assert.match(outcome.message, /Content-Security-Policy.*ws:\/\/[\d.:]+\/ws\. Allow it in connect-src/);
    assert.equal(watch.sockets.length, 0);
  }),
);

/** Runs in the page: says what is told of a `connect()` that fails. */
async function connectInVain() {
  window.client ??= window.clientOf("ada");
  const states = [];
  const errors = [];
  const removers = [
    window.client.on("state", ({ current }) => states.push(current)),
    window.client.on("error", ({ code }) => errors.push(code)),
  ];
  const outcome = await window.outcome(window.client.connect());
  for (const remove of removers) remove();
  return { outcome, states, errors };
}
