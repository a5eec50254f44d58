/** The demo page: two people talk, nothing makes a second socket, nothing is dropped. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { Demo, signIn } from "./support/demo.mjs";
import { SITE } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";
import { until, within } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

test(
  "a message of one person arrives at the other, and each has one connection",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const ada = await signIn(the.open, server, "ada");
    const bob = await signIn(the.open, server, "bob");
    await ada.join("tea");
    await bob.join("tea");

    await ada.say("milk or lemon?");
    await bob.page.locator('[data-testid="message"][data-from="ada"]').waitFor();
    await bob.say("lemon");
    await ada.page.locator('[data-testid="message"][data-from="bob"]').waitFor();

    assert.match(await bob.part("message").first().textContent(), /milk or lemon\?/);
    assert.match(await ada.part("message").last().textContent(), /lemon/);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    assert.deepEqual(await server.connections("bob"), { open: 1, opened: 1 });
    await server.hasLogged("Total clients: 2", 1);
    await server.hasHadAtMost(2);
  }),
);

test(
  "what used to make duplicates makes none, and a naive hook many, as the page shows and the server counts",
  scene(async (the) => {
    const args = ["--connections-per-user", "120"];
    // The page goes while some of the naive hook's sockets are closing.
    const server = await the.server({ site: SITE, args, isReset: true });
    const ada = await signIn(the.open, server, "ada");
    await ada.shows("state-badge", "connected");

    const made = [];
    for (const [id, name, sockets] of [
      ["connects", "8 connects", "0 new sockets"],
      ["close-connect", "close + connect × 50", "1 new socket"],
      ["mount", "ten components", "0 new sockets"],
    ]) {
      const before = await server.connections("ada");
      await ada.click(`${id}-button`);
      await ada.shows(`${id}-result`, `${name} → ${sockets}`);
      const after = await server.connections("ada");
      made.push(after.opened - before.opened);
      assert.equal(after.open, 1, name);
      const naive = Number.parseInt(await ada.text(`${id}-naive`));
      assert.ok(naive >= 8, `${name}: the naive hook has made ${naive}`);
    }

    assert.deepEqual(made, [0, 1, 0]);
    assert.equal(await ada.text("state-badge"), "connected");
    assert.equal(await ada.text("server-open"), "1");
    assert.equal(ada.watch.sockets.length, 2);
    const { open } = await server.connections("ada’s naive hook");
    assert.ok(open >= 8, `${open} are open`);
    await ada.part("timeline-burst").first().locator("summary").click();
    assert.ok((await ada.part("timeline-entry").count()) >= 100);
    assert.ok(Number.parseInt(await ada.text("naive-early")) >= 49);
    const closedEarly = (line) => line.includes("closed before the connection is established");
    assert.ok(ada.watch.console.filter(closedEarly).length >= 49);
    await ada.click("sign-out-button");
    await server.connectionsWhenOpen("ada’s naive hook", 0);
  }),
);

test(
  "trouble that is made comes to both: a cut, a server that is away, a token that is refused",
  scene(async (the) => {
    const server = await the.server({ site: SITE, args: ["--connections-per-user", "120"] });
    const ada = await signIn(the.open, server, "ada", { clock: true, allow: [UNREACHABLE] });
    await ada.shows("state-badge", "connected");

    await ada.click("cut-button");
    await ada.shows("state-badge", "waiting");
    await passUntil(ada, "connected");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 1), { open: 1, opened: 2 });

    await ada.click("away-button");
    assert.equal(await ada.part("away-button").getAttribute("aria-pressed"), "true");
    await passUntil(ada, "failed");
    await ada.part("error-message").and(ada.page.locator('[data-code="attempts-exhausted"]')).waitFor();
    // A click is somebody who is there: the client starts afresh by itself.
    await ada.click("away-button");
    await passUntil(ada, "connected");

    const before = ada.watch.tokenRequests;
    await ada.click("token-button");
    await passUntil(ada, "connected");
    await server.hasLogged('outcome="refused"', 1);
    assert.equal(ada.watch.tokenRequests, before + 1);
    assert.equal((await server.connections("ada")).open, 1);
  }),
);

test(
  "left alone for six minutes the connection stays: its token is refreshed, nothing is swept or tried",
  scene(async (the) => {
    const lively = ["--ping-every", "200ms", "--stale-after", "3s", "--sweep-every", "200ms"];
    const server = await the.server({ site: SITE, args: lively });
    const frames = { pings: 0, pongs: 0, refreshed: 0 };
    let connection;
    const before = async (page) => {
      page.on("websocket", (socket) => {
        connection = socket;
        socket.on("framereceived", ({ payload }) => {
          frames.pings += isFrame(payload, "ping");
          frames.refreshed += String(payload).startsWith('{"type":"refreshed"') ? 1 : 0;
        });
        socket.on("framesent", ({ payload }) => (frames.pongs += isFrame(payload, "pong")));
      });
    };
    const ada = await signIn(the.open, server, "ada", { clock: true, before });
    await ada.shows("state-badge", "connected");
    const { connectionId } = await ada.status();

    // The server's time is real, the page's is not: between any two pings five seconds pass in it.
    for (let second = 0; second < 360; second += 5) {
      await within(nextPong(connection), "a pong");
      await ada.opened.pass(5_000);
      // No time passes in the page while a token is under way.
      await until("the token is refreshed", () => frames.refreshed === ada.watch.tokenRequests - 1);
    }

    assert.equal((await ada.status()).connectionId, connectionId);
    assert.equal(await ada.text("attempt"), "0 of 5");
    // One to connect, one after four minutes.
    assert.equal(ada.watch.tokenRequests, 2);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    await server.hasLogged("Closing connection", 0);
    assert.ok(frames.pongs >= 72 && frames.pings >= frames.pongs, JSON.stringify(frames));
    the.print(`pings: ${frames.pings}, pongs: ${frames.pongs}`);
  }),
);

test(
  "when the token has run out the one fresh attempt is made by itself, and never are two open",
  scene(async (the) => {
    // Long enough for all that is looked at before one runs out, and before the next one does.
    const args = ["--token-life", "5s", "--expiry-grace", "0s"];
    const server = await the.server({ site: SITE, args });
    const ada = await signIn(the.open, server, "ada", { clock: true });
    await ada.shows("state-badge", "connected");
    const { connectionId } = await ada.status();
    assert.equal((await server.connections("ada")).opened, 1);

    const next = await until("another connection", async () => {
      const { state, connectionId: id } = await ada.status();
      return state === "connected" && id !== connectionId && id;
    });

    assert.notEqual(next, connectionId);
    await server.hasLogged('code=4401 reason="the token has expired"', 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    assert.equal(await ada.text("attempt"), "0 of 5");
    assert.equal(ada.watch.tokenRequests, 2);
    await server.hasHadAtMost(1);
  }),
);

test(
  "signing out closes the connection",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const ada = await signIn(the.open, server, "ada");
    await ada.shows("state-badge", "connected");

    await ada.click("sign-out-button");

    await ada.part("name-input").waitFor();
    await server.connectionsWhenOpen("ada", 0);
    await server.hasLogged("Client closed", 1);
  }),
);

/** Lets time pass in a page until its client is in a state. */
async function passUntil(demo, state) {
  await until(`it is ${state}`, async () => {
    await demo.opened.pass(1_000);
    return (await demo.text("state-badge")) === state;
  });
}

function isFrame(payload, type) {
  return String(payload) === JSON.stringify({ type }) ? 1 : 0;
}

/** Waits for the next pong. */
async function nextPong(socket) {
  for (;;) {
    const [{ payload }] = await once(socket, "framesent");
    if (isFrame(payload, "pong")) return;
  }
}

test(
  "a second window speaks through the socket of the first, leads when that one is blocked, and hands back",
  scene(async (the) => {
    const server = await the.server({ site: SITE, replaces: true });
    const first = await signIn(the.open, server, "ada");
    await first.shows("role", "leader");
    await first.join("tea");
    const opened = first.page.context().waitForEvent("page");
    await first.click("open-tab-button");
    const second = new Demo({ page: await opened });
    const problems = [];
    second.page.on("pageerror", (error) => problems.push(error));

    await second.shows("role", "follower");
    await second.shows("state-badge", "connected");
    await second.shows("server-open", "1");
    await second.join("tea");
    await first.say("one socket for both");
    await second.part("message").first().waitFor();
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    for (const fact of ["connection-id", "token-expiry", "attempt"]) {
      assert.equal(await second.text(fact), await first.text(fact), fact);
    }

    const blocked = first.click("block-tab-button");
    await second.shows("role", "leader");
    await second.shows("state-badge", "connected");
    assert.equal((await server.connections("ada")).open, 1);
    await blocked;
    await first.shows("role", "follower");
    await first.shows("state-badge", "connected");

    await second.clickToClose("close-tab-button");
    await first.shows("role", "leader");
    await first.shows("state-badge", "connected");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 1), { open: 1, opened: 3 });
    assert.deepEqual(problems, []);
  }),
);
