/** What the shell does in JavaScript (`crates/web/src/*.js`), met through a client. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { type Client, type ClientOptions, createClient, type OneSocketError } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const page = globalThis as Record<string, unknown>;

afterEach(() => {
  for (const name of ["document", "window"]) delete page[name];
  Object.defineProperty(page, "navigator", { value: undefined, configurable: true });
});

test("what is wrong with a frame is told, and the connection stays", () => {
  const { client, errors } = connected();
  const welcome = { type: "welcome", connectionId: "c", user: "u", pingIntervalMs: 1, maxMessageBytes: 1 };
  const without = (field: string, value?: unknown): string =>
    JSON.stringify({ ...welcome, [field]: value });

  for (const [frame, sentence] of [
    ["{", /a text that is no JSON/],
    [bytes("{"), /a text that is no JSON/],
    ["null", /JSON that is no object/],
    ["5", /JSON that is no object/],
    ["{}", /a frame without a type/],
    ['{"type":""}', /a frame without a type/],
    ['{"type":"shout"}', /a frame of an unknown type "shout"/],
    [`{"type":"${"x".repeat(20)}"}`, /a frame of an unknown type "x{20}"/],
    [`{"type":"${"x".repeat(21)}"}`, /a frame whose type is none of ours/],
    ['{"type":"a b"}', /a frame whose type is none of ours/],
    ['{"type":"toString"}', /a frame whose type is none of ours/],
    ['{"type":"ack"}', /a frame of type "ack" that lacks a field/],
    ['{"type":"ack","id":-1}', /a frame of type "ack" that lacks a field/],
    ['{"type":"ack","id":1.5}', /a frame of type "ack" that lacks a field/],
    ['{"type":"refreshed","id":"1"}', /a frame of type "refreshed" that lacks a field/],
    ['{"type":"error","code":"refused"}', /a frame of type "error" that lacks a field/],
    ['{"type":"error","message":"no"}', /a frame of type "error" that lacks a field/],
    [without("connectionId"), /a frame of type "welcome" that lacks a field/],
    [without("user"), /a frame of type "welcome" that lacks a field/],
    [without("pingIntervalMs"), /a frame of type "welcome" that lacks a field/],
    [without("maxMessageBytes", -1), /a frame of type "welcome" that lacks a field/],
    ['{"type":"message"}', /a message without a payload/],
    ['{"type":"message"}\n{no', /a message whose payload is no JSON/],
    ['{"type":"message","format":"x"}\n1', /a message of a format that is none of ours/],
  ] as const) {
    StandInSocket.last.receives(frame);
    const { code, message } = errors.at(-1) as OneSocketError;
    assert.equal(code, "invalid-message", String(frame));
    assert.match(message, sentence, String(frame));
  }
  assert.equal(errors.length, 24);
  assert.equal(client.state, "connected");
});

test("a given constructor makes the sockets, whatever the global one is; else the one of the moment does", () => {
  class Global extends StandInSocket {}
  page["WebSocket"] = Global;
  try {
    void setUp().client.connect();
    const given = StandInSocket.last;
    assert.equal(Object.getPrototypeOf(given), StandInSocket.prototype);
    assert.equal(given.url, "wss://example.com/ws");
    assert.equal(given.protocols[0], "onesocket.v1");
    // The package ws throws an error that nobody hears.
    assert.equal(typeof given.onerror, "function");
    assert.equal(given.onerror?.({} as never), undefined);

    const client = freedAfter(createClient({ url: "wss://example.com/ws", reconnect: false }));
    client.hold();
    assert.ok(StandInSocket.last instanceof Global);
    StandInSocket.last.closes();
    class Later extends StandInSocket {}
    page["WebSocket"] = Later;
    void client.connect();
    assert.ok(StandInSocket.last instanceof Later);
  } finally {
    delete page["WebSocket"];
  }
});

test("a socket that has failed without a close is given up at once, and one that closes is not twice", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { client } = connected({}, { reconnect: false });
  const socket = StandInSocket.last;

  socket.readyState = 1;
  socket.onerror?.({ type: "error" } as never);
  t.mock.timers.tick(1);
  assert.equal(client.state, "connected");

  // A Content-Security-Policy does so in Chromium.
  socket.readyState = 3;
  socket.onerror?.({ type: "error" } as never);
  t.mock.timers.tick(1);
  assert.equal(client.status.error?.code, "attempts-exhausted");
  assert.match(client.status.error?.message ?? "", /closed with code 1006/);

  const other = connected({}, { reconnect: false }).client;
  const closing = StandInSocket.last;
  closing.readyState = 3;
  closing.onerror?.({ type: "error" } as never);
  closing.closes(4000, "bye");
  t.mock.timers.tick(1);
  assert.match(other.status.error?.message ?? "", /closed with code 4000 "bye"/);
  assert.equal(other.stats().staleEvents, 0);
});

/** One that is taken for the browser's own. */
class NativeSocket extends StandInSocket {
  static override toString(): string {
    return "function WebSocket() { [native code] }";
  }
}

test("the memory of many bytes is used again once the server has accepted them, if the socket is the browser's", () => {
  page["WebSocket"] = NativeSocket;
  try {
    for (const [options, isReused, Global] of [
      [{}, true, NativeSocket],
      [{ WebSocket: StandInSocket }, false, NativeSocket],
      // What a page has put in its place.
      [{}, false, class extends StandInSocket {}],
    ] as const) {
      page["WebSocket"] = Global;
      const client = freedAfter(createClient({ url: "wss://example.com/ws", ...options }));
      void client.connect();
      const socket = StandInSocket.last;
      socket.connects();
      const sent = (at: number): ArrayBufferLike => (socket.sent[at] as Uint8Array).buffer;
      const many = new Uint8Array(16 << 10);
      // A text has no memory of ours.
      client.send("x".repeat(16 << 10));
      client.send(many.fill(1));
      client.send(many.fill(2));
      assert.notEqual(sent(1), sent(2));
      socket.receives('{"type":"ack","id":2}');

      client.send(many.fill(3));
      client.send(many.fill(4));
      assert.equal(sent(3) === sent(1), isReused);
      assert.equal(new Set([2, 3, 4].map(sent)).size, 3);
      assert.deepEqual(
        [2, 3, 4].map((at) => new TextDecoder().decode(socket.sent[at] as Uint8Array)),
        [3, 4, 5].map((id) => `{"type":"message","id":${id}}\n${String.fromCharCode(id - 1).repeat(16 << 10)}`),
      );
    }
  } finally {
    delete page["WebSocket"];
  }
});

test("the memory of bytes that the server has refused is not used again", () => {
  page["WebSocket"] = NativeSocket;
  try {
    const client = freedAfter(createClient({ url: "wss://example.com/ws" }));
    void client.connect();
    StandInSocket.last.connects();
    const undelivered: unknown[] = [];
    client.on("error", (error) => undelivered.push(...(error.undelivered ?? [])));
    client.send(new Uint8Array(16 << 10).fill(1));
    StandInSocket.last.receives('{"type":"error","id":1,"code":"refused","message":"no"}');

    client.send(new Uint8Array(16 << 10).fill(2));
    assert.deepEqual(undelivered, [new Uint8Array(16 << 10).fill(1)]);
  } finally {
    delete page["WebSocket"];
  }
});

test("a payload is what was sent: JSON, a text, or bytes that are not copied", () => {
  const { client } = connected();
  const heard: unknown[] = [];
  client.on("message", (message) => heard.push(message));
  const frame = bytes('{"type":"message","group":"tea","from":"bob"}\n\u0001\n\u0002');

  StandInSocket.last.receives('{"type":"message"}\n{"a":[1]}');
  StandInSocket.last.receives('{"type":"message","format":"text","group":"tea"}\n"two\nlines"');
  StandInSocket.last.receives(frame);

  assert.deepEqual(heard, [
    { data: { a: [1] } },
    { data: '"two\nlines"', group: "tea" },
    { data: new Uint8Array([1, 10, 2]), group: "tea", from: "bob" },
  ]);
  const { data } = heard[2] as { data: Uint8Array };
  assert.equal(data.buffer, frame);
  assert.equal(client.stats().bytesIn, 28 + 60 + frame.byteLength);
});

test("what a frame may have and has not as it should is as if it were not there", () => {
  const { client, errors } = connected({ tokenExpiresInMs: "soon", epoch: 5 });

  assert.equal(client.status.tokenExpiresAtMs, null);
  assert.equal(client.status.exactlyOnce, false);
  StandInSocket.last.receives('{"type":"error","id":"1","code":"refused","message":"so it is"}');
  const [error] = errors;
  assert.match(error?.message ?? "", /The server answered: so it is/);
  assert.equal(connected({ epoch: "5" }).client.status.exactlyOnce, true);
});

test("a client has a name of 16 random bytes in base64url, and keeps it", (context) => {
  context.mock.method(globalThis.crypto, "getRandomValues", (bytes: Uint8Array) => {
    bytes.fill(0xff);
    bytes.set([0xfb, 0xef, 0xbe]);
    return bytes;
  });
  const { client } = setUp();

  void client.connect();
  assert.deepEqual(StandInSocket.last.protocols, [
    "onesocket.v1",
    "onesocket.client.----_________________w",
  ]);
  StandInSocket.last.connects({ tokenExpiresInMs: 60_000 });
  assert.ok((client.status.tokenExpiresAtMs ?? 0) > Date.now());
});

test("what is thrown and is no error has no name", async () => {
  const WebSocket = class extends StandInSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      // oxlint-disable-next-line no-throw-literal
      throw "text";
    }
  };
  const { client } = setUp({ WebSocket });

  await assert.rejects(client.connect(), { message: /wss:\/\/example\.com\/ws \(\)/ });
});

test("what is sent is written as PROTOCOL.md says", async () => {
  const { client } = connected();
  const { sent } = StandInSocket.last;

  client.send('two\n"lines"');
  client.send(new Uint8Array([1, 2]));
  const published = [client.publish("té", { a: 1 }), client.publish("tea", "text")];
  StandInSocket.last.receives('{"type":"ping"}');
  StandInSocket.last.receives('{"type":"ack","id":4}');
  await Promise.all(published);

  assert.deepEqual(sent, [
    '{"type":"message","id":1,"format":"text"}\ntwo\n"lines"',
    new Uint8Array(bytes('{"type":"message","id":2}\n\u0001\u0002')),
    '{"type":"publish","id":3,"group":"té"}\n{"a":1}',
    '{"type":"publish","id":4,"group":"tea","format":"text"}\ntext',
    '{"type":"pong"}',
  ]);
});

test("what was sent as JSON and is lost comes back as it was given", async () => {
  const { client, errors } = connected();
  const lost = client.publish("tea", { a: 1 });
  client.send("text");

  StandInSocket.last.closes(4409);
  await assert.rejects(lost, { code: "replaced" });
  assert.deepEqual(errors.flatMap(({ undelivered }) => undelivered ?? []), ["text"]);
});

test("over a wire of its own a message passes as it is", () => {
  const wire = { hello: () => "hi", ping: () => "ping", isPong: (data: unknown) => data === "pong" };
  const { client } = setUp({ wire });
  const heard: unknown[] = [];
  client.on("message", ({ data }) => heard.push(data));
  void client.connect();
  StandInSocket.last.opens();
  const raw = bytes("raw");

  for (const data of ["{}", raw, "pong"]) StandInSocket.last.receives(data);
  client.send("out");
  client.send(new Uint8Array([1]));

  assert.deepEqual(heard, ["{}", raw]);
  assert.deepEqual(StandInSocket.last.sent, ["hi", "out", new Uint8Array([1])]);
  assert.equal(client.stats().bytesIn, 2 + 3);
});

test("a wire that says when is waited for; what it says before is heard, and asked of no more after", () => {
  const asked: unknown[] = [];
  const ready = (data: unknown): boolean => asked.push(data) > 0 && data === "auth_ok";
  const { client } = setUp({ wire: { ready } });
  const heard: unknown[] = [];
  client.on("message", ({ data }) => heard.push(`${String(data)} while ${client.state}`));
  void client.connect();
  client.send("waits");
  StandInSocket.last.opens();
  assert.equal(client.state, "connecting");

  for (const data of ["auth_required", "auth_ok", "more"]) StandInSocket.last.receives(data);

  assert.deepEqual(heard, [
    "auth_required while connecting",
    "auth_ok while connected",
    "more while connected",
  ]);
  assert.deepEqual(asked, ["auth_required", "auth_ok"]);
  assert.deepEqual(StandInSocket.last.sent, ["waits"]);
});

test("what is sent over a wire that encodes may be anything; what encode throws is the cause", () => {
  const encode = (data: unknown): string => {
    if (data === undefined) throw new RangeError("nothing");
    return JSON.stringify(data);
  };
  const client = freedAfter(
    createClient<unknown, unknown>({ url: "wss://example.com/ws", WebSocket: StandInSocket, wire: { encode } }),
  );
  void client.connect();
  StandInSocket.last.opens();

  client.send({ a: 1 });
  client.send("text");
  assert.throws(() => client.send(undefined), (error: Error & { code?: string }) => {
    assert.deepEqual([error.code, error.message], ["invalid-message", "wire.encode() threw an error."]);
    return error.cause instanceof RangeError;
  });

  assert.deepEqual(StandInSocket.last.sent, ['{"a":1}', '"text"']);
});

test("what a constructor throws is named, without its words and without a query", async () => {
  class Refusing extends StandInSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      throw new SyntaxError(`no good: ${url}`);
    }
  }
  const options = { url: "wss://example.com/ws?token=secret", WebSocket: Refusing };
  const client = freedAfter(createClient(options));

  await assert.rejects(client.connect(), (error: Error) => {
    assert.match(error.message, /wss:\/\/example\.com\/ws \(SyntaxError\)/);
    return !error.message.includes("secret");
  });
});

test("a socket that throws when it is sent to or closed ends nothing by that", async () => {
  const { client } = connected();
  const socket = StandInSocket.last;
  socket.send = () => {
    throw new Error("not now");
  };
  socket.close = () => {
    throw new Error("never");
  };

  client.send("x");
  assert.notEqual(client.state, "failed");
  const closed = client.close();
  socket.closes(1000);
  await closed;
  assert.equal(client.state, "closed");
});

test("a socket that is done with is silent", async () => {
  const { client } = connected();
  const socket = StandInSocket.last;
  const closed = client.close(4000, "done");
  assert.deepEqual(socket.closed, [4000, "done"]);
  socket.closes(1000);
  await closed;

  assert.deepEqual([socket.onopen, socket.onmessage, socket.onclose], [null, null, null]);
});

test("offline puts an attempt off, online makes it, and a server on this machine needs neither", () => {
  const window = (page["window"] = new EventTarget());
  const { client } = setUp();
  void client.connect();
  window.dispatchEvent(new Event("offline"));
  StandInSocket.last.closes();
  assert.deepEqual([client.state, secondsTo(client.status.retryAtMs)], ["waiting", 30]);
  window.dispatchEvent(new Event("online"));
  assert.equal(client.state, "connecting");

  for (const host of ["localhost", "app.localhost", "127.0.0.1", "[::1]"]) {
    const local = setUp({ url: `ws://${host}:1/ws` }).client;
    void local.connect();
    window.dispatchEvent(new Event("offline"));
    StandInSocket.last.closes();
    assert.equal(secondsTo(local.status.retryAtMs), 5, host);
  }
});

test("a client that is made offline is tried again rarely, where the url needs a network", () => {
  Object.defineProperty(page, "navigator", { value: { onLine: false }, configurable: true });
  const outcome = (url: string): unknown => {
    const { client } = setUp({ url });
    void client.connect();
    StandInSocket.last.closes();
    return secondsTo(client.status.retryAtMs);
  };

  assert.equal(outcome("wss://example.com/ws"), 30);
  assert.equal(outcome("wss://localhost.example/ws"), 30);
  assert.equal(outcome("wss://notlocalhost/ws"), 30);
  assert.equal(outcome("ws://localhost/ws"), 5);
});

/** How many seconds it is until then, the jitter aside. */
function secondsTo(at: number | null): number {
  return Math.floor(((at ?? 0) - Date.now() + 100) / 1000);
}

test("a page that comes back asks the server whether it is there; one that goes does not", async () => {
  const document = (page["document"] = Object.assign(new EventTarget(), { visibilityState: "visible" }));
  const window = (page["window"] = new EventTarget());
  const { client, errors } = connected();
  const socket = StandInSocket.last;
  const pings = (): number => socket.sent.splice(0).length;
  const happens = (target: EventTarget, type: string, more: object = {}): number => {
    target.dispatchEvent(Object.assign(new Event(type), more));
    const asked = pings();
    socket.receives('{"type":"pong"}');
    return asked;
  };

  assert.equal(happens(document, "resume"), 1);
  assert.equal(happens(document, "visibilitychange"), 1);
  document.visibilityState = "hidden";
  assert.equal(happens(document, "visibilitychange"), 0);
  assert.equal(happens(document, "resume"), 1);
  assert.equal(happens(window, "pageshow", { persisted: true }), 1);
  assert.equal(happens(window, "pageshow", { persisted: false }), 0);

  assert.deepEqual(errors, []);

  const removed: string[] = [];
  for (const target of [document, window]) {
    target.removeEventListener = (type: string, _: unknown, captures: unknown) => {
      if (captures === true) removed.push(type);
    };
  }
  client.free();
  await setImmediate();
  const onDocument = ["keydown", "pointerdown", "resume", "visibilitychange"];
  assert.deepEqual(removed, [...onDocument, "focus", "offline", "online", "pageshow"]);
});

test("a key, a click or the focus revives what has used up its attempts, and costs the rest nothing", () => {
  const document = (page["document"] = new EventTarget());
  const window = (page["window"] = new EventTarget());
  const { client } = setUp({ reconnect: false });
  const uses: [EventTarget, string][] = [
    [document, "keydown"],
    [document, "pointerdown"],
    [window, "focus"],
  ];
  for (const [target, type] of uses) {
    void client.connect().catch(() => {});
    const before = StandInSocket.made.length;
    target.dispatchEvent(new Event(type));
    assert.equal(client.state, "connecting", type);
    StandInSocket.last.closes();
    assert.equal(client.state, "failed", type);

    target.dispatchEvent(new Event(type));

    // Once a second, however often: the first brings it back, the others come too soon.
    assert.equal(client.state, type === "keydown" ? "connecting" : "failed", type);
    assert.equal(StandInSocket.made.length, type === "keydown" ? before + 1 : before, type);
  }
});

test("a server that answers without the subprotocol is told apart at once, and its socket closes first", async () => {
  const { client } = setUp();
  const connecting = client.connect();
  const socket = StandInSocket.last;
  socket.opens("");
  assert.deepEqual(socket.closed, [1000, ""]);
  assert.equal(client.state, "connecting");
  socket.closes(1000);

  await assert.rejects(connecting, {
    code: "invalid-options",
    message: /does not speak onesocket\.v1.*needs the option wire/,
  });
  assert.equal(StandInSocket.last, socket);

  // A wire of an application's own needs none.
  const { client: plain } = setUp({ wire: {} });
  void plain.connect();
  StandInSocket.last.opens("");
  assert.equal(plain.state, "connected");
});

/** A client over a stand-in, and the errors that it tells. */
function setUp(more: Partial<ClientOptions> = {}): { client: Client; errors: OneSocketError[] } {
  const options = { url: "wss://example.com/ws", WebSocket: StandInSocket, ...more };
  const client = freedAfter(createClient(options));
  const errors: OneSocketError[] = [];
  client.on("error", (error) => errors.push(error));
  return { client, errors };
}

function connected(
  welcome: object = {},
  options: Partial<ClientOptions> = {},
): ReturnType<typeof setUp> {
  const made = setUp(options);
  void made.client.connect();
  StandInSocket.last.connects(welcome);
  return made;
}

function bytes(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text)).buffer;
}
