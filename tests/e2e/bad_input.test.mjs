/** What the application gives and should not have given: a typed error that says what to do. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

test(
  "all faults in the options are named at once, and nothing has begun",
  scene(async (the) => {
    const { page, watch } = await plainPage(the);

    const errors = await page.evaluate(async () => {
      const options = {
        url: "wss:/\\",
        tokn: "t",
        getToken: "t",
        connectTimeoutMs: "soon",
        stableAfterMs: -1,
        reconnect: { maxAttempts: 1.5, interval: 1 },
        queue: 7,
        logger: {},
      };
      const thrown = await window.outcome((async () => window.onesocket.createClient(options))());
      const rejected = await window.outcome(window.onesocket.connect(options));
      return [thrown, rejected];
    });

    for (const error of errors) {
      assert.deepEqual([error.ours, error.code], [true, "invalid-options"]);
      for (const name of [
        "url:",
        "unknown: tokn",
        "getToken:",
        "connectTimeoutMs:",
        "stableAfterMs:",
        "reconnect.maxAttempts:",
        "unknown: reconnect.interval",
        "queue:",
        "logger:",
      ]) {
        assert.ok(error.message.includes(name), `${name} is missing in: ${error.message}`);
      }
    }
    assert.equal(watch.sockets.length, 0);
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "an url that is none is refused with what to write instead",
  scene(async (the) => {
    const { page } = await plainPage(the);
    const urls = ["", "localhost", "127.0.0.1:80", "ws://", "ftp://a/ws", "ws://a/#b", "//a/ws"];
    urls.push(7, null);

    const errors = await page.evaluate(
      async (all) =>
        await Promise.all(
          [...all, undefined].map((url) => window.outcome(window.onesocket.connect({ url }))),
        ),
      urls,
    );

    assert.equal(errors.length, urls.length + 1);
    for (const [index, error] of errors.entries()) {
      const what = `${urls[index]}: ${error?.message}`;
      assert.deepEqual([error?.ours, error?.code], [true, "invalid-options"], what);
      assert.match(error.message, /url: /, what);
    }
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "wrong arguments are refused one by one, and the client goes on",
  scene(async (the) => {
    const { server, page } = await plainPage(the);

    const { errors, state } = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      await client.connect();
      const cycle = {};
      cycle.cycle = cycle;
      const calls = {
        "close(5)": () => client.close(5),
        "close with a long reason": () => client.close(1000, "x".repeat(124)),
        "connect with a signal that is none": () => client.connect({ signal: 1 }),
        "send(undefined)": () => client.send(undefined),
        "send({})": () => client.send({}),
        "join nothing": () => client.join(""),
        "join too long a name": () => client.join("é".repeat(65)),
        "leave a name with a control character": () => client.leave("a\nb"),
        "publish a cycle": () => client.publish("tea", cycle),
        "publish undefined": () => client.publish("tea", undefined),
        "publish to what was not joined": () => client.publish("coffee", 1),
        "send too much": () => client.send("x".repeat(70_000)),
        "on(nothing)": () => client.on("nothing", () => {}),
        "on without a listener": () => client.on("state", "listener"),
      };
      const found = {};
      for (const [name, call] of Object.entries(calls)) {
        found[name] = await window.outcome((async () => await call())());
      }
      await client.join("tea");
      await client.publish("tea", { good: true });
      return { errors: found, state: client.state };
    });

    const codes = Object.entries(errors).map(([name, error]) => [name, error?.code]);
    assert.deepEqual(Object.fromEntries(codes), {
      "close(5)": "invalid-options",
      "close with a long reason": "invalid-options",
      "connect with a signal that is none": "invalid-options",
      "send(undefined)": "invalid-message",
      "send({})": "invalid-message",
      "join nothing": "invalid-message",
      "join too long a name": "invalid-message",
      "leave a name with a control character": "invalid-message",
      "publish a cycle": "invalid-message",
      "publish undefined": "invalid-message",
      "publish to what was not joined": "refused",
      "send too much": "too-large",
      "on(nothing)": "invalid-options",
      "on without a listener": "invalid-options",
    });
    assert.ok(Object.values(errors).every((error) => error.ours));
    assert.equal(state, "connected");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a listener that throws is reported to the page, and the others hear all the same",
  scene(async (the) => {
    const allow = [/uncaught: Error: (thrown|rejected) by a listener/];
    const { page, watch } = await plainPage(the, { allow });

    const { heard, reported } = await page.evaluate(async () => {
      const seen = { heard: [], reported: [] };
      window.addEventListener("error", (event) => seen.reported.push(event.error.message));
      const client = window.clientOf("ada");
      client.on("state", () => {
        throw new Error("thrown by a listener");
      });
      client.on("state", async () => {
        throw new Error("rejected by a listener");
      });
      client.on("state", ({ current }) => seen.heard.push(current));
      await client.connect();
      return seen;
    });

    assert.deepEqual(heard, ["connecting", "connected"]);
    assert.deepEqual(reported.toSorted(), [
      "rejected by a listener",
      "rejected by a listener",
      "thrown by a listener",
      "thrown by a listener",
    ]);
    assert.equal(watch.sockets.length, 1);
    assert.equal(await connectsStill(page), "connected");
  }),
);
