/**
 * A client before its wasm is there, and where there will be none: in Node, which has no page to load
 * it into. What the loaded machine does is tested in real pages, in tests/e2e.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";

import { type Client, type ClientOptions, createClient, type Events } from "./client.js";

const CLOSED = { name: "OneSocketError", code: "closed" };

test("importing the package does nothing", async () => {
  const script = `
    const before = Object.getOwnPropertyNames(globalThis).join();
    await import(${JSON.stringify(new URL("./client.js", import.meta.url).href)});
    await import(${JSON.stringify(new URL("./react.js", import.meta.url).href)});
    const after = Object.getOwnPropertyNames(globalThis).join();
    console.log(before === after);
  `;
  // That it comes back at all says that nothing was left running.
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
  ]);

  assert.equal(stdout, "true\n");
});

test("a new client is idle, and its status is frozen and stays the same object", () => {
  const { client, told } = setUp({ reconnect: { maxAttempts: 7 } });

  assert.deepEqual(client.status, {
    state: "idle",
    readyState: 3,
    attempt: 0,
    maxAttempts: 7,
    retryAtMs: null,
    connectionId: null,
    tokenExpiresAtMs: null,
    error: null,
  });
  assert.equal(Object.isFrozen(client.status), true);
  assert.equal(client.status, client.status);
  assert.equal(client.bufferedAmount, 0);
  assert.deepEqual(told, []);
});

test("connect() is connecting from the first moment, and fails where the wasm cannot be loaded", async () => {
  const { client, told } = setUp();

  const connecting = client.connect();
  assert.deepEqual([client.state, client.readyState], ["connecting", 0]);
  assert.deepEqual([client.isConnecting(), client.isConnected()], [true, false]);
  await assert.rejects(connecting, { name: "OneSocketError", code: "unsupported" });

  assert.deepEqual([client.state, client.readyState], ["failed", 3]);
  assert.equal(client.status.error?.code, "unsupported");
  assert.equal(Object.isFrozen(client.status.error), true);
  assert.deepEqual(told, ["idle > connecting", "connecting > failed", "error unsupported"]);
});

test("after a load that failed connect() tries again", async () => {
  const { client, told } = setUp();
  await assert.rejects(client.connect());
  told.length = 0;

  const again = client.connect();
  assert.equal(client.state, "connecting");
  assert.equal(client.status.error, null);
  await assert.rejects(again, { code: "unsupported" });

  assert.deepEqual(told, ["failed > connecting", "connecting > failed", "error unsupported"]);
});

test("a path can be connected to only in a page", async () => {
  const client = createClient({ url: "/ws" });

  await assert.rejects(client.connect(), { code: "unsupported", message: /Write the whole URL/ });
});

test("all connect() calls without a signal get the same promise", async () => {
  const { client } = setUp();

  const first = client.connect();
  assert.equal(client.connect(), first);
  assert.equal(client.connect({}), first);
  const own = client.connect({ signal: new AbortController().signal });
  assert.notEqual(own, first);

  await assert.rejects(first, { code: "unsupported" });
  await assert.rejects(own, { code: "unsupported" });
  assert.notEqual(client.connect(), first);
});

test("a connect() that nobody awaits is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on("unhandledRejection", listen);
  try {
    const { client } = setUp();
    void client.connect();
    void client.connect({ signal: AbortSignal.abort() });
    await setImmediate();
    assert.equal(client.state, "failed");
  } finally {
    process.off("unhandledRejection", listen);
  }

  assert.deepEqual(unhandled, []);
});

test("a signal that has fired withdraws a caller before anything starts", async () => {
  const { client, told } = setUp();

  await assert.rejects(client.connect({ signal: AbortSignal.abort() }), { code: "aborted" });

  assert.equal(client.state, "idle");
  assert.deepEqual(told, []);
});

test("what is no signal is refused", async () => {
  const { client } = setUp();

  const signal = {} as AbortSignal;
  await assert.rejects(client.connect({ signal }), { code: "invalid-options" });
  assert.equal(client.state, "idle");
});

test("aborting withdraws one caller and leaves the attempt to the others", async () => {
  const { client } = setUp();
  const controller = new AbortController();
  const aborted = client.connect({ signal: controller.signal });
  const other = client.connect();

  controller.abort();

  assert.equal(client.state, "connecting");
  await assert.rejects(aborted, { code: "aborted" });
  await assert.rejects(other, { code: "unsupported" });
});

test("aborting the last caller ends the attempt, and whoever holds the client revives it", async () => {
  const { client, told } = setUp();
  const controller = new AbortController();
  const aborted = client.connect({ signal: controller.signal });

  controller.abort();
  assert.equal(client.state, "closed");
  await assert.rejects(aborted, { code: "aborted" });
  client.hold();
  assert.equal(client.state, "connecting");

  await setImmediate();
  assert.equal(client.state, "failed");
  assert.deepEqual(told.slice(0, 3), [
    "idle > connecting",
    "connecting > closed",
    "closed > connecting",
  ]);
});

test("aborting does nothing to a connection that somebody holds", () => {
  const { client } = setUp();
  const controller = new AbortController();
  client.hold();
  void client.connect({ signal: controller.signal });

  controller.abort();

  assert.equal(client.state, "connecting");
});

test("close() while loading cancels: the callers are told, the load changes nothing", async () => {
  const { client, told } = setUp();
  const connecting = client.connect();
  const joining = client.join("tea");

  await client.close();
  assert.equal(client.state, "closed");
  await assert.rejects(connecting, CLOSED);
  await assert.rejects(joining, CLOSED);
  await setImmediate();

  assert.equal(client.state, "closed");
  assert.equal(client.status.error, null);
  assert.deepEqual(told, ["idle > connecting", "connecting > closed"]);
});

test("close() then connect() in one tick is one attempt", async () => {
  const { client } = setUp();
  const attempts = Array.from({ length: 50 }, () => {
    void client.close();
    return client.connect();
  });
  assert.equal(client.state, "connecting");

  const results = await Promise.allSettled(attempts);

  const codes = results.map((result) => result.status === "rejected" && result.reason.code);
  assert.deepEqual(codes, [...Array.from({ length: 49 }, () => "closed"), "unsupported"]);
});

test("close() from idle is closed, and a second one says nothing", async () => {
  const { client, told } = setUp();

  await client.close();
  await client.close();

  assert.deepEqual(told, ["idle > closed"]);
});

test("what close() is given must be allowed, and is refused without closing", async () => {
  const { client } = setUp();

  await assert.rejects(client.close(1001), {
    code: "invalid-options",
    message: /1000 or 3000 to 4999/,
  });
  await assert.rejects(client.close(1000, "x".repeat(124)), {
    code: "invalid-options",
    message: /123 bytes/,
  });
  assert.equal(client.state, "idle");
});

test("hold() connects from idle, and revives neither what failed nor what was closed", async () => {
  const { client } = setUp();

  const release = client.hold();
  assert.equal(client.state, "connecting");
  await setImmediate();
  assert.equal(client.state, "failed");
  client.hold();
  assert.equal(client.state, "failed");

  await client.close();
  client.hold();
  release();
  release();
  assert.equal(client.state, "closed");
});

test("a listener may close at once, and all hear the same order", () => {
  const client = createClient({ url: "wss://example.com/ws" });
  const told: string[] = [];
  client.on("state", ({ current }) => {
    if (current === "connecting") void client.close();
  });
  client.on("state", ({ previous, current }) => told.push(`${previous} > ${current}`));

  void client.connect();

  assert.equal(client.state, "closed");
  assert.deepEqual(told, ["idle > connecting", "connecting > closed"]);
});

test("a listener that connects again when it fails is not left connecting for ever", async () => {
  const { client, told } = setUp();
  let again: Promise<void> | undefined;
  client.on("state", ({ current }) => {
    if (current === "failed") again ??= client.connect();
  });

  await assert.rejects(client.connect());
  await assert.rejects(again ?? Promise.resolve(), { code: "unsupported" });

  assert.deepEqual(told, [
    "idle > connecting",
    "connecting > failed",
    "error unsupported",
    "failed > connecting",
    "connecting > failed",
    "error unsupported",
  ]);
});

test("subscribers are told whenever the status is another object", () => {
  const { client } = setUp();
  const seen = [client.status];
  const remove = client.subscribe(() => seen.push(client.status));

  void client.connect();
  void client.close();
  remove();
  void client.connect();

  assert.deepEqual(
    seen.map(({ state }) => state),
    ["idle", "connecting", "closed"],
  );
});

test("an event that does not exist, and a listener that is none, are refused", () => {
  const { client } = setUp();

  const event = "open" as keyof Events;
  assert.throws(() => client.on(event, () => {}), {
    code: "invalid-options",
    message: /no event "open"; the events are state, message, error, token/,
  });
  assert.throws(() => client.on("state", undefined as never), { code: "invalid-options" });
  assert.throws(() => client.subscribe(undefined as never), { code: "invalid-options" });
});

test("free() closes, lets go of everybody and is for good", async () => {
  const { client, told } = setUp();
  const connecting = client.connect();
  const release = client.hold();

  client.free();
  client.free();
  assert.equal(client.state, "closed");
  await assert.rejects(connecting, CLOSED);
  await assert.rejects(client.connect(), CLOSED);
  await assert.rejects(client.join("tea"), CLOSED);
  assert.throws(() => client.send("x"), CLOSED);
  await client.close();
  release();
  client.hold()();
  client.on("state", () => {})();
  await setImmediate();

  assert.deepEqual(told, ["idle > connecting", "connecting > closed"]);
});

test("there is no token to refresh before there is a connection", async () => {
  const { client, told } = setUp({ getToken: () => "t" });

  await assert.rejects(client.refreshToken(), { ...CLOSED, message: /every attempt fetches one/ });
  client.free();
  await assert.rejects(client.refreshToken(), { ...CLOSED, message: /free\(\) was called/ });

  assert.deepEqual(told, ["idle > closed"]);
});

test("a listener may free the client", () => {
  const { client, told } = setUp();
  client.on("state", () => client.free());

  void client.connect();

  assert.equal(client.state, "closed");
  assert.deepEqual(told, ["idle > connecting"]);
});

test("the log tells of what happens before the wasm is there", async () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  const client = createClient({ url: "wss://example.com/ws", logger });

  void client.connect();
  await assert.rejects(client.connect());

  assert.equal(lines[0], "🔌 Connection already in progress");
  assert.match(lines[1] ?? "", /^🔌 WebSocket connection failed: /);
  assert.equal(lines.length, 2);
});

/** A client, and what it tells. */
function setUp(options: Partial<ClientOptions> = {}): { client: Client; told: string[] } {
  const client = createClient({ url: "wss://example.com/ws", ...options });
  const told: string[] = [];
  client.on("state", ({ previous, current }) => told.push(`${previous} > ${current}`));
  client.on("error", (error) => told.push(`error ${error.code}`));
  return { client, told };
}
