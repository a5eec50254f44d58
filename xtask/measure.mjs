// Prints what a file weighs, raw and as servers send it. A wasm is compiled too, which throws if
// engines would reject it, and its imports are listed.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const file = process.argv[2];
const bytes = readFileSync(file);
const answer = {
  raw: bytes.length,
  gzip: gzipSync(bytes, { level: 9 }).length,
  brotli: brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  }).length,
};
if (file.endsWith(".wasm")) {
  const module = await WebAssembly.compile(bytes);
  answer.imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module} ${name}`);
}
console.log(JSON.stringify(answer));
