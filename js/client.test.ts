/**
 * The client in Node, over a stand-in for the browser's `WebSocket`, and where there is none. What the
 * machine does over real sockets is tested in real pages, in tests/e2e.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";

import { CoreCallbacks } from "./callbacks.js";
import { type Client, type ClientOptions, createClient, type Events } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const URL = "wss://example.com/ws";
const CLOSED = { name: "OneSocketError", code: "closed" };

test("importing the package does nothing", async () => {
  const script = `
    // StrykerJS has names of its own there, when it changes the code.
    const isOurs = (name) => !name.startsWith("__stryker");
    const names = () => Object.getOwnPropertyNames(globalThis).filter(isOurs).join();
    const before = names();
    await import(${JSON.stringify(new globalThis.URL("./client.js", import.meta.url).href)});
    await import(${JSON.stringify(new globalThis.URL("./react.js", import.meta.url).href)});
    console.log(before === names());
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
    exactlyOnce: false,
    error: null,
  });
  assert.equal(Object.isFrozen(client.status), true);
  assert.equal(client.status, client.status);
  assert.equal(client.bufferedAmount, 0);
  assert.deepEqual(told, []);
});

test("connect() makes its socket in the same turn, and is connected once the session is agreed", async () => {
  const { client, told } = setUp();

  const connecting = client.connect();
  const socket = StandInSocket.last;
  assert.deepEqual([client.state, client.readyState, socket.url], ["connecting", 0, URL]);
  assert.deepEqual([client.isConnecting(), client.isConnected()], [true, false]);
  assert.equal(socket.protocols[0], "onesocket.v1");
  assert.equal(socket.binaryType, "arraybuffer");
  socket.connects();
  assert.deepEqual([client.isConnecting(), client.isConnected()], [false, true]);
  await connecting;

  assert.equal(client.readyState, 1);
  assert.equal(client.status.connectionId, "c1");
  assert.equal(StandInSocket.made.length, 1);
  assert.deepEqual(told, ["idle > connecting", "connecting > connected"]);
});

test("where there is no WebSocket it fails with what is missing, and connect() tries again", async () => {
  const { client, told } = withoutWebSocket();

  const connecting = client.connect();
  assert.equal(client.state, "failed");
  await assert.rejects(connecting, {
    name: "OneSocketError",
    code: "unsupported",
    message: /no WebSocket here.*Node 20.*createClient\(\{ WebSocket/,
  });
  assert.equal(client.status.error?.code, "unsupported");
  assert.equal(Object.isFrozen(client.status.error), true);
  await assert.rejects(client.connect(), { code: "unsupported" });

  const page = globalThis as { WebSocket?: unknown };
  page.WebSocket = StandInSocket;
  try {
    void client.connect();
    StandInSocket.last.connects();
  } finally {
    delete page.WebSocket;
  }
  assert.equal(client.state, "connected");
  const failed = ["connecting > failed", "error unsupported"];
  const connected = ["failed > connecting", "connecting > connected"];
  const steps = ["idle > connecting", ...failed, "failed > connecting", ...failed, ...connected];
  assert.deepEqual(told, steps);
});

test("a path can be connected to only in a page", async () => {
  const client = createClient({ url: "/ws", WebSocket: StandInSocket });

  await assert.rejects(client.connect(), { code: "unsupported", message: /Write the whole URL/ });
  assert.throws(() => client.send("x"), { code: "unsupported" });
  await assert.rejects(client.join("tea"), { code: "unsupported" });
  await client.close();
  assert.equal(client.state, "closed");
});

test("all connect() calls without a signal get the same promise", async () => {
  const { client } = setUp();

  const first = client.connect();
  assert.equal(client.connect(), first);
  assert.equal(client.connect({}), first);
  const own = client.connect({ signal: new AbortController().signal });
  assert.notEqual(own, first);

  StandInSocket.last.closes(1008);
  await assert.rejects(first, { code: "refused" });
  await assert.rejects(own, { code: "refused" });
  assert.notEqual(client.connect(), first);
});

test("a connect() that nobody awaits is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on("unhandledRejection", listen);
  try {
    const { client } = withoutWebSocket();
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

  await assert.rejects(aborted, { code: "aborted" });
  assert.equal(client.state, "connecting");
  StandInSocket.last.connects();
  await other;
});

test("aborting the last caller ends the attempt", async () => {
  const { client } = setUp();
  const controller = new AbortController();
  const aborted = client.connect({ signal: controller.signal });

  controller.abort();
  assert.notEqual(client.state, "connecting");
  StandInSocket.last.closes();

  await assert.rejects(aborted, { code: "aborted" });
  assert.equal(client.state, "closed");
});

test("a signal that fires after its call was answered does nothing", async () => {
  const { client } = setUp();
  const controller = new AbortController();
  const connecting = client.connect({ signal: controller.signal });
  StandInSocket.last.connects();
  await connecting;

  controller.abort();

  assert.equal(client.state, "connected");
});

test("aborting does nothing to a connection that somebody holds", () => {
  const { client } = setUp();
  const controller = new AbortController();
  client.hold();
  void client.connect({ signal: controller.signal });

  controller.abort();

  assert.equal(client.state, "connecting");
});

test("close() cancels what is on its way, and resolves once the socket has closed", async () => {
  const { client, told } = setUp();
  const connecting = client.connect();
  const joining = client.join("tea");
  StandInSocket.last.opens();

  const closing = client.close(3001, "bye");
  await assert.rejects(connecting, CLOSED);
  await assert.rejects(joining, CLOSED);
  assert.deepEqual(StandInSocket.last.closed, [3001, "bye"]);
  assert.equal(client.state, "closing");
  StandInSocket.last.closes();
  await closing;

  assert.equal(client.state, "closed");
  assert.equal(client.status.error, null);
  assert.deepEqual(told, ["idle > connecting", "connecting > closing", "closing > closed"]);
});

test("close() then connect() in one tick, 50 times, makes one socket", async () => {
  const { client } = setUp();
  const attempts = Array.from({ length: 50 }, () => {
    void client.close();
    return client.connect();
  });
  StandInSocket.last.connects();

  const results = await Promise.allSettled(attempts);
  const codes = results.map((result) => result.status === "rejected" && result.reason.code);
  assert.deepEqual(codes, [...Array.from({ length: 49 }, () => "closed"), false]);
  assert.equal(StandInSocket.made.length, 1);
  assert.equal(client.state, "connected");
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
  const { client } = setUp({ reconnect: false });

  const release = client.hold();
  assert.equal(client.state, "connecting");
  StandInSocket.last.closes(1008);
  assert.equal(client.state, "failed");
  client.hold();
  assert.equal(client.state, "failed");

  await client.close();
  client.hold();
  release();
  release();
  assert.equal(client.state, "closed");
});

test("hold() tells where there can be no machine, and does not try again", () => {
  const { client, told } = withoutWebSocket();

  client.hold()();
  client.hold()();

  assert.deepEqual(told, ["idle > connecting", "connecting > failed", "error unsupported"]);
});

test("a listener may close at once, and all hear the same order", () => {
  const client = freedAfter(createClient({ url: URL, WebSocket: StandInSocket }));
  const told: string[] = [];
  client.on("state", ({ current }) => {
    if (current === "connecting") void client.close();
  });
  client.on("state", ({ previous, current }) => told.push(`${previous} > ${current}`));

  void client.connect();

  assert.equal(client.state, "closed");
  assert.equal(StandInSocket.made.length, 0);
  assert.deepEqual(told, ["idle > connecting", "connecting > closed"]);
});

test("a listener that connects again when it fails is answered", async () => {
  const { client, told } = withoutWebSocket();
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
  StandInSocket.last.opens();
  void client.close();
  remove();
  StandInSocket.last.closes();

  assert.deepEqual(
    seen.map(({ state }) => state),
    ["idle", "connecting", "connecting", "closing"],
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
  StandInSocket.last.opens();

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

  assert.deepEqual(told, ["idle > connecting", "connecting > closing", "closing > closed"]);
  assert.deepEqual(StandInSocket.last.closed, [1000, ""]);
});

test("free() ends what is pending: a close() is done with it, everything else is not", async () => {
  const { client } = setUp({ getToken: () => new Promise(() => {}) });
  const signal = new AbortController().signal;
  const connecting = client.connect({ signal });
  client.free();
  await assert.rejects(connecting, CLOSED);

  const other = setUp().client;
  void other.connect();
  StandInSocket.last.connects();
  const joining = other.join("tea");
  const closing = other.close();
  other.free();

  await assert.rejects(joining, CLOSED);
  // Now, and not once the server has closed its end, for which nobody waits.
  assert.ok(await Promise.race([closing.then(() => true), setImmediate(false)]));
});

test("there is no token to refresh before there is a connection", async () => {
  const { client, told } = setUp({ getToken: () => "t" });

  await assert.rejects(client.refreshToken(), CLOSED);
  client.free();
  await assert.rejects(client.refreshToken(), { ...CLOSED, message: /free\(\) was called/ });

  assert.deepEqual(told, ["idle > closed"]);
});

test("a client that is freed before it is used never opens a socket", async () => {
  const { client, told } = setUp();
  const sockets = StandInSocket.made.length;

  client.free();
  await assert.rejects(client.connect(), { ...CLOSED, message: /free\(\) was called/ });
  assert.throws(() => client.send("x"), { ...CLOSED, message: /free\(\) was called/ });
  client.hold()();

  assert.equal(StandInSocket.made.length, sockets);
  assert.deepEqual(told, ["idle > closed"]);
});

test("whoever connects while a connection is there or tried for gets the same promise", async () => {
  const { client } = setUp();
  const others: Promise<void>[] = [];
  client.on("state", ({ current }) => {
    if (current === "connected" || current === "waiting") others.push(client.connect());
  });

  const first = client.connect();
  StandInSocket.last.closes();
  assert.equal(client.state, "connecting");
  StandInSocket.last.connects();
  await first;

  assert.equal(others.length, 2);
  assert.ok(others.every((other) => other === first));
  assert.notEqual(client.connect(), first);
});

test("whoever connects anew while the connection closes shares that with those who come later", async () => {
  const { client } = setUp();
  const first = client.connect();
  let second: Promise<void> | undefined;
  client.on("state", ({ current }) => {
    if (current === "closing") second = client.connect();
  });
  StandInSocket.last.opens();

  void client.close();
  const third = client.connect();

  await assert.rejects(first, CLOSED);
  assert.notEqual(second, first);
  assert.equal(third, second);
});

test("without a logger no line is written, but of a mistake in what getToken answers", async (context) => {
  const written = context.mock.method(CoreCallbacks.prototype, "log");
  const warn = context.mock.method(console, "warn", () => {});
  const getToken = (): { token: string; expiresInMs: number } => ({ token: "t", expiresInMs: 3600 });
  const { client } = setUp({ getToken });
  void client.connect();
  await setImmediate();

  assert.equal(written.mock.callCount(), 0);
  assert.match(String(warn.mock.calls[0]?.arguments[0]), /3600 is implausible/);

  const lines: unknown[] = [];
  const silent = (): void => {};
  const logger = { debug: silent, info: silent, warn: (line: unknown) => lines.push(line), error: silent };
  void setUp({ getToken, logger }).client.connect();
  await setImmediate();
  assert.ok(written.mock.callCount() > 0);
  assert.match(String(lines[0]), /3600 is implausible/);
  assert.equal(warn.mock.callCount(), 1);
});

test("a listener may free the client", () => {
  const { client, told } = setUp();
  client.on("state", () => client.free());

  void client.connect();

  assert.equal(client.state, "closed");
  assert.deepEqual(told, ["idle > connecting"]);
});

test("the log tells of a machine that cannot be made", async () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  const logger = { debug: write, info: write, warn: write, error: write };

  await assert.rejects(createClient({ url: URL, logger }).connect());

  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^🔌 WebSocket connection failed: There is no WebSocket/);
});

/** A client over the stand-in, and what it tells. */
function setUp(options: Partial<ClientOptions> = {}): { client: Client; told: string[] } {
  return watched(createClient({ url: URL, WebSocket: StandInSocket, ...options }));
}

/** A client where there is no `WebSocket`, as in Node 20, and what it tells. */
function withoutWebSocket(): { client: Client; told: string[] } {
  return watched(createClient({ url: URL }));
}

function watched(client: Client): { client: Client; told: string[] } {
  freedAfter(client);
  const told: string[] = [];
  client.on("state", ({ previous, current }) => told.push(`${previous} > ${current}`));
  client.on("error", (error) => told.push(`error ${error.code}`));
  return { client, told };
}
