/**
 * Tabs that share one connection: whatever becomes of the one that has the socket, another takes over, and
 * nothing is lost or doubled. What the server has passed on to somebody else is the judge.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { begin, connected, heardBy, leaderOf, openFamily, publish, publishInTurn, roleOf, stateOf } from "./support/family.mjs";
import { scene } from "./support/scene.mjs";
import { startTabs } from "./support/tab.mjs";
import { until } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

test(
  "twelve tabs that open at once have one connection, and each hears all others",
  scene(async (the) => {
    const { server, family, judge } = await openFamily(the, 12);

    for (const [number, tab] of family.entries()) await tab.evaluate(publish, [`tab ${number}`]);

    await until("everybody has heard everybody", async () => {
      const heard = await Promise.all([...family, judge].map(heardBy));
      return heard.every((list, at) => list.length === (at < 12 ? 11 : 12));
    });
    const statuses = await Promise.all(family.map((tab) => tab.evaluate(() => window.client.status)));
    const roles = statuses.map(({ role }) => role);
    assert.deepEqual(roles.sort(), [...Array(11).fill("follower"), "leader"]);
    const [{ connectionId, tokenExpiresAtMs, maxAttempts }] = statuses;
    assert.ok(tokenExpiresAtMs > Date.now(), JSON.stringify(statuses));
    for (const status of statuses) {
      assert.deepEqual([status.connectionId, status.maxAttempts], [connectionId, maxAttempts]);
      assert.equal(status.exactlyOnce, true);
      assert.ok(Math.abs(status.tokenExpiresAtMs - tokenExpiresAtMs) < 250, `${status.tokenExpiresAtMs}`);
    }
    assert.match(connectionId, /^c\d+$/);
    assert.equal(maxAttempts, 5);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    await server.hasHadAtMost(2);
  }),
);

for (const [what, end] of [
  ["closes", (tab) => tab.close()],
  ["crashes", (tab) => tab.crash()],
  ["is reloaded", (tab) => tab.reload()],
  ["is left for another page", (tab) => tab.goto("about:blank")],
]) {
  test(
    `the tab that leads ${what}: another takes over, and nothing is lost or doubled`,
    scene(async (the) => {
      const { server, family, judge } = await openFamily(the, 3, { isReset: true });
      const leader = await leaderOf(family);
      const others = family.filter((tab) => tab !== leader);
      await publishInTurn(others, 0, 20);

      await Promise.all([end(leader), publishInTurn(others, 20, 50)]);

      await Promise.all(others.map((tab) => tab.evaluate(() => Promise.all(window.published))));
      await leaderOf(others);
      await until("the judge has heard all", async () => (await heardBy(judge)).length >= 100);
      for (const at of [0, 1]) {
        const heard = (await heardBy(judge)).filter((text) => text.startsWith(`${at}:`));
        assert.deepEqual(heard, Array.from({ length: 50 }, (_, number) => `${at}:${number}`));
      }
      assert.equal((await server.connections("ada")).open, 1);
      assert.deepEqual(await Promise.all(others.map((tab) => tab.evaluate(() => window.errors))), [[], []]);
    }),
  );
}

test(
  "the tab that leads is frozen: another takes over, and it follows when it runs again",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 3, { isReset: true });
    const leader = await leaderOf(family);
    const others = family.filter((tab) => tab !== leader);
    await tabs.hide(leader);

    await leader.freeze();
    await leaderOf(others);
    await leader.resume();

    await until("it follows", async () => (await roleOf(leader)) === "follower");
    await leader.evaluate(publish, ["back"]);
    await until("the others hear it", async () => {
      return (await Promise.all(others.map(heardBy))).every((heard) => heard.includes("back"));
    });
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "close() of the tab that leads hands over, and the last one's closes the socket",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 2);
    const leader = await leaderOf(family);
    const [other] = family.filter((tab) => tab !== leader);

    await leader.evaluate(() => window.client.close());
    await leaderOf([other]);
    assert.equal(await leader.evaluate(() => window.client.state), "closed");
    await server.connectionsWhenOpen("ada", 1);

    await other.evaluate(() => window.client.close());
    assert.equal((await server.connections("ada")).open, 0);
    await leader.evaluate(() => window.client.connect());
    assert.equal(await roleOf(leader), "leader");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 3 });
  }),
);

test(
  "while the server is away every tab waits and says until when, and connect() in any of them tries at once",
  scene(async (the) => {
    const { server, family } = await openFamily(the, 3, { isReset: true }, () => {}, [UNREACHABLE]);
    const leader = await leaderOf(family);
    const follower = family.find((tab) => tab !== leader);
    // Tabs that come at the same time may have opened their ports twice.
    for (const tab of family) {
      await tab.evaluate(() => {
        window.states = [window.client.state];
        window.reasons = [undefined];
      });
    }

    await server.stop();
    const statuses = await until("all wait", async () => {
      const all = await Promise.all(family.map((tab) => tab.evaluate(() => window.client.status)));
      return all.every(({ state, attempt }) => state === "waiting" && attempt >= 2) && all;
    });
    const [first] = statuses;
    for (const { attempt, maxAttempts, retryAtMs, readyState } of statuses) {
      assert.deepEqual([attempt, maxAttempts, readyState], [first.attempt, 5, 3]);
      assert.ok(Math.abs(retryAtMs - first.retryAtMs) < 250, `${retryAtMs} and ${first.retryAtMs}`);
    }
    await server.start();
    const asked = Date.now();
    await follower.evaluate(() => window.client.connect());
    const left = first.retryAtMs - Date.now();

    assert.ok(left > 500, `it has taken ${Date.now() - asked} ms, and ${left} were left`);
    await connected(family);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    for (const tab of family) {
      const seen = await tab.evaluate(() => window.states);
      assert.equal(seen.lastIndexOf("waiting") < seen.lastIndexOf("connecting"), true, `${seen}`);
      assert.equal(seen.at(-1), "connected");
      // It says what the server has said, and does not go to and fro.
      const lost = seen.indexOf("waiting");
      const [reason] = (await tab.evaluate(() => window.reasons)).slice(lost);
      assert.match(reason, /the server is restarting/);
      assert.deepEqual(seen.slice(lost - 1, lost + 1), ["connected", "waiting"]);
    }
  }),
);

test(
  "refreshToken() in any tab has the token of all refreshed",
  scene(async (the) => {
    const { family } = await openFamily(the, 3);
    const leader = await leaderOf(family);
    const follower = family.find((tab) => tab !== leader);
    for (const tab of family) {
      await tab.evaluate(() => {
        window.tokens = [];
        window.client.on("token", ({ event }) => window.tokens.push(event));
      });
    }

    for (const [at, tab] of [follower, leader].entries()) {
      assert.equal(await tab.evaluate(() => window.outcome(window.client.refreshToken())), null);
      // Only the leader asks for a token; what it allows, it allows all.
      for (const one of family) {
        const events = one === leader ? ["fetched", "refreshed"] : ["refreshed"];
        const expected = Array.from({ length: at + 1 }, () => events).flat();
        await until("it is told", async () => (await one.evaluate(() => window.tokens)).length >= expected.length);
        assert.deepEqual(await one.evaluate(() => window.tokens), expected);
        assert.equal(await one.evaluate(() => window.client.stats().refreshes), at + 1);
      }
    }
    // What getToken throws in the tab that leads is told to whoever has called.
    await leader.evaluate(() => {
      window.fetch = () => Promise.reject(new Error("unreachable"));
    });
    const failed = await follower.evaluate(() => window.outcome(window.client.refreshToken()));
    assert.deepEqual([failed.ours, failed.code], [true, "token-failed"]);
    assert.equal(await stateOf(follower), "connected");
  }),
);

test(
  "the same user connects elsewhere: all tabs fail, and none tries again",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 3, { replaces: true });
    const elsewhere = await tabs.open(the, server.url);

    await elsewhere.evaluate(begin, { user: "ada", share: "another browser" });

    await until("all have failed", async () => {
      const errors = await Promise.all(family.map((tab) => tab.evaluate(() => window.client.status.error?.code)));
      return errors.every((code) => code === "replaced");
    });
    // None of those that waited for the lock has taken it up.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "what has failed for all is tried again in a tab whose timers are late, as those of hidden ones are",
  scene(async (the) => {
    const { tabs, server, family } = await openFamily(the, 2, { client: { stableAfterMs: 50 } }, delayTimers);
    const first = await leaderOf(family);
    const second = family.find((tab) => tab !== first);
    // So the second one has counted an attempt, and no timer has told it since that it is stable.
    await first.evaluate(() => window.client.close());
    await leaderOf([second]);
    await connected([second]);
    await first.evaluate(() => window.client.connect());
    const elsewhere = await tabs.open(the, server.url);
    await elsewhere.evaluate(begin, { user: "ada", share: "another browser" });
    await until("both have failed", async () => {
      return (await Promise.all(family.map(stateOf))).every((state) => state === "failed");
    });
    await elsewhere.evaluate(() => window.client.close());
    // Who has failed keeps the lock for 300 ms, and then looks at the time as soon as it hears something.
    await new Promise((resolve) => setTimeout(resolve, 400));

    await first.evaluate(() => window.client.connect());

    await connected(family);
  }),
);

/** Runs in a page. */
function delayTimers() {
  const { setTimeout } = window;
  window.setTimeout = (act, ms) => setTimeout(act, ms + 60_000);
}

test(
  "no token passes between tabs, and hidden tabs say nothing while nothing happens",
  scene(async (the) => {
    const { tabs, family } = await openFamily(the, 3, {}, spyOnPosts);
    await tabs.hide(...family);
    await Promise.all(family.map((tab) => tab.evaluate(() => (window.posts.length = 0))));

    // Longer than a follower that is seen waits before it asks.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const idle = await Promise.all(family.map((tab) => tab.evaluate(() => window.posts.length)));
    assert.deepEqual(idle, [0, 0, 0]);

    const follower = family[(await Promise.all(family.map(roleOf))).indexOf("follower")];
    await follower.evaluate(publish, ["canary"]);
    const posts = (await Promise.all(family.map((tab) => tab.evaluate(() => window.posts)))).flat();
    assert.ok(posts.some((post) => post.includes("canary")), "the spy hears nothing");
    const tokens = (await Promise.all(family.map((tab) => tab.evaluate(() => window.tokens)))).flat();
    assert.ok(tokens.length > 0, "nobody has had a token");
    const all = (await Promise.all(family.map((tab) => tab.evaluate(() => window.allPosts)))).flat();
    for (const token of tokens) assert.ok(!all.some((post) => post.includes(token)), "a token was posted");
  }),
);

test(
  "where there are no locks a tab is alone, says why, and connects",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder });
    const tabs = await startTabs(the);
    const tab = await tabs.open(the, server.url);
    await tab.evaluate(() => Object.defineProperty(navigator, "locks", { value: undefined }));

    await tab.evaluate(begin, { user: "ada", share: "ada" });

    const { role, aloneReason } = await tab.evaluate(() => window.client.status);
    assert.deepEqual({ role, aloneReason }, { role: "alone", aloneReason: "no-locks" });
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

/** Runs in the page: notes what goes over channels, and the tokens that the page was given. */
function spyOnPosts() {
  window.posts = [];
  window.allPosts = [];
  window.tokens = [];
  const { postMessage } = BroadcastChannel.prototype;
  BroadcastChannel.prototype.postMessage = function (data) {
    window.posts.push(JSON.stringify(data));
    window.allPosts.push(JSON.stringify(data));
    postMessage.call(this, data);
  };
  const getToken = window.getToken;
  window.getToken = (user) => async (request) => {
    const answer = await getToken(user)(request);
    window.tokens.push(answer.token);
    return answer;
  };
}
