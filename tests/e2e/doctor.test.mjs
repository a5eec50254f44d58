/** `onesocket/doctor` in a page that opens sockets as pages without a library do. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeApp } from "./support/app.mjs";
import { scene } from "./support/scene.mjs";

const PAGE = `<!doctype html>
  <link rel="icon" href="data:," />
  <meta http-equiv="Content-Security-Policy" content="script-src 'self'; style-src 'none'" />
  <body><script type="module" src="/main.js"></script></body>`;

/** Three components that connect when they are mounted, and one that is unmounted at once. */
const MAIN = `
  import { doctor } from "/node_modules/onesocket/doctor.js";

  const url = location.origin.replace("http", "ws") + "/echo?token=secret";
  function Chat() {
    return new WebSocket(url);
  }
  function Unmounted() {
    new WebSocket(url).close();
  }
  const sockets = [Chat(), Chat(), Chat()];
  Unmounted();
  window.doctor = doctor;
  window.opened = Promise.all(sockets.map((socket) => new Promise((resolve) => { socket.onopen = resolve; })));
`;

test(
  "it names the duplicates and who made them, in the console and in a panel, under a strict policy",
  scene(async (the) => {
    const app = the.use(makeApp("doctor").installPackage());
    app.write("index.html", PAGE).write("main.js", MAIN);
    const server = await the.server({ site: app.folder, args: ["--echo"] });
    const { page, watch } = await the.open(server.url, { allow: [/onesocket\/doctor: /] });
    await page.evaluate(() => window.opened.then(() => undefined));
    // The browser says so itself, of the one that was closed while it was connecting.
    await watch.gaveUp(1);

    const report = await page.evaluate(() => window.doctor.report());
    assert.equal(report, "4 made, 3 open to 1 URL, 3 duplicates, 1 closed while connecting");
    const panel = page.locator("[data-onesocket-doctor]");
    assert.equal(await panel.locator("summary").textContent(), `sockets: ${report}`);
    await panel.locator("summary").click();
    const items = await panel.locator("li").allTextContents();
    assert.deepEqual(
      items.map((item) => item.split(":")[0]),
      ["Chat", "Chat", "Chat", "Unmounted"],
    );
    const warnings = watch.console.filter((line) => line.includes("onesocket/doctor: "));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /2 sockets to ws:.*\/echo, made by Chat, Chat/);
    assert.ok(![...items, ...warnings].some((text) => text.includes("secret")));
    await page.evaluate(() => window.doctor.stop());
    assert.equal(await panel.count(), 0);
  }),
);
