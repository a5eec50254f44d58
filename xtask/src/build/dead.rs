//! The wasm without what is dead in it, and not for a compiler to see: 1 KB of what a page loads, compressed.
//!
//! - The functions that call the closures that nobody makes. js-sys describes to wasm-bindgen each kind of
//!   closure that a function of JavaScript's takes, with a function that calls one. wasm-bindgen takes the
//!   descriptions away, and the table keeps the functions. No wasm calls one: JavaScript does, by an export.
//! - What a panic says before it ends in a trap: a browser has nowhere to write it.

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

/// What stands in the names of the functions in which a panic begins, and of those that it comes through.
const PANICS: [&str; 3] = ["::panicking::", "::cell::panic_already_borrowed", "::BorrowMutError "];

/// Takes both out of a wasm that still has its names.
///
/// # Errors
///
/// Returns an error if a tool fails, or if the wasm has no such function: wasm-bindgen or the compiler then
/// writes something else, and this has to follow.
pub(super) fn drop(setup: &Setup, wasm: &Path) -> Result<()> {
    let mut wasm_dis = setup.project.npm_tool("wasm-dis");
    let text = process::output(wasm_dis.arg("--all-features").arg(wasm), LIMIT)?;
    let cut = wasm.with_extension("wat");
    fs::write(&cut, trapping(&without_callers(&text)?)?)
        .context("cannot write the wasm as a text")?;
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

/// Leaves of the functions of a panic only the trap.
fn trapping(text: &str) -> Result<String> {
    let (mut kept, mut is_inside, mut found) = (String::new(), false, [false; PANICS.len()]);
    for line in text.lines() {
        is_inside &= line != " )";
        if is_inside {
            continue;
        }
        kept.extend([line, "\n"]);
        if !line.starts_with(" (func ") {
            continue;
        }
        if let Some(at) = PANICS.iter().position(|panic| line.contains(panic)) {
            kept.push_str("  (unreachable)\n");
            (is_inside, found[at]) = (true, true);
        }
    }
    if found.contains(&false) {
        bail!("the wasm does not panic as is known: it has not all of {}", PANICS.join(", "));
    }
    Ok(kept)
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
    fn a_panic_is_a_trap_and_what_it_said_is_gone() {
        let panics = PANICS.map(|panic| format!(" (func $\"{panic}\" (param $0 i32)\n"));
        let text = format!(
            "(module\n{0}  (call $say)\n )\n{1}  (call $say)\n )\n{2}  (call $say)\n )\n (func $kept\n  (nop)\n )\n)\n",
            panics[0], panics[1], panics[2]
        );
        let expected = text.replace("(call $say)", "(unreachable)");

        assert_eq!(trapping(&text).ok(), Some(expected));
        assert!(trapping("(module\n (func $kept\n  (nop)\n )\n)").is_err());
    }

    #[test]
    fn a_table_without_one_is_an_error() {
        assert!(without_callers("(module\n (elem $0 (i32.const 1) func $c)\n)").is_err());
        assert!(without_callers("(module)").is_err());
    }
}
