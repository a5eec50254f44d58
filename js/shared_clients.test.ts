import assert from "node:assert/strict";
import { test } from "node:test";

import { type Client, type ClientOptions, connect } from "./client.js";
import { clientFor } from "./shared_clients.js";

test("connect() names all faults of its options, and where it cannot work", async () => {
  await assert.rejects(connect({ url: "ftp://x", jitter: 1 } as ClientOptions), {
    code: "invalid-options",
    message: /url: .*; unknown: jitter|unknown: jitter .*; url: /,
  });
  await assert.rejects(connect({ url: "/ws" }), { code: "unsupported" });
  await assert.rejects(connect({ url: "wss://example.com/unsupported" }), { code: "unsupported" });
});

test("there is one client for a url, however it is written", () => {
  const first = clientFor({ url: "wss://example.com/one" });

  assert.equal(clientFor({ url: "https://EXAMPLE.com:443/one", reconnect: {} }), first);
  assert.notEqual(clientFor({ url: "wss://example.com/two" }), first);
});

test("other options for the same url are refused by name, another getToken is not", () => {
  const url = "wss://example.com/options";
  const client = clientFor({ url, getToken: () => "old" });

  assert.equal(clientFor({ url, getToken: () => "new" }), client);
  assert.equal(clientFor({ url }), client);
  assert.throws(() => clientFor({ url, reconnect: false, closeTimeoutMs: 1 }), {
    code: "invalid-options",
    message: /other options \(reconnect\.maxAttempts, closeTimeoutMs\)/,
  });
});

test("a client that was freed is forgotten", () => {
  const options: ClientOptions = { url: "wss://example.com/freed" };
  const first: Client = clientFor(options);

  first.free();
  const second = clientFor({ ...options, reconnect: false });
  first.free();

  assert.notEqual(second, first);
  assert.equal(clientFor({ ...options, reconnect: false }), second);
});
