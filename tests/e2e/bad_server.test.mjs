/** A server that is not there, says nothing, or says what makes no sense. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";

import { HOST } from "./support/host.mjs";
import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until, within } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

test(
  "a server that is not there: the error says so, and what to check",
  scene(async (the) => {
    const { opened, page } = await plainPage(the, { clock: true, allow: [UNREACHABLE] });
    const url = `ws://${HOST}:${await freePort()}/ws`;

    await begin(page, url);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await isIn(page, "waiting", attempt);
      await opened.pass(5_501);
    }
    await isIn(page, "failed");

    const { outcome, states } = await told(page);
    assert.deepEqual([outcome.ours, outcome.code], [true, "attempts-exhausted"]);
    assert.match(outcome.message, /code 1006.*Check that the server is up and the url is right/);
    assert.ok(!states.includes("connected"));
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "a handshake that is never answered is given up after ten seconds, the one case with a warning",
  scene(async (the) => {
    const fault = await the.faultServer({ answers: false });
    const { opened, page, watch } = await plainPage(the, { clock: true });

    const peer = fault.nextPeer();
    await begin(page, fault.ws);
    await peer;
    await opened.pass(9_999);
    await isIn(page, "connecting");
    assert.deepEqual(watch.takeProblems(), []);
    await opened.pass(2);

    await isIn(page, "waiting", 1);
    const problems = await until("the browser's warning", () => {
      const some = watch.takeProblems();
      return some.length > 0 && some;
    });
    assert.equal(problems.length, 1);
    assert.match(problems[0], /closed before the connection is established/);
    const { reasons } = await told(page);
    assert.match(reasons.at(-1), /did not open within 10000 ms/);
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "a server that never says welcome is given up after ten seconds, without a warning",
  scene(async (the) => {
    const fault = await the.faultServer({ welcomes: false });
    const { opened, page } = await plainPage(the, { clock: true });

    const peer = fault.nextPeer();
    await begin(page, fault.ws);
    await peer;
    await until("the socket is open", () => page.evaluate(() => window.client.readyState === 1));
    assert.equal(await page.evaluate(() => window.client.state), "connecting");
    await opened.pass(10_001);

    await isIn(page, "waiting", 1);
    const { states, reasons } = await told(page);
    assert.ok(!states.includes("connected"));
    assert.match(reasons.at(-1), /no welcome came within 10000 ms/);
    assert.equal(await connectsStill(page), "connected");
  }),
);

test(
  "frames that make no sense are told as errors, and the connection stays",
  scene(async (the) => {
    const fault = await the.faultServer();
    const { page } = await plainPage(the);
    const next = fault.nextPeer();
    await begin(page, fault.ws);
    const peer = await next;
    await isIn(page, "connected");

    const senseless = ["no JSON", "", "7", "null", "[]", "{}", '{"type":"dance"}'];
    senseless.push('{"type":"ack"}', '{"type":"ack","id":-1}', '{"type":"message"}');
    senseless.push('{"type":"error","code":7}', '{"type":"message"}\n{no JSON');
    senseless.push('{"type":"message","format":"cbor"}\n1');
    for (const text of senseless) peer.text(text);
    peer.welcome();
    peer.text('{"type":"ack","id":999}');
    peer.message("sense");
    await until("the message", () => page.evaluate(() => window.told.messages.length > 0));

    const { errors, messages } = await told(page);
    assert.deepEqual(messages, ["sense"]);
    assert.ok(errors.length >= senseless.length + 1, `${errors.length} errors`);
    for (const error of errors) {
      assert.deepEqual([error.ours, error.code], [true, "invalid-message"], error.message);
    }
    assert.equal(await page.evaluate(() => window.client.state), "connected");
    assert.equal(fault.peers.length, 1);
    assert.equal(await connectsStill(page), "connected");
  }),
);

/** Makes a client without tokens, begins to connect, and writes down what is told. */
async function begin(page, url) {
  await page.evaluate((address) => {
    const client = window.onesocket.createClient({ url: address });
    const seen = { states: [], reasons: [], errors: [], messages: [], outcome: undefined };
    client.on("state", ({ current, reason }) => {
      seen.states.push(current);
      seen.reasons.push(reason ?? "");
    });
    client.on("error", (error) => seen.errors.push(window.described(error)));
    client.on("message", ({ data }) => seen.messages.push(data));
    Object.assign(window, { client, told: seen });
    void window.outcome(client.connect()).then((outcome) => {
      seen.outcome = outcome;
    });
  }, url);
}

async function told(page) {
  return await page.evaluate(() => window.told);
}

/** Waits for a state, and for the number of an attempt where one is given. */
async function isIn(page, state, attempt) {
  await until(`the state ${state} (${attempt ?? "any attempt"})`, async () => {
    const now = await page.evaluate(() => window.client.status);
    return now.state === state && (attempt === undefined || now.attempt === attempt);
  });
}

/** A port on which nobody listens. */
async function freePort() {
  const listener = net.createServer().listen(0, HOST);
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await within(once(listener, "close"), "the port is free");
  return port;
}
