//! The glue of wasm-bindgen, without what fetches the wasm, and shorter: 0.2 KB of what a page loads,
//! compressed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Passes a text, in a way of its own where it is ASCII, and another way where there is no allocator.
const PASS: &str = "function passStringToWasm0(";
const AFTER_PASS: &str = "function takeFromExternrefTable0(";
/// Reads and writes texts, which `codec.js` does also where there is no `TextDecoder`: so importing makes
/// nothing.
const DECODER: &str = "let cachedTextDecoder = ";
/// Makes the instance, and before that fetches the wasm.
const LENGTH: &str = "let WASM_VECTOR_LEN = 0;";

/// Stands for all of these.
const OURS: &str = "\
function passStringToWasm0(text) {
    const bytes = encode(text);
    const ptr = wasm.__wbindgen_malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}

function returnString(at, text, ptr = passStringToWasm0(text)) {
    getDataViewMemory0().setInt32(at, ptr, true);
    getDataViewMemory0().setInt32(at + 4, WASM_VECTOR_LEN, true);
}

function decodeText(ptr, len) {
    return decode(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}

let WASM_VECTOR_LEN = 0;
let wasm;

/** Makes the instance. */
export function start(module) {
    wasm = new WebAssembly.Instance(module, __wbg_get_imports()).exports;
    wasm.__wbindgen_start();
}
";

/// What each call passes that has to do with a text.
const ALLOCATORS: &str = ", wasm.__wbindgen_malloc, wasm.__wbindgen_realloc)";

/// How a function returns its text, which it has for certain or perhaps.
const RETURNS: [&str; 2] = [
    "const ptr1 = passStringToWasm0(ret);
            const len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32(arg0 + 4 * 1, len1, true);
            getDataViewMemory0().setInt32(arg0 + 4 * 0, ptr1, true);",
    "var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret);
            var len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32(arg0 + 4 * 1, len1, true);
            getDataViewMemory0().setInt32(arg0 + 4 * 0, ptr1, true);",
];

/// How it does that with ours: one that has it for certain never returns nothing in its place.
const OUR_RETURNS: [&str; 2] =
    ["returnString(arg0, ret);", "returnString(arg0, ret, isLikeNone(ret) ? 0 : undefined);"];

/// Rewrites the glue, whose names are still those of wasm-bindgen.
///
/// # Errors
///
/// Returns an error if it is not what the pinned wasm-bindgen writes.
pub(super) fn shorten(path: &Path) -> Result<()> {
    let glue = fs::read_to_string(path).context("there is no glue")?;
    fs::write(path, shortened(&glue)?).context("cannot write the glue")
}

fn shortened(glue: &str) -> Result<String> {
    let known = [PASS, AFTER_PASS, DECODER, LENGTH];
    if known.iter().any(|start| glue.matches(start).count() != 1) {
        bail!("the glue is not what is known of the pinned wasm-bindgen");
    }
    let part = "the glue is in another order";
    let (before, rest) = glue.split_once(PASS).context(part)?;
    let (_, rest) = rest.split_once(AFTER_PASS).context(part)?;
    let (between, rest) = rest.split_once(DECODER).context(part)?;
    rest.contains(LENGTH).then_some(()).context(part)?;
    let mut glue = format!(
        "import {{ decode, encode }} from \"./codec.js\";\n{before}{AFTER_PASS}{between}{OURS}"
    )
    .replace(ALLOCATORS, ")");
    for (returns, ours) in RETURNS.into_iter().zip(OUR_RETURNS) {
        glue = glue.replace(returns, ours);
    }
    // Nobody declares one with `using`.
    let lines = glue.lines().filter(|line| !line.starts_with("if (Symbol.dispose) "));
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glue_passes_texts_in_our_way_and_fetches_nothing_and_another_glue_is_an_error() {
        let get = RETURNS.map(|returns| returns.replace("(ret)", &format!("(ret{ALLOCATORS}")));
        let glue = format!(
            "class Core {{}}\nif (Symbol.dispose) Core.prototype[Symbol.dispose] = 0;\n\
             const imports = {{\n {}\n {}\n}};\n\
             {PASS}arg, malloc, realloc) {{\n cachedTextEncoder.encodeInto(arg, view);\n}}\n\
             {AFTER_PASS}idx) {{\n}}\n\
             {DECODER}new TextDecoder();\nconst cachedTextEncoder = new TextEncoder();\n\
             {LENGTH}\nasync function __wbg_load(module) {{\n}}\nfunction initSync() {{}}\n",
            get[0], get[1]
        );
        let short = shortened(&glue).expect("it is like the glue");

        for kept in ["class Core {}", AFTER_PASS, "export function start"] {
            assert!(short.contains(kept), "no {kept} in {short}");
        }
        for gone in ["__wbg_load", "initSync", "TextDecoder", "TextEncoder", "dispose", "realloc"] {
            assert!(!short.contains(gone), "{gone} in {short}");
        }
        for ours in OUR_RETURNS {
            assert_eq!(short.matches(ours).count(), 1, "{short}");
        }
        assert!(shortened("class Core {}").is_err());
    }
}
