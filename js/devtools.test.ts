import assert from "node:assert/strict";
import { test } from "node:test";

import { freedAfter } from "./test_support/clients.js";
import { makePage } from "./test_support/page.js";
import { createTestClient } from "./testing.js";

const { attachDevtools } = await import("./devtools.js");

test("without a page there is the timeline; a burst is one line, and nothing of what was said is in it", async () => {
  const client = freedAfter(createTestClient({ getToken: () => "secret-token" }));
  const devtools = attachDevtools(client);
  await client.setState("connected");
  for (let times = 0; times < 3; times += 1) client.receive("secret");
  client.receive("secret", { user: "ada", from: "eve" });
  client.server.refuse(4409);

  assert.deepEqual(
    devtools.timeline.map(({ text, times }) => [text.replace(/:.*/, ""), times]),
    [
      ["idle → connecting", 1],
      ["token fetched", 1],
      ["connecting → connected", 1],
      ["message", 3],
      ["message from eve", 1],
      ["connected → failed", 1],
      ["error replaced", 1],
    ],
  );
  assert.ok(!JSON.stringify(devtools.timeline).includes("secret"));
  devtools.detach();
  await client.setState("connected");
  assert.equal(devtools.timeline.length, 7);
});

test("in a page a panel shows the state, the counters and the timeline, and its buttons work", async () => {
  const window = makePage();
  Object.assign(globalThis, { document: window.document });
  const client = freedAfter(createTestClient());
  const devtools = attachDevtools(client);
  const panel = window.document.querySelector<HTMLDetailsElement>("[data-onesocket-devtools]");
  assert.ok(panel !== null);
  assert.equal(panel.querySelector("summary")?.textContent, "onesocket: idle");

  panel.open = true;
  const [connect, close] = panel.querySelectorAll("button");
  connect?.click();
  await client.setState("connected");
  client.send("hello");
  client.receive("hello");
  assert.equal(panel.querySelector("summary")?.textContent, "onesocket: connected");
  assert.match(panel.textContent ?? "", /1 sockets, 0 reconnects · 1 in, 1 out/);
  assert.match(panel.querySelector("li")?.textContent ?? "", /^\d\d:\d\d:\d\d\.\d{3} message$/);
  close?.click();
  await client.setState("closed");
  assert.equal(panel.querySelector("summary")?.textContent, "onesocket: closed");

  devtools.detach();
  assert.equal(window.document.querySelector("[data-onesocket-devtools]"), null);
});
