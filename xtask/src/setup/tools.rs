//! The Rust target and the tools that cargo makes: two that wasm needs, and one for mutants.
//!
//! The tools go into `tools/NAME-VERSION/` of the project's own cache. They are installed beside
//! it and moved there when they are whole, so what is there is complete.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{WASM, find_on_path, step};
use crate::process;
use crate::project::{ASK, Project};

/// The version of wasm-pack that the build was proven with.
const WASM_PACK: &str = "0.15.1";

/// The version of cargo-mutants whose lists we read.
const CARGO_MUTANTS: &str = "27.1.0";

/// How long one tool may take to compile on a slow machine.
const INSTALL: Duration = Duration::from_secs(2400);

/// How long the target may take to come: slow is not unreachable.
const TARGET: Duration = Duration::from_secs(300);

/// A tool, as cargo installs it.
struct Tool {
    /// The name of its package.
    package: &'static str,
    /// Exactly this version, no newer one.
    version: String,
    /// Its programs; each one tells its version.
    programs: &'static [&'static str],
    /// What they are asked for that.
    ask: &'static [&'static str],
    /// More arguments for `cargo install`.
    arguments: &'static [&'static str],
    /// It runs for moments and compiles for minutes: optimised only as far as that pays.
    opt_level: &'static str,
}

/// A way to come by a tool.
enum Way {
    /// cargo-binstall fetches it, where a person has that and somebody has built it.
    Prebuilt,
    /// Compiled from the versions that its own lock file names.
    Locked,
    /// Compiled from what fits, for a lock file can name what a registry has not.
    Unlocked,
}

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

/// Finds or installs wasm-pack.
///
/// # Errors
///
/// Returns an error if it cannot be installed.
pub(super) fn wasm_pack(project: &Project) -> Result<PathBuf> {
    Tool {
        package: "wasm-pack",
        version: WASM_PACK.to_owned(),
        programs: &["wasm-pack"],
        ask: &["--version"],
        arguments: &[],
        opt_level: "0",
    }
    .find_or_install(project)
}

/// Finds or installs wasm-bindgen's tool, of exactly the version of the crate.
///
/// # Errors
///
/// Returns an error if it cannot be installed.
pub(super) fn wasm_bindgen(project: &Project) -> Result<PathBuf> {
    Tool {
        package: "wasm-bindgen-cli",
        version: project.wasm_bindgen.clone(),
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        ask: &["--version"],
        arguments: &["--no-default-features"],
        opt_level: "1",
    }
    .find_or_install(project)
}

/// Finds or installs cargo-mutants.
///
/// # Errors
///
/// Returns an error if it cannot be installed.
pub(super) fn cargo_mutants(project: &Project) -> Result<PathBuf> {
    Tool {
        package: "cargo-mutants",
        version: CARGO_MUTANTS.to_owned(),
        programs: &["cargo-mutants"],
        // It takes itself for cargo.
        ask: &["mutants", "--version"],
        arguments: &[],
        opt_level: "0",
    }
    .find_or_install(project)
}

impl Tool {
    /// Returns the tool's first program: a person's own where it is of our version, else the
    /// cache's, which is made where it is missing.
    fn find_or_install(&self, project: &Project) -> Result<PathBuf> {
        let first = self.programs.first().copied().unwrap_or(self.package);
        if let Some(found) = find_on_path(first)
            && found.parent().is_some_and(|folder| self.is_in(folder))
        {
            return Ok(found);
        }
        let tools = cache()?.join("tools");
        let home = tools.join(format!("{}-{}", self.package, self.version));
        if !self.is_in(&home.join("bin")) {
            fs::create_dir_all(&tools)
                .with_context(|| format!("cannot make {}", tools.display()))?;
            // Two of us would do the same work twice; the second waits and finds it done.
            let lock = File::create(tools.join(".lock")).context("cannot lock the cache")?;
            lock.lock().context("cannot lock the cache")?;
            if !self.is_in(&home.join("bin")) {
                let what = format!("installing {} {} (minutes)", self.package, self.version);
                step(&what, || self.install(project, &tools, &home))?;
            }
        }
        Ok(home.join("bin").join(first))
    }

    /// Says whether all programs are in a folder, whole and of our version.
    fn is_in(&self, folder: &Path) -> bool {
        self.programs.iter().all(|program| {
            let program = folder.join(program);
            program.is_file()
                && process::output(Command::new(program).args(self.ask), ASK)
                    .is_ok_and(|text| text.split_whitespace().any(|word| word == self.version))
        })
    }

    /// Installs the tool in the first way that works.
    fn install(&self, project: &Project, tools: &Path, home: &Path) -> Result<()> {
        let unfinished = tools.join(format!(".{}-{}", self.package, self.version));
        let prebuilt = find_on_path("cargo-binstall").is_some().then_some(Way::Prebuilt);
        let ways: Vec<Way> = prebuilt.into_iter().chain([Way::Locked, Way::Unlocked]).collect();
        for (index, way) in ways.iter().enumerate() {
            remove(&unfinished)?;
            match process::run(&mut self.command(project, way, &unfinished), INSTALL) {
                Ok(()) => break,
                Err(error) if index + 1 == ways.len() || process::interrupted() => {
                    return Err(error);
                }
                Err(error) => println!("-- {error:#}; trying another way"),
            }
        }
        remove(&unfinished.join("target"))?;
        if !self.is_in(&unfinished.join("bin")) {
            bail!("what was installed as {} is not version {}", self.package, self.version);
        }
        remove(home)?;
        fs::rename(&unfinished, home)
            .with_context(|| format!("cannot move the tool to {}", home.display()))
    }

    /// The command that installs the tool into a folder.
    fn command(&self, project: &Project, way: &Way, folder: &Path) -> Command {
        let mut cargo = project.cargo();
        if matches!(way, Way::Prebuilt) {
            cargo.args(["binstall", "--no-confirm", "--root"]).arg(folder);
            cargo.arg(format!("{}@{}", self.package, self.version));
            return cargo;
        }
        cargo.args(["install", self.package, "--version", &self.version, "--root"]).arg(folder);
        cargo.args(self.arguments);
        for program in self.programs {
            cargo.args(["--bin", program]);
        }
        if matches!(way, Way::Locked) {
            cargo.arg("--locked");
        }
        // A tool is no part of this workspace: neither its flags nor its target folder are its.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
        cargo.env("CARGO_TARGET_DIR", folder.join("target"));
        // Else cargo advises a person to put the folder on PATH.
        let path = env::var_os("PATH").unwrap_or_default();
        let path = [folder.join("bin")].into_iter().chain(env::split_paths(&path));
        cargo.env("PATH", env::join_paths(path).unwrap_or_default());
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        cargo
    }
}

/// The project's own cache of this user.
pub(super) fn cache() -> Result<PathBuf> {
    let folder =
        |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("ONESOCKET_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("onesocket")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/onesocket")))
        .context("neither $ONESOCKET_CACHE nor $HOME says where tools can be installed")
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

/// Removes a folder that may not be there.
fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_counts_only_when_whole_and_of_the_right_version() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = env::temp_dir().join(format!("xtask-tool-{}", std::process::id()));
        let tool = Tool {
            package: "two",
            version: "1.2.3".to_owned(),
            programs: &["one", "other"],
            ask: &["--version"],
            arguments: &[],
            opt_level: "0",
        };
        let write = |name: &str, version: &str| {
            let file = folder.join(name);
            fs::write(&file, format!("#!/bin/sh\necho {name} {version}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        };
        fs::create_dir_all(&folder).unwrap();

        write("one", "1.2.3");
        assert!(!tool.is_in(&folder));
        write("other", "1.2.30");
        assert!(!tool.is_in(&folder));
        write("other", "1.2.3");
        assert!(tool.is_in(&folder));

        fs::remove_dir_all(&folder).unwrap();
    }
}
