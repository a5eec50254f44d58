import assert from "node:assert/strict";
import { test } from "node:test";

import { fitsUtf8, utf8Length } from "./utf8.js";
import { decode, encode } from "./wasm/codec.js";

const TEXTS = [
  "",
  "ascii",
  "ünï",
  "漢字",
  "😀",
  "a😀b",
  "\ud83d",
  "\ude00\ud83d",
  "x\ud83dy",
  "\u07ff\u0800\uffff",
];

test("the length of a text is what the encoder would write", () => {
  const encoder = new TextEncoder();
  // Short, long, and too long for the scratch.
  const all = TEXTS.flatMap((text) => [text, text.repeat(50), text.repeat(2000)]);
  for (const text of all) {
    assert.equal(utf8Length(text), encoder.encode(text).length, JSON.stringify(text.slice(0, 20)));
  }
});

test("a text fits up to its very length", () => {
  for (const text of TEXTS) {
    const bytes = utf8Length(text);
    assert.equal(fitsUtf8(text, bytes), true, JSON.stringify(text));
    assert.equal(fitsUtf8(text, bytes - 1), false, JSON.stringify(text));
  }
});

test("each boundary of the encoding is met, alone and beside another unit", () => {
  const encoder = new TextEncoder();
  const units = [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff];
  for (const first of units) {
    for (const second of units) {
      const text = String.fromCharCode(first, second);
      assert.equal(utf8Length(text), encoder.encode(text).length, `${first} ${second}`);
    }
  }
});

test("short texts are counted here and long ones by the browser", (context) => {
  const into = context.mock.method(TextEncoder.prototype, "encodeInto");
  const whole = context.mock.method(TextEncoder.prototype, "encode");
  const calls = (length: number): number[] => {
    const before = [into.mock.callCount(), whole.mock.callCount()];
    assert.equal(utf8Length("ü".repeat(length)), 2 * length);
    return [into.mock.callCount(), whole.mock.callCount()].map((count, at) => count - (before[at] ?? 0));
  };

  assert.deepEqual([64, 65, 4096, 4097].map(calls), [[0, 0], [1, 0], [1, 0], [0, 1]]);
});

test("whether a text fits is looked at only where it may not", (context) => {
  const counted = context.mock.method(String.prototype, "charCodeAt");
  const looks = (text: string, limit: number): [boolean, boolean] => {
    const before = counted.mock.callCount();
    return [fitsUtf8(text, limit), counted.mock.callCount() > before];
  };

  assert.deepEqual(looks("abc", 2), [false, false]);
  assert.deepEqual(looks("abc", 9), [true, false]);
  assert.deepEqual(looks("abc", 8), [true, true]);
});

test("a text that begins with U+FEFF keeps it", () => {
  assert.equal(decode(encode("\ufefftea")), "\ufefftea");
});

test("where there is no encoder, as in Jest's jsdom, texts are written and read all the same", () => {
  const { TextDecoder: Decoder, TextEncoder: Encoder } = globalThis;
  const written = TEXTS.map((text) => new Encoder().encode(text.repeat(100)));
  const page = globalThis as { TextDecoder?: unknown; TextEncoder?: unknown };
  delete page.TextDecoder;
  delete page.TextEncoder;
  try {
    for (const [at, text] of TEXTS.entries()) {
      const bytes = written[at] as Uint8Array;
      assert.deepEqual(encode(text.repeat(100)), bytes);
      assert.equal(decode(bytes), new Decoder().decode(bytes));
      assert.equal(utf8Length(text.repeat(100)), bytes.length);
    }
  } finally {
    Object.assign(globalThis, { TextDecoder: Decoder, TextEncoder: Encoder });
  }
});
