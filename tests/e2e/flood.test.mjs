/** Too much, too large and too strange: the page stays alive, and what is kept is bounded. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { connectedPage } from "./support/fault_page.mjs";
import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

const MANY = 100_000;

test(
  "a hundred thousand small messages arrive in order while the page goes on to breathe",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the, { clock: false });
    await ada.page.evaluate((most) => {
      // Of the breaths those that were taken between the first message and the last one.
      window.count = { heard: 0, inOrder: true, breaths: 0 };
      window.client.on("message", ({ data }) => {
        window.count.inOrder &&= data === window.count.heard;
        window.count.heard += 1;
      });
      const breathe = () => {
        const { heard } = window.count;
        if (heard > 0 && heard < most) window.count.breaths += 1;
        setTimeout(breathe);
      };
      breathe();
    }, MANY);
    const count = () => ada.page.evaluate(() => window.count);

    for (let number = 0; number < MANY; number += 1) {
      fault.peers[0].message(number);
    }
    // A busy machine may take its time for all, not for the next part.
    for (let next = MANY / 10; next <= MANY; next += MANY / 10) {
      await until(`${next} are heard`, async () => (await count()).heard >= next);
    }

    const { heard, inOrder, breaths } = await count();
    assert.equal(heard, MANY);
    assert.ok(inOrder);
    assert.ok(breaths > 10, `timers ran meanwhile: ${breaths}`);
    assert.equal((await ada.status()).state, "connected");
    assert.equal(fault.peers.length, 1);
  }),
);

test(
  "a giant message is handed over like any other, text or binary",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    await ada.page.evaluate(() => {
      window.sizes = [];
      window.client.on("message", ({ data }) => window.sizes.push(data.byteLength ?? data.length));
    });
    const size = 16 * 1024 * 1024;

    fault.peers[0].message("x".repeat(size));
    fault.peers[0].message(Buffer.alloc(size));
    fault.peers[0].message("small");

    const sizes = () => ada.page.evaluate(() => window.sizes);
    await until("all have come", async () => (await sizes()).length === 3);
    assert.deepEqual(await sizes(), [size, size, 5]);
    assert.equal((await ada.status()).state, "connected");
    assert.equal(fault.peers.length, 1);
  }),
);

test(
  "a thousand texts that are no frames are a thousand typed errors, and the connection stays",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    const [peer] = fault.peers;

    for (let number = 0; number < 1000; number += 1) {
      peer.text(randomBytes(30).toString("base64"));
    }
    peer.message("sense");
    await until("the message", async () => (await ada.told()).messages.length > 0);

    const { errors, messages } = await ada.told();
    assert.deepEqual(messages, ["sense"]);
    assert.equal(errors.length, 1000);
    assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(["invalid-message"]));
    assert.ok(errors.every(({ ours }) => ours));
    assert.equal((await ada.status()).state, "connected");
    assert.equal(await connectsStill(ada.page), "connected");
  }),
);

/** Bytes that are no frames of RFC 6455: the browser ends such a connection. */
const NO_FRAMES = {
  "a reserved opcode": Buffer.from([0x83, 0]),
  "a reserved bit": Buffer.from([0xc1, 1, 65]),
  "a masked frame": Buffer.from([0x81, 0x81, 1, 2, 3, 4, 65]),
  "a text that is no UTF-8": Buffer.from([0x81, 2, 0xc3, 0x28]),
  "a fragmented close": Buffer.from([0x08, 2, 3, 0xe8]),
  "HTTP": Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
};

test(
  "bytes that are no frames of RFC 6455 end the connection as a loss: it comes back, counted",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the, { allow: [/WebSocket connection to 'ws:[^']*' failed: /] });

    for (const [index, bytes] of Object.values(NO_FRAMES).entries()) {
      fault.peers[index].bytes(bytes);
      await ada.isIn("waiting", 1);
      await ada.pass(5_501);
      await fault.peerNumber(index + 2);
      await ada.isIn("connected", 1);
      // The failures count no more.
      await ada.pass(10_001);
    }

    assert.deepEqual((await ada.told()).errors, []);
    assert.equal(fault.open, 1);
  }),
);

test(
  "a message above what the server takes is refused here, and one that reaches it ends no connection",
  scene(async (the) => {
    const { server, page, watch } = await plainPage(the, undefined, { args: ["--max-message", "1KiB"] });

    const codes = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      // It waits: how much the server takes is not known yet.
      client.send("x".repeat(5000));
      const lost = new Promise((resolve) => client.on("error", resolve));
      await client.connect();
      const { code, undelivered } = await lost;
      const thrown = await window.outcome((async () => client.send("x".repeat(5000)))());
      client.send("x".repeat(1000));
      await client.join("tea");
      return [code, undelivered.length, thrown.code, client.state];
    });

    assert.deepEqual(codes, ["too-large", 1, "too-large", "connected"]);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

