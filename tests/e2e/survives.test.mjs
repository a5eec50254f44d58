/** What networks and pages do to a connection, and how it is there again. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** What the server's welcome says, and the default of `heartbeat.timeoutMs`. */
const SILENCE_MS = 25_000 + 10_000;

/** `intervalMs` and the most that jitter adds. */
const RETRY_MS = 5500;

test(
  "a network that falls silent is found out, and its socket is not waited for",
  scene(async (the) => {
    const { server, proxy, opened, page, watch } = await behindProxy(the, { replaces: true });
    await connect(page, "ada");

    proxy.hush();
    await opened.pass(SILENCE_MS - 100);
    assert.equal(await state(page), "connected");
    await opened.pass(200);
    assert.equal(await state(page), "waiting");
    await opened.pass(RETRY_MS);
    await until("the connection", async () => (await state(page)) === "connected");

    assert.equal(watch.sockets.length, 2);
    assert.deepEqual(await server.connectionsWhenOpen("ada", 1), { open: 1, opened: 2 });
    await server.hasLogged("Closing existing connection", 1);
  }),
);

test(
  "when a person comes back to the page a dead connection is replaced within two seconds, once",
  scene(async (the) => {
    const { proxy, opened, page, watch } = await behindProxy(the, { replaces: true });
    await connect(page, "ada");
    await page.evaluate(() => {
      window.states = [];
      window.client.on("state", ({ current }) => window.states.push(current));
    });
    const states = () => page.evaluate(() => window.states);

    proxy.hush();
    await opened.pass(3000);
    await page.evaluate(() => {
      document.dispatchEvent(new Event("visibilitychange"));
      window.dispatchEvent(new Event("online"));
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    await opened.pass(1900);
    assert.deepEqual(await states(), []);
    await opened.pass(200);
    // The rest comes in real time.
    assert.equal((await states())[0], "connecting");
    await until("the connection", async () => (await state(page)) === "connected");

    assert.deepEqual(await states(), ["connecting", "connected"]);
    assert.equal(watch.sockets.length, 2);
    assert.equal(proxy.upgrades, 2);
  }),
);

test(
  "a connection that is alive is asked when a person comes back, and stays",
  scene(async (the) => {
    const { server, opened, page, watch } = await behindProxy(the);
    const sent = [];
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => sent.push(String(payload)));
    });
    await connect(page, "ada");

    await opened.pass(3000);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await until("the probe", () => sent.includes('{"type":"ping"}'));
    const { connectionId } = await page.evaluate(() => window.client.status);
    // The answer comes back before the virtual two seconds are over.
    await page.evaluate(() => window.client.join("tea"));
    await opened.pass(5000);

    assert.equal(await page.evaluate(() => window.client.status.connectionId), connectionId);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a token is refreshed over the open connection, at once when asked for",
  scene(async (the) => {
    const { server, page, watch } = await behindProxy(the);
    await connect(page, "ada");

    const told = await page.evaluate(async () => {
      const events = [];
      window.client.on("token", ({ event }) => events.push(event));
      const { connectionId } = window.client.status;
      await Promise.all([window.client.refreshToken(), window.client.refreshToken()]);
      return { events, same: window.client.status.connectionId === connectionId };
    });

    assert.deepEqual(told, { events: ["fetched", "refreshed"], same: true });
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

// The memory of many bytes is used again once they are accepted: see `js/copies.ts`.
for (const [what, size] of [
  ["a number", 0],
  ["a piece of many bytes", 20_000],
]) test(
  `${what} that is published while the network comes and goes arrives once, and in order`,
  scene(async (the) => {
    const { server, proxy, opened, page, watch } = await behindProxy(the, { isReset: true });
    const bob = await the.open(server.url);
    await bob.page.evaluate(async () => {
      window.heard = [];
      const client = window.clientOf("bob");
      client.on("message", ({ data }) => {
        const isWhole = data.length === undefined || data.every((byte) => byte === data[0]);
        window.heard.push(isWhole ? (data[0] ?? data) : "torn");
      });
      await client.connect();
      await client.join("tea");
    });
    await connect(page, "ada");
    await page.evaluate(() => window.client.join("tea"));

    const COUNT = 60;
    for (let number = 0; number < COUNT; number += 1) {
      await page.evaluate(
        ({ n, size }) => {
          window.unsettled ??= [];
          // The application's own memory, which it changes at once.
          window.own ??= new Uint8Array(size);
          window.unsettled.push(window.client.publish("tea", size === 0 ? n : window.own.fill(n)));
          window.own.fill(255);
        },
        { n: number, size },
      );
      if (number % 10 === 5) {
        // Half of the time what is under way is lost, too.
        if (number % 20 === 5) proxy.cut();
        else proxy.reset();
        await until("the loss", async () => (await state(page)) === "waiting");
      }
      if (number % 10 === 8) {
        await opened.pass(RETRY_MS);
        await until("the connection", async () => (await state(page)) === "connected");
        // It has lasted: the failures count no more.
        await opened.pass(10_001);
      }
    }
    const outcomes = await page.evaluate(async () => {
      const settled = await Promise.allSettled(window.unsettled);
      return settled.map(({ status }) => status);
    });

    assert.deepEqual(new Set(outcomes), new Set(["fulfilled"]));
    await until("the last", async () => (await bob.page.evaluate(() => window.heard.length)) >= COUNT);
    const heard = await bob.page.evaluate(() => window.heard);
    assert.deepEqual(heard, Array.from({ length: COUNT }, (_, number) => number));
    assert.equal(watch.sockets.length, 7);
  }),
);

test(
  "after free() no listener of ours is left on the page",
  scene(async (the) => {
    const { folder } = the.use(plainSite());
    const server = await the.server({ site: folder });
    const before = async (page) => {
      await page.addInitScript(() => {
        const listening = new Set();
        const ids = new WeakMap();
        const idOf = (listener) => ids.get(listener) ?? (ids.set(listener, Math.random()), ids.get(listener));
        Object.defineProperty(window, "listening", { get: () => listening.size });
        for (const target of [window, document]) {
          const add = target.addEventListener.bind(target);
          const remove = target.removeEventListener.bind(target);
          target.addEventListener = (type, listener, ...rest) => {
            listening.add(`${type} ${idOf(listener)}`);
            add(type, listener, ...rest);
          };
          target.removeEventListener = (type, listener, ...rest) => {
            if (listener !== null) listening.delete(`${type} ${idOf(listener)}`);
            remove(type, listener, ...rest);
          };
        }
      });
    };
    const { page } = await the.open(server.url, { before });

    const counts = await page.evaluate(async () => {
      window.start = window.listening;
      const client = window.clientOf("ada");
      await client.connect();
      const connected = window.listening - window.start;
      await client.close();
      const closed = window.listening - window.start;
      await client.connect();
      const again = window.listening - window.start;
      client.free();
      return { connected, closed, again };
    });

    // One of them is the open socket's.
    assert.deepEqual(counts, { connected: 9, closed: 8, again: 9 });
    await until("none is left", () => page.evaluate(() => window.listening === window.start));
  }),
);

/**
 * A page on a virtual clock, with a network that can be made to fail. The server's pings are so rare that
 * none is under way when it does: heard late, one would be a sign of life.
 */
async function behindProxy(the, options) {
  const { folder } = the.use(plainSite());
  const server = await the.server({ site: folder, ...options });
  const proxy = await the.proxy(server.url);
  const opened = await the.open(proxy.url, { clock: true });
  return { server, proxy, opened, page: opened.page, watch: opened.watch };
}

async function connect(page, user) {
  await page.evaluate(async (name) => {
    window.client = window.clientOf(name);
    await window.client.connect();
  }, user);
}

async function state(page) {
  return await page.evaluate(() => window.client.state);
}
