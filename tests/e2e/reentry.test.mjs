/** What a callback of the application's may do while it runs: anything, with a defined result. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { FIXTURES } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** The callbacks, by where the client stands while they run. */
const MOMENTS = {
  connecting: [
    "a state event: connecting",
    "the logger: connect called",
    "getToken",
    "getToken, after an await",
  ],
  opening: ["a token event: fetched"],
  connected: [
    "a state event: connected",
    "subscribe(): connected",
    "the logger: connected",
    "a reaction to connect()",
    "a message event",
    "an error event",
    "getToken for a refresh",
  ],
  waiting: ["a state event: waiting"],
  failed: [
    "a state event: failed",
    "an error event: unauthorized",
    "a reaction to connect(): unauthorized",
  ],
  closing: ["a state event: closing"],
};

/**
 * What is done inside the callback; for each of these what comes of it: how the call is answered
 * (`waits`: by what comes later), the state in which the client ends, and how many sockets the
 * server has counted by then.
 */
const TABLE = `
  inside                             | connecting                  | opening                     | connected                   | waiting              | failed                | closing
  connect()                          | ok connected 1              | ok connected 1              | ok connected 1              | ok connected 1       | ok connected 1        | ok connected 2
  connect(), its signal fires        | aborted connected 1         | aborted connected 1         | ok connected 1              | aborted connected 1  | aborted connected 1   | aborted closed 1
  connect(), its signal has fired    | aborted connected 1         | aborted connected 1         | aborted connected 1         | aborted waiting 0    | aborted failed 0      | aborted closed 1
  the first connect()'s signal fires | aborted closed 0            | aborted closed 0            | ok connected 1              | aborted closed 0     | unauthorized failed 0 | ok closed 1
  close()                            | ok closed 0                 | ok closed 0                 | ok closed 1                 | ok closed 0          | ok closed 0           | ok closed 1
  close(5)                           | invalid-options connected 1 | invalid-options connected 1 | invalid-options connected 1 | invalid-options waiting 0 | invalid-options failed 0 | invalid-options closed 1
  close(), connect()                 | ok connected 1              | ok connected 1              | ok connected 2              | ok connected 1       | ok connected 1        | ok connected 2
  send()                             | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | closed failed 0       | closed closed 1
  publish()                          | refused connected 1         | refused connected 1         | refused connected 1         | waits waiting 0      | closed failed 0       | closed closed 1
  join(), publish()                  | ok connected 1              | ok connected 1              | ok connected 1              | waits waiting 0      | closed failed 0       | closed closed 1
  leave()                            | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | closed failed 0       | closed closed 1
  refreshToken()                     | closed connected 1          | closed connected 1          | ok connected 1              | closed waiting 0     | closed failed 0       | closed closed 1
  hold()                             | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  hold(), let go                     | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  the only holder lets go            | ok closed 0                 | ok closed 0                 | ok closed 1                 | ok closed 0          | ok failed 0           | ok closed 1
  on()                               | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  its own off()                      | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  another's off()                    | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  subscribe()                        | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  isConnected(), isConnecting(), stats() | ok connected 1              | ok connected 1              | ok connected 1              | ok waiting 0         | ok failed 0           | ok closed 1
  free()                             | ok closed 0                 | ok closed 0                 | ok closed 1                 | ok closed 0          | ok closed 0           | ok closed 1
  throws                             | - connected 1               | - connected 1               | - connected 1               | - waiting 0          | - failed 0            | - closed 1
  returns a promise that rejects     | - connected 1               | - connected 1               | - connected 1               | - waiting 0          | - failed 0            | - closed 1
  returns a promise that never settles | - connected 1             | - connected 1               | - connected 1               | - waiting 0          | - failed 0            | - closed 1
`;

const [HEAD, ...ROWS] = TABLE.trim().split("\n").map((line) => line.split("|").map((text) => text.trim()));

for (const [place, moments] of Object.entries(MOMENTS)) {
  test(`inside a callback while ${place}`, async (parent) => {
    const play = scene(async (the) => {
      const { server, page, watch } = await reentryPage(the);
      const played = [];
      for (const moment of moments) {
        for (const row of ROWS) {
          const [action] = row;
          if (!happens(moment, action)) continue;
          const expected = row[HEAD.indexOf(place)];
          const user = `u${played.length}`;
          await parent.test(`${moment}: ${action} → ${expected}`, async () => {
            await check({ server, page, watch }, { user, moment, action, expected });
          });
          played.push({ user, opened: Number(expected.split(" ").at(-1)) });
        }
      }
      for (const { user, opened } of played) {
        const counts = await server.connectionsWhenOpen(user, 0);
        assert.equal(counts.opened, opened, `sockets of ${user} when all was over`);
      }
    });
    await play(parent);
  });
}

test(
  "a logger that closes the client when it hears of connect() ends that call, and the next one connects",
  scene(async (the) => {
    const { server, page } = await reentryPage(the);

    const { answers, state } = await page.evaluate(() => window.closedByItsLogger("ada"));

    assert.deepEqual(answers, ["closed", "ok", "ok"]);
    assert.equal(state, "connected");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test("every method of a client has its row, and every callback its place", async (parent) => {
  const play = scene(async (the) => {
    const { page } = await reentryPage(the);
    const { methods, calls, moments } = await page.evaluate(() => window.known());
    const rows = ROWS.map(([action]) => action);
    const listed = Object.values(MOMENTS).flat();
    assert.deepEqual(methods.filter((name) => !rows.some((row) => row.includes(`${name}()`))), []);
    assert.deepEqual(calls.toSorted(), rows.toSorted());
    assert.deepEqual(moments.toSorted(), listed.toSorted());
  });
  await play(parent);
});

/** A page in which cells can be played, and a server that sends messages back. */
async function reentryPage(the) {
  const app = the.use(plainSite().copy(join(FIXTURES, "reentry")));
  const server = await the.server({ site: app.folder, args: ["--echo"] });
  const { page, watch } = await the.open(server.url);
  await page.evaluate(async () => Object.assign(window, await import("/reentry.js")));
  return { server, page, watch };
}

/** Says whether this can be done in that callback at all. */
function happens(moment, action) {
  const isListener = /event|subscribe/.test(moment);
  if (action === "its own off()") return isListener;
  // What getToken throws, and what a reaction does, is no business of listeners.
  if (/^(throws|returns)/.test(action)) return isListener || moment.startsWith("the logger");
  if (action === "the only holder lets go") {
    // Nobody has called connect() then; and hold() has not returned yet.
    return !/connect called|a reaction|event: connecting/.test(moment);
  }
  return true;
}

async function check({ server, page, watch }, { user, moment, action, expected }) {
  const [answer, state, opened] = expected.split(" ");
  const waits = answer === "waits";

  await page.evaluate((cell) => window.play(cell), { user, moment, action, waits });
  const open = state === "connected" ? 1 : 0;
  await until(`${open} of ${opened} sockets of ${user}`, async () => {
    const counts = await server.connections(user);
    return counts.open === open && counts.opened === Number(opened);
  });
  const seen = await page.evaluate((who) => window.finish(who), user);

  assert.deepEqual([seen.answer, seen.state], [answer, state]);
  assert.deepEqual(seen.disagreements, []);
  const reported = { throws: ["thrown"], "returns a promise that rejects": ["rejected"] };
  assert.deepEqual(seen.reported, reported[action] ?? []);
  checkFirst(seen, moment, action);
  checkNow(seen.now, action);
  checkTold(seen, moment, action);
  watch.verify();
}

/** The first `connect()` is answered by the first end that it met, whatever came after it. */
function checkFirst({ first, told }, moment, action) {
  const ends = { connected: "ok", closing: "closed", closed: "closed", failed: "unauthorized" };
  const states = told.map((line) => line.split(" > ")[1]);
  const met = states.find((state) => state in ends);
  // What was still waiting was answered by free().
  let expected = met === undefined ? "closed" : ends[met];
  // It answers whatever is not answered yet.
  const isAnswered = /a reaction|a message|an error|for a refresh|closing/.test(moment);
  if (action === "free()" && !isAnswered) expected = "closed";
  if (action.startsWith("the first") && expected === "closed") expected = "aborted";
  if (first !== undefined) assert.equal(first, expected);
}

/** What a call does is seen at once. */
function checkNow(now, action) {
  const live = ["connecting", "connected", "waiting"];
  const ended = ["closing", "closed"];
  const states = { "connect()": live, "close()": ended, "close(), connect()": live };
  states["free()"] = ["closed"];
  if (action in states) assert.ok(states[action].includes(now), `${now} after ${action}`);
}

/** All are told of everything, in the same order; each change begins where the last one ended. */
function checkTold(seen, moment, action) {
  const { told, toldToOthers, toldToOther, toldToAdded, toldBefore, state } = seen;
  const isListener = /event|subscribe/.test(moment);
  // In the listener itself, `told` has the event that the others are still to be told of.
  const heardBefore = isListener ? toldBefore - 1 : toldBefore;
  // Who frees the client in the middle of an event ends it for the others, too.
  const isGone = isListener && action === "free()";
  assert.deepEqual(toldToOthers, isGone ? told.slice(0, heardBefore) : told);
  const isRemoved = isGone || action === "another's off()";
  assert.deepEqual(toldToOther, isRemoved ? told.slice(0, heardBefore) : told);
  assert.deepEqual(toldToAdded, action === "on()" ? told.slice(toldBefore) : []);
  let last = "idle";
  for (const line of told.filter((one) => one.includes(" > "))) {
    const [previous, current] = line.split(" > ");
    assert.equal(previous, last, told.join(", "));
    last = current;
  }
  if (action !== "free()") assert.equal(last, state);
}
