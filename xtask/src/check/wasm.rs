//! The wasm: that engines take it, that it asks for nothing strange, and what it weighs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::LIMIT;
use crate::build;
use crate::process;
use crate::setup::Setup;

/// The ways in which a size is measured.
const WAYS: [&str; 3] = ["raw", "gzip", "brotli"];

/// Builds the package and weighs what a page has to load.
///
/// # Errors
///
/// Returns an error if the wasm is invalid, imports from `env`, or anything is over its budget.
pub(super) fn run(setup: &Setup) -> Result<()> {
    build::package(setup)?;
    let project = &setup.project;
    let scratch = project.scratch()?;
    let script = scratch.join("client.min.js");
    let client = build::modules(setup).join("client.js");
    minify(setup, &client, &script, &["--external:*/bytes.js"])?;
    let both = scratch.join("client_and_wasm.min.js");
    minify(setup, &project.path("pkg/client.js"), &both, &[])?;

    let mut files = vec![
        ("wasm".to_owned(), project.path("pkg/wasm/onesocket_bg.wasm")),
        ("JavaScript".to_owned(), script),
        ("both in one script".to_owned(), both),
    ];
    for entry in build::ENTRIES.into_iter().filter(|entry| *entry != "client") {
        let (from, to) = (scratch.join("with.js"), scratch.join(format!("with_{entry}.min.js")));
        let package = project.path("pkg");
        let line =
            |entry: &str| format!("export * as {entry} from '{}/{entry}.js';", package.display());
        fs::write(&from, line("client") + &line(entry)).context("cannot write a script")?;
        minify(setup, &from, &to, &["--external:react"])?;
        files.push((format!("both with {entry}"), to));
    }
    let budgets = fs::read_to_string(project.path("xtask/budgets.json"))
        .context("cannot read xtask/budgets.json")?;
    let budgets: Value = serde_json::from_str(&budgets)?;
    let mut complaints = Vec::new();
    println!("bytes of              {}", WAYS.map(|way| format!("{way:>16}")).join(""));
    for (name, file) in files {
        let measured = measure(setup, &file)?;
        // `env` is where C looks for its system.
        let imports = measured["imports"].as_array().into_iter().flatten();
        let strange = imports.filter_map(Value::as_str).filter(|import| import.starts_with("env "));
        complaints.extend(strange.map(|import| format!("the wasm imports {import}")));
        let columns = WAYS.map(|way| {
            let (bytes, budget) = (&measured[way], &budgets[&name][way]);
            // Without a budget it is over it.
            if bytes.as_u64() > budget.as_u64() {
                complaints.push(format!("{name}, {way}: {bytes} bytes, the budget is {budget}"));
            }
            format!("{:>16}", format!("{bytes}/{budget}"))
        });
        println!("{name:<22}{}", columns.join(""));
    }
    super::verdict(&complaints)
}

/// Bundles and minifies a file as a user's bundler would.
fn minify(setup: &Setup, from: &Path, to: &Path, arguments: &[&str]) -> Result<()> {
    let mut esbuild = setup.project.npm_tool("esbuild");
    esbuild.arg(from).args(["--bundle", "--minify", "--format=esm", "--log-level=warning"]);
    esbuild.args(arguments).arg(format!("--outfile={}", to.display()));
    process::run(&mut esbuild, LIMIT)
}

/// Weighs a file; a wasm is compiled as well, and its imports are listed.
fn measure(setup: &Setup, file: &Path) -> Result<Value> {
    let mut node = setup.project.command("node");
    let text = process::output(node.arg("xtask/measure.mjs").arg(file), LIMIT)?;
    serde_json::from_str(&text).context("measure.mjs does not answer in JSON")
}
