//! The Rust target, and the tools that cargo installs into the project's own cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// Finds a tool, or installs it with cargo, in exactly this version; returns its first program. A
/// tool that runs for moments need not be optimised, for it compiles for minutes.
///
/// # Errors
///
/// Returns an error if it cannot be installed.
pub(super) fn tool(
    project: &Project,
    package: &str,
    version: &str,
    programs: &[&str],
    arguments: &[&str],
    opt_level: &str,
) -> Result<PathBuf> {
    let first = programs.first().copied().unwrap_or(package);
    // A person's own.
    if let Some(found) = find_on_path(first)
        && let Some(folder) = found.parent()
        && programs.iter().all(|program| is_version(&folder.join(program), version))
    {
        return Ok(found);
    }
    let is_whole =
        |home: &Path| programs.iter().all(|program| home.join("bin").join(program).is_file());
    let what = format!("installing {package} {version} (minutes)");
    let home = cached(&format!("{package}-{version}"), &what, is_whole, |home| {
        // Prebuilt where a person has cargo-binstall; else by its own lock file first, which can name
        // what a registry does not have.
        let prebuilt = find_on_path("cargo-binstall").map(|_| &["binstall", "--no-confirm"][..]);
        let compiled = [&["install", "--locked"][..], &["install"]];
        let mut failed = None;
        for way in prebuilt.into_iter().chain(compiled) {
            let mut cargo = project.cargo();
            cargo.args(way).args([package, "--version", version]);
            if way[0] == "install" {
                cargo.args(arguments).args(programs.iter().flat_map(|program| ["--bin", program]));
            }
            cargo.arg("--root").arg(home).env("CARGO_TARGET_DIR", home.join("target"));
            // A tool is not part of this workspace: flags and targets are not for it.
            cargo.env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
            cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
            match process::run(&mut cargo, INSTALL) {
                // Prebuilt, it has none.
                Ok(()) => {
                    let _ = fs::remove_dir_all(home.join("target"));
                    return Ok(());
                }
                Err(error) if process::interrupted() => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.context("no way to install it")?)
    })?;
    Ok(home.join("bin").join(first))
}

/// Says whether a program tells this version. A cargo command takes itself for cargo.
fn is_version(program: &Path, version: &str) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut command = Command::new(program);
    command.args(name.strip_prefix("cargo-")).arg("--version");
    process::output(&mut command, ASK)
        .is_ok_and(|text| text.split_whitespace().any(|word| word == version))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_counts_only_in_exactly_this_version() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("xtask-tool-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("cargo-one");
        fs::write(&program, "#!/bin/sh\necho $1 1.2.3\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

        assert!(is_version(&program, "1.2.3") && is_version(&program, "one"));
        assert!(!is_version(&program, "1.2.30") && !is_version(&folder.join("other"), "1.2.3"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
