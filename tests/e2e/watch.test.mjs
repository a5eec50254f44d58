/** What all these tests rely on: the watch of pages and servers notices what it is there for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { publishedSteps } from "./support/diagram.mjs";
import { signIn } from "./support/demo.mjs";
import { SITE } from "./support/paths.mjs";
import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

/** How long is waited for what will not happen, in milliseconds. */
const SHORT = 300;

/** What is left of a connection that is not closed. */
const LEFT = /left after all.*: a socket, readyState 1, a timer, (a listener to [a-z]+(, )?){9}$/;

/** The same of a tab that leads: its own connection, the one that is shared, and the page's life. */
const LEFT_OF_LEADER =
  /left after all.*: a socket, readyState 1, a timer, a timer, (a listener to [a-z]+(, )?){23}$/;

for (const [what, cause, found, allow] of [
  ["an uncaught error", () => void setTimeout(() => window.nothing.at.all), /uncaught: TypeError/],
  ["a rejection nobody handles", () => void Promise.reject(new Error("x")), /uncaught: Error: x/],
  ["a console error", () => console.error("bad"), /error: bad/],
  ["a console warning", () => console.warn("odd"), /warning: odd/],
  [
    "a socket that is closed too early",
    () => new WebSocket(location.href.replace("http", "ws")).close(),
    /closed before the connection is established/,
  ],
  ["a request that fails", () => void fetch("/not/there"), /status of 404/],
  [
    "a second live socket of a client",
    () => {
      for (let time = 0; time < 2; time += 1) {
        const socket = new WebSocket(location.href.replace("http", "ws"), ["onesocket.client.x"]);
        socket.onmessage = () => {};
      }
    },
    /a second live socket of a client; the first one's readyState is 0/,
    [/failed: Error during WebSocket handshake/],
  ],
]) {
  test(
    `the watch notices ${what}`,
    scene(async (the) => {
      const { page, watch } = await plainPage(the, { allow, keeps: true });
      watch.verify();

      await page.evaluate(cause);

      const problems = await until("the watch has noticed", () => {
        const some = watch.takeProblems();
        return some.length > 0 && some;
      });
      assert.equal(problems.length, 1);
      assert.match(problems[0], found);
    }),
  );
}

test(
  "the watch notices a step of the state that is not in the diagram",
  scene(async (the) => {
    const steps = publishedSteps().filter((step) => step !== "connecting connected");
    const { page, watch } = await plainPage(the, { steps });

    await page.evaluate(() => window.clientOf("ada").connect());

    const [problem, ...others] = watch.takeProblems();
    assert.match(problem, /not in the diagram: from connecting to connected/);
    assert.deepEqual(others, []);
  }),
);

test("the diagram has what every connection does, and not what none may", () => {
  const steps = publishedSteps();

  for (const step of ["idle connecting", "connecting connected", "connected closing"]) {
    assert.ok(steps.includes(step), step);
  }
  for (const step of ["idle connected", "closed connected", "failed connected"]) {
    assert.ok(!steps.includes(step), step);
  }
});

for (const clock of [false, true]) {
  test(
    `the watch notices what a client leaves behind, ${clock ? "on a virtual clock" : "in real time"}`,
    scene(async (the) => {
      const { page, watch, opened } = await plainPage(the, { clock });
      await page.evaluate(async () => {
        // However much time passes, it does not take the server for silent and begin anew.
        window.client = window.clientOf("ada", { heartbeat: { intervalMs: 1_000_000 } });
        await window.client.connect();
        window.free = window.client.free;
        window.client.free = () => {};
      });

      await watch.end(clock ? (ms) => opened.pass(ms) : undefined, SHORT);

      assert.match(watch.takeProblems().join(), LEFT);
      await page.evaluate(() => void (window.client.free = window.free));
    }),
  );
}

test(
  "the watch notices it in a page that a bundler has built, too",
  scene(async (the) => {
    const server = await the.server({ site: SITE });
    const ada = await signIn(the.open, server, "ada");
    await ada.shows("state-badge", "connected");
    await ada.page.evaluate(() => {
      window.client = window.onesocketClient;
      window.free = window.client.free;
      window.client.free = () => {};
    });

    await ada.watch.end(undefined, SHORT);

    assert.match(ada.watch.takeProblems().join(), LEFT_OF_LEADER);
    await ada.page.evaluate(() => void (window.client.free = window.free));
  }),
);

test(
  "the watch notices a client that nobody has handed over",
  scene(async (the) => {
    const { page, watch } = await plainPage(the);
    await page.evaluate(async () => {
      const { createClient } = await import("onesocket");
      window.client = createClient({ url: "/ws", getToken: window.getToken("ada") });
      await window.client.connect();
    });

    await watch.end();

    assert.match(watch.takeProblems().join(), /a client that the watch does not know/);
    await page.evaluate(() => window.onesocketLedger.watch(window.client));
  }),
);

test(
  "a server in whose log there is a reset does not end in good order",
  scene(async (the) => {
    const { folder } = the.use(plainSite());
    const server = await the.server({ site: folder });
    const proxy = await the.proxy(server.url);
    const { page } = await the.open(proxy.url, { allow: [UNREACHABLE] });
    await page.evaluate(() => window.clientOf("ada").connect());

    proxy.refuses = true;
    proxy.reset();
    await server.hasLogged("Client lost", 1);

    await assert.rejects(server.stop(), /connection reset by peer/i);
  }),
);

test(
  "a server that had to close an older connection of a user does not end in good order",
  scene(async (the) => {
    const { folder } = the.use(plainSite());
    const server = await the.server({ site: folder });
    for (let time = 0; time < 2; time += 1) {
      const { page } = await the.open(server.url);
      await page.evaluate(() => window.clientOf("ada").connect());
    }

    await assert.rejects(server.stop(), /Closing existing connection/);
  }),
);
