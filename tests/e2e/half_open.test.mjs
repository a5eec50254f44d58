/** A connection of which one end is gone, stalls or says nothing: found by silence, and bounded. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectedPage, RETRY_MS } from "./support/fault_page.mjs";
import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** What the fault server's welcome says, and the default of `heartbeat.timeoutMs`. */
const SILENCE_MS = 25_000 + 10_000;

/** The default of `queue.maxBytes`. */
const QUEUE_BYTES = 1024 * 1024;

/** What may wait in the client that is cut off: no more than the server lets wait for one that hears. */
const MOST = 200;

/** A browser may say that there is a network again before its requests find it. */
const DISCONNECTED = /net::ERR_INTERNET_DISCONNECTED/;

test(
  "a network that stalls: what is sent is kept within bounds, and arrives once when it is back",
  scene(async (the) => {
    const watching = { clock: true, allow: [DISCONNECTED] };
    const { server, opened, page, watch } = await plainPage(the, watching, { replaces: true });
    const bob = await the.open(server.url);
    await bob.page.evaluate(async () => {
      window.heard = [];
      const client = window.clientOf("bob");
      client.on("message", ({ data }) => window.heard.push(data.number));
      await client.connect();
      await client.join("tea");
    });
    await page.evaluate(async (most) => {
      window.client = window.clientOf("ada", { queue: { maxMessages: most } });
      window.settled = [];
      await window.client.connect();
      await window.client.join("tea");
    }, MOST);

    await page.context().setOffline(true);
    const stalled = await page.evaluate(async () => {
      const text = "x".repeat(500);
      for (let number = 0; number < 300; number += 1) {
        const told = window.client.publish("tea", { number, text });
        told.then(
          () => window.settled.push("fulfilled"),
          ({ code }) => window.settled.push(code),
        );
      }
      const { bufferedAmount, state } = window.client;
      return { bufferedAmount, state };
    });
    assert.equal(stalled.state, "connected", "nobody has been told of anything");
    await until("the last ones are refused", () => page.evaluate(() => window.settled.length === 100));
    const refused = await page.evaluate(() => window.settled.splice(0));
    assert.deepEqual(new Set(refused), new Set(["queue-full"]));
    const accepted = MOST * 500;
    const { bufferedAmount } = stalled;
    assert.ok(bufferedAmount > accepted / 2 && bufferedAmount < 1.5 * accepted, `${bufferedAmount} B`);

    await opened.pass(SILENCE_MS + 100);
    assert.equal(await page.evaluate(() => window.client.state), "waiting");
    await page.context().setOffline(false);
    const state = () => page.evaluate(() => window.client.state);
    await until("the connection is back", async () => {
      if ((await state()) === "waiting") await opened.pass(RETRY_MS);
      return (await state()) === "connected";
    });
    await until("all is answered", () =>
      page.evaluate((number) => window.settled.length === number, MOST),
    );

    const all = Array.from({ length: MOST }, (_, number) => number);
    await until("all is heard", () => bob.page.evaluate((number) => window.heard.length >= number, all.length));
    assert.deepEqual(await bob.page.evaluate(() => window.heard), all);
    assert.deepEqual(new Set(await page.evaluate(() => window.settled)), new Set(["fulfilled"]));
    assert.equal(await page.evaluate(() => window.client.bufferedAmount), 0);
    assert.equal(watch.sockets.length, 2);
    assert.equal((await server.connectionsWhenOpen("ada", 1)).opened, 2);
  }),
);

test(
  "a server that does not read: the queue has an end, and there is room again once it has read",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    const [peer] = fault.peers;
    peer.stopReading();

    const { sent, codes, bufferedAmount } = await ada.page.evaluate(() => {
      const text = "x".repeat(20_000);
      const told = { sent: 0, codes: [] };
      for (let time = 0; time < 100; time += 1) {
        try {
          window.client.send(text);
          told.sent += 1;
        } catch (error) {
          told.codes.push(error.code);
        }
      }
      return { ...told, bufferedAmount: window.client.bufferedAmount };
    });
    assert.equal(sent, Math.floor(QUEUE_BYTES / 20_000));
    assert.deepEqual(new Set(codes), new Set(["queue-full"]));
    assert.ok(bufferedAmount <= QUEUE_BYTES + sent * 100, `${bufferedAmount} bytes`);
    assert.equal((await ada.status()).state, "connected");

    peer.read();
    await until("it has read", () => peer.texts.length === sent);
    const ids = peer.texts.map((text) => JSON.parse(text.split("\n")[0]).id);
    assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
    await until("the socket is empty", () => ada.page.evaluate(() => window.client.bufferedAmount === 0));
    peer.text(JSON.stringify({ type: "ack", id: ids.at(-1) }));
    await until("there is room", () =>
      ada.page.evaluate(() => {
        try {
          window.client.send("more");
          return true;
        } catch {
          return false;
        }
      }),
    );
    assert.equal(fault.peers.length, 1);
  }),
);

test(
  "a socket that was replaced because it was silent may say what it wants: nothing changes",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    const [first] = fault.peers;
    first.echoes = false;

    await ada.pass(SILENCE_MS - 10);
    assert.equal((await ada.status()).state, "connected");
    await ada.pass(20);
    await ada.isIn("waiting", 1);
    await ada.pass(RETRY_MS);
    const second = await fault.peerNumber(2);
    await ada.isIn("connected", 1);
    assert.equal(fault.open, 2, "the first one was not waited for");
    const before = await ada.told();

    await ada.page.evaluate(() => {
      window.before = window.client.status;
    });
    first.welcome({ connectionId: "c9" });
    first.message("old");
    first.text('{"type":"error","code":"refused","message":"old"}');
    first.text("no JSON");
    first.close(4409, "old");
    await until("the first one has closed", () => fault.open === 1);
    second.message("new");
    await until("the message", async () => (await ada.told()).messages.length > 0);

    assert.deepEqual(await ada.told(), { ...before, messages: ["new"] });
    assert.ok(await ada.page.evaluate(() => window.client.status === window.before));
    assert.equal(fault.peers.length, 2);
  }),
);

test(
  "anything that comes is a sign of life, also what makes no sense",
  scene(async (the) => {
    const { fault, ada } = await connectedPage(the);
    const [peer] = fault.peers;
    const signs = ['{"type":"pong"}', '{"type":"ping"}', '{"type":"message"}\n1', "no JSON"];

    for (const sign of signs) {
      await ada.pass(SILENCE_MS - 1_000);
      peer.text(sign);
      peer.text('{"type":"ping"}');
      const pings = peer.texts.length + (sign.includes("ping") ? 2 : 1);
      await until("it has heard", () => peer.texts.length >= pings);
    }

    assert.equal((await ada.status()).state, "connected");
    assert.equal(fault.peers.length, 1);
  }),
);

