import assert from "node:assert/strict";
import { test } from "node:test";

import { fitsUtf8, utf8Length } from "./utf8.js";

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
