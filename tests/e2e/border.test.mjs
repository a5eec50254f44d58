/** Every field that the machine tells JavaScript arrives under its own name: no two are swapped. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectedPage, RETRY_MS } from "./support/fault_page.mjs";
import { scene } from "./support/scene.mjs";

test(
  "the status of a connection, of a wait and of a failure has each field under its name",
  scene(async (the) => {
    const client = { reconnect: { maxAttempts: 1 }, refresh: { beforeExpiryMs: 1000 } };
    const { fault, ada } = await connectedPage(the, { client });
    const now = () => ada.page.evaluate(() => Date.now());

    const connected = await ada.status();
    const { connectionId, tokenExpiresAtMs, ...rest } = connected;
    assert.deepEqual(rest, {
      state: "connected",
      readyState: 1,
      attempt: 0,
      maxAttempts: 1,
      retryAtMs: null,
      exactlyOnce: false,
      error: null,
    });
    assert.equal(typeof connectionId, "string");
    const life = tokenExpiresAtMs - (await now());
    assert.ok(life > 200_000 && life <= 300_000, `a token lives for ${life} ms`);

    fault.peers[0].close(1012, "restart");
    const waiting = await ada.isIn("waiting");
    const wait = waiting.retryAtMs - (await now());
    assert.ok(wait > 4000 && wait <= RETRY_MS, `the next attempt begins in ${wait} ms`);
    assert.deepEqual(
      { ...waiting, retryAtMs: 0 },
      {
        state: "waiting",
        readyState: 3,
        attempt: 1,
        maxAttempts: 1,
        retryAtMs: 0,
        connectionId: null,
        tokenExpiresAtMs: null,
        exactlyOnce: false,
        error: null,
      },
    );

    await ada.pass(RETRY_MS);
    await ada.isIn("connected");
    fault.peers[1].close(4413, "70 KiB");
    const failed = await ada.isIn("failed");
    assert.equal(failed.error.code, "too-large");
    assert.match(failed.error.message, /larger than the server takes "70 KiB"/);
  }),
);

test(
  "what the machine counts arrives under its name",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    const before = await ada.page.evaluate(() => window.client.stats());
    assert.deepEqual(before, {
      attempts: 1,
      socketsOpened: 1,
      reconnects: 0,
      refreshes: 0,
      staleEvents: 0,
      messagesIn: 0,
      messagesOut: 0,
      bytesIn: 0,
      bytesOut: 0,
    });

    fault.peers[0].close(1012, "restart");
    await ada.isIn("waiting");
    await ada.page.evaluate(() => {
      for (const text of ["a", "bc", "def"]) window.client.send(text);
    });
    await ada.pass(RETRY_MS);
    await ada.isIn("connected");

    const after = await ada.page.evaluate(() => window.client.stats());
    const { attempts, socketsOpened, reconnects, refreshes, messagesOut, bytesOut } = after;
    assert.deepEqual(
      { attempts, socketsOpened, reconnects, refreshes, messagesOut, bytesOut },
      { attempts: 2, socketsOpened: 2, reconnects: 1, refreshes: 0, messagesOut: 3, bytesOut: 6 },
    );
  }),
);
