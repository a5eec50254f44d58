/** The example of a Rust front end: its components share one connection. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { EXAMPLE } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";

test(
  "a front end of Yew connects once, and what it sends comes back from the server",
  scene(async (the) => {
    const server = await the.server({ site: EXAMPLE, args: ["--echo"] });
    const query = new URLSearchParams({ server: server.ws, token: await server.token("ada") });
    const { page, watch } = await the.open(`${server.url}/?${query}`, { keeps: true });

    await page.getByRole("status").getByText("connected").waitFor();
    await page.getByLabel("Message").fill("hello");
    await page.getByRole("button", { name: "Send (connected)" }).click();
    await page.getByRole("listitem").getByText("hello").waitFor();

    // Two components use it.
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
    assert.equal(watch.sockets.length, 1);
  }),
);
