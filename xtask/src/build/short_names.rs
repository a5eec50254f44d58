//! Short names for what the wasm imports and exports: those that wasm-bindgen writes are 3 KB of what
//! a page loads, compressed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::LIMIT;
use crate::process;
use crate::setup::Setup;

/// What wasm-bindgen calls the module with its own imports, and how the list of modules begins.
const GLUE: &str = "./onesocket_bg.js";
const MODULES: &str = "    return {\n        __proto__: null,\n";

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
    wasm_opt.args(super::FEATURES);
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
    // wasm-opt puts all of them into one module, which it calls `a`.
    let mut members = String::new();
    for (module, name, short) in &renamed.imports {
        if module == GLUE {
            replace(&mut glue, &format!("        {name}: "), &format!("        {short}: "), name)?;
            continue;
        }
        // A function of the shell's own JavaScript, which the glue does not wrap.
        let object = glue.split(&format!("\"{module}\": ")).nth(1);
        let object = object.and_then(|rest| rest.split(',').next());
        let object = object.with_context(|| format!("the glue does not import {module}"))?;
        members += &format!(", {short}: {object}.{name}");
    }
    let (before, rest) = glue.split_once(MODULES).context("the glue has no imports")?;
    let (_, after) = rest.split_once("    };").context("its imports do not end")?;
    glue = format!("{before}    return {{ a: {{ ...import0{members} }} }};{after}");
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
        let import =
            |module: &str, name: &str, short: &str| (module.into(), name.into(), short.into());
        Renamed {
            imports: vec![
                import(GLUE, "__wbg_now_1f", "b"),
                import(GLUE, "__wbg_now_1f2", "c"),
                import("./snippets/x/page.js", "isOffline", "d"),
            ],
            exports: vec![
                ("core_token".into(), "d".into()),
                ("core_tokenLater".into(), "e".into()),
            ],
        }
    }

    const GLUE_TEXT: &str = "        __wbg_now_1f: function() {\n        __wbg_now_1f2: function() {\n    \
        return {\n        __proto__: null,\n        \"./onesocket_bg.js\": import0,\n        \
        \"./snippets/x/page.js\": import1,\n    };\n\
        wasm.core_token(1); wasm.core_tokenLater(2); core_token";

    #[test]
    fn imports_and_exports_are_renamed_and_nothing_else() {
        let expected = "        b: function() {\n        c: function() {\n    \
                        return { a: { ...import0, d: import1.isOffline } };\n\
                        wasm.d(1); wasm.e(2); core_token";

        assert_eq!(rename(GLUE_TEXT, &renamed()).ok().as_deref(), Some(expected));
    }

    #[test]
    fn an_import_that_the_glue_does_not_have_is_an_error() {
        for gone in ["__wbg_now_1f:", "\"./snippets/x/page.js\""] {
            assert!(rename(&GLUE_TEXT.replace(gone, ""), &renamed()).is_err(), "{gone}");
        }
    }
}
