/**
 * Tabs that share a connection and send, while the one that leads goes or stands still: how long the others
 * are without a connection, and what becomes of what they send.
 */

import assert from "node:assert/strict";

import { plainSite } from "./app.mjs";
import { everybodyHears, leaderOf } from "./family.mjs";
import { startTabs } from "./tab.mjs";
import { until } from "./wait.mjs";

/** How many tabs there are. */
const TABS = 3;

/** How many messages each of the others sends while the leader goes. */
const MESSAGES = 52;

/** How long a leader stands still. */
const STALL_MS = 5000;

/**
 * How many messages each tab sends around a stall, one each so many milliseconds: it is over before they are.
 */
const STALLED = { count: 260, every: 25 };

/** The ways in which a tab goes. */
export const WAYS = {
  closes: (tab) => tab.close(),
  crashes: (tab) => tab.crash(),
  reloads: (tab) => tab.reload(),
  navigates: (tab) => tab.goto("about:blank"),
  freezes: (tab) => tab.freeze(),
};

/** The ways in which a tab stands still without an event: each ends after the time that it is given. */
export const STALLS = {
  "its process is stopped": async (tab, ms) => {
    await tab.stop();
    await new Promise((resolve) => setTimeout(resolve, ms));
    tab.continue();
  },
  "its script does not end": (tab, ms) =>
    tab.evaluate((given) => {
      const end = performance.now() + given;
      while (performance.now() < end);
    }, ms),
};

/**
 * Opens a family of tabs that send, and one of another user who hears all that they send.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {object} [options]
 * @param {boolean} [options.windows] - Whether each tab is in a window of its own, and so seen.
 */
export async function openSenders(the, { windows = false } = {}) {
  const app = the.use(plainSite());
  const server = await the.server({ site: app.folder, replaces: true, isReset: true });
  const tabs = await startTabs(the);
  const judge = await tabs.open(the, server.url);
  await judge.evaluate(begin, { user: "judge" });
  const senders = new Senders(the, tabs, server, judge, windows);
  for (let at = 0; at < TABS; at += 1) await senders.join();
  return senders;
}

class Senders {
  /** How many messages were sent. */
  sent = 0;
  family = [];
  #the;
  #windows;

  constructor(the, tabs, server, judge, windows) {
    Object.assign(this, { tabs, server, judge });
    this.#the = the;
    this.#windows = windows;
  }

  /** Opens one tab more. */
  async join() {
    const tab = await this.tabs.open(this.#the, this.server.url, { window: this.#windows });
    await tab.evaluate(begin, { user: "ada", share: "ada" });
    this.family.push(tab);
  }

  /**
   * Has the leader go in one way while the others send, and another tab come for it; returns after how many
   * milliseconds each of the others was connected again.
   *
   * @param {keyof typeof WAYS} way
   */
  async loseLeader(way) {
    const { leader, others } = await this.#look();
    if (way === "freezes") await this.tabs.hide(leader);
    const gaps = await this.#send(others, others, { count: MESSAGES }, () => WAYS[way](leader));
    if (way === "freezes") await leader.resume();
    if (way !== "closes" && way !== "crashes") await leader.close();
    this.family.splice(this.family.indexOf(leader), 1);
    await this.join();
    return gaps;
  }

  /**
   * Has the leader stand still for five seconds while all send; returns it, and after how many milliseconds
   * each of the others was connected again.
   *
   * @param {keyof typeof STALLS} stall
   */
  async stallLeader(stall) {
    const { leader, others } = await this.#look();
    // To find it takes a while, which is no part of the stall.
    await leader.process();
    const gaps = await this.#send(this.family, others, STALLED, () => STALLS[stall](leader, STALL_MS));
    return { leader, gaps };
  }

  /** Opens other tabs in place of all: how often a tab takes the lead from another is limited. */
  async renew() {
    for (const tab of this.family.splice(0)) await tab.close();
    for (let at = 0; at < TABS; at += 1) await this.join();
  }

  /** Checks that whoever hears all has heard each message once, and those of each tab in their order. */
  async verify() {
    await until("the judge has heard all", async () => {
      return (await this.judge.evaluate(() => window.heard.length)) >= this.sent;
    });
    const heard = await this.judge.evaluate(() => window.heard);
    const next = new Map();
    for (const { name, number } of heard) {
      assert.equal(number, next.get(name) ?? 0, `of ${name}`);
      next.set(name, number + 1);
    }
    assert.equal(heard.length, this.sent);
  }

  /** Has each tab say something, and waits until all others have heard it. */
  async greet() {
    for (const [at, tab] of this.family.entries()) await everybodyHears(this.family, tab, `hello of ${at}`);
  }

  async #look() {
    const leader = await leaderOf(this.family);
    return { leader, others: this.family.filter((tab) => tab !== leader) };
  }

  async #send(speakers, watchers, messages, befall) {
    await Promise.all(watchers.map((tab) => tab.evaluate(watchForConnection)));
    const sending = speakers.map((tab) => tab.evaluate(sendMany, messages));
    const began = Date.now();
    await befall();
    const connected = await Promise.all(watchers.map((tab) => tab.evaluate(() => window.connectedAt)));
    await Promise.all(sending);
    this.sent += speakers.length * messages.count;
    return connected.map((at) => Math.max(0, at - began));
  }
}

/**
 * Says how numbers are spread.
 *
 * @param {number[]} numbers
 */
export function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Runs in a page. */
async function begin({ user, share }) {
  window.heard = [];
  window.name = String(Math.random());
  window.count = 0;
  window.client = window.clientOf(user, share === undefined ? {} : { share });
  window.client.on("message", ({ data }) => window.heard.push(data));
  await window.client.connect();
  await window.client.join("tea");
}

/** Runs in a page: takes note of when the connection is there again that is about to go. */
function watchForConnection() {
  window.connectedAt = new Promise((resolve) => {
    const end = window.client.on("state", ({ current }) => {
      if (current !== "connected") return;
      end();
      resolve(Date.now());
    });
  });
}

/** Runs in a page: sends numbers, one each so many milliseconds or as soon as it can. */
async function sendMany({ count, every }) {
  const published = [];
  for (let at = 0; at < count; at += 1) {
    published.push(window.client.publish("tea", { name: window.name, number: window.count++ }));
    if (every === undefined) await window.nextTask();
    else await new Promise((resolve) => setTimeout(resolve, every));
  }
  await Promise.all(published);
}
