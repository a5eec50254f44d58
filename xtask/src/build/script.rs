//! The wasm as a script: its bytes in a module of JavaScript.
//!
//! So the package has no file that a bundler, a server or a worker has to find, and the machine is
//! made in the same turn in which it is needed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The characters of the text, in order: printable ASCII that needs no escape in a string of any kind,
/// and that no bundler writes in another way. `js/wasm.ts` reads it.
fn alphabet() -> impl Iterator<Item = u8> {
    (b'#'..=b'|').filter(|letter| *letter != b'\\' && *letter != b'`')
}

/// The frequent bytes, in the order of their letters. brotli guesses a letter by the kinds of the two before
/// it (a digit, a vowel, a full stop, a bracket and so on), so bytes that foretell the same have letters of
/// one kind: 0.6 KB of what a page loads. `xtask/letters.mjs` looks for an order.
const LETTERED: [u8; 88] = [
    0x11, 0x0f, 0x00, 0x0e, 0x0b, 0x07, 0xff, 0x14, 0x0a, 0x01, 0x13, 0x0c, 0x24, 0x7f, 0x29, 0x28,
    0xad, 0x18, 0x40, 0x7e, 0x37, 0x38, 0x36, 0x05, 0x04, 0x03, 0x10, 0x60, 0x09, 0x25, 0x6a, 0x73,
    0x6f, 0x58, 0xa7, 0x3a, 0x74, 0x71, 0x6b, 0x1c, 0x50, 0x72, 0x6c, 0x47, 0x7c, 0x78, 0x70, 0x45,
    0x61, 0x65, 0x1b, 0x46, 0x30, 0x2d, 0x56, 0x52, 0x02, 0x48, 0x08, 0x23, 0x41, 0xaa, 0x88, 0xfc,
    0x42, 0x20, 0x0d, 0xf0, 0x84, 0x90, 0x21, 0xa0, 0x22, 0xf4, 0xe8, 0xf8, 0xb0, 0xb8, 0xc0, 0xd0,
    0x80, 0xe0, 0xc8, 0x9e, 0x98, 0xa8, 0x06, 0x12,
];

/// Each says that the letter after it stands for a rare byte: one of the first, or of the rest.
const RARE: [char; 2] = ['}', '~'];

/// Writes the module with the bytes, and puts the shell's own JavaScript beside it.
///
/// # Errors
///
/// Returns an error if something is not where the pinned wasm-bindgen writes it.
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
    write("onesocket.js", glue)?;
    let types = fs::read_to_string(path("onesocket.d.ts")).context("there are no types")?;
    let (class, _) =
        types.split_once("export type InitInput").context("the types end elsewhere")?;
    write(
        "onesocket.d.ts",
        format!(
            "{}/** Makes the instance. */\n\
             export declare function start(module: WebAssembly.Module): void;\n",
            class.replace("    [Symbol.dispose](): void;\n", "")
        ),
    )?;
    // The types of what is inside the glue.
    fs::remove_file(path("onesocket_bg.wasm.d.ts")).context("cannot remove the types of the wasm")
}

/// Writes the module with the bytes. A frequent byte is one letter and a rare one two: after
/// compression hardly more than the bytes themselves, where base64 is 24 % more.
fn module(wasm: &[u8]) -> String {
    let letters: Vec<char> = alphabet().map(char::from).collect();
    let mut code = vec![String::new(); 256];
    for (byte, letter) in LETTERED.iter().zip(&letters) {
        code[usize::from(*byte)].push(*letter);
    }
    for (at, byte) in (0..=u8::MAX).filter(|byte| !LETTERED.contains(byte)).enumerate() {
        code[usize::from(byte)].extend([RARE[at / letters.len()], letters[at % letters.len()]]);
    }
    let mut text = String::from("export const FREQUENT =\n  \"");
    for byte in LETTERED {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push_str("\";\nexport const TEXT =\n  \"");
    text.extend(wasm.iter().map(|byte| code[usize::from(*byte)].as_str()));
    text.push_str("\";\n");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_byte_has_a_code_of_its_own_and_frequent_ones_one_letter() {
        let text = |bytes: &[u8]| {
            let module = module(bytes);
            let (_, text) = module.split_once("TEXT =\n  \"").expect("it has the text");
            text.trim_end_matches("\";\n").to_owned()
        };
        let codes: Vec<String> = (0..=u8::MAX).map(|byte| text(&[byte])).collect();
        let all = codes.concat();

        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 256);
        assert_eq!(LETTERED.len(), alphabet().count());
        assert_eq!(all.len(), LETTERED.len() + 2 * (256 - LETTERED.len()));
        assert!(all.bytes().all(|byte| (b'#'..=b'~').contains(&byte) && byte != b'\\'));
        assert!(LETTERED.iter().all(|byte| text(&[*byte]).len() == 1));
    }
}
