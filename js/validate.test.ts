import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import {
  closeFault,
  groupFault,
  payloadBytes,
  readPublishable,
  readSendable,
} from "./validate.js";
import type { Sendable } from "./types.js";

test("the name of a group is 1 to 128 bytes without control characters", () => {
  for (const good of [
    "tea",
    "room/1 – ünïcode",
    "x".repeat(128),
    "é".repeat(64),
    "😀".repeat(32),
  ]) {
    assert.equal(groupFault(good), undefined, good);
  }
  const bad = [
    "",
    "a\nb",
    "\u007f",
    "\u0085",
    "\ud83d",
    "x".repeat(129),
    "é".repeat(65),
    7,
    null,
    undefined,
  ];
  for (const group of bad) {
    assert.equal(groupFault(group)?.code, "invalid-message", JSON.stringify(group));
  }
});

test("a close has a code and a reason that browsers allow", () => {
  const good: [unknown, unknown][] = [
    [undefined, undefined],
    [undefined, "bye"],
    [1000, ""],
    [3000, "x".repeat(123)],
    [4999, "é".repeat(61)],
  ];
  for (const [code, reason] of good) assert.equal(closeFault(code, reason), undefined);

  for (const code of [0, 999, 1001, 1005, 2999, 5000, 3000.5, NaN, "1000", null]) {
    assert.equal(closeFault(code, undefined)?.code, "invalid-options", String(code));
  }
  for (const reason of ["x".repeat(124), "é".repeat(62), 5, null]) {
    assert.equal(closeFault(1000, reason)?.code, "invalid-options", String(reason));
  }
});

test("text and buffers can be sent, and of a view its own range", () => {
  const buffer = new Uint8Array([0, 1, 2, 3, 4, 5]).buffer;

  assert.equal(readSendable("text"), "text");
  assert.deepEqual(readSendable(buffer), new Uint8Array([0, 1, 2, 3, 4, 5]));
  assert.deepEqual(readSendable(new Uint8Array(buffer, 2, 3)), new Uint8Array([2, 3, 4]));
  assert.deepEqual(readSendable(new DataView(buffer, 4)), new Uint8Array([4, 5]));
  assert.deepEqual(readSendable(new Uint16Array([0x0101])), new Uint8Array([1, 1]));
  assert.deepEqual(readSendable(new ArrayBuffer(0)), new Uint8Array());
});

test("a buffer from another frame can be sent", () => {
  const foreign = runInNewContext("new Uint8Array([7, 8]).buffer") as ArrayBuffer;

  assert.equal(foreign instanceof ArrayBuffer, false);
  assert.deepEqual(readSendable(foreign), new Uint8Array([7, 8]));
});

test("what is neither text nor a buffer, and shared memory, is refused", () => {
  const shared = new SharedArrayBuffer(4);
  const refused = [
    undefined,
    null,
    1,
    {},
    [1],
    new Blob(["x"]),
    shared,
    new Uint8Array(shared),
    new DataView(shared),
  ];
  for (const data of refused) {
    assert.throws(() => readSendable(data as Sendable), {
      name: "OneSocketError",
      code: "invalid-message",
    });
  }
});

test("a text, bytes and what has JSON can be published, each in its own form", () => {
  assert.equal(readPublishable("ü"), "ü");
  const bytes = new Uint8Array([1, 2, 3]);
  assert.deepEqual(readPublishable(bytes.subarray(1)), new Uint8Array([2, 3]));
  assert.deepEqual(readPublishable(bytes.buffer), bytes);
  assert.deepEqual(readPublishable({ a: [1, null, "ü"] }), { json: '{"a":[1,null,"ü"]}' });
  assert.deepEqual(readPublishable(null), { json: "null" });
  assert.deepEqual(readPublishable(new Date(0)), { json: '"1970-01-01T00:00:00.000Z"' });
  assert.deepEqual(readPublishable([new URL("https://example.com/")]), {
    json: '["https://example.com/"]',
  });
});

test("what JSON cannot carry is refused, inside another value too", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  const throwing = {
    toJSON() {
      throw new Error("no");
    },
  };
  for (const data of [undefined, () => {}, Symbol("x"), 1n, cyclic, throwing]) {
    assert.throws(() => readPublishable(data), { name: "OneSocketError", code: "invalid-message" });
  }
  const lost = {
    Blob: new Blob(["x"]),
    Map: new Map(),
    Set: new Set(),
    ArrayBuffer: new ArrayBuffer(1),
    view: new Uint8Array(1),
  };
  for (const [kind, value] of Object.entries(lost)) {
    assert.throws(() => readPublishable({ a: [{ b: value }] }), {
      code: "invalid-message",
      message: new RegExp(`cannot carry the ${kind} inside`),
    });
  }
  for (const data of [lost.Blob, lost.Map]) {
    assert.throws(() => readPublishable(data), { code: "invalid-message" });
  }
  assert.throws(() => readPublishable(new SharedArrayBuffer(1)), { code: "invalid-message" });
});

test("the bytes of a payload are those on the wire", () => {
  assert.equal(payloadBytes("ü"), 2);
  assert.equal(payloadBytes({ json: '"ü"' }), 4);
  assert.equal(payloadBytes(new Uint8Array(3)), 3);
  assert.equal(payloadBytes("ü".repeat(5000)), 10_000);
});

test("each kind of object that JSON would lose is named", () => {
  const lossy = {
    Blob: new Blob([]),
    Map: new Map(),
    Set: new Set(),
    WeakMap: new WeakMap(),
    WeakSet: new WeakSet(),
    ArrayBuffer: new ArrayBuffer(1),
    SharedArrayBuffer: new SharedArrayBuffer(1),
    File: Object.defineProperty({}, Symbol.toStringTag, { value: "File" }),
    view: new DataView(new ArrayBuffer(1)),
  };
  for (const [kind, value] of Object.entries(lossy)) {
    const message = new RegExp(
      `JSON cannot carry the ${kind} inside this message\\. Publish an ArrayBuffer or a view of one by ` +
        "itself, and write everything else as strings, numbers, arrays and plain objects\\.$",
    );
    assert.throws(() => readPublishable({ inside: [value] }), { code: "invalid-message", message });
  }
  assert.deepEqual(readPublishable({ text: "a", no: null, yes: true }), {
    json: '{"text":"a","no":null,"yes":true}',
  });
});

test("what cannot be written at all says why, and keeps the cause", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  for (const value of [loop, 5n]) {
    assert.throws(() => readPublishable(value), (error: Error) => {
      assert.match(error.message, /takes what JSON\.stringify\(\) can write: no cycles, no BigInt\.$/);
      return error.cause instanceof TypeError;
    });
  }
  for (const value of [undefined, () => 5, Symbol("x")]) {
    assert.throws(() => readPublishable(value), { message: /Publish null instead\.$/ });
  }
  assert.throws(() => readSendable({} as never), {
    message: /^send\(\) takes a string, an ArrayBuffer or a view of one, and no shared .*JSON\.stringify\(\), a Blob /,
  });
});

test("a code that is no number is no code", () => {
  assert.notEqual(closeFault("3000" as never, undefined), undefined);
  assert.equal(closeFault(3000, undefined), undefined);
});
