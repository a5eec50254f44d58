import assert from "node:assert/strict";
import { test } from "node:test";

import { type ClientOptions, createClient, OneSocketError } from "./client.js";
import { differences, numberOf, OPTION_NAMES, readOptions } from "./options.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";
import { resolveUrl } from "./url.js";

const URL_OK = "wss://example.com/ws";

test("every option has its default", () => {
  assert.deepEqual(readOptions({ url: URL_OK }), {
    url: URL_OK,
    getToken: undefined,
    decode: undefined,
    wire: undefined,
    WebSocket: undefined,
    share: undefined,
    logger: undefined,
    numbers: {},
  });
  const numbers = Object.fromEntries(OPTION_NAMES.map((name) => [name, numberOf({}, name)]));
  assert.deepEqual(numbers, {
    "reconnect.maxAttempts": 5,
    "reconnect.intervalMs": 5000,
    "reconnect.factor": 1,
    "reconnect.maxIntervalMs": 60_000,
    "reconnect.jitter": 0.1,
    connectTimeoutMs: 10_000,
    closeTimeoutMs: 3000,
    stableAfterMs: 10_000,
    releaseAfterMs: 500,
    "refresh.beforeExpiryMs": 60_000,
    "refresh.minIntervalMs": 30_000,
    "heartbeat.intervalMs": 0,
    "heartbeat.timeoutMs": 10_000,
    "queue.maxMessages": 1000,
    "queue.maxBytes": 1_048_576,
    "queue.whenFailed": 0,
  });
  assert.equal(numberOf({ "reconnect.jitter": 0 }, "reconnect.jitter"), 0);
});

test("an option that is undefined has its default", () => {
  const bare = readOptions({ url: URL_OK });

  const options = {
    url: URL_OK,
    getToken: undefined,
    reconnect: undefined,
    queue: { maxBytes: undefined },
  };
  assert.deepEqual(readOptions(options), bare);
});

test("every option can be set", () => {
  const getToken = (): string => "token";
  const options: Required<ClientOptions> = {
    url: new URL("https://example.com/ws?room=1"),
    getToken,
    decode: Number,
    wire: { hello: (token) => token, retry: () => "soon" },
    reconnect: { maxAttempts: 0, intervalMs: 1, factor: 2, maxIntervalMs: 9, jitter: 0 },
    connectTimeoutMs: 2,
    closeTimeoutMs: 3,
    stableAfterMs: 0,
    releaseAfterMs: 0,
    refresh: { beforeExpiryMs: 6, minIntervalMs: 7 },
    heartbeat: { intervalMs: 8, timeoutMs: 9 },
    queue: { maxMessages: 4, maxBytes: 5, whenFailed: "wait" },
    WebSocket: StandInSocket,
    share: "ada",
    logger: console,
  };

  assert.deepEqual(readOptions(options), {
    url: "wss://example.com/ws?room=1",
    getToken,
    decode: Number,
    wire: options.wire,
    WebSocket: StandInSocket,
    share: "ada",
    logger: console,
    numbers: {
      "reconnect.maxAttempts": 0,
      "reconnect.intervalMs": 1,
      "reconnect.factor": 2,
      "reconnect.maxIntervalMs": 9,
      "reconnect.jitter": 0,
      connectTimeoutMs: 2,
      closeTimeoutMs: 3,
      stableAfterMs: 0,
      releaseAfterMs: 0,
      "refresh.beforeExpiryMs": 6,
      "refresh.minIntervalMs": 7,
      "heartbeat.intervalMs": 8,
      "heartbeat.timeoutMs": 9,
      "queue.maxMessages": 4,
      "queue.maxBytes": 5,
      "queue.whenFailed": 1,
    },
  });
});

test("messages are decoded by a function or a schema, and by nothing else", () => {
  const schema = { "~standard": { version: 1, vendor: "v", validate: (value: unknown) => ({ value }) } } as const;
  for (const decode of [undefined, Number, schema, Object.assign(() => ({}), schema)]) {
    assert.equal(readOptions({ url: URL_OK, ...(decode && { decode }) }).decode, decode);
  }
  for (const decode of [null, 5, "text", {}, []]) {
    assertFaults({ decode }, [/decode: must be a function or a schema/]);
  }
});

test("tabs share a connection by a text that they have in common", () => {
  assert.equal(readOptions({ url: URL_OK }).share, undefined);
  assert.equal(readOptions({ url: URL_OK, share: "ada" }).share, "ada");
  assert.equal(readOptions({ url: URL_OK, share: "a".repeat(1000) }).share?.length, 1000);
  for (const share of ["", 7, null, {}, "a".repeat(1001)]) {
    assertFaults({ share }, [/share: must be a text of 1 to 1000 characters/]);
  }
  const made = readOptions({ url: URL_OK, share: "ada" });
  assert.deepEqual(differences(made, readOptions({ url: URL_OK, share: "eve" })), ["share"]);
});

test("a wire is ours, or an object of functions with a place for the token", () => {
  assert.equal(readOptions({ url: URL_OK, wire: "onesocket" }).wire, undefined);
  assert.deepEqual(readOptions({ url: URL_OK, wire: {} }).wire, {});
  assertFaults({ wire: "socket.io" }, [/wire: must be "onesocket" or an object/]);
  assertFaults({ wire: { hello: "hi", pong: () => true } }, [
    /wire\.hello: must be a function/,
    /unknown: wire\.pong \(known: wire\.url, wire\.protocols, wire\.hello/,
  ]);
  assertFaults({ getToken: () => "token", wire: { ping: () => "?" } }, [
    /getToken: no url\(\), protocols\(\), hello\(\) of the wire takes the token anywhere/,
  ]);
});

test('reconnect: "forever" has no end, and Infinity is a number of attempts', () => {
  const { numbers } = readOptions({ url: URL_OK, reconnect: "forever" });
  assert.equal(numberOf(numbers, "reconnect.maxAttempts"), Infinity);
  assert.equal(numberOf(numbers, "reconnect.intervalMs"), 1000);
  assert.equal(numberOf(numbers, "reconnect.maxIntervalMs"), 30_000);
  assert.equal(readOptions({ url: URL_OK, reconnect: { maxAttempts: Infinity } }).numbers["reconnect.maxAttempts"], Infinity);
  for (const word of ["false", "always"]) {
    assertFaults({ reconnect: word }, [/reconnect: must be an object, "forever" or false/]);
  }
});

test("reconnect: false means no automatic attempt", () => {
  const { numbers } = readOptions({ url: URL_OK, reconnect: false });

  assert.deepEqual(numbers, { "reconnect.maxAttempts": 0 });
  assert.equal(numberOf(numbers, "reconnect.intervalMs"), 5000);
});

test("an interval above the largest one raises it, unless both were given", () => {
  const { numbers } = readOptions({ url: URL_OK, reconnect: { intervalMs: 90_000 } });

  assert.equal(numberOf(numbers, "reconnect.maxIntervalMs"), 90_000);
  assertFaults({ reconnect: { intervalMs: 3, maxIntervalMs: 2 } }, [
    /reconnect\.maxIntervalMs: must not be less than reconnect\.intervalMs \(3\)/,
  ]);
});

test("a URL is taken in every scheme that means a WebSocket, and as a path", () => {
  const taken: [string, string][] = [
    ["ws://example.com", "ws://example.com/"],
    ["wss://example.com/ws", "wss://example.com/ws"],
    ["http://example.com/ws", "ws://example.com/ws"],
    ["HTTPS://Example.com:8443/ws?a=b", "wss://example.com:8443/ws?a=b"],
    ["/ws?a=b", "/ws?a=b"],
    ["/", "/"],
  ];
  for (const [url, expected] of taken) assert.equal(readOptions({ url }).url, expected);
});

test("a URL that is none, or that a browser would refuse, is named", () => {
  const refused: [unknown, RegExp][] = [
    [undefined, /url: must be a string or a URL/],
    [42, /url: must be a string or a URL/],
    ["", /url: "" is no URL/],
    ["example.com/ws", /url: "example\.com\/ws" is no URL; write one that begins with wss:/],
    ["wss://", /is no URL/],
    ["localhost:8080/ws", /url: the scheme "localhost:" is none of ws:, wss:, http: and https:/],
    ["ftp://example.com", /url: the scheme "ftp:" is none of/],
    ["//example.com/ws", /is no path on this origin/],
    ["/\\example.com/ws", /is no path on this origin/],
    ["wss://example.com/#here", /url: must have no fragment/],
    ["wss://example.com/#", /url: must have no fragment/],
    ["/ws#here", /url: must have no fragment/],
  ];
  for (const [url, fault] of refused) assertFaults({ url }, [fault]);
});

test("what stands in a URL's query is in no error", () => {
  const secret = "s3cret";

  const error = faultsOf({ url: `example.com/ws?token=${secret}` });
  assert.equal(error.message.includes(secret), false);
});

test("a number out of its range is named with the range", () => {
  const ms = ["connectTimeoutMs", "closeTimeoutMs", "stableAfterMs", "releaseAfterMs"];
  for (const name of ms) {
    for (const bad of [-1, NaN, Infinity, 2 ** 31, "5", null]) {
      assertFaults({ [name]: bad }, [
        new RegExp(`${name}: must be a number from [01] to 2147483647`),
      ]);
    }
  }
  assertFaults({ connectTimeoutMs: 0, closeTimeoutMs: 0 }, [/connectTimeoutMs/, /closeTimeoutMs/]);
  assertFaults(
    { reconnect: { maxAttempts: 1.5, intervalMs: 0, factor: 0.9, maxIntervalMs: 0, jitter: 1.1 } },
    [
      /reconnect\.maxAttempts: must be a whole number from 0 to Infinity/,
      /reconnect\.intervalMs: must be a number from 1 to 2147483647/,
      /reconnect\.factor: must be a number from 1 to 10/,
      /reconnect\.maxIntervalMs: must be a number from 1/,
      /reconnect\.jitter: must be a number from 0 to 1;?/,
    ],
  );
  assertFaults({ queue: { maxMessages: -1, maxBytes: 0.5 } }, [
    /queue\.maxMessages: must be a whole number from 0 to 1000000/,
    /queue\.maxBytes: must be a whole number from 0 to 1073741824/,
  ]);
  for (const whenFailed of ["keep", 1, true, null]) {
    assertFaults({ queue: { whenFailed } }, [/queue\.whenFailed: must be "refuse" or "wait"/]);
  }
});

test("what is of the wrong kind is named", () => {
  assertFaults({ getToken: "token", WebSocket: "ws", logger: { info() {} }, reconnect: true, queue: 5 }, [
    /getToken: must be a function/,
    /WebSocket: must be a constructor/,
    /logger: must have the methods debug, info, warn, error/,
    /reconnect: must be an object, "forever" or false/,
    /queue: must be an object(;|\.)/,
  ]);
  for (const options of [undefined, null, "wss://example.com", 1]) {
    assert.throws(() => createClient(options as unknown as ClientOptions), {
      code: "invalid-options",
      message: /The options are an object/,
    });
  }
});

test("an unknown option is named with the known ones, inside another too", () => {
  assertFaults({ recconect: false, sharing: "ada", reconnect: { max: 1 }, queue: { size: 1 } }, [
    /unknown: recconect, sharing \(known: url, getToken, decode, wire, WebSocket, share, reconnect, .*logger\)/,
    /unknown: reconnect\.max \(known: reconnect\.maxAttempts, .*reconnect\.jitter\)/,
    /unknown: queue\.size \(known: queue\.maxMessages, queue\.maxBytes, queue\.whenFailed\)/,
  ]);
});

test("all faults are named together", () => {
  assertFaults({ url: "ftp://example.com", getToken: 1, jitter: 1, queue: { maxBytes: -1 } }, [
    /url:/,
    /getToken:/,
    /unknown: jitter/,
    /queue\.maxBytes:/,
  ]);
});

test("settings differ by what was set, not by how it was written", () => {
  const settings = readOptions({ url: URL_OK });
  const same = readOptions({ url: URL_OK, reconnect: { maxAttempts: 5 }, queue: {} });
  const other = readOptions({
    url: URL_OK,
    reconnect: false,
    queue: { maxBytes: 1 },
    logger: console,
    getToken: () => "token",
  });

  assert.deepEqual(differences(settings, same), []);
  assert.deepEqual(differences(settings, other), [
    "reconnect.maxAttempts",
    "queue.maxBytes",
    "logger",
    "getToken",
  ]);
  // The newest getToken replaces the old one, and a caller without one leaves it.
  assert.deepEqual(differences(other, { ...other, getToken: undefined }), []);
  assert.deepEqual(differences(other, { ...other, getToken: () => "another" }), []);
});

test("another function in the place of one is no difference, one more or one less of a wire is", () => {
  const made = readOptions({ url: URL_OK, wire: { ping: () => "a" }, logger: console, WebSocket: StandInSocket });
  const differ = (more: object): string[] => differences(made, { ...made, ...more });

  for (const same of [
    { wire: { ping: () => "b" } },
    { logger: { ...console } },
    { logger: undefined },
    { WebSocket: class extends StandInSocket {} },
    { WebSocket: undefined },
  ]) {
    assert.deepEqual(differ(same), [], JSON.stringify(same));
  }
  for (const wire of [undefined, {}, { ping: () => "a", isPong: () => true }, { isPong: () => true }]) {
    assert.deepEqual(differ({ wire }), ["wire"], JSON.stringify(wire));
  }
  assert.deepEqual(differences({ ...made, WebSocket: undefined, wire: undefined }, made), ["wire", "WebSocket"]);
});

test("a path has no meaning where there is no page", () => {
  assert.equal(resolveUrl("wss://example.com/ws"), "wss://example.com/ws");
  assert.throws(() => resolveUrl("/ws"), { code: "unsupported", message: /Write the whole URL/ });
});

function faultsOf(options: Record<string, unknown>): OneSocketError {
  try {
    createClient({ url: URL_OK, ...options } as ClientOptions);
  } catch (error) {
    assert.ok(error instanceof OneSocketError);
    assert.equal(error.code, "invalid-options");
    return error;
  }
  return assert.fail(`${JSON.stringify(options)} was taken`);
}

function assertFaults(options: Record<string, unknown>, faults: RegExp[]): void {
  const { message } = faultsOf(options);
  for (const fault of faults) assert.match(message, fault);
  assert.equal(
    message.split("; ").filter((part) => /: |unknown/.test(part)).length,
    faults.length,
    message,
  );
}

test("a long url that is none is quoted up to where it can be read, and no query at all", () => {
  const said = (url: string): string => {
    try {
      readOptions({ url });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  assert.match(said(`no ${"x".repeat(77)}`), /"no x{77}" is no URL/);
  assert.match(said(`no ${"x".repeat(78)}`), /"no x{77}…" is no URL/);
  assert.match(said("no url?token=secret"), /"no url" is no URL/);
  assert.match(said(""), /"" is no URL/);
});

test("a number may be the least and the most there is", () => {
  for (const queue of [{ maxMessages: 0 }, { maxMessages: 1_000_000 }]) {
    const numbers = { "queue.maxMessages": queue.maxMessages };
    assert.deepEqual(readOptions({ url: URL_OK, queue }).numbers, numbers);
  }
  assert.throws(() => readOptions({ url: URL_OK, queue: { maxMessages: 1_000_001 } }));
  const { numbers } = readOptions({ url: URL_OK, reconnect: { intervalMs: 60_000 } });
  assert.equal(numberOf(numbers, "reconnect.maxIntervalMs"), 60_000);
  const reconnect = { intervalMs: 60_000, maxIntervalMs: 60_000 };
  assert.equal(readOptions({ url: URL_OK, reconnect }).numbers["reconnect.maxIntervalMs"], 60_000);
});

test("a group of options must be an object, each by its name", () => {
  for (const group of ["reconnect", "refresh", "heartbeat", "queue"]) {
    const message = new RegExp(`${group}: must be an object${group === "reconnect" ? ', "forever" or false' : ""}[.;]`);
    assert.throws(() => readOptions({ url: URL_OK, [group]: 5 }), { message });
    const unknown = new RegExp(`unknown: ${group}\\.speed \\(known: ${group}\\.`);
    assert.throws(() => readOptions({ url: URL_OK, [group]: { speed: 1 } }), { message: unknown });
  }
});
