/** Tabs of one user that share a connection. */

import { plainSite } from "./app.mjs";
import { startTabs } from "./tab.mjs";
import { until } from "./wait.mjs";

/**
 * Opens tabs of one user that share a connection, and one of another who hears all that they publish.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {number} count
 * @param {object} [options] - Those of the server, `windows`: whether each tab is in a window of its own, and so
 *   seen, and `client`: more options of the clients.
 * @param {() => void} [before] - Runs in each tab before it connects.
 * @param {RegExp[]} [allow] - Console errors that are no failure.
 */
export async function openFamily(the, count, options = {}, before = () => {}, allow = []) {
  const { windows: window = false, client, ...ofServer } = options;
  const app = the.use(plainSite());
  const server = await the.server({ site: app.folder, replaces: true, ...ofServer });
  const tabs = await startTabs(the);
  const judge = await tabs.open(the, server.url, { allow });
  await judge.evaluate(begin, { user: "judge" });
  const family = [];
  for (let at = 0; at < count; at += 1) family.push(await tabs.open(the, server.url, { allow, window }));
  await Promise.all(family.map((tab) => tab.evaluate(before)));
  await Promise.all(family.map((tab) => tab.evaluate(begin, { user: "ada", share: "ada", ...client })));
  return { tabs, server, judge, family };
}

/** Runs in a page: connects and joins a group. */
export async function begin({ user, ...options }) {
  window.heard = [];
  window.errors = [];
  window.client = window.clientOf(user, options);
  window.client.on("message", ({ data }) => window.heard.push(data));
  window.states = [];
  window.reasons = [];
  window.client.on("state", ({ current, reason }) => {
    window.states.push(current);
    window.reasons.push(reason);
  });
  window.client.on("error", ({ code, message }) => window.errors.push(`${code}: ${message}`));
  await window.client.connect();
  await window.client.join("tea");
}

/** Runs in a page. */
export async function publish(texts) {
  await Promise.all(texts.map((text) => window.client.publish("tea", text)));
}

/** Has each tab publish these numbers, one after the other: timers of hidden tabs run once a second. */
export async function publishInTurn(tabs, from, to) {
  for (let number = from; number < to; number += 1) {
    const texts = tabs.map((_, at) => `${at}:${number}`);
    await Promise.all(tabs.map((tab, at) => tab.evaluate(publishNow, texts[at])));
  }
}

function publishNow(text) {
  window.published ??= [];
  window.published.push(window.client.publish("tea", text));
}

export async function leaderOf(family) {
  return await until("a tab leads", async () => {
    for (const tab of family) if ((await roleOf(tab)) === "leader") return tab;
    return undefined;
  });
}

export async function roleOf(tab) {
  return await tab.evaluate(() => window.client?.status.role);
}

export async function heardBy(tab) {
  return await tab.evaluate(() => window.heard);
}

/** Waits until all are connected. */
export async function connected(family) {
  await until("all are connected", async () => {
    return (await Promise.all(family.map(stateOf))).every((state) => state === "connected");
  });
}

/** Has one publish something, and waits until all the others have heard it. */
export async function everybodyHears(family, speaker, text) {
  await speaker.evaluate(publish, [text]);
  await until(`the others hear ${text}`, async () => {
    const others = family.filter((tab) => tab !== speaker);
    return (await Promise.all(others.map(heardBy))).every((heard) => heard.includes(text));
  });
}

export async function stateOf(tab) {
  return await tab.evaluate(() => window.client.state);
}
