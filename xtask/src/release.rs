//! `cargo xtask release`: the crates go to crates.io and the package to npm, or all but that is done.
//!
//! What is released is what was committed, under a version that CHANGELOG.md describes.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::build;
use crate::check;
use crate::process;
use crate::setup::{Setup, step};

/// How long packing and compiling what was packed may take.
const LIMIT: Duration = Duration::from_secs(3600);

/// How it is released.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Do all but upload, and say what a release still lacks
    #[arg(long)]
    dry_run: bool,
}

/// Releases the version that Cargo.toml names.
///
/// # Errors
///
/// Returns an error if something is not committed or not described, or if cargo or npm refuses.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<()> {
    let project = &setup.project;
    let lacking = lacking(setup)?;
    for what in &lacking {
        println!("-- before a release: {what}");
    }
    ensure!(options.dry_run || lacking.is_empty(), "this is not ready for a release");
    let tarball = build::package(setup)?;
    let names = ["pack", "licences"].map(str::to_owned);
    ensure!(check::run(setup, &names)?, "the package is not as it should be");
    step("packing the crates, and compiling what was packed", || {
        let mut cargo = project.cargo();
        cargo.args(["publish", "--workspace", "--locked"]);
        if options.dry_run {
            cargo.args(["--dry-run", "--allow-dirty"]);
        }
        process::run(&mut cargo, LIMIT)
    })?;
    step("the npm package", || {
        let mut npm = project.command("npm");
        npm.args(["publish", "--ignore-scripts"]).arg(&tarball);
        if options.dry_run {
            npm.arg("--dry-run");
        }
        process::run(&mut npm, LIMIT)
    })?;
    let done = if options.dry_run { "would be released" } else { "is released" };
    println!("\n{} {done}", project.version);
    Ok(())
}

/// Says what a release lacks.
fn lacking(setup: &Setup) -> Result<Vec<String>> {
    let project = &setup.project;
    let mut lacking = Vec::new();
    let mut git = project.command("git");
    let changed = process::output(git.args(["status", "--porcelain"]), LIMIT)?;
    if !changed.is_empty() {
        lacking.push("commit what has changed".to_owned());
    }
    let changes = fs::read_to_string(project.path("CHANGELOG.md")).context("no CHANGELOG.md")?;
    let calls =
        fs::read_to_string(project.path("server/openapi.yaml")).context("no openapi.yaml")?;
    if !calls.contains(&format!("\n  version: {}\n", project.version)) {
        lacking.push(format!("server/openapi.yaml is not of version {}", project.version));
    }
    if let Some(what) = heading_fault(&changes, &project.version) {
        lacking.push(what);
    }
    Ok(lacking)
}

/// Says what is wrong with the first heading of the changes.
fn heading_fault(changes: &str, version: &str) -> Option<String> {
    let heading = changes.lines().next().unwrap_or_default();
    let expected = format!("# {version}");
    (heading != expected).then(|| format!("CHANGELOG.md begins with `{heading}`, not `{expected}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_released_once_the_changes_are_its_own() {
        assert_eq!(heading_fault("# 0.2.0\n\n- New.\n", "0.2.0"), None);
        let fault = heading_fault("# Unreleased\n", "0.2.0").expect("it is not described");
        assert_eq!(fault, "CHANGELOG.md begins with `# Unreleased`, not `# 0.2.0`");
        assert!(heading_fault("", "0.2.0").is_some());
    }
}
