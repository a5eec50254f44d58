/** The server goes: attempts five seconds apart, and no more than five. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { signIn } from "./support/demo.mjs";
import { SITE } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

/** How far a timer may be off: the client rounds up to whole milliseconds. */
const ROUNDING_MS = 2;

test(
  "while the server is away attempts are made five seconds apart, and the next one finds it again",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const ada = await signIn(the.open, server, "ada", { clock: true, allow: [UNREACHABLE] });
    await ada.shows("state-badge", "connected");

    await server.stop();
    for (let attempt = 1; attempt <= 3; attempt += 1) await waitOut(ada, attempt);
    const due = await nextAttempt(ada, 4);
    await server.start();
    await ada.opened.pass(due - ROUNDING_MS);
    assert.equal((await ada.status()).state, "waiting");
    await ada.opened.pass(2 * ROUNDING_MS);

    await ada.shows("state-badge", "connected");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    // Once it has lasted, the failures count no more.
    assert.equal(await ada.text("attempt"), "4 of 5");
    await ada.opened.pass(10_001);
    await ada.shows("attempt", "0 of 5");
  }),
);

test(
  "a server that stays away is given up after five attempts, and the Connect button tries afresh",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const ada = await signIn(the.open, server, "ada", { clock: true, allow: [UNREACHABLE] });
    await ada.shows("state-badge", "connected");
    const before = ada.watch.tokenRequests;

    await server.kill();
    for (let attempt = 1; attempt <= 5; attempt += 1) await waitOut(ada, attempt);
    await ada.shows("state-badge", "failed");

    assert.equal(await ada.part("error-message").getAttribute("data-code"), "attempts-exhausted");
    assert.match(await ada.text("error-message"), /Gave up after 5 attempts/);
    await ada.opened.pass(600_000);
    assert.equal((await ada.status()).state, "failed");
    assert.equal(ada.watch.tokenRequests - before, 5);

    await server.start();
    await ada.click("reconnect-button");
    await ada.shows("state-badge", "connected");
    assert.equal(await ada.text("attempt"), "0 of 5");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a network that is cut is found out at once, and the connection comes back by itself",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const proxy = await the.proxy(server.url);
    const ada = await signIn(the.open, proxy, "ada", { clock: true, allow: [UNREACHABLE] });
    await ada.shows("state-badge", "connected");

    proxy.refuses = true;
    proxy.cut();
    await waitOut(ada, 1);
    const due = await nextAttempt(ada, 2);
    proxy.refuses = false;
    await ada.opened.pass(due + ROUNDING_MS);

    await ada.shows("state-badge", "connected");
    assert.equal(proxy.upgrades, 2);
    await server.hasHadAtMost(1);
  }),
);

/** Waits until an attempt is planned; checks in how many milliseconds it is due, and returns it. */
async function nextAttempt(ada, attempt) {
  await until(`attempt ${attempt} is planned`, async () => {
    const status = await ada.status();
    return status.state === "waiting" && status.attempt === attempt;
  });
  const { retryAtMs, now } = await ada.status();
  const due = retryAtMs - now;
  assert.ok(due >= 5000 && due <= 5500, `attempt ${attempt} is due in ${due} ms`);
  await ada.shows("attempt", `${attempt} of 5`);
  await ada.shows("countdown", `${Math.ceil(due / 1000)} s`);
  return due;
}

/** Lets time pass until the attempt has begun, and not a moment before. */
async function waitOut(ada, attempt) {
  const due = await nextAttempt(ada, attempt);
  const before = ada.watch.tokenRequests;
  await ada.opened.pass(due - ROUNDING_MS);
  assert.equal((await ada.status()).state, "waiting");
  assert.equal(ada.watch.tokenRequests, before, "nothing is tried before it is due");
  await ada.opened.pass(2 * ROUNDING_MS);
  await until("the attempt", () => ada.watch.tokenRequests === before + 1);
}
