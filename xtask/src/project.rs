//! Where things are in this repository, as cargo sees it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

/// How long a question to a tool may take; on a first run cargo fetches what it is asked about.
pub(crate) const ASK: Duration = Duration::from_secs(600);

/// The repository.
pub(crate) struct Project {
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// The version of the workspace, which is the version of the npm package.
    pub(crate) version: String,
    /// The version of `wasm-bindgen` in Cargo.lock, which its tool must equal.
    pub(crate) wasm_bindgen: String,
}

impl Project {
    /// Asks cargo about the workspace we were started in.
    ///
    /// # Errors
    ///
    /// Returns an error if cargo does not know one, or not one of this shape.
    pub(crate) fn find() -> Result<Self> {
        let mut cargo = Command::new(cargo_program());
        cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
        let metadata: Value = serde_json::from_str(&process::output(&mut cargo, ASK)?)?;
        let root = PathBuf::from(text(&metadata, "workspace_root")?);
        let package = metadata["packages"]
            .as_array()
            .and_then(|packages| packages.iter().find(|package| package["name"] == "onesocket"))
            .context("the workspace has no package `onesocket`")?;
        let mut cargo = Command::new(cargo_program());
        cargo.args(["pkgid", "wasm-bindgen"]).current_dir(&root);
        let id = process::output(&mut cargo, ASK)?;
        let (_, wasm_bindgen) =
            id.trim().rsplit_once('@').context("wasm-bindgen has no version")?;
        Ok(Self {
            target: PathBuf::from(text(&metadata, "target_directory")?),
            version: text(package, "version")?.to_owned(),
            wasm_bindgen: wasm_bindgen.to_owned(),
            root,
        })
    }

    /// A path inside the repository.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// The npm package that the build leaves in `pkg/`.
    pub(crate) fn tarball(&self) -> PathBuf {
        self.path(format!("pkg/onesocket-{}.tgz", self.version))
    }

    /// A folder for our own intermediate files.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be made.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        let folder = self.target.join("xtask");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A command that runs in the root of the repository.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        // `cargo run` tells us about ourselves; to a cargo below us it would be about itself, and
        // build scripts that look at it would run again each time.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// A cargo command.
    pub(crate) fn cargo(&self) -> Command {
        self.command(cargo_program())
    }

    /// A command that one of the root's npm packages brings.
    pub(crate) fn npm_tool(&self, name: &str) -> Command {
        self.command(self.path("node_modules/.bin").join(name))
    }
}

/// The cargo that runs us, else the one on PATH.
fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A string in a JSON object.
fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str> {
    object[key].as_str().with_context(|| format!("cargo metadata has no `{key}`"))
}
