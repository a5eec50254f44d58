/** A wasm that does not load: a named error with what to do, and another chance. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

const WASM = "**/onesocket_bg.wasm";
const WAYS_TO_FAIL = {
  "that is not there": { status: 404, body: "nothing here" },
  "that is a page": { status: 200, contentType: "text/html", body: "<!doctype html>" },
  "that is cut short": { status: 200, contentType: "application/wasm", body: "\0asm" },
};

for (const [what, answer] of Object.entries(WAYS_TO_FAIL)) {
  test(
    `a wasm ${what} is told as unsupported, and connect() tries it again`,
    scene(async (the) => {
      const allow = [/status of 404/, /`WebAssembly.instantiateStreaming` failed/];
      const { page, watch } = await plainPage(the, { allow });
      await page.route(WASM, (route) => route.fulfill(answer));

      const failed = await page.evaluate(connectInVain);
      assert.deepEqual(failed.states, ["connecting", "failed"]);
      assert.deepEqual([failed.outcome.ours, failed.outcome.code], [true, "unsupported"]);
      assert.match(failed.outcome.message, /Serve onesocket_bg\.wasm .* application\/wasm/);
      assert.match(failed.outcome.message, /call connect\(\) again/);
      assert.deepEqual(failed.errors, ["unsupported"]);
      assert.equal(watch.sockets.length, 0);

      await page.unroute(WASM);
      const state = await page.evaluate(async () => {
        await window.client.connect();
        return window.client.state;
      });
      assert.equal(state, "connected");
      assert.equal(await connectsStill(page), "connected");
    }),
  );
}

test(
  "the script beside the wasm that is not there is told as unsupported too",
  scene(async (the) => {
    const { page } = await plainPage(the, { allow: [/status of 404/] });
    await page.route("**/wasm/onesocket.js", (route) => route.fulfill({ status: 404 }));

    const failed = await page.evaluate(connectInVain);
    assert.deepEqual([failed.outcome.ours, failed.outcome.code], [true, "unsupported"]);
    await page.unroute("**/wasm/onesocket.js");
    assert.equal(await page.evaluate(() => window.outcome(window.client.connect())), null);
  }),
);

test(
  "a wasm with the wrong MIME type works all the same, with the warning that helps",
  scene(async (the) => {
    const allow = [/`WebAssembly.instantiateStreaming` failed.*`application\/wasm` MIME type/];
    const { page, watch } = await plainPage(the, { allow });
    await page.route(WASM, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { "content-type": "text/plain" } });
    });

    assert.equal(await connectsStill(page), "connected");
    assert.equal(watch.console.filter((line) => allow[0].test(line)).length, 1);
  }),
);

test(
  "a Content-Security-Policy that forbids wasm is told with the word that is missing",
  scene(async (the) => {
    const allow = [/Content Security Policy|WebAssembly/];
    const policy = "script-src 'self' 'unsafe-inline'";
    const { page, watch } = await plainPage(the, { allow }, { policy });

    const failed = await page.evaluate(connectInVain);

    assert.deepEqual([failed.outcome.ours, failed.outcome.code], [true, "unsupported"]);
    assert.match(failed.outcome.message, /'wasm-unsafe-eval'/);
    assert.equal(watch.sockets.length, 0);
  }),
);

test(
  "a Content-Security-Policy with that word is enough",
  scene(async (the) => {
    const scripts = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
    const policy = `default-src 'self'; ${scripts}; img-src data:`;
    const { page } = await plainPage(the, undefined, { policy });

    assert.equal(await connectsStill(page), "connected");
  }),
);

/** Runs in the page: says what is told of a `connect()` that fails. */
async function connectInVain() {
  const client = window.clientOf("ada");
  window.client = client;
  const states = [];
  const errors = [];
  client.on("state", ({ current }) => states.push(current));
  client.on("error", ({ code }) => errors.push(code));
  return { outcome: await window.outcome(client.connect()), states, errors };
}
