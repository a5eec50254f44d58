import assert from "node:assert/strict";
import { test } from "node:test";

import { coreClass, decode } from "./wasm.js";
import { FREQUENT, TEXT } from "./wasm/bytes.js";

test("bytes are read as they are written: one letter for a frequent one, two for a rare one", () => {
  // The 88 bytes from 0x80 are frequent.
  const frequent = Array.from({ length: 88 }, (_, at) => (0x80 + at).toString(16)).join("");

  assert.deepEqual([...decode("#$[", frequent)], [0x80, 0x81, 0x80 + 56]);
  assert.deepEqual([...decode("]^_", frequent)], [0x80 + 57, 0x80 + 58, 0x80 + 59]);
  assert.deepEqual([...decode("a|", frequent)], [0x80 + 60, 0x80 + 87]);
  assert.deepEqual([...decode("}#}$~#", frequent)], [0, 1, 88]);
  assert.deepEqual([...decode("~t", frequent)], [0xff]);
  assert.deepEqual([...decode("", frequent)], []);
});

test("what is in the script is a wasm module, in printable ASCII that needs no escape", () => {
  assert.match(TEXT, /^[#-~]+$/);
  assert.doesNotMatch(TEXT, /[\\`]/);
  assert.deepEqual([...decode(TEXT, FREQUENT).slice(0, 8)], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
});

test("the instance is made once", () => {
  assert.equal(coreClass(), coreClass());
});
