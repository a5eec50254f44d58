/**
 * A real tab that is hidden for three real minutes, in which the browser throttles its timers: the one
 * test of its length.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { plainSite } from "./support/app.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";
import { until } from "./support/wait.mjs";

const HIDDEN_MS = 180_000;

/** How often a timer of the page would run if it were seen. */
const TICK_MS = 500;

/** It is refreshed a minute before its end: two minutes after it was fetched. */
const TOKEN_LIFE = "3m";

test(
  "hidden for three minutes a tab stays connected, and its token is refreshed in time",
  scene(
    async (the) => {
      const { folder } = the.use(plainSite());
      const args = ["--token-life", TOKEN_LIFE, "--expiry-grace", "0s"];
      const server = await the.server({ site: folder, args });
      const tabs = await startTabs(the);
      const ada = await tabs.open(the, server.url);
      await ada.evaluate(begin, TICK_MS);

      await tabs.hide(ada);
      await sleep(HIDDEN_MS);
      // What is tested is a tab that was throttled, and not one that nobody had hidden.
      const { ticks, states, tokens, life } = await ada.evaluate(told);

      assert.ok(ticks < (0.7 * HIDDEN_MS) / TICK_MS, `timers were throttled: ${ticks} ticks`);
      assert.deepEqual(states, []);
      assert.deepEqual(tokens, ["fetched", "refreshed"]);
      assert.ok(life > 60_000, `the token lives for ${life} ms`);
      assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });

      // And beyond the end of the first token.
      await ada.activate();
      await until("the server is heard", async () => (await ada.evaluate(told)).echoes === 1);
      assert.deepEqual((await ada.evaluate(told)).states, []);
      await server.hasLogged("Closing connection", 0);
    },
    HIDDEN_MS + 90_000,
  ),
);

/** Runs in the page. */
async function begin(tickMs) {
  const client = window.clientOf("ada");
  const seen = { ticks: 0, states: [], tokens: [], echoes: 0 };
  Object.assign(window, { client, seen });
  await client.connect();
  client.on("state", ({ current }) => seen.states.push(current));
  client.on("token", ({ event }) => seen.tokens.push(event));
  await client.join("tea");
  setInterval(() => {
    seen.ticks += 1;
  }, tickMs);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void client.join("milk").then(() => (seen.echoes += 1));
  });
}

/** Runs in the page. */
function told() {
  return { ...window.seen, life: window.client.status.tokenExpiresAtMs - Date.now() };
}
