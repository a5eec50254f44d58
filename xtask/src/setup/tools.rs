//! The Rust target, and the tools that cargo installs into the project's own cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::cache::cached;
use super::{WASM, find_on_path, step};
use crate::process;
use crate::project::{ASK, Project};

/// The version of wasm-pack that the build was proven with.
pub(super) const WASM_PACK: &str = "0.15.1";

/// The version of cargo-mutants whose lists we read.
pub(super) const CARGO_MUTANTS: &str = "27.1.0";

/// How long one tool may take to compile on a slow machine.
const INSTALL: Duration = Duration::from_secs(2400);

/// How long the target may take to come: slow is not unreachable.
const TARGET: Duration = Duration::from_secs(300);

/// Adds the Rust target for wasm where it is missing.
///
/// # Errors
///
/// Returns an error that says what to do.
pub(super) fn target(project: &Project) -> Result<()> {
    let is_there = || {
        let mut rustc = project.command("rustc");
        rustc.args(["--print", "target-libdir", "--target", WASM]);
        process::output(&mut rustc, ASK)
            .map(|folder| has_standard_library(Path::new(folder.trim())))
    };
    if is_there()? {
        return Ok(());
    }
    if find_on_path("rustup").is_none() {
        bail!(
            "this Rust has no standard library for {WASM} and there is no rustup to add it: \
             install Rust with rustup, or your system's package for that target"
        );
    }
    step(&format!("adding the Rust target {WASM}"), || {
        let mut rustup = project.command("rustup");
        process::run(rustup.args(["target", "add", WASM]), TARGET).context(
            "without rustup's server, a matched pair of your system's packages serves as well \
             (on Debian rustc-web, cargo-web and rust-web-src)",
        )?;
        if !is_there()? {
            bail!(
                "rustup has added it to another Rust than the `rustc` on PATH: put rustup's first"
            );
        }
        Ok(())
    })
}

/// Installs a tool with cargo, in exactly this version; returns the folder of its programs. A tool
/// that runs for moments need not be optimised, for it compiles for minutes.
///
/// # Errors
///
/// Returns an error if it cannot be installed.
pub(super) fn tool(
    project: &Project,
    package: &str,
    version: &str,
    arguments: &[&str],
    opt_level: &str,
) -> Result<PathBuf> {
    let what = format!("installing {package} {version} (minutes)");
    // Written last, so what is there is whole.
    let is_whole = |home: &Path| home.join(".crates.toml").is_file();
    let home = cached(&format!("{package}-{version}"), &what, is_whole, |home| {
        let install = |locked: &[&str]| {
            let mut cargo = project.cargo();
            cargo.args(["install", package, "--version", version, "--root"]).arg(home);
            cargo.args(locked).args(arguments).env("CARGO_TARGET_DIR", home.join("target"));
            // A tool is not part of this workspace: flags and targets are not for it.
            cargo.env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
            cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
            process::run(&mut cargo, INSTALL)
        };
        // Its own lock file can name what a registry does not have.
        match install(&["--locked"]) {
            Err(_) if !process::interrupted() => install(&[])?,
            result => result?,
        }
        fs::remove_dir_all(home.join("target")).context("cannot remove what was compiled")
    })?;
    Ok(home.join("bin"))
}

/// Says whether a target's folder has a standard library in it.
fn has_standard_library(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}
