// Looks for a better order of `LETTERED` in `src/build/script.rs`, which says what it is for, and prints the
// best of some runs: a minute, for when the wasm has become another. Any order is right; how large a page
// is with it, `cargo xtask check wasm` says.
import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const LETTERS = [..."#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|"];
const RARE = ["}", "~"];
/** What brotli sees of the letter before one, and of the letter before that (RFC 7932, 7.1, UTF8). */
const KINDS = [/[(<[{]/, /[)>\]}]/, /[,:;]/, /'/, /%/, /\./, /=/, /\d/, /[AEIOU]/, /[A-Z]/, /[aeiou]/, /[a-z]/, /./];
const KINDS_BEFORE = [/[\dA-Z]/, /[a-z]/, /./];
const RUNS = 6;
const SWAPS = 60_000;
/** How much larger a swap may make it in the beginning, in bits; in the end it may not. */
const HEAT = 100;

const wasm = readFileSync("pkg/wasm/onesocket_bg.wasm");
const counts = new Uint32Array(256);
for (const byte of wasm) counts[byte] += 1;
const bytes = [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
const frequent = bytes.slice(0, LETTERS.length);
const rare = bytes.slice(LETTERS.length).sort((a, b) => a - b);

// The text as numbers: a frequent byte is its own, each letter of a rare one is known, and stands above.
const known = [...LETTERS, ...RARE];
const codes = new Map(frequent.map((byte) => [byte, [byte]]));
rare.forEach((byte, at) => {
  const letters = [LETTERS.length + Math.floor(at / LETTERS.length), at % LETTERS.length];
  codes.set(byte, letters.map((letter) => 256 + letter));
});
const text = [...wasm].flatMap((byte) => codes.get(byte));
// Of what stands there again only the first counts: brotli copies the others.
const windows = text.slice(3).map((_, at) => text.slice(at, at + 4));
const triples = new Uint16Array([...new Map(windows.map((four) => [four.join(), four.slice(1)])).values()].flat());

/** The logarithms of the factorials. */
const factorials = new Float64Array(triples.length + known.length);
for (let n = 1; n < factorials.length; n++) factorials[n] = factorials[n - 1] + Math.log2(n);

const kindOf = known.map((letter) => KINDS.findIndex((kind) => kind.test(letter)));
const kindBeforeOf = known.map((letter) => KINDS_BEFORE.findIndex((kind) => kind.test(letter)));
const letterOf = new Uint8Array(256 + known.length);
known.forEach((_, at) => (letterOf[256 + at] = at));

/** Returns the bits of all letters, where each is foretold by how often it stood behind the two kinds. */
function size() {
  const tally = new Uint16Array(KINDS.length * KINDS_BEFORE.length * known.length);
  for (let at = 0; at < triples.length; at += 3) {
    const before = kindBeforeOf[letterOf[triples[at]]];
    const context = kindOf[letterOf[triples[at + 1]]] * KINDS_BEFORE.length + before;
    tally[context * known.length + letterOf[triples[at + 2]]] += 1;
  }
  let bits = 0;
  for (let start = 0; start < tally.length; start += known.length) {
    let sum = 0;
    for (let at = start; at < start + known.length; at++) {
      sum += tally[at];
      bits -= factorials[tally[at]];
    }
    bits += factorials[sum + known.length - 1];
  }
  return bits;
}

/** Finds an order by swapping two letters again and again. */
function anneal() {
  frequent.forEach((byte, at) => (letterOf[byte] = at));
  let bits = size();
  for (let swap = 0; swap < SWAPS; swap++) {
    const [a, b] = [0, 0].map(() => frequent[Math.floor(Math.random() * frequent.length)]);
    [letterOf[a], letterOf[b]] = [letterOf[b], letterOf[a]];
    const next = size();
    if (next - bits < HEAT * (1 - swap / SWAPS) * -Math.log(Math.random())) bits = next;
    else [letterOf[a], letterOf[b]] = [letterOf[b], letterOf[a]];
  }
  const order = [...frequent].sort((a, b) => letterOf[a] - letterOf[b]);
  const written = text.map((code) => known[letterOf[code]]).join("");
  return { order, bytes: brotliCompressSync(Buffer.from(order).toString("hex") + written).length };
}

const found = Array.from({ length: RUNS }, anneal).sort((a, b) => a.bytes - b.bytes);
console.log(`compressed: ${found.map((run) => run.bytes).join(", ")} bytes`);
console.log(found[0].order.map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(", "));
