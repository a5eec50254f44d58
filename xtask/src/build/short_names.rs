//! Short names for what the wasm imports and exports: those that wasm-bindgen writes are 3 KB of what
//! a page loads, compressed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::LIMIT;
use crate::process;
use crate::setup::Setup;

/// What wasm-opt says of the names that it has given.
struct Renamed {
    /// A module, a name, and the new name.
    imports: Vec<(String, String, String)>,
    /// A name and the new name.
    exports: Vec<(String, String)>,
}

/// Renames in the wasm, and in the glue that names the same things.
///
/// # Errors
///
/// Returns an error if wasm-opt fails, or if the glue names something in a way that is not known.
pub(super) fn give(setup: &Setup, wasm: &Path, glue: &Path) -> Result<()> {
    let mut wasm_opt = setup.project.npm_tool("wasm-opt");
    wasm_opt.args(["--enable-reference-types", "--enable-bulk-memory", "--enable-multivalue"]);
    wasm_opt.args(["--enable-nontrapping-float-to-int", "--enable-sign-ext"]);
    wasm_opt.args(["--strip-producers", "--strip-target-features"]);
    wasm_opt.args(["--minify-imports-and-exports-and-modules"]);
    let map = process::output(wasm_opt.arg(wasm).arg("-o").arg(wasm), LIMIT)?;
    let mut map: Value = serde_json::from_str(&map).context("wasm-opt lists no names")?;
    let renamed = Renamed {
        imports: serde_json::from_value(map["imports"].take())?,
        exports: serde_json::from_value(map["exports"].take())?,
    };
    let text = fs::read_to_string(glue).context("cannot read the glue")?;
    fs::write(glue, rename(&text, &renamed)?).context("cannot write the glue")
}

fn rename(glue: &str, renamed: &Renamed) -> Result<String> {
    let mut glue = glue.to_owned();
    for (_, name, short) in &renamed.imports {
        replace(&mut glue, &format!("        {name}: "), &format!("        {short}: "), name)?;
    }
    // All of them are in the one module that wasm-opt calls `a`.
    let module = renamed.imports.first().map_or("", |(module, ..)| module);
    replace(&mut glue, &format!("\"{module}\": "), "a: ", module)?;
    // The longest first: one may begin with another.
    let mut exports: Vec<_> = renamed.exports.iter().collect();
    exports.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, short) in exports {
        glue = glue.replace(&format!("wasm.{name}"), &format!("wasm.{short}"));
    }
    Ok(glue)
}

/// Replaces what stands once.
fn replace(text: &mut String, from: &str, to: &str, name: &str) -> Result<()> {
    if text.matches(from).count() != 1 {
        bail!("the glue does not name {name} once");
    }
    *text = text.replacen(from, to, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed() -> Renamed {
        let import = |name: &str, short: &str| ("./m.js".to_owned(), name.into(), short.into());
        Renamed {
            imports: vec![import("__wbg_now_1f", "b"), import("__wbg_now_1f2", "c")],
            exports: vec![
                ("core_token".into(), "d".into()),
                ("core_tokenLater".into(), "e".into()),
            ],
        }
    }

    #[test]
    fn imports_exports_and_the_module_are_renamed_and_nothing_else() {
        let glue = "        __wbg_now_1f: function() {\n        __wbg_now_1f2: function() {\n\
                    \"./m.js\": import0,\nwasm.core_token(1); wasm.core_tokenLater(2); core_token";
        let expected = "        b: function() {\n        c: function() {\n\
                        a: import0,\nwasm.d(1); wasm.e(2); core_token";

        assert_eq!(rename(glue, &renamed()).ok().as_deref(), Some(expected));
    }

    #[test]
    fn an_import_that_the_glue_does_not_have_is_an_error() {
        let error = rename("\"./m.js\": import0", &renamed()).err();

        assert!(error.is_some_and(|error| error.to_string().contains("__wbg_now_1f")));
    }
}
