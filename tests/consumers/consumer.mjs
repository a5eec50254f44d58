/** Tries a consumer: it is built, opened or run, and what it says has come back through the server. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort, HOST } from "../e2e/support/host.mjs";
import { until } from "../e2e/support/wait.mjs";
import { install } from "./tool.mjs";

/** What every application says once the server has echoed its message. */
const FOUND = { state: "connected", data: "hello" };

/** How long a server of pages may take to start, in milliseconds. */
const START = 60_000;

/**
 * @param {import("../e2e/support/scene.mjs").Tools} the
 * @param {import("./consumers.mjs").Consumer} consumer
 */
export async function tryOut(the, consumer) {
  const tool = await install(consumer.tool);
  const folder = tool.copy(consumer.app);
  for (const command of consumer.make ?? []) await tool.run(command);
  if (consumer.run) await runs(the, consumer, tool);
  else if (consumer.serve) await opensServed(the, consumer, tool, folder);
  else if (consumer.site) await opens(the, join(folder, consumer.site));
}

/** A folder of files that our server serves. */
async function opens(the, site) {
  const server = await the.server({ site, args: ["--echo"] });
  await connects(the, server, server.url);
}

/** Something that serves its pages itself. */
async function opensServed(the, { serve, isHot }, tool, folder) {
  const port = await freePort();
  const origin = `http://${HOST}:${port}`;
  const server = await the.server({ args: ["--echo", "--allow-origin", origin] });
  the.use(tool.start(serve(HOST, port)));
  const answers = async () => (await fetch(origin).catch(() => undefined))?.ok;
  await until(`the first answer of ${origin}`, answers, START);
  const page = await connects(the, server, origin);
  if (!isHot) return;
  const file = join(folder, "Connects.jsx");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("<output>{state}</output>", "<output>hot: {state}</output>"));
  await page.getByText("hot: connected").waitFor();
  // The module that makes the client has come again, and the connection has stayed.
  assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
}

/** Opens a page that connects. */
async function connects(the, server, origin) {
  const query = new URLSearchParams({ server: server.ws, token: await server.token("ada") });
  const { page, watch } = await the.open(`${origin}/?${query}`, { keeps: true });
  await page.waitForFunction(() => document.title.startsWith("{"));
  assert.deepEqual(JSON.parse(await page.title()), FOUND);
  watch.verify();
  assert.deepEqual(watch.requests.filter((url) => new URL(url).pathname.endsWith(".wasm")), []);
  assert.equal((await server.connections("ada")).opened, 1);
  return page;
}

/** A program that connects, says so and ends by itself; or tests that do. */
async function runs(the, { run, app }, tool) {
  // What jsdom says that its page came from, by itself and in Vitest.
  const origins = "http://localhost,http://localhost:3000";
  const server = await the.server({ args: ["--echo", "--allow-origin", origins] });
  const said = await tool.run(run(server.ws, await server.token("ada")));
  if (app === "runtime") assert.deepEqual(JSON.parse(said), FOUND);
  await server.connectionsWhenOpen("ada", 0);
  assert.equal((await server.connections("ada")).opened, 1);
}
