import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";

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

test("another wire, logger or WebSocket where there was none is refused by name", () => {
  const url = "wss://example.com/differs";
  freedAfter(clientFor({ url, WebSocket: StandInSocket }));

  for (const [name, other] of Object.entries({ wire: { wire: {} }, logger: { logger: console } })) {
    const message = new RegExp(`other options \\(${name}\\)`);
    assert.throws(() => clientFor({ url, ...other }), { message });
  }
});

test("the newest functions are called, as methods of what they came with", async () => {
  const said: string[] = [];
  const optionsOf = (name: string, WebSocket: typeof StandInSocket): ClientOptions => ({
    url: "wss://example.com/functions",
    WebSocket,
    getToken: () => name,
    wire: { hello: (token) => `${name} ${token}` },
    logger: new (class {
      name = name;
      debug = (): void => {};
      info(): void {
        said.push(this.name);
      }
      warn = this.debug;
      error = this.debug;
    })(),
  });
  class Newer extends StandInSocket {}
  const client = freedAfter(clientFor(optionsOf("old", StandInSocket)));
  assert.equal(clientFor(optionsOf("new", Newer)), client);

  void client.connect();
  await setImmediate();
  StandInSocket.last.opens();

  assert.ok(StandInSocket.last instanceof Newer);
  assert.deepEqual(StandInSocket.last.sent, ["new new"]);
  assert.deepEqual(said, ["new"]);
});

test("two copies of the package share the page's clients", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "onesocket-copy-"));
  context.after(() => rmSync(folder, { recursive: true }));
  cpSync(new URL(".", import.meta.url), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const copy = pathToFileURL(join(folder, "client.js")).href;
  const other = (await import(copy)) as typeof import("./client.js");
  assert.notEqual(other.connect, connect);
  const options = { url: "wss://example.com/copies", WebSocket: StandInSocket };
  const before = StandInSocket.made.length;

  const asked = [connect(options), other.connect(options)];
  const made = StandInSocket.made.slice(before);
  for (const socket of made) socket.connects();
  const [first, second] = (await Promise.all(asked)).map(freedAfter);

  assert.equal(first, second);
  assert.equal(made.length, 1);
});
