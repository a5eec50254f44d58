/**
 * Six real minutes of one connection, with the settings that everybody has; then the network goes,
 * for a moment and for good, and comes back. `cargo xtask soak` runs it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "../e2e/support/app.mjs";
import { FAR_HOST } from "../e2e/support/flags.mjs";
import { scene } from "../e2e/support/scene.mjs";
import { until } from "../e2e/support/wait.mjs";
import { UNREACHABLE } from "../e2e/support/watch.mjs";
import { Timeline } from "./timeline.mjs";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** How long the connection is held. */
const HELD = 6 * MINUTE;

/** The server is asked this often what it counts, first half of that after the beginning. */
const COUNT = MINUTE;

/** When a token of five minutes is refreshed, and how late that may be seen on a busy machine. */
const REFRESH = 4 * MINUTE;
const LATE = 5 * SECOND;

/** From one attempt to the next: the interval, and a tenth of it by chance. */
const INTERVAL = 5 * SECOND;
const JITTER = 500;

const ALL = 20 * MINUTE;

test(
  "a connection lasts, survives a gap, is given up when the network is gone, and revived by it",
  { timeout: ALL },
  scene(async (the) => {
    const timeline = new Timeline();
    const world = await begin(the, timeline);

    await holdForSixMinutes(world);
    await survivesAGap(world);
    await isGivenUp(world);
    await isRevived(world);
    await endsInOrder(world);

    await judgeLogs(world);
  }, ALL),
);

/** Opens the page behind a proxy and connects. */
async function begin(the, timeline) {
  const { folder } = the.use(plainSite());
  const server = await the.server({ site: folder, isReset: true, replaces: true });
  const stop = timeline.follow(server);
  the.use({ end: async () => stop() });
  const proxy = await the.proxy(server.url);
  const { port } = new URL(proxy.url);
  let browser;
  const before = async (page) => {
    await page.exposeFunction("tell", (what, at) => timeline.add("client", what, at));
    page.on("console", (message) => {
      if (message.text().includes("🔌")) timeline.add("page", message.text());
    });
    browser = await page.context().newCDPSession(page);
    await say(browser, { offline: false });
  };
  const allow = [UNREACHABLE, /🔌/];
  const { page } = await the.open(`http://${FAR_HOST}:${port}`, { before, allow });
  assert.equal(await page.evaluate(() => navigator.onLine), true);

  const began = Date.now();
  await page.evaluate(async () => {
    // When it was, not when it is heard of.
    const tell = (what) => window.tell(what, Date.now());
    window.client = window.clientOf("ada", { logger: console });
    window.client.on("state", ({ previous, current, reason }) => {
      tell(`state ${previous} -> ${current}${reason ? ` (${reason})` : ""}`);
    });
    window.client.on("token", ({ event, expiresInMs }) => {
      tell(`token ${event}${expiresInMs ? ` (${expiresInMs} ms)` : ""}`);
    });
    window.client.on("error", ({ code }) => tell(`error ${code}`));
    await Promise.all([window.client.connect(), window.client.connect()]);
    await window.client.connect();
  });
  return { timeline, server, proxy, page, browser, began };
}

/** Tells the browser whether there is a network, which it tells the page. */
async function say(browser, { offline }) {
  const network = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  await browser.send("Network.overrideNetworkState", { offline, ...network });
}

/** One connection, one refresh, nothing else. */
async function holdForSixMinutes({ timeline, server, page, began }) {
  timeline.add("test", "six minutes of peace");
  for (let at = began + COUNT / 2; at < began + HELD; at += COUNT) {
    await pause(at - Date.now());
    await countsOne(timeline, server);
  }
  await pause(began + HELD - Date.now());
  await countsOne(timeline, server);

  assert.equal(await state(page), "connected");
  const states = timeline.saying("client", "state ").map(({ what }) => what);
  assert.deepEqual(states, ["state idle -> connecting", "state connecting -> connected"]);
  const [connected] = timeline.saying("client", "-> connected");
  const refreshed = timeline.saying("client", "token refreshed");
  assert.equal(refreshed.length, 1);
  const after = refreshed[0].at - connected.at;
  timeline.add("test", `refreshed once, after ${(after / SECOND).toFixed(1)} s`);
  // The token's life begins when it is made, which on a busy machine is a while before the welcome.
  const [{ what: plan }] = timeline.saying("page", "Scheduling WebSocket token refresh in");
  const planned = Number(/ (\d+) ms/.exec(plan)[1]);
  assert.ok(planned > REFRESH - LATE && planned <= REFRESH, plan);
  assert.ok(after > planned - SECOND && after < planned + LATE, `refreshed after ${after} ms`);
  // Nobody else has shown the server a token at that time.
  const validations = timeline
    .saying("server", 'Token validation outcome="accepted" user="ada"')
    .filter(({ at }) => Math.abs(at - refreshed[0].at) < LATE);
  assert.equal(validations.length, 1);
}

/** One socket is open, and no other has been opened since the beginning. */
async function countsOne(timeline, server) {
  const { open, opened } = await server.connections("ada");
  timeline.add("test", `the server counts ${open} open, ${opened} opened so far`);
  assert.deepEqual({ open, opened }, { open: 1, opened: 1 });
}

/** Waits until so many sockets are open; seldom asked, for the server logs each question. */
async function countsWhenOpen(server, open) {
  return await until(`${open} open sockets`, async () => {
    await pause(SECOND);
    const counts = await server.connections("ada");
    return counts.open === open && counts;
  });
}

/** The network drops all there is and takes nothing new for three seconds; the server sees nothing. */
async function survivesAGap({ timeline, server, proxy, page }) {
  const gone = Date.now();
  timeline.add("test", "the network is gone for 3 s");
  proxy.refuses = true;
  proxy.strand();
  await pause(3 * SECOND);
  proxy.refuses = false;
  timeline.add("test", "the network is back");

  await until("the connection", async () => (await state(page)) === "connected");
  const attempts = timeline.saying("client", "-> connecting", gone).length;
  timeline.add("test", `connected again by attempt ${attempts}`);
  assert.ok(attempts >= 1 && attempts <= 2, `${attempts} attempts`);
  const { opened } = await countsWhenOpen(server, 1);
  assert.equal(opened, 2);
  assert.equal(timeline.saying("client", "error ").length, 0);
  await until("the failures count no more", () =>
    page.evaluate(() => window.client.status.attempt === 0),
  );
}

/** The network drops all and stays away. */
async function isGivenUp({ timeline, proxy, page }) {
  const gone = Date.now();
  timeline.add("test", "the network is gone for good");
  proxy.refuses = true;
  proxy.cut();
  await until("the end of the attempts", async () => (await state(page)) === "failed", MINUTE);

  const code = await page.evaluate(() => window.client.status.error.code);
  assert.equal(code, "attempts-exhausted");
  const changes = timeline.saying("client", "state ", gone);
  const attempts = changes.filter(({ what }) => what.includes("-> connecting"));
  assert.equal(attempts.length, 5);
  for (const attempt of attempts) {
    const before = changes[changes.indexOf(attempt) - 1];
    assert.match(before.what, /-> waiting/);
    const waited = attempt.at - before.at;
    // A clock of whole milliseconds, and a machine that may have been busy.
    assert.ok(waited > INTERVAL - 50 && waited < INTERVAL + JITTER + LATE, `${waited} ms`);
  }
  const planned = timeline.saying("page", "Reconnecting (attempt", gone).map(({ what }) => {
    const [, attempt, ms] = /\(attempt (\d) of 5\) in (\d+) ms/.exec(what);
    assert.ok(ms >= INTERVAL && ms <= INTERVAL + JITTER, what);
    return Number(attempt);
  });
  assert.deepEqual(planned, [1, 2, 3, 4, 5]);
}

/** The network comes back: nothing happens until the browser says so. */
async function isRevived({ timeline, server, proxy, page, browser }) {
  const back = Date.now();
  timeline.add("test", "the network is back, and nobody has said so");
  proxy.refuses = false;
  await pause(2 * INTERVAL);
  assert.deepEqual(timeline.of("client", back), []);

  timeline.add("test", "the browser is told that it is offline");
  await say(browser, { offline: true });
  await until("offline", () => page.evaluate(() => !navigator.onLine));
  assert.equal(await state(page), "failed");
  timeline.add("test", "the browser is told that it is online");
  await say(browser, { offline: false });
  await until("the connection", async () => (await state(page)) === "connected");

  assert.equal(timeline.saying("client", "-> connecting", back).length, 1);
  const { opened } = await countsWhenOpen(server, 1);
  assert.equal(opened, 3);
}

/** A connection that is made anew by a person, and ended by one. */
async function endsInOrder({ timeline, server, page }) {
  timeline.add("test", "close() and connect() at once");
  await page.evaluate(async () => {
    const closed = window.client.close();
    await window.client.connect();
    await closed;
  });
  const { opened } = await countsWhenOpen(server, 1);
  assert.equal(opened, 4);
  timeline.add("test", "close()");
  await page.evaluate(() => window.client.close());
  await countsWhenOpen(server, 0);
  // The network's end, and two of a person.
  const ends = () => timeline.saying("server", "Total clients: 0").length;
  await until("the log of the last end", () => ends() >= 3);
}

/** The phrases that people look for are there, in both logs, as often as they should be. */
async function judgeLogs({ timeline, server }) {
  for (const [phrase, times] of [
    // Three calls at the beginning, of which one only waits for the wasm; one at the end.
    ["🔌 WebSocket connect called", 3],
    ["🔌 Connection already in progress", 1],
    ["🔌 Reusing existing WebSocket connection", 1],
    ["🔌 Cleaning up existing WebSocket before new connection", 1],
    // Once for each connection, and once for the refreshed token.
    ["🔌 Scheduling WebSocket token refresh", 5],
    // Once or twice in the gap, then five times.
    ["🔌 Reconnecting (attempt 1 of 5) in", 2],
    ["🔌 Reconnecting (attempt 5 of 5) in", 1],
  ]) {
    const found = timeline.saying("page", phrase).length;
    timeline.add("test", `${found} times in the client's log: ${phrase}`);
    assert.equal(found, times, phrase);
  }
  for (const [phrase, least] of [
    ["Closing existing connection", 1],
    ["Token validation", 5],
    ["Total clients: 1", 4],
    ["Total clients: 0", 3],
  ]) {
    const found = timeline.saying("server", phrase).length;
    timeline.add("test", `${found} times in the server's log: ${phrase}`);
    assert.ok(found >= least, phrase);
  }
  await server.hasHadAtMost(1);
}

async function state(page) {
  return await page.evaluate(() => window.client.state);
}

/** Lets real time pass, which is what all this is about. */
async function pause(ms) {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
