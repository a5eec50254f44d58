/**
 * Hours in seconds: a machine that slept, a wall clock that jumps or was never right, a tab that is
 * hidden for an afternoon. The page's time is virtual, the server's and the sockets' are real.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

/** How late a timer may come in a tab that nobody sees, where the server is heard that often. */
const LATE_MS = 25_000;

/** How many timers a page may set at most that wakes up: some, and no burst. */
const FEW_TIMERS = 12;

/** Of a connection that is cut while something is under way, the server may hear as a reset. */
const CUT = { isReset: true };

test(
  "eight hours of sleep over a connection that has lived: one probe, one new token, no new socket",
  scene(async (the) => {
    const { server, ada } = await ready(the);
    const timers = await ada.timersSet();

    await ada.sleeps(8 * HOUR);
    await ada.wakes();
    await ada.hears(3);
    await until("the token is refreshed", () => ada.frames.refresh === 1);
    await ada.hears(3);

    assert.ok(ada.frames.ping <= 1, `${ada.frames.ping} probes`);
    assert.equal(ada.watch.tokenRequests, 2);
    assert.ok((await ada.timersSet()) - timers <= FEW_TIMERS, `${await ada.timersSet()} timers`);
    assert.deepEqual(await ada.states(), []);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "eight hours of sleep after which the network is gone: one fetch, one attempt, no burst",
  scene(async (the) => {
    // A ping that is under way when the network goes would be heard after it.
    const { server, proxy, ada } = await ready(the, { pingEvery: "25s", replaces: true });
    const timers = await ada.timersSet();

    proxy.hush();
    await ada.sleeps(8 * HOUR);
    await ada.wakes();
    assert.deepEqual(await ada.states(), []);
    await ada.pass(2_100);
    await until("the connection", async () => (await ada.states()).at(-1) === "connected");

    assert.deepEqual(await ada.states(), ["connecting", "connected"]);
    assert.equal(ada.frames.ping, 1);
    assert.equal(proxy.upgrades, 2);
    assert.equal(ada.watch.tokenRequests, 2);
    assert.ok((await ada.timersSet()) - timers <= FEW_TIMERS, `${await ada.timersSet()} timers`);
    assert.equal((await server.connectionsWhenOpen("ada", 1)).opened, 2);
  }),
);

test(
  "eight hours of sleep in which the server has ended the connection: one attempt",
  scene(async (the) => {
    const { server, proxy, ada } = await ready(the, CUT);

    proxy.cut();
    await ada.sleeps(8 * HOUR);
    await ada.wakes();
    await until("the connection", async () => {
      await ada.wakes();
      return (await ada.states()).at(-1) === "connected";
    });

    assert.equal(proxy.upgrades, 2);
    assert.ok(ada.watch.tokenRequests <= 3);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

for (const [what, jump] of [
  ["an hour", -HOUR],
  ["ten years", -10 * YEAR],
]) {
  test(
    `a wall clock that is set back by ${what} changes nothing`,
    scene(async (the) => {
      const { server, ada } = await ready(the);

      await ada.sleeps(jump);
      await ada.hears(5);
      await ada.wakes();
      await ada.hears(5);
      // A page that is come back to asks the server once, whatever the clock says.
      assert.deepEqual({ ...ada.frames, pong: 0 }, { ping: 1, pong: 0, refresh: 0 });
      assert.equal(ada.watch.tokenRequests, 1);

      // The token is refreshed when it would have been.
      for (let passed = 0; passed < 4 * MINUTE; passed += 5_000) {
        assert.equal(ada.frames.refresh, 0);
        await ada.pass(5_000);
        await ada.hears(1);
      }
      await until("the token is refreshed", () => ada.frames.refresh === 1);
      assert.deepEqual(await ada.states(), []);
      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    }),
  );
}

for (const [what, jump] of [
  ["an hour", HOUR],
  ["ten years", 10 * YEAR],
]) {
  test(
    `a wall clock that is set forward by ${what} cannot be told from sleep: one early refresh at most`,
    scene(async (the) => {
      const { server, ada } = await ready(the);

      await ada.sleeps(jump);
      await ada.hears(10);
      await until("the token is refreshed", () => ada.frames.refresh === 1);
      await ada.pass(1_000);
      await ada.hears(10);

      assert.ok(ada.frames.ping <= 1);
      assert.equal(ada.frames.refresh, 1);
      assert.equal(ada.watch.tokenRequests, 2);
      assert.deepEqual(await ada.states(), []);
      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    }),
  );
}

for (const year of [1971, 2099]) {
  test(
    `with a wall clock of the year ${year} it connects, waits and comes back like any other`,
    scene(async (the) => {
      const before = (page) => page.clock.setSystemTime(Date.UTC(year, 0, 1));
      const { server, proxy, ada } = await ready(the, { before, ...CUT });
      assert.equal(await ada.page.evaluate(() => new Date().getFullYear()), year);

      proxy.cut();
      await until("the loss", async () => (await ada.states()).at(-1) === "waiting");
      const { retryAtMs, now } = await ada.page.evaluate(() => ({
        ...window.client.status,
        now: Date.now(),
      }));
      assert.ok(retryAtMs - now >= 4_999 && retryAtMs - now <= 5_501, `${retryAtMs - now} ms`);
      await ada.pass(5_501);
      await until("the connection", async () => (await ada.states()).at(-1) === "connected");

      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    }),
  );
}

test(
  "hidden for an hour, with timers that come late: it stays connected, and no token runs out",
  scene(async (the) => {
    const { server, ada } = await ready(the);

    for (let step = 0; step < HOUR / LATE_MS; step += 1) {
      // What is due meanwhile is done late, and once, as in a tab that is throttled; what the server
      // says is heard at once, there too.
      await ada.page.clock.fastForward(LATE_MS);
      await ada.hears(1);
      await ada.isRefreshed();
      const left = await ada.page.evaluate(() => window.client.status.tokenExpiresAtMs - Date.now());
      assert.ok(left > 0, `in step ${step} the token was dead for ${-left} ms`);
    }

    assert.deepEqual(await ada.states(), []);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    // Every four minutes, and a step late at most.
    const refreshed = ada.watch.tokenRequests - 1;
    assert.ok(refreshed >= 60 / 4.7 - 1 && refreshed <= 60 / 4, `${refreshed} refreshes`);
    assert.equal(ada.frames.refresh, refreshed);
  }),
);

/** Somebody who is connected through a proxy, to a server that is lively unless it is told not to be. */
async function ready(the, { before, pingEvery = "50ms", ...serving } = {}) {
  const { folder } = the.use(plainSite());
  const server = await the.server({ site: folder, args: ["--ping-every", pingEvery], ...serving });
  const proxy = await the.proxy(server.url);
  const frames = { ping: 0, pong: 0, refresh: 0 };
  const listen = async (page) => {
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => {
        const [, type] = /^\{"type":"(\w+)"/.exec(String(payload)) ?? [];
        if (type in frames) frames[type] += 1;
      });
    });
    await before?.(page);
  };
  const opened = await the.open(proxy.url, { clock: true, before: listen });
  await opened.page.evaluate(async () => {
    window.client = window.clientOf("ada");
    await window.client.connect();
    window.states = [];
    window.refreshed = 0;
    window.client.on("token", ({ event }) => (window.refreshed += event === "refreshed" ? 1 : 0));
    window.client.on("state", ({ current }) => window.states.push(current));
  });
  return { server, proxy, ada: new Sleeper(opened, frames) };
}

class Sleeper {
  constructor(opened, frames) {
    Object.assign(this, { opened, frames, page: opened.page, watch: opened.watch });
  }

  async pass(ms) {
    await this.opened.pass(ms);
  }

  /** The wall clock goes on, and nothing else does. */
  async sleeps(ms) {
    const now = await this.page.evaluate(() => Date.now());
    await this.page.clock.setSystemTime(now + ms);
  }

  /** All that a browser says to a page that wakes up, in one tick. */
  async wakes() {
    await this.page.evaluate(() => {
      document.dispatchEvent(new Event("resume"));
      document.dispatchEvent(new Event("visibilitychange"));
      window.dispatchEvent(new Event("online"));
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
  }

  /** Waits until the server was heard so many times more, and was answered. */
  async hears(times) {
    const before = this.frames.pong;
    await until("the server is heard", () => this.frames.pong >= before + times);
  }

  /** Waits until each token that was asked for since the first one was taken by the server. */
  async isRefreshed() {
    await until("the token is refreshed", async () => {
      return (await this.page.evaluate(() => window.refreshed)) === this.watch.tokenRequests - 1;
    });
  }

  async states() {
    return await this.page.evaluate(() => window.states);
  }

  async timersSet() {
    return await this.page.evaluate(() => window.onesocketLedger.timersSet);
  }
}
