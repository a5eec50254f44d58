/**
 * A hundred times the tab that leads goes, in every way in which a tab goes, while the others send: how long
 * they are without a connection, and what becomes of ten thousand messages. The figures are printed; a
 * busy machine is slow, so only what must not be is asserted.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { leaderOf } from "./support/family.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";
import { until } from "./support/wait.mjs";

/** How often the leader goes in each way. */
const ROUNDS = 20;

/** How many messages each of the two others sends in a round. */
const MESSAGES = 52;

const WAYS = {
  closes: (tab) => tab.close(),
  crashes: (tab) => tab.crash(),
  reloads: (tab) => tab.reload(),
  navigates: (tab) => tab.goto("about:blank"),
  freezes: (tab) => tab.freeze(),
};

test(
  "a hundred leaders go while the others send: nothing is lost, doubled or out of order",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder, replaces: true, isReset: true });
    const tabs = await startTabs(the);
    const judge = await tabs.open(the, server.url);
    await judge.evaluate(begin, { user: "judge" });
    const join = async () => {
      const tab = await tabs.open(the, server.url);
      await tab.evaluate(begin, { user: "ada", share: "ada" });
      return tab;
    };
    const family = [await join(), await join(), await join()];
    let sent = 0;
    for (const [way, go] of Object.entries(WAYS)) {
      const gaps = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const leader = await leaderOf(family);
        const others = family.filter((tab) => tab !== leader);
        if (way === "freezes") await tabs.hide(leader);
        await Promise.all(others.map((tab) => tab.evaluate(watchForConnection)));
        const sending = others.map((tab) => tab.evaluate(sendMany, MESSAGES));
        const began = Date.now();
        await go(leader);
        const connected = await Promise.all(others.map((tab) => tab.evaluate(() => window.connectedAt)));
        gaps.push(...connected.map((at) => Math.max(0, at - began)));
        await Promise.all(sending);
        sent += others.length * MESSAGES;
        family.splice(family.indexOf(leader), 1);
        if (way === "freezes") await leader.resume();
        if (way !== "closes" && way !== "crashes") await leader.close();
        family.push(await join());
      }
      gaps.sort((a, b) => a - b);
      const at = (share) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))];
      the.print(`the leader ${way}: the others are connected after ${at(0.5)} ms (p50), ${at(0.95)} ms (p95), ${at(1)} ms at most`);
    }

    await until("the judge has heard all", async () => (await judge.evaluate(() => window.heard.length)) >= sent);
    const heard = await judge.evaluate(() => window.heard);
    const next = new Map();
    for (const { name, number } of heard) {
      assert.equal(number, next.get(name) ?? 0, `of ${name}`);
      next.set(name, number + 1);
    }
    assert.equal(heard.length, sent);
    the.print(`${sent} messages over ${ROUNDS * Object.keys(WAYS).length} changes of the leader: none lost, doubled or out of order`);
  }, 600_000),
  { timeout: 600_000 },
);

async function begin({ user, share }) {
  window.heard = [];
  window.name = String(Math.random());
  window.count = 0;
  window.client = window.clientOf(user, share === undefined ? {} : { share });
  window.client.on("message", ({ data }) => window.heard.push(data));
  await window.client.connect();
  await window.client.join("tea");
}

/** Takes note of when the connection is there again that is about to go. */
function watchForConnection() {
  window.connectedAt = new Promise((resolve) => {
    const end = window.client.on("state", ({ current }) => {
      if (current !== "connected") return;
      end();
      resolve(Date.now());
    });
  });
}

async function sendMany(count) {
  const published = [];
  for (let at = 0; at < count; at += 1) {
    published.push(window.client.publish("tea", { name: window.name, number: window.count++ }));
    // Timers of hidden tabs run once a second.
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(0);
    });
  }
  await Promise.all(published);
}
