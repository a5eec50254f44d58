/** A token endpoint that answers rubbish, with an error, or never: at connect and over a connection. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { startTokenEndpoint } from "./support/token_endpoint.mjs";
import { until } from "./support/wait.mjs";

/** What browsers write of an answer that is an error. */
const STATUS = /Failed to load resource: the server responded with a status of/;

const HTML = { "content-type": "text/html" };

/**
 * What the endpoint answers, and what comes of it where `getToken` is the README's, which looks at
 * nothing, and where it is a careful one. `failed`: no token. `none`: nobody is signed in. `good`: a
 * token. `canary` is in every answer, and may be in nothing that is told.
 */
const ANSWERS = {
  "401": [{ status: 401, body: '{"error":"canary"}' }, "failed", "none"],
  "403, in HTML": [{ status: 403, headers: HTML, body: "<p>canary" }, "failed", "none"],
  "500": [{ status: 500, body: '{"error":"canary"}' }, "failed", "failed"],
  "502, in HTML": [{ status: 502, headers: HTML, body: "<p>canary" }, "failed", "failed"],
  "HTML": [{ headers: HTML, body: "<!doctype html>canary" }, "failed", "failed"],
  "a bare token": [{ body: "canary.canary.canary" }, "failed", "failed"],
  "nothing": [{ status: 204 }, "failed", "failed"],
  "null": [{ body: "null" }, "none", "none"],
  "10 MB of HTML": [{ headers: HTML, body: "<p>canary".padEnd(1e7, "x") }, "failed", "failed"],
  "10 MB of token": [{ body: json({ token: "canary".padEnd(1e7, "x") }) }, "failed", "failed"],
  "JSON that breaks off": [{ body: '{"token":"canary' }, "failed", "failed"],
  "no token": [{ body: '{"canary":1}' }, "failed", "failed"],
  "a token that is null": [{ body: '{"token":null,"for":"canary"}' }, "failed", "failed"],
  "an empty token": [{ body: '{"token":"","for":"canary"}' }, "failed", "failed"],
  "a token with a space": [{ body: json({ token: "canary canary" }) }, "failed", "failed"],
  "a token with a line break": [{ body: json({ token: "canary\n" }) }, "failed", "failed"],
  "a token that is not ASCII": [{ body: json({ token: "canåry" }) }, "failed", "failed"],
  "a token above 16 KiB": [{ body: json({ token: "canary".padEnd(16_385, "x") }) }, "failed", "failed"],
  "a life of NaN": [{ body: '{"token":"canary","expiresInMs":NaN}' }, "failed", "failed"],
  "a life of 1e999": [{ body: '{"token":"canary","expiresInMs":1e999}' }, "failed", "failed"],
  "a life in a string": [{ body: '{"token":"canary","expiresInMs":"300"}' }, "failed", "failed"],
  "a life of 0": [{ body: '{"token":"canary","expiresInMs":0}' }, "failed", "failed"],
  "a life of -1": [{ body: '{"token":"canary","expiresInMs":-1}' }, "failed", "failed"],
  "a life of 1e12": [{ life: ',"expiresInMs":1e12' }, "good", "good"],
  "a life of null": [{ life: ',"expiresInMs":null' }, "good", "good"],
  "no life": [{ life: "" }, "good", "good"],
};

for (const [column, manner] of ["as the README has it", "that looks at the answer"].entries()) {
  test(
    `a getToken ${manner}: whatever the endpoint answers at connect, nothing but a token leads to a socket`,
    scene(async (the) => {
      const { server, page, watch, endpoint } = await endpointPage(the);

      for (const [what, [answer, ...comes]] of Object.entries(ANSWERS)) {
        endpoint.answer = await answered(server, answer);
        const before = watch.sockets.length;
        const told = await page.evaluate(async (careful) => {
          const client = window.endpointClient(careful, { reconnect: false });
          const outcome = await window.outcome(client.connect());
          return { outcome, ...(await window.end(client)) };
        }, column === 1);

        const expected = {
          failed: ["attempts-exhausted", "failed", 0, ["token-failed", "attempts-exhausted"]],
          none: ["unauthorized", "failed", 0, ["unauthorized"]],
          good: [undefined, "connected", 1, []],
        }[comes[column]];
        const sockets = watch.sockets.length - before;
        assert.deepEqual([told.outcome?.code, told.state, sockets, told.codes], expected, what);
        assert.ok(!JSON.stringify(told).includes("canary"), `${what}: ${JSON.stringify(told)}`);
      }
      assert.equal(endpoint.asked, Object.keys(ANSWERS).length);
      assert.equal(await connectsStill(page), "connected");
    }),
  );

  test(
    `a getToken ${manner}: whatever the endpoint answers to a refresh, the connection stays unless nobody is signed in`,
    scene(async (the) => {
      const { server, page, watch, endpoint } = await endpointPage(the);

      for (const [what, [answer, ...comes]] of Object.entries(ANSWERS)) {
        const before = watch.sockets.length;
        endpoint.answer = await answered(server, { life: "" });
        await page.evaluate(async (careful) => {
          window.client = window.endpointClient(careful);
          await window.client.connect();
        }, column === 1);
        endpoint.answer = await answered(server, answer);
        const told = await page.evaluate(async () => {
          const outcome = await window.outcome(window.client.refreshToken());
          return { outcome, ...(await window.end(window.client)) };
        });

        const expected = {
          failed: ["token-failed", "connected", 1, ["token-failed"]],
          none: ["unauthorized", "failed", 1, ["unauthorized"]],
          good: [undefined, "connected", 1, []],
        }[comes[column]];
        const sockets = watch.sockets.length - before;
        assert.deepEqual([told.outcome?.code, told.state, sockets, told.codes], expected, what);
        assert.ok(!JSON.stringify(told).includes("canary"), `${what}: ${JSON.stringify(told)}`);
      }
      assert.equal(await connectsStill(page), "connected");
    }),
  );

  test(
    `a getToken ${manner}: an endpoint that never answers is cut off after ten seconds`,
    scene(async (the) => {
      const { opened, server, page, watch, endpoint } = await endpointPage(the, { clock: true });
      await page.evaluate((careful) => {
        window.client = window.endpointClient(careful);
        void window.client.connect();
      }, column === 1);
      await until("it is asked", () => endpoint.asked === 1);

      await opened.pass(9_999);
      assert.equal(await page.evaluate(() => window.client.state), "connecting");
      await opened.pass(2);
      assert.equal(await page.evaluate(() => window.client.state), "waiting");
      // Who hands the signal to fetch() does not leave the request behind.
      if (column === 1) await until("it is gone", () => endpoint.gone === 1);

      endpoint.answer = await answered(server, { life: "" });
      await opened.pass(5_501);
      await until("connected", () => page.evaluate(() => window.client.isConnected()));
      endpoint.answer = undefined;
      const { connectionId } = await page.evaluate(() => window.client.status);
      await page.evaluate(() => {
        window.refreshed = window.outcome(window.client.refreshToken());
      });
      await until("it is asked", () => endpoint.asked === 3);
      await opened.pass(10_001);
      assert.equal((await page.evaluate(() => window.refreshed)).code, "token-failed");
      if (column === 1) await until("it is gone", () => endpoint.gone === 2);

      assert.equal(await page.evaluate(() => window.client.status.connectionId), connectionId);
      assert.equal(watch.sockets.length, 1);
    }),
  );
}

/** How long before its end a token is refreshed: the default of `refresh.beforeExpiryMs`. */
const BEFORE_EXPIRY_MS = 60_000;

/** How far a timer may be off: the client rounds up to whole milliseconds. */
const ROUNDING_MS = 2;

test(
  "an endpoint that fails keeps the connection and is asked again after 5, 10 and 30 s, until it answers",
  scene(async (the) => {
    const { opened, server, page, watch, endpoint } = await endpointPage(the, { clock: true });
    endpoint.answer = await answered(server, { life: "" });
    const { connectionId, left } = await page.evaluate(async () => {
      // The server's pings come in real time.
      const heartbeat = { intervalMs: 1_000_000 };
      window.client = window.endpointClient(true, { heartbeat });
      window.tokens = [];
      window.client.on("token", ({ event }) => window.tokens.push(event));
      await window.client.connect();
      const { connectionId: id, tokenExpiresAtMs } = window.client.status;
      return { connectionId: id, left: tokenExpiresAtMs - Date.now() };
    });
    endpoint.answer = { status: 500, body: "{}" };

    // What is left of a token's five minutes depends on the real time since it was made.
    assert.ok(left > 270_000 && left <= 300_000, `${left} ms`);
    for (const [failures, ms] of [left - BEFORE_EXPIRY_MS, 5_000, 10_000].entries()) {
      await opened.pass(ms - ROUNDING_MS);
      assert.equal(endpoint.asked, failures + 1);
      await opened.pass(2 * ROUNDING_MS);
      await until("it is asked again", () => endpoint.asked === failures + 2);
      await failed(page, failures + 1);
    }
    endpoint.answer = await answered(server, { life: "" });
    await opened.pass(30_000 - 2 * ROUNDING_MS);
    assert.equal(endpoint.asked, 4);
    await opened.pass(4 * ROUNDING_MS);
    await until("refreshed", () => page.evaluate(() => window.tokens.at(-1) === "refreshed"));

    const tokens = await page.evaluate(() => window.tokens);
    assert.deepEqual(tokens, ["fetched", "failed", "failed", "failed", "fetched", "refreshed"]);
    assert.equal(await page.evaluate(() => window.client.status.connectionId), connectionId);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "an endpoint that answers 429 is asked again when it said, at connect and at refresh",
  scene(async (the) => {
    const { opened, server, page, watch, endpoint } = await endpointPage(the, { clock: true });
    const busy = { status: 429, headers: { "retry-after": "70" }, body: "{}" };
    const state = () => page.evaluate(() => window.client.state);
    endpoint.answer = busy;
    await page.evaluate(() => {
      const heartbeat = { intervalMs: 1_000_000 };
      window.client = window.endpointClient(true, { heartbeat });
      window.tokens = [];
      window.client.on("token", ({ event }) => window.tokens.push(event));
      void window.client.connect();
    });

    await until("it waits", async () => (await state()) === "waiting");
    endpoint.answer = await answered(server, { life: "" });
    await opened.pass(69_900);
    assert.deepEqual([await state(), endpoint.asked], ["waiting", 1]);
    await opened.pass(200);
    await until("connected", async () => (await state()) === "connected");

    endpoint.answer = busy;
    const { code, message } = await page.evaluate(() =>
      window.outcome(window.client.refreshToken()),
    );
    assert.equal(code, "token-failed");
    assert.match(message, /ask again in 70000 ms/);
    endpoint.answer = await answered(server, { life: "" });
    await opened.pass(69_900);
    assert.equal(endpoint.asked, 3);
    await opened.pass(200);
    await until("refreshed", () => page.evaluate(() => window.tokens.at(-1) === "refreshed"));

    const tokens = await page.evaluate(() => window.tokens);
    assert.deepEqual(tokens, ["failed", "fetched", "failed", "fetched", "refreshed"]);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a token of 16 KiB reaches the server, beside 8 KiB of cookies, and is judged",
  scene(async (the) => {
    const { server, page, watch, endpoint } = await endpointPage(the);
    endpoint.answer = { body: json({ token: "x".repeat(16_384) }) };
    const cookies = ["one", "two"].map((name) => ({ name, value: "x".repeat(4000), url: server.url }));
    await page.context().addCookies(cookies);

    const { outcome, codes } = await page.evaluate(async () => {
      const client = window.endpointClient(true, { reconnect: false });
      return { outcome: await window.outcome(client.connect()), ...(await window.end(client)) };
    });

    assert.deepEqual([outcome.code, codes], ["unauthorized", ["unauthorized"]]);
    // Once more with a token that was just fetched.
    assert.equal(watch.sockets.length, 2);
    await server.hasLogged("Token validation", 2);
    await page.context().clearCookies();
    assert.equal(await connectsStill(page), "connected");
  }),
);

/** A page with clients that ask an endpoint of the test. */
async function endpointPage(the, { allow = [], clock } = {}) {
  const endpoint = the.use(await startTokenEndpoint());
  const { server, opened, page, watch } = await plainPage(the, { allow: [STATUS, ...allow], clock });
  await page.evaluate((url) => {
    const readme = async () => (await fetch(url, { method: "POST" })).json();
    const careful = async ({ signal }) => {
      const answer = await fetch(url, { method: "POST", signal });
      if ([401, 403].includes(answer.status)) throw new window.onesocket.NotAuthenticated();
      if (answer.status === 429) {
        throw new window.onesocket.RetryLater(answer.headers.get("retry-after") * 1000);
      }
      if (!answer.ok) throw new Error(`the token endpoint answers ${answer.status}`);
      return await answer.json();
    };
    window.endpointClient = (isCareful, options) => {
      const getToken = isCareful ? careful : readme;
      const lines = [];
      const write = (line) => void lines.push(line);
      const logger = { debug: write, info: write, warn: write, error: write };
      const client = window.onesocket.createClient({ url: "/ws", getToken, logger, ...options });
      window.told = { lines, errors: [], events: [] };
      const { errors, events } = window.told;
      client.on("error", (error) => errors.push({ ...window.described(error), stack: error.stack }));
      client.on("state", (change) => events.push(change));
      client.on("token", (event) => events.push(event));
      return client;
    };
    /** All that was told of a client, which ends. */
    window.end = async (client) => {
      const { state, status } = client;
      const codes = window.told.errors.map(({ code }) => code);
      const told = structuredClone({ state, status, codes, ...window.told });
      await client.close();
      client.free();
      return told;
    };
  }, endpoint.url);
  return { server, opened, page, watch, endpoint };
}

/** The answer as it is, or one with a good token and what is said of its life. */
async function answered(server, answer) {
  if (answer.life === undefined) return answer;
  return { body: `{"token":"${await server.token("ada")}"${answer.life}}` };
}

async function failed(page, times) {
  await until(`failure ${times}`, () =>
    page.evaluate(
      (count) => window.tokens.filter((event) => event === "failed").length === count,
      times,
    ),
  );
}

function json(value) {
  return JSON.stringify(value);
}
