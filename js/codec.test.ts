/** How frames are read, by themselves: what `codec.js` tells the machine of each. */

import assert from "node:assert/strict";
import { test } from "node:test";

/** What is read is told in this form: see `codec.rs`. */
type Told = [attempt: number, kind: number, value: unknown, size: number];

interface Driver {
  tell(...told: Told): void;
}

interface Codec {
  viewOf(data: unknown): string | Uint8Array;
  parts(frame: string | Uint8Array): [head: unknown, rest: string | Uint8Array];
  read(data: unknown, driver: Driver, attempt: number): void;
  readShared(data: unknown, driver: Driver, attempt: number): void;
}

// It has no types: only the glue calls it.
const { parts, read, readShared, viewOf } = (await import(
  new URL("./wasm/codec.js", import.meta.url).href
)) as unknown as Codec;

const MESSAGE = 0;
const PONG = 2;
const ACK = 3;
const REFRESHED = 4;
const ERROR = 5;
const WELCOME = 6;
const NOT_JSON = 7;
const FIELD_MISSING = 12;

/** Above it are the numbers of requests that one tab makes for others. */
const BEFORE_OTHERS = 2 ** 40;

function told(reader: Codec["read"], data: unknown): Told[] {
  const all: Told[] = [];
  reader(data, { tell: (...what) => all.push(what) }, 7);
  return all;
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text));
}

test("what has a length stays as it is, and a buffer gets a view", () => {
  const view = new Uint8Array([1]);
  assert.equal(viewOf("text"), "text");
  assert.equal(viewOf(view), view);
  const { buffer } = bytes("ab");
  assert.deepEqual(viewOf(buffer), new Uint8Array(buffer));
});

test("a frame is its head and the rest, which begins with the line feed", () => {
  const whole = bytes('{"a":1}\n\u0001\n');
  assert.deepEqual(parts('{"a":1}\ntwo\nlines'), [{ a: 1 }, "\ntwo\nlines"]);
  assert.deepEqual(parts('{"a":1}'), [{ a: 1 }, ""]);
  assert.deepEqual(parts(whole), [{ a: 1 }, bytes("\n\u0001\n")]);
  assert.deepEqual(parts(bytes('{"a":1}')), [{ a: 1 }, bytes("")]);
  // JSON reads no head that is empty.
  assert.throws(() => parts("\n{}"), SyntaxError);
});

test("a frame of bytes is read like one of text", () => {
  const head = '{"type":"ack","id":3}';
  for (const frame of [head, bytes(head).buffer]) {
    assert.deepEqual(told(read, frame).map(([attempt, kind, , size]) => [attempt, kind, size]), [
      [7, ACK, head.length],
    ]);
  }
  assert.deepEqual(told(read, "{"), [[7, NOT_JSON, undefined, 1]]);
});

test("over a shared connection what is about itself is told as over any other", () => {
  for (const [frame, kind] of [
    ['{"type":"pong"}', PONG],
    ['{"type":"ack","id":3}', ACK],
    [`{"type":"ack","id":${BEFORE_OTHERS}}`, ACK],
    ['{"type":"refreshed","id":4}', REFRESHED],
    ['{"type":"error","code":"refused","message":"no"}', ERROR],
    ['{"type":"error","id":5,"code":"unauthorized","message":"no"}', ERROR],
    ["nothing", NOT_JSON],
    ["null", 8],
    ['{"type":"welcome"}', FIELD_MISSING],
  ] as const) {
    assert.deepEqual(told(readShared, frame), told(read, frame), frame);
    assert.equal(told(readShared, frame)[0]?.[1], kind, frame);
  }
});

test("over a shared connection the rest passes as it came, with what its head says", () => {
  const none = { slots: [], epoch: undefined, id: undefined, tabs: undefined, group: undefined };
  for (const [frame, head] of [
    ['{"type":"message"}\n1', { type: "message" }],
    ['{"type":"message","group":"tea"}\n1', { type: "message", group: "tea" }],
    ['{"type":"message","as":[1,"2",3]}\n1', { type: "message", as: [1, "2", 3], slots: [1, 3] }],
    ['{"type":"ack","as":2,"id":9}', { type: "ack", as: 2, slots: [2], id: 9 }],
    ['{"type":"ack","as":null,"id":-9}', { type: "ack", as: null }],
    [`{"type":"ack","id":${BEFORE_OTHERS + 1}}`, { type: "ack", id: BEFORE_OTHERS + 1 }],
    [
      '{"type":"attached","as":2,"epoch":"e"}',
      { type: "attached", as: 2, slots: [2], epoch: "e" },
    ],
    ['{"type":"attached","as":2,"epoch":5}', { type: "attached", as: 2, slots: [2] }],
    [
      '{"type":"error","group":"tea","code":"refused","message":"no"}',
      { type: "error", group: "tea", code: "refused", message: "no" },
    ],
    ['{"type":"message","group":5}\n1', { type: "message" }],
    ['{"as":1}', { type: "undefined", as: 1, slots: [1] }],
  ] as const) {
    for (const data of [frame, bytes(frame).buffer]) {
      const expected = { ...none, ...head, frame: data };
      assert.deepEqual(told(readShared, data), [[7, MESSAGE, expected, frame.length]], frame);
    }
  }
});

test("the welcome is told to the connection and to those who share it", () => {
  const welcome = {
    type: "welcome",
    connectionId: "c",
    user: "ada",
    pingIntervalMs: 25_000,
    maxMessageBytes: 100,
  };
  for (const [tabs, counted] of [
    [undefined, undefined],
    [64, 64],
    [-1, undefined],
    [2 ** 16, 2 ** 16 - 1],
  ]) {
    const frame = JSON.stringify({ ...welcome, tabs, epoch: "e" });
    const [first, second, ...more] = told(readShared, frame);

    assert.deepEqual(more, []);
    assert.equal(first?.[1], WELCOME);
    assert.equal(second?.[1], MESSAGE);
    const { type, connectionId, tabs: taken, slots } = (second?.[2] ?? {}) as Record<string, unknown>;
    assert.deepEqual([type, connectionId, taken, slots], ["welcome", "c", counted, []]);
  }
});
