//! The npm package, as npm would publish it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::LIMIT;
use crate::build;
use crate::process;
use crate::setup::Setup;

/// What has to be in it, whatever `exports` says.
const NEEDED: [&str; 13] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "PROTOCOL.md",
    "README.md",
    "client.d.ts",
    "client.js",
    "package.json",
    "react.d.ts",
    "react.js",
    "wasm/bytes.d.ts",
    "wasm/bytes.js",
    "wasm/onesocket.d.ts",
    "wasm/onesocket.js",
];

/// What must not be in it: parts of names.
const STRANGE: [&str; 6] = [".gitignore", ".stamp", ".test.", ".tgz", "node_modules", "tsconfig"];

/// Looks into the tarball.
///
/// # Errors
///
/// Returns an error that names what is missing and what is too much.
pub(super) fn run(setup: &Setup) -> Result<()> {
    let tarball = build::package(setup)?;
    let project = &setup.project;
    let mut tar = Command::new("tar");
    let listing = process::output(tar.arg("-tzf").arg(&tarball), LIMIT)?;
    let files: BTreeSet<&str> =
        listing.lines().filter_map(|line| line.strip_prefix("package/")).collect();
    let mut tar = Command::new("tar");
    tar.arg("-xzOf").arg(&tarball).arg("package/package.json");
    let manifest: Value = serde_json::from_str(&process::output(&mut tar, LIMIT)?)?;

    let mut complaints = complaints(&files, &manifest);
    if manifest["version"] != project.version.as_str() {
        complaints.push(format!("its version is not {}", project.version));
    }
    let react = fs::read_to_string(project.path("pkg/react.js")).unwrap_or_default();
    if !react.trim_start().starts_with("\"use client\"") {
        complaints.push("react.js does not begin with \"use client\"".to_owned());
    }
    let size = fs::metadata(&tarball).context("cannot read the tarball")?.len();
    println!("{} files, {size} bytes packed", files.len());

    let mut publint = project.npm_tool("publint");
    publint.args(["run", "--strict", "--pack", "npm"]).arg(&tarball);
    if let Err(error) = process::run(&mut publint, LIMIT) {
        complaints.push(format!("{error:#}"));
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(())
}

/// What is wrong with the list of files.
fn complaints(files: &BTreeSet<&str>, manifest: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let exported = exported(&manifest["exports"]);
    let needed: BTreeSet<&str> = NEEDED.into_iter().chain(exported).collect();
    for missing in needed.difference(files) {
        complaints.push(format!("{missing} is not in the package"));
    }
    for file in files {
        if STRANGE.iter().any(|strange| file.contains(strange)) {
            complaints.push(format!("{file} should not be in the package"));
        }
    }
    complaints
}

/// Every file that `exports` names, however deep.
fn exported(value: &Value) -> Vec<&str> {
    match value {
        Value::String(file) => vec![file.strip_prefix("./").unwrap_or(file)],
        Value::Object(members) => members.values().flat_map(exported).collect(),
        Value::Array(members) => members.iter().flat_map(exported).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn a_missing_export_and_a_stray_file_are_named() {
        let mut files = BTreeSet::from(NEEDED);
        let manifest =
            json!({ "exports": { ".": { "types": "./client.d.ts", "default": "./a.js" } } });
        assert_eq!(complaints(&files, &manifest), ["a.js is not in the package"]);

        files.extend(["a.js", "wasm/.gitignore"]);
        assert_eq!(complaints(&files, &manifest), ["wasm/.gitignore should not be in the package"]);
    }
}
