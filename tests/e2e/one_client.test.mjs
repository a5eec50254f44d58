/**
 * Tabs that share a connection over a server that knows of one client: one tab speaks for all, and what was
 * unanswered when it goes is reported. The server's counts are the judge.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { connected, everybodyHears, heardBy, leaderOf, openFamily, publish, roleOf, stateOf } from "./support/family.mjs";
import { startForeignServer } from "./support/foreign_server.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";
import { until } from "./support/wait.mjs";

/** How many messages each tab sends while the leader goes. */
const MESSAGES = 40;

/** As many pieces of 64 KiB as no buffers of a system and a browser hold. */
const MOST_PIECES = 600;

const ONE_CLIENT = { args: ["--max-tabs", "0"], isReset: true };

test(
  "over a server without tabs all speak through one connection, each in its own groups",
  scene(async (the) => {
    const { server, judge, family } = await openFamily(the, 3, ONE_CLIENT);
    await connected(family);
    assert.deepEqual(await Promise.all(family.map(isExactlyOnce)), [false, false, false]);
    assert.deepEqual((await Promise.all(family.map(roleOf))).sort(), ["follower", "follower", "leader"]);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });

    const [first, second, third] = family;
    // Each is answered by its own answer, in whatever order these come.
    const answered = await third.evaluate(async () => {
      const publishing = window.client.publish("tea", "and then");
      await window.client.join("milk");
      return await window.outcome(publishing);
    });
    assert.equal(answered, null);
    await until("the judge hears it", async () => (await heardBy(judge)).includes("and then"));
    await first.evaluate(() => window.client.leave("tea"));
    await judge.evaluate(publish, ["for those who stay"]);
    for (const tab of [second, third]) {
      await until("they hear it", async () => (await heardBy(tab)).length === 1);
    }
    assert.deepEqual(await heardBy(first), []);

    // The last that leaves takes the connection out of the group.
    await Promise.all([second, third].map((tab) => tab.evaluate(() => window.client.leave("tea"))));
    const refused = await third.evaluate(() => window.client.publish("tea", 1).catch(({ code }) => code));
    assert.equal(refused, "refused");
    await judge.evaluate(publish, ["for nobody"]);
    await Promise.all(family.map((tab) => tab.evaluate(() => window.client.join("tea"))));
    await judge.evaluate(publish, ["for all"]);
    for (const tab of family) await until("all hear it", async () => (await heardBy(tab)).includes("for all"));
    for (const tab of family) assert.equal((await heardBy(tab)).includes("for nobody"), false);
  }),
);

test(
  "when the tab that speaks for all goes, what is unanswered is reported and nothing is doubled",
  scene(async (the) => {
    const { server, judge, family } = await openFamily(the, 3, ONE_CLIENT);
    await connected(family);
    for (const [round, go] of [(tab) => tab.close(), (tab) => tab.crash()].entries()) {
      const leader = await leaderOf(family);
      const others = family.filter((tab) => tab !== leader);
      const sending = others.map((tab, at) => tab.evaluate(publishMany, { name: `${round} of ${at}`, count: MESSAGES }));
      await go(leader);
      family.splice(family.indexOf(leader), 1);
      const outcomes = (await Promise.all(sending)).flat();
      await connected(family);
      // All are in the group again.
      await everybodyHears([judge, ...family], judge, `after round ${round}`);

      const heard = await heardBy(judge);
      const texts = heard.filter((text) => text.startsWith(`${round} of `));
      assert.equal(new Set(texts).size, texts.length, "none is doubled");
      for (const { text, code } of outcomes) {
        assert.equal(code === undefined ? texts.includes(text) : code === "closed", true, `${text}: ${code}`);
      }
      for (const at of others.keys()) {
        const numbers = texts.filter((text) => text.startsWith(`${round} of ${at}:`)).map((text) => Number(text.split(":")[1]));
        assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), "each in order");
      }
      the.print(`${outcomes.length} messages: ${outcomes.filter(({ code }) => code).length} reported, none doubled`);
    }
    assert.equal((await server.connections("ada")).open, 1);
  }),
);

test(
  "over a wire of the application's own all share one socket, and another tab takes over",
  scene(async (the) => {
    const { foreign, family } = await openPlainFamily(the, 3);
    await foreign.has({ opened: 1, open: 1 });
    const leader = await leaderOf(family);
    const [follower, other] = family.filter((tab) => tab !== leader);

    await follower.evaluate(() => {
      window.client.send("from a follower");
      window.client.send(new Uint8Array([0, 1, 255]));
    });

    // This server sends back what it gets.
    for (const tab of family) {
      await until("each hears what the server says", async () => (await heardBy(tab)).length === 2);
      assert.deepEqual(await heardBy(tab), ["from a follower", [0, 1, 255]]);
    }
    assert.deepEqual(foreign.messages, ["from a follower", "0,1,255"]);
    assert.equal(await other.evaluate(() => window.client.join("tea").catch(({ code }) => code)), "unsupported");
    // Each tab hears its question, and one answers.
    await other.evaluate(() => window.client.send("who?"));
    await until("it is answered", () => foreign.messages.includes("one of us"));
    await other.evaluate(() => window.client.send("after that"));
    await until("what came after it is heard", async () => (await heardBy(leader)).includes("after that"));
    assert.deepEqual(foreign.messages.slice(2), ["who?", "one of us", "after that"]);

    await leader.close();

    const rest = [follower, other];
    await leaderOf(rest);
    await connected(rest);
    await foreign.has({ opened: 2, open: 1 });
    await follower.evaluate(() => window.client.send("again"));
    await until("the others hear it", async () => (await heardBy(other)).includes("again"));
  }),
);

test(
  "over such a wire a follower's queue is full while the leader's socket takes no more, and nothing is lost",
  scene(async (the) => {
    const { foreign, family } = await openPlainFamily(the, 2, { queue: { maxBytes: 200_000 } });
    const leader = await leaderOf(family);
    const [follower] = family.filter((tab) => tab !== leader);

    await follower.evaluate(() => window.client.send("mute"));
    await foreign.heard(["mute"]);
    foreign.pause();
    const accepted = await follower.evaluate(sendUntilFull, MOST_PIECES);
    foreign.resume();

    assert.ok(accepted < MOST_PIECES, "what waits is bounded");
    const numbers = () => foreign.messages.slice(1).map((text) => Number(text.split(" ")[0]));
    await until("all that was accepted has arrived", () => numbers().length >= accepted);
    assert.deepEqual(numbers(), Array.from({ length: accepted }, (_, number) => number));
    await until("there is room again", () => follower.evaluate(() => window.client.bufferedAmount === 0));
    await follower.evaluate((number) => window.client.send(`${number} and on`), accepted);
    await until("the next one arrives", () => numbers().length > accepted);
    assert.equal(numbers().at(-1), accepted);
  }),
);

test(
  "when all have failed, connect() in one has the others connect again that want to",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 4);
    const elsewhere = await tabs.open(the, server.url);
    await elsewhere.evaluate(() => {
      window.client = window.clientOf("ada", { share: "another browser" });
      return window.client.connect();
    });
    await until("all have failed", async () => {
      const states = await Promise.all(family.map(stateOf));
      return states.every((state) => state === "failed");
    });
    const [first, closed, ...others] = family;
    await closed.evaluate(() => window.client.close());

    await first.evaluate(() => window.client.connect());

    await connected([first, ...others]);
    await everybodyHears([first, ...others], first, "again");
    assert.equal(await stateOf(closed), "closed");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 3 });
  }),
);

/** Opens tabs that share a connection to a server that knows nothing of onesocket. */
async function openPlainFamily(the, size, options = {}) {
  const foreign = the.use(await startForeignServer("Node's ws"));
  const app = the.use(plainSite());
  const server = await the.server({ site: app.folder });
  const tabs = await startTabs(the);
  const family = [];
  for (let at = 0; at < size; at += 1) {
    const tab = await tabs.open(the, server.url);
    await tab.evaluate(speakPlainly, { url: foreign.ws, ...options });
    family.push(tab);
  }
  await connected(family);
  return { foreign, family };
}

function isExactlyOnce(tab) {
  return tab.evaluate(() => window.client.status.exactlyOnce);
}

/** Runs in a page: publishes texts, and says what has become of each. */
async function publishMany({ name, count }) {
  const outcomes = [];
  for (let at = 0; at < count; at += 1) {
    const text = `${name}:${at}`;
    const published = window.client.publish("tea", text);
    outcomes.push(
      published.then(
        () => ({ text }),
        ({ code }) => ({ text, code }),
      ),
    );
    await window.nextTask();
  }
  return await Promise.all(outcomes);
}

/** Runs in a page: connects to a server that knows nothing of onesocket. */
async function speakPlainly({ url, ...options }) {
  const answer = (data) => (data === "who?" ? "one of us" : undefined);
  window.client = window.onesocket.createClient({ url, wire: { answer }, share: "ada", ...options });
  window.heard = [];
  window.client.on("message", ({ data }) => {
    window.heard.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
  });
  await window.client.connect();
}

/** Runs in a page: sends pieces until none is accepted for three seconds, and says how many were. */
async function sendUntilFull(most) {
  const piece = "x".repeat(64 << 10);
  let accepted = 0;
  let since = Date.now();
  while (accepted < most && Date.now() - since < 3000) {
    try {
      window.client.send(`${accepted} ${piece}`);
      accepted += 1;
      since = Date.now();
    } catch ({ code }) {
      if (code !== "queue-full") throw new Error(code);
      await window.nextTask();
    }
  }
  return accepted;
}
