import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import type { OneSocketError } from "./client.js";
import { answerTo, makeWire, type PlainWire } from "./wire.js";

const BASE = "wss://example.com/ws";
const SECRET = "s3cret";

let reported: unknown[] = [];

beforeEach(() => {
  reported = [];
  (globalThis as { reportError?: unknown }).reportError = (thrown: unknown) => {
    reported.push(thrown);
  };
});

afterEach(() => {
  delete (globalThis as { reportError?: unknown }).reportError;
});

test("a wire without places connects to the url, offers nothing and says nothing", () => {
  const wire = makeWire({});

  assert.deepEqual([wire.pings, wire.refreshes], [false, false]);
  assert.deepEqual(wire.open(BASE, SECRET), { url: BASE, protocols: [] });
  assert.equal(wire.ping(), undefined);
  assert.equal(wire.agrees, false);
  assert.deepEqual([wire.isPong("pong"), wire.isReady("auth_ok")], [false, false]);
  assert.equal(wire.retry(1000), 0);
});

test("every place is asked with the token, and by its name", () => {
  const wire = makeWire({
    url: (token) => new URL(`https://example.com/?token=${token}`),
    protocols: (token) => ["chat", token],
    hello: (token) => `hello ${token}`,
    refresh: (token) => new TextEncoder().encode(token),
    ping: () => "ping",
    ready: (data) => data === "auth_ok",
    isPong: (data) => data === "pong",
    retry: (code) => ({ 1000: "never", 1001: "soon", 4001: "fresh-token" } as const)[code],
  });

  assert.deepEqual([wire.pings, wire.refreshes], [true, true]);
  assert.deepEqual(wire.open(BASE, "t"), {
    url: "wss://example.com/?token=t",
    protocols: ["chat", "t"],
    message: "hello t",
  });
  assert.deepEqual(wire.refresh("t"), { message: new Uint8Array([116]) });
  assert.equal(wire.ping(), "ping");
  assert.equal(wire.agrees, true);
  assert.deepEqual([wire.isReady("auth_ok"), wire.isReady("auth_required")], [true, false]);
  assert.deepEqual([wire.isPong("pong"), wire.isPong("data")], [true, false]);
  assert.deepEqual([1006, 1000, 1001, 4001].map((code) => wire.retry(code)), [0, 1, 2, 3]);
});

test("what the application throws is reported as it is, and not quoted", () => {
  const thrown = new Error(`cannot use ${SECRET}`);
  const fail = (): never => {
    throw thrown;
  };

  for (const place of ["url", "protocols", "hello"]) {
    const answer = makeWire({ [place]: fail }).open(BASE, SECRET);
    assert.deepEqual(answer, { fault: `wire.${place}() threw an error, which was reported.` });
  }
  const answer = makeWire({ refresh: fail }).refresh(SECRET);
  assert.deepEqual(answer, { fault: "wire.refresh() threw an error, which was reported." });
  assert.deepEqual(reported, [thrown, thrown, thrown, thrown]);
});

test("rubbish is refused with a sentence that names the place, and not quoted", () => {
  const rubbish: [PlainWire, RegExp][] = [
    [{ url: () => `ftp://${SECRET}` }, /wire\.url\(\) must answer/],
    [{ url: () => `wss://a/#${SECRET}` }, /without a fragment/],
    [{ url: () => SECRET }, /wire\.url\(\)/],
    [{ protocols: () => [5] as never }, /a list of strings/],
    [{ protocols: () => SECRET as never }, /a list of strings/],
    [{ hello: () => ({}) as never }, /wire\.hello\(\) must answer a string/],
    [{ refresh: () => undefined as never }, /wire\.refresh\(\)/],
  ];
  for (const [places, message] of rubbish) {
    const wire = makeWire(places);
    const answer = places.refresh ? wire.refresh("") : wire.open(BASE, "");
    const fault = "fault" in answer ? answer.fault : "";
    assert.match(fault, message);
    assert.ok(!fault.includes(SECRET));
  }
});

test("without an answer to what is asked in passing it goes on, and the page is told", () => {
  const fail = (): never => {
    throw new Error("no");
  };
  const wire = makeWire({ ping: fail, isPong: fail, retry: fail });

  assert.deepEqual([wire.ping(), wire.isPong("x"), wire.retry(1000)], [undefined, false, 0]);
  assert.equal(makeWire({ retry: () => "later" as never }).retry(1000), 0);
  assert.equal(reported.length, 4);
});

test("what is to be sent is a copy: the application may go on to change its buffer", () => {
  const buffer = new Uint8Array([1, 2]);
  const sent = makeWire({ hello: () => buffer }).open(BASE, "");
  buffer[0] = 9;

  assert.deepEqual("message" in sent && sent.message, new Uint8Array([1, 2]));
});

test("a place that is not there is not asked", () => {
  // Nothing is reported, as it would be of a call of what is no function.
  const wire = makeWire({});
  wire.open(BASE, "");
  wire.isPong("x");
  wire.retry(1006);

  assert.deepEqual(reported, []);
});

test("a path is resolved on the page's origin, and what is no text or URL is no place", () => {
  const page = globalThis as { location?: unknown };
  page.location = { origin: "https://app.example" };
  try {
    const opened = makeWire({ url: (token) => `/ws?${token}` }).open(BASE, "t");
    assert.deepEqual(opened, { url: "wss://app.example/ws?t", protocols: [] });
  } finally {
    delete page.location;
  }
  for (const answer of [undefined, null, 5, ["wss://example.com/"], { href: "wss://example.com/" }]) {
    const opened = makeWire({ url: () => answer as never }).open(BASE, "");
    assert.match("fault" in opened ? opened.fault : "", /^wire\.url\(\) must answer a ws:/);
  }
});

test("one protocol that is no string spoils the list", () => {
  const opened = makeWire({ protocols: () => ["chat", 5] as never }).open(BASE, "");

  const fault = "wire.protocols() must answer a list of strings.";
  assert.deepEqual(opened, { fault });
});

test("what a wire answers in passing and may not is reported by its place", () => {
  makeWire({ ping: () => 5 as never }).ping();
  makeWire({ retry: () => "later" as never }).retry(1000);
  answerTo({ answer: () => 5 as never }, "x");

  const said = reported.map((error) => [(error as OneSocketError).code, (error as Error).message]);
  assert.deepEqual(said, [
    ["invalid-options", "wire.ping() must answer a string, an ArrayBuffer or a view of one."],
    ["invalid-options", 'wire.retry() must answer "never", "soon", "fresh-token" or undefined.'],
    ["invalid-options", "wire.answer() must answer a string, an ArrayBuffer or a view of one."],
  ]);
});

test("a text is sent as it is", () => {
  assert.deepEqual(makeWire({ refresh: (token) => token }).refresh("abc"), { message: "abc" });
});
