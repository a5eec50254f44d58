/** Writes each block of MIGRATING.md, as the package has it, into a file of its own. */

import { readFileSync, writeFileSync } from "node:fs";

const text = readFileSync("node_modules/onesocket/MIGRATING.md", "utf8");
const blocks = [...text.matchAll(/^(Before|After):\n\n```(tsx?)\n(.*?)^```$/gms)];
if (blocks.length !== text.match(/^```tsx?$/gm)?.length) throw new Error("a block has no name");
const after = blocks.filter(([, name]) => name === "After");
if (after.length * 2 !== blocks.length) throw new Error("what was before has no after");
for (const [at, [, name, end, code]] of blocks.entries()) {
  // A file that imports is a module: what two of them declare is not the same.
  writeFileSync(`block-${at}-${name.toLowerCase()}.${end}`, code);
}
