/** Copies of bytes, and their memory. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { copied, reuse } from "./copies.js";

test("a copy has its own memory, with room for a head before it", () => {
  const bytes = new Uint8Array([1, 2]);
  const copy = copied(bytes.subarray(1));
  bytes[1] = 9;

  assert.deepEqual(copy, new Uint8Array([2]));
  assert.ok(copy.byteOffset >= 180);
});

test("memory that was given back is used once more for as many bytes, not for others", () => {
  const [first, second] = [copied(new Uint8Array([1, 2, 3])), copied(new Uint8Array([4, 5, 6]))];
  reuse(first);
  reuse(second);

  const other = copied(new Uint8Array(2));
  const again = copied(new Uint8Array([7, 8, 9]));
  const last = copied(new Uint8Array([0, 0, 1]));
  assert.equal(again.buffer, second.buffer);
  assert.equal(last.buffer, first.buffer);
  assert.deepEqual([again, last], [new Uint8Array([7, 8, 9]), new Uint8Array([0, 0, 1])]);
  const fresh = copied(new Uint8Array(3));
  assert.ok(![other.buffer, again.buffer, last.buffer].includes(fresh.buffer));
});

test("of much memory that was given back the newest 16 pieces are kept", () => {
  const copies = Array.from({ length: 20 }, () => copied(new Uint8Array(5)));
  copies.forEach(reuse);

  const memory = copies.map(({ buffer }) => buffer);
  const again = copies.map(() => copied(new Uint8Array(5)).buffer).map((buffer) => memory.indexOf(buffer));
  assert.deepEqual(again, [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, -1, -1, -1, -1]);
});
