/** What reaches the machine and what comes of it, over a socket that does what a test says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import {
  type Client,
  type ClientOptions,
  createClient,
  NotAuthenticated,
  RetryLater,
} from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

test("a token goes into the upgrade, and its life becomes the status", async () => {
  const { client } = setUp({ getToken: () => ({ token: "secret", expiresInMs: 60_000 }) });

  void client.connect();
  assert.equal(StandInSocket.made.length, 0);
  await setImmediate();
  const { protocols } = StandInSocket.last;
  assert.deepEqual(protocols[1], `onesocket.token.${Buffer.from("secret").toString("base64url")}`);
  StandInSocket.last.connects();

  const left = (client.status.tokenExpiresAtMs ?? 0) - Date.now();
  assert.ok(left > 50_000 && left <= 60_000, String(left));
});

test("what getToken fails with is what the machine says of it", async () => {
  for (const [getToken, reason] of [
    [() => 5 as never, /getToken answered a number/],
    [() => Promise.reject(new RetryLater(70_000)), /getToken .*70000 ms/],
    [() => Promise.reject("text"), /threw what is no Error/],
  ] as const) {
    const { client, reasons } = setUp({ getToken });
    void client.connect();
    await setImmediate();

    assert.equal(client.state, "waiting");
    assert.match(reasons.at(-1) ?? "", reason);
  }
  for (const nobody of [() => null, () => Promise.reject(new NotAuthenticated())]) {
    const { client } = setUp({ getToken: nobody });
    const connecting = client.connect();
    await assert.rejects(connecting, { code: "unauthorized" });
  }
});

test("a hold connects, its release closes, and letting go twice is once", async () => {
  const { client } = setUp({ releaseAfterMs: 0 });

  const [first, second] = [client.hold(), client.hold()];
  assert.equal(client.state, "connecting");
  StandInSocket.last.connects();
  first();
  first();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(client.state, "connected");
  second();
  await new Promise((resolve) => setTimeout(resolve, 20));

  assert.equal(client.state, "closing");
});

test("a hold of what has failed connects nothing, and letting go of it releases nobody", async () => {
  const missing = globalThis as { WebSocket?: unknown };
  const before = Object.getOwnPropertyDescriptor(missing, "WebSocket");
  delete missing.WebSocket;
  const client = freedAfter(createClient({ url: "wss://example.com/", releaseAfterMs: 0 }));
  await assert.rejects(client.connect(), { code: "unsupported" });
  const release = client.hold();
  assert.equal(client.state, "failed");

  missing.WebSocket = StandInSocket;
  try {
    void client.connect();
    StandInSocket.last.connects();
    const held = client.hold();
    release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(client.state, "connected");
    held();
  } finally {
    delete missing.WebSocket;
    if (before !== undefined) Object.defineProperty(missing, "WebSocket", before);
  }
});

test("a signal that fires ends its own connect() and no other, and is let go of when it settles", async () => {
  const { client } = setUp();
  const [mine, other] = [new AbortController(), new AbortController()];
  const removed: string[] = [];
  const { signal } = other;
  const remove = signal.removeEventListener.bind(signal);
  signal.removeEventListener = (type: string, listener: never) => {
    removed.push(type);
    remove(type, listener);
  };

  const [first, second] = [client.connect({ signal: mine.signal }), client.connect({ signal })];
  mine.abort();
  await assert.rejects(first, {
    code: "aborted",
    message: /The AbortSignal of this connect\(\) fired\./,
  });
  assert.equal(client.state, "connecting");
  StandInSocket.last.connects();
  await second;

  assert.deepEqual(removed, ["abort"]);
  other.abort();
  assert.equal(client.state, "connected");
});

test("a connect() after one that has settled is another promise", async () => {
  const { client } = setUp();

  const first = client.connect();
  StandInSocket.last.connects();
  await first;
  const second = client.connect();
  await second;
  assert.notEqual(first, second);
});

test("requests go out under numbers and settle with the answer", async () => {
  const { client } = setUp();
  void client.connect();
  StandInSocket.last.connects();

  const joined = client.join("tea");
  const bytes = new Uint8Array([7]);
  const published = client.publish("tea", bytes);
  bytes[0] = 9;
  const [join, publish] = StandInSocket.last.sent;
  assert.equal(join, '{"type":"join","id":1,"group":"tea"}');
  const frame = new TextEncoder().encode('{"type":"publish","id":2,"group":"tea"}\n\u0007');
  assert.deepEqual(publish, frame);
  StandInSocket.last.receives('{"type":"ack","id":1}');
  StandInSocket.last.receives('{"type":"ack","id":2}');
  await joined;
  await published;

  const left = client.leave("tea");
  assert.equal(StandInSocket.last.sent.at(-1), '{"type":"leave","id":3,"group":"tea"}');
  StandInSocket.last.receives('{"type":"error","id":3,"code":"refused","message":"stay"}');
  await assert.rejects(left, { code: "refused", message: /stay/ });
});

test("refreshToken() brings the server a new token, and has none to bring without a connection", async () => {
  let token = 0;
  const { client } = setUp({ getToken: () => `t${(token += 1)}` });
  await assert.rejects(client.refreshToken(), {
    code: "closed",
    message: /There is no connection whose token could be refreshed/,
  });
  void client.connect();
  await setImmediate();
  StandInSocket.last.connects();

  const refreshed = client.refreshToken();
  await setImmediate();
  assert.deepEqual(StandInSocket.last.sent, ['{"type":"refresh","id":1,"token":"t2"}']);
  StandInSocket.last.receives('{"type":"refreshed","id":1,"tokenExpiresInMs":300000}');
  await refreshed;
  assert.equal(client.stats().refreshes, 1);
});

test("bytes that wait are a copy, whether they are sent or published", () => {
  const { client } = setUp();
  const bytes = new Uint8Array([1]);
  client.send(bytes);
  void client.publish("tea", bytes).catch(() => {});
  bytes[0] = 9;

  void client.connect();
  StandInSocket.last.connects();
  const sent = StandInSocket.last.sent.map((frame) => (frame as Uint8Array).at(-1));
  assert.deepEqual(sent, [1, 1]);
});

test("bytes are copied once: the head of their frame is written before them, if it has the room", () => {
  const { client } = setUp();
  void client.connect();
  StandInSocket.last.connects();
  for (const group of ["tea", "x".repeat(128), '"'.repeat(128)]) {
    void client.publish(group, new Uint8Array([1, 2])).catch(() => {});
  }

  const frames = StandInSocket.last.sent as Uint8Array[];
  assert.deepEqual(
    frames.map((frame) => new TextDecoder().decode(frame)),
    ["tea", "x".repeat(128), '"'.repeat(128)].map(
      (group, at) => `{"type":"publish","id":${at + 1},"group":${JSON.stringify(group)}}\n\u0001\u0002`,
    ),
  );
  assert.deepEqual(
    frames.map((frame) => frame.byteOffset > 0),
    [true, true, false],
  );
});

test("where the machine cannot be made it says so, and connect() is the way back", async (context) => {
  const { client } = setUp();
  const random = context.mock.method(globalThis.crypto, "getRandomValues", () => {
    throw new TypeError("no random numbers");
  });

  await assert.rejects(client.connect(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /cannot be made here \(.*no random numbers\)\. Call connect\(\) to try again/);
    return error.cause instanceof TypeError;
  });
  assert.equal(client.state, "failed");
  random.mock.restore();
  void client.connect();
  StandInSocket.last.connects();
  assert.equal(client.state, "connected");
});

test("a signal that has fired asks for nothing", async () => {
  const { client } = setUp();

  await assert.rejects(client.connect({ signal: AbortSignal.abort() }), {
    code: "aborted",
    message: "The AbortSignal of this connect() fired.",
  });
  assert.equal(client.state, "idle");
});

test("a jitter is drawn for each client", (context) => {
  const drawn = context.mock.method(Math, "random", () => 0.5);
  const [waits, made] = [new Set<number>(), [0.1, 0.5, 0.9]];
  for (const chance of made) {
    drawn.mock.mockImplementation(() => chance);
    const { client } = setUp({ reconnect: { jitter: 1, intervalMs: 1_000_000, maxIntervalMs: 1_000_000 } });
    void client.connect();
    StandInSocket.last.closes();
    waits.add(Math.round(((client.status.retryAtMs ?? 0) - Date.now()) / 1000));
  }

  assert.equal(waits.size, made.length, [...waits].join());
});

test("attempts without end are Infinity in the status, and the log does not count towards it", () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  const { client } = setUp({ reconnect: "forever", logger });
  assert.equal(client.status.maxAttempts, Infinity);

  void client.connect();
  StandInSocket.last.closes();

  const { state, attempt, maxAttempts } = client.status;
  assert.deepEqual([state, attempt, maxAttempts], ["waiting", 1, Infinity]);
  assert.match(lines.at(-1) ?? "", /^🔌 Reconnecting \(attempt 1\) in 1\d\d\d ms$/);
});

test("the log's lines are written for a logger, and for nobody else", () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  const { client } = setUp({ logger });

  void client.connect();
  StandInSocket.last.connects();

  assert.ok(lines.length > 0);
  assert.ok(lines.every((line) => line.startsWith("🔌")), lines.join("\n"));
});

test("a client that was freed is closed for good, and says so", async () => {
  const { client } = setUp();
  void client.connect();
  StandInSocket.last.connects();

  client.free();
  client.free();

  const freed = { code: "closed", message: /free\(\) was called on this client\. Make a new one\./ };
  await assert.rejects(client.connect(), freed);
  await assert.rejects(client.join("tea"), freed);
  await assert.rejects(client.refreshToken(), freed);
  assert.throws(() => client.send("x"), freed);
  await client.close();
  client.hold()();
  assert.equal(client.state, "closed");
  assert.deepEqual(StandInSocket.last.closed, [1000, ""]);
});

test("what is no listener, signal or group is refused with what it must be", async () => {
  const { client } = setUp();

  const listener = { code: "invalid-options", message: "A listener must be a function." };
  assert.throws(() => client.on("state", 5 as never), listener);
  assert.throws(() => client.subscribe(undefined as never), listener);
  await assert.rejects(client.connect({ signal: {} as never }), {
    code: "invalid-options",
    message: "The signal of connect() must be an AbortSignal.",
  });
  await assert.rejects(client.join(""), { message: /The name of a group is a string of 1 to 128/ });
});

/** A client over a stand-in, and the reasons of its changes. */
function setUp(more: Partial<ClientOptions> = {}): { client: Client; reasons: string[] } {
  const options = { url: "wss://example.com/ws", WebSocket: StandInSocket, ...more };
  const client = freedAfter(createClient(options));
  const reasons: string[] = [];
  client.on("state", ({ reason }) => reasons.push(reason ?? ""));
  client.on("error", () => {});
  return { client, reasons };
}
