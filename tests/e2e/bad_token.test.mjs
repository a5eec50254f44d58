/** A `getToken` that does not answer with a token. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

test(
  "whatever getToken answers, the error has a code and says what was wrong, and nothing is sent",
  scene(async (the) => {
    const { page, watch } = await plainPage(the);

    const found = await page.evaluate(async () => {
      const answers = {
        throws: () => {
          throw new Error("no network");
        },
        rejects: () => Promise.reject(new TypeError("no JSON")),
        "throws no Error": () => {
          throw 7;
        },
        undefined: () => undefined,
        number: () => 7,
        object: () => ({}),
        array: () => ["t"],
        empty: () => "",
        "too long": () => "t".repeat(20 * 1024),
        "with a line break": () => "t\n",
        "token is a number": () => ({ token: 7 }),
        "life is negative": () => ({ token: "t", expiresInMs: -1 }),
        "life is NaN": () => ({ token: "t", expiresInMs: Number.NaN }),
        null: () => null,
        NotAuthenticated: () => {
          throw new window.onesocket.NotAuthenticated();
        },
      };
      const results = {};
      for (const [name, getToken] of Object.entries(answers)) {
        const events = [];
        const client = window.onesocket.createClient({ url: "/ws", getToken, reconnect: false });
        client.on("error", (error) => events.push(window.described(error)));
        const outcome = await window.outcome(client.connect());
        results[name] = { outcome, events, state: client.state, status: client.status.error };
        client.free();
      }
      return results;
    });

    for (const [name, { outcome, events, state, status }] of Object.entries(found)) {
      const isEnd = name === "null" || name === "NotAuthenticated";
      assert.ok(outcome.ours && events.every((event) => event.ours), name);
      assert.equal(state, "failed", name);
      assert.equal(outcome.code, isEnd ? "unauthorized" : "attempts-exhausted", name);
      assert.deepEqual(status, { code: outcome.code, message: outcome.message }, name);
      const codes = events.map(({ code }) => code);
      const expected = isEnd ? ["unauthorized"] : ["token-failed", "attempts-exhausted"];
      assert.deepEqual(codes, expected, name);
      assert.match(outcome.message, isEnd ? /Sign in, then call connect\(\)/ : /getToken/, name);
    }
    const said = (name) => found[name].events[0].message;
    // Their names only: in what they say there may be a token.
    assert.match(said("throws"), /getToken failed with Error;/);
    assert.match(said("rejects"), /getToken failed with TypeError;/);
    assert.match(said("with a line break"), /a line break/);
    assert.match(said("too long"), /more than 16384 bytes/);
    assert.match(said("life is NaN"), /expiresInMs/);
    assert.equal(watch.sockets.length, 0);
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "a getToken that hangs is cut off after ten seconds, and its signal fires",
  scene(async (the) => {
    const { opened, page, watch } = await plainPage(the, { clock: true });
    await page.evaluate(() => {
      const getToken = ({ signal }) => {
        window.signal = signal;
        return new Promise(() => {});
      };
      window.client = window.onesocket.createClient({ url: "/ws", getToken });
      window.errors = [];
      window.client.on("error", (error) => window.errors.push(window.described(error)));
      void window.client.connect();
    });
    await until("getToken is asked", () => page.evaluate(() => window.signal !== undefined));

    await opened.pass(9_999);
    assert.equal(await page.evaluate(() => window.client.state), "connecting");
    await opened.pass(2);

    const { errors, aborted, state } = await page.evaluate(() => ({
      errors: window.errors,
      aborted: window.signal.aborted,
      state: window.client.state,
    }));
    assert.deepEqual([errors.length, aborted, state], [1, true, "waiting"]);
    assert.deepEqual([errors[0].ours, errors[0].code], [true, "token-failed"]);
    assert.match(errors[0].message, /did not answer within 10000 ms/);
    assert.equal(watch.sockets.length, 0);
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "a getToken that works again is enough: the next attempt connects",
  scene(async (the) => {
    const { server, opened, page } = await plainPage(the, { clock: true });
    await page.evaluate(() => {
      const good = window.getToken("ada");
      let asked = 0;
      const getToken = (request) => {
        asked += 1;
        if (asked < 3) throw new Error("not yet");
        return good(request);
      };
      window.client = window.onesocket.createClient({ url: "/ws", getToken });
      void window.client.connect();
    });

    for (const attempt of [1, 2]) {
      await until("the next attempt is planned", () =>
        page.evaluate((number) => window.client.status.attempt === number, attempt),
      );
      await opened.pass(5_501);
    }

    await until("connected", () => page.evaluate(() => window.client.isConnected()));
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a token that the server refuses is tried afresh once, then the connection fails as unauthorized",
  scene(async (the) => {
    const { server, page, watch } = await plainPage(the);

    const { outcome, asked } = await page.evaluate(async () => {
      let count = 0;
      const getToken = () => {
        count += 1;
        return "no.token.ofOurs";
      };
      const client = window.onesocket.createClient({ url: "/ws", getToken });
      return { outcome: await window.outcome(client.connect()), asked: count };
    });

    assert.deepEqual([outcome.ours, outcome.code, asked], [true, "unauthorized", 2]);
    assert.match(outcome.message, /Sign in, then call connect\(\)/);
    assert.equal(watch.sockets.length, 2);
    await server.hasLogged('Token validation outcome="refused"', 2);
    assert.equal(await connectsStill(page), "connected");
  }),
);
