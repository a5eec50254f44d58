//! The table of the wasm, without the functions that call the closures that nobody makes.
//!
//! js-sys describes to wasm-bindgen each kind of closure that a function of JavaScript's takes, with a
//! function that calls one. wasm-bindgen takes the descriptions away, and the table keeps the functions:
//! 0.4 KB of what a page loads, compressed. No wasm calls one: JavaScript does, by an export.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::LIMIT;
use crate::process;
use crate::setup::Setup;

/// How the names of these functions begin.
const CALLER: &str = "$wasm_bindgen::convert::closures::_::invoke::";

/// Stands in their places.
const NOBODY: &str = "$nobody";

/// Takes them out of a wasm that still has its names.
///
/// # Errors
///
/// Returns an error if a tool fails, or if the wasm has no such function: wasm-bindgen then writes
/// something else, and this has to follow.
pub(super) fn drop_callers(setup: &Setup, wasm: &Path) -> Result<()> {
    let mut wasm_dis = setup.project.npm_tool("wasm-dis");
    let text = process::output(wasm_dis.arg("--all-features").arg(wasm), LIMIT)?;
    let cut = wasm.with_extension("wat");
    fs::write(&cut, without_callers(&text)?).context("cannot write the wasm as a text")?;
    let mut wasm_opt = setup.project.npm_tool("wasm-opt");
    wasm_opt.args(["-Oz", "--converge"]).args(super::FEATURES);
    process::run(wasm_opt.arg(&cut).arg("-o").arg(wasm), LIMIT)?;
    fs::remove_file(&cut).context("cannot remove the text of the wasm")
}

fn without_callers(text: &str) -> Result<String> {
    let (before, table) = text.split_once("\n (elem ").context("the wasm has no table")?;
    let (table, after) = table.split_once('\n').context("the table does not end")?;
    let mut callers = 0;
    let names = table.split(' ').map(|name| {
        let Some(caller) = name.strip_prefix(CALLER) else { return name.to_owned() };
        callers += 1;
        let end = if caller.ends_with(')') { ")" } else { "" };
        format!("{NOBODY}{end}")
    });
    let table: Vec<String> = names.collect();
    if callers == 0 {
        bail!("there is no {CALLER} in the table of the wasm");
    }
    // One that is called all the same is an error at once.
    let nobody = format!(" (func {NOBODY} (unreachable))");
    Ok(format!("{before}\n (elem {}\n{nobody}\n{after}", table.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callers_of_closures_leave_the_table() {
        let text = format!(
            "(module\n (elem $0 (i32.const 1) func $\"a b\" {CALLER}h1 $c {CALLER}h2)\n (func {CALLER}h1)\n)"
        );
        let expected = format!(
            "(module\n (elem $0 (i32.const 1) func $\"a b\" $nobody $c $nobody)\n \
             (func $nobody (unreachable))\n (func {CALLER}h1)\n)"
        );

        assert_eq!(without_callers(&text).ok(), Some(expected));
    }

    #[test]
    fn a_table_without_one_is_an_error() {
        assert!(without_callers("(module\n (elem $0 (i32.const 1) func $c)\n)").is_err());
        assert!(without_callers("(module)").is_err());
    }
}
