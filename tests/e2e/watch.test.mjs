/** What all these tests rely on: the watch of pages and servers notices what it is there for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";
import { UNREACHABLE } from "./support/watch.mjs";

for (const [what, cause, found] of [
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
]) {
  test(
    `the watch notices ${what}`,
    scene(async (the) => {
      const { page, watch } = await plainPage(the);
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
  "a server in whose log there is a reset does not end in good order",
  scene(async (the) => {
    const { folder } = the.use(plainSite());
    const server = await the.server({ site: folder });
    const proxy = await the.proxy(server.url);
    const { page } = await the.open(proxy.url, { allow: [UNREACHABLE] });
    await page.evaluate(() => window.clientOf("ada").connect());

    proxy.refuses = true;
    proxy.reset();
    await until("the reset", () => server.logged("Client lost") === 1);

    await assert.rejects(server.stop(), /connection reset by peer/i);
  }),
);
