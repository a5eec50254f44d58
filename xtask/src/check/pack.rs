//! The npm package, as npm would publish it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::LIMIT;
use crate::build;
use crate::process;
use crate::setup::Setup;

/// What has to be in it beside what `exports` names, for which publint looks.
const NEEDED: [&str; 5] =
    ["LICENSE-APACHE", "LICENSE-MIT", "MIGRATING.md", "PROTOCOL.md", "README.md"];

/// What must not be in it: parts of names.
const STRANGE: [&str; 7] =
    [".gitignore", ".stamp", ".test.", ".tgz", "node_modules", "tsconfig", "wasm/bytes.js"];

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

    let mut complaints = complaints(&files);
    if manifest["version"] != project.version.as_str() {
        complaints.push(format!("its version is not {}", project.version));
    }
    for hooks in ["react.js", "compat.js", "cjs/react.js", "cjs/compat.js"] {
        let script = fs::read_to_string(project.path("pkg").join(hooks)).unwrap_or_default();
        let first = script.trim_start_matches("\"use strict\";").trim_start();
        if !first.starts_with("\"use client\"") {
            complaints.push(format!("{hooks} does not begin with \"use client\""));
        }
    }
    let size = fs::metadata(&tarball).context("cannot read the tarball")?.len();
    println!("{} files, {size} bytes packed", files.len());

    let mut publint = project.npm_tool("publint");
    publint.args(["run", "--strict", "--pack", "npm"]).arg(&tarball);
    if let Err(error) = process::run(&mut publint, LIMIT) {
        complaints.push(format!("{error:#}"));
    }
    super::verdict(&complaints)
}

/// What is wrong with the list of files.
fn complaints(files: &BTreeSet<&str>) -> Vec<String> {
    let missing = NEEDED.iter().filter(|needed| !files.contains(**needed));
    let is_strange = |file: &&&str| STRANGE.iter().any(|strange| file.contains(strange));
    let missing = missing.map(|missing| format!("{missing} is not in the package"));
    let strange = files.iter().filter(is_strange);
    missing.chain(strange.map(|file| format!("{file} should not be in the package"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_stray_one_are_named() {
        let mut files = BTreeSet::from(NEEDED);
        assert_eq!(complaints(&files), [""; 0]);

        files.remove("LICENSE-MIT");
        files.insert("wasm/.gitignore");
        assert_eq!(
            complaints(&files),
            ["LICENSE-MIT is not in the package", "wasm/.gitignore should not be in the package"]
        );
    }
}
