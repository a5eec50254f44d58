import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { type Client, type ClientOptions, connect } from "./client.js";
import { clientFor } from "./shared_clients.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

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

test("the newest getToken is asked, and one that is missing replaces none", async () => {
  const url = "wss://example.com/newest";
  const asked: string[] = [];
  const tokenOf = (name: string) => () => {
    asked.push(name);
    return name;
  };
  const options = { url, WebSocket: StandInSocket };
  const client = freedAfter(clientFor({ ...options, getToken: tokenOf("old") }));
  clientFor({ ...options, getToken: tokenOf("new") });
  clientFor(options);

  void client.connect();
  await setImmediate();
  assert.deepEqual(asked, ["new"]);
});

test("a client without a getToken asks for none", () => {
  const options = { url: "wss://example.com/none", WebSocket: StandInSocket };
  void freedAfter(clientFor(options)).connect();

  assert.equal(StandInSocket.last.protocols.length, 2);
  assert.throws(() => clientFor({ ...options, getToken: () => "t" }), {
    message: /other options \(getToken\)\. Use the same ones, or free\(\) that client first\.$/,
  });
});

test("another wire, logger or WebSocket for the same url is refused by name", () => {
  const url = "wss://example.com/differs";
  const [ping, logger] = [() => "ping", console];
  freedAfter(clientFor({ url, wire: { ping }, logger, WebSocket: StandInSocket }));
  const again = { url, wire: { ping }, logger, WebSocket: StandInSocket };

  assert.doesNotThrow(() => clientFor(again));
  for (const [name, other] of Object.entries({
    wire: { wire: { ping: () => "ping" } },
    WebSocket: { WebSocket: class extends StandInSocket {} },
    logger: { logger: { ...console } },
  })) {
    const message = new RegExp(`other options \\(${name}\\)`);
    assert.throws(() => clientFor({ ...again, ...other }), { message });
  }
});
