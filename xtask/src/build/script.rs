//! The wasm as a script: its bytes in a module of JavaScript, and glue that fetches nothing.
//!
//! So the package has no file that a bundler, a server or a worker has to find, and the machine is
//! made in the same turn in which it is needed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The characters of the text, in order: printable ASCII that needs no escape in a string of any kind,
/// and that no bundler writes in another way. `js/wasm.ts` reads it.
fn alphabet() -> impl Iterator<Item = u8> {
    (b'#'..=b'|').filter(|letter| *letter != b'\\' && *letter != b'`')
}

/// Each says that the letter after it stands for a rare byte: one of the first, or of the rest.
const RARE: [char; 2] = ['}', '~'];

/// Writes the module with the bytes, and cuts from the glue what fetches them.
///
/// # Errors
///
/// Returns an error if the glue is not what the pinned wasm-bindgen writes.
pub(super) fn write(folder: &Path) -> Result<()> {
    let path = |name: &str| folder.join(name);
    let wasm = fs::read(path("onesocket_bg.wasm")).context("there is no wasm")?;
    let write = |name: &str, text: String| {
        fs::write(path(name), text).with_context(|| format!("cannot write {name}"))
    };
    write("bytes.js", module(&wasm))?;
    write(
        "bytes.d.ts",
        "/** The frequent bytes, in hexadecimal. */\nexport declare const FREQUENT: string;\n\
         /** The wasm: see `wasm.ts`. */\nexport declare const TEXT: string;\n"
            .to_owned(),
    )?;
    write(
        "codec.d.ts",
        "/** Returns a text in UTF-8. */\nexport declare function encode(text: string): Uint8Array;\n\
         /** Returns the text of UTF-8. */\nexport declare function decode(bytes: Uint8Array): string;\n"
            .to_owned(),
    )?;
    let mut glue = fs::read_to_string(path("onesocket.js")).context("there is no glue")?;
    // The shell's own JavaScript, which is in a folder with a hash in its name.
    for from in fs::read_dir(path("snippets")).context("there are no snippets")? {
        let from = from?;
        for file in fs::read_dir(from.path().join("src"))? {
            let file = file?;
            fs::rename(file.path(), folder.join(file.file_name()))?;
        }
        glue = glue.replace(&format!("./snippets/{}/src/", from.file_name().display()), "./");
    }
    fs::remove_dir_all(path("snippets"))?;
    write("onesocket.js", synchronous(&glue)?)?;
    let types = fs::read_to_string(path("onesocket.d.ts")).context("there are no types")?;
    let (class, _) =
        types.split_once("export type InitInput").context("the types end elsewhere")?;
    write(
        "onesocket.d.ts",
        format!(
            "{class}/** Makes the instance. */\n\
             export declare function start(module: WebAssembly.Module): void;\n"
        ),
    )?;
    // The types of what is inside the glue.
    fs::remove_file(path("onesocket_bg.wasm.d.ts")).context("cannot remove the types of the wasm")
}

/// Writes the module with the bytes. A frequent byte is one letter and a rare one two: after
/// compression 3 % more than the bytes themselves, where base64 is 24 % more.
fn module(wasm: &[u8]) -> String {
    let mut counts = [0_usize; 256];
    for byte in wasm {
        counts[usize::from(*byte)] += 1;
    }
    let letters: Vec<char> = alphabet().map(char::from).collect();
    let mut by_count: Vec<u8> = (0..=255).collect();
    by_count.sort_by_key(|byte| std::cmp::Reverse(counts[usize::from(*byte)]));
    let (frequent, rare) = by_count.split_at_mut(letters.len());
    frequent.sort_unstable();
    rare.sort_unstable();
    let mut code = vec![String::new(); 256];
    for (byte, letter) in frequent.iter().zip(&letters) {
        code[usize::from(*byte)].push(*letter);
    }
    for (at, byte) in rare.iter().enumerate() {
        code[usize::from(*byte)].extend([RARE[at / letters.len()], letters[at % letters.len()]]);
    }
    let mut text = String::from("export const FREQUENT =\n  \"");
    for byte in &*frequent {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push_str("\";\nexport const TEXT =\n  \"");
    text.extend(wasm.iter().map(|byte| code[usize::from(*byte)].as_str()));
    text.push_str("\";\n");
    text
}

/// Leaves of the glue only what makes an instance out of a module, and has its texts read and written
/// by `codec.js`, which does that also where there is no `TextDecoder`: so importing makes nothing.
fn synchronous(glue: &str) -> Result<String> {
    const LOAD: &str = "async function __wbg_load";
    const FIRST: &str = "function __wbg_finalize_init(instance, module)";
    const DECODER: &str = "let cachedTextDecoder = ";
    const ENCODER: &str = "const cachedTextEncoder = ";
    const LENGTH: &str = "let WASM_VECTOR_LEN = 0;";
    const ENCODING: &str = "cachedTextEncoder.encodeInto(arg, view)";
    let known = [LOAD, FIRST, DECODER, ENCODER, LENGTH, ENCODING];
    if known.iter().any(|start| glue.matches(start).count() != 1) {
        bail!("the glue is not what is known of the pinned wasm-bindgen");
    }
    let part = "the glue is in another order";
    let (before, _) = glue.split_once(DECODER).context(part)?;
    let (_, after) = glue.split_once(LENGTH).context(part)?;
    let (between, _) = after.split_once(LOAD).context(part)?;
    let before = before.replace(ENCODING, "encodeInto(arg, view)");
    let before = before.replace("cachedTextEncoder.encode(arg)", "encode(arg)");
    let kept = format!(
        "import {{ decode, encode }} from \"./codec.js\";\n{before}\
         function encodeInto(text, view) {{\n    \
         const bytes = encode(text);\n    \
         view.set(bytes);\n    \
         return {{ written: bytes.length }};\n\
         }}\n\n\
         function decodeText(ptr, len) {{\n    \
         return decode(getUint8ArrayMemory0().subarray(ptr, ptr + len));\n\
         }}\n\n\
         {LENGTH}{between}"
    );
    Ok(format!(
        "{kept}/** Makes the instance. */\n\
         export function start(module) {{\n    \
         __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports()), module);\n\
         }}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_code_of_its_own_and_frequent_ones_one_letter() {
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.extend([0, 0, 255, 255]);
        let text = module(&bytes);
        let (_, text) = text.split_once("TEXT =\n  \"").expect("it has the text");
        let text = text.trim_end_matches("\";\n");

        let letters = alphabet().count();
        assert_eq!(text.len(), letters + 2 * (256 - letters) + 4);
        assert!(text.bytes().all(|byte| (b'#'..=b'~').contains(&byte) && byte != b'\\'));
        assert!(text.ends_with("##||"), "{text}");
    }

    #[test]
    fn the_glue_is_cut_where_loading_begins_and_another_glue_is_an_error() {
        let glue = "class Core {}\nfunction pass() {\n cachedTextEncoder.encodeInto(arg, view);\n}\n\
                    let cachedTextDecoder = new TextDecoder();\n\
                    const cachedTextEncoder = new TextEncoder();\nlet WASM_VECTOR_LEN = 0;\n\
                    function __wbg_finalize_init(instance, module) {\n}\n\
                    async function __wbg_load(module) {\n}\nfunction initSync() {}\n";
        let cut = synchronous(glue).expect("it is like the glue");

        assert!(cut.contains("class Core {}") && cut.contains("export function start"));
        for gone in ["__wbg_load", "initSync", "TextDecoder", "TextEncoder"] {
            assert!(!cut.contains(gone), "{gone} in {cut}");
        }
        assert!(synchronous("class Core {}").is_err());
    }
}
