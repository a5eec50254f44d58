//! What a machine needs before anything can be built or tested.
//!
//! Each part is looked for first and made only where it is missing, so a second run costs some
//! questions to some tools. What a person has installed is used or left alone, never replaced.

mod apt;
mod browser;
mod cache;
mod proxy;
pub(crate) mod python;
mod tools;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process;
use crate::project::Project;
use crate::stamp::{self, Inputs};

pub(crate) use browser::Browser;

/// How long npm may take for the packages of one folder.
const NPM: Duration = Duration::from_secs(900);

/// What wasm is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Gives each command what it needs.
pub(crate) struct Setup {
    /// The repository.
    pub(crate) project: Project,
}

/// What compiles and packs wasm.
pub(crate) struct WasmTools {
    /// The program `wasm-pack`.
    pub(crate) wasm_pack: PathBuf,
    /// The program `wasm-bindgen`.
    pub(crate) wasm_bindgen: PathBuf,
    /// A PATH on which wasm-pack finds wasm-bindgen and wasm-opt.
    pub(crate) path: OsString,
}

impl Setup {
    /// Installs the npm packages that a folder's lock file names.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no npm, if Node.js is not of a version that `package.json` names,
    /// or if npm fails.
    pub(crate) fn packages(&self, folder: &str) -> Result<()> {
        program("npm")?;
        let root = self.project.path(folder);
        let hash = Inputs::new().path(&root.join("package-lock.json"))?.hash();
        let stamp = root.join("node_modules/.onesocket-lock");
        if stamp::is_fresh(&stamp, &hash) {
            return Ok(());
        }
        let place = if folder.is_empty() { "the repository's root" } else { folder };
        step(&format!("installing the npm packages of {place}"), || {
            let mut npm = self.project.command("npm");
            npm.current_dir(&root);
            // None of our packages needs its install script, and none of theirs gets to run.
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
            process::output(&mut npm, NPM)?;
            stamp::write(&stamp, &hash)
        })
    }

    /// Sets up what compiles and packs wasm.
    ///
    /// # Errors
    ///
    /// Returns an error if a part is missing and cannot be installed.
    pub(crate) fn wasm(&self) -> Result<WasmTools> {
        self.packages("")?;
        let project = &self.project;
        tools::target(project)?;
        let wasm_pack = tools::tool(project, "wasm-pack", tools::WASM_PACK, &[], "0")?;
        let programs = "--no-default-features --bin wasm-bindgen --bin wasm-bindgen-test-runner";
        let arguments: Vec<&str> = programs.split(' ').collect();
        let wasm_bindgen =
            tools::tool(project, "wasm-bindgen-cli", &project.wasm_bindgen, &arguments, "1")?;
        // The npm packages come first: their wasm-opt is of the version we measured with.
        let program = wasm_bindgen.join("wasm-bindgen");
        let mut folders = vec![project.path("node_modules/.bin"), wasm_bindgen];
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let path = env::join_paths(folders).context("a folder on PATH has a `:`")?;
        if let Some(cache) = env::var_os("WASM_PACK_CACHE") {
            // wasm-pack blames wasm-opt when this folder is not there.
            fs::create_dir_all(cache).context("cannot make the folder $WASM_PACK_CACHE")?;
        }
        let wasm_pack = wasm_pack.join("wasm-pack");
        Ok(WasmTools { wasm_pack, wasm_bindgen: program, path })
    }

    /// Installs cargo-mutants where it is missing.
    ///
    /// # Errors
    ///
    /// Returns an error if it is missing and cannot be installed.
    pub(crate) fn mutants(&self) -> Result<PathBuf> {
        let tool = tools::tool(&self.project, "cargo-mutants", tools::CARGO_MUTANTS, &[], "0")?;
        Ok(tool.join("cargo-mutants"))
    }

    /// Finds a browser and its driver, or installs them.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn browser(&self) -> Result<Browser> {
        Browser::find_or_install()
    }

    /// Finds curl, or installs it.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn curl(&self) -> Result<PathBuf> {
        apt::program("curl")
    }

    /// Finds openssl, which makes certificates, or installs it.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn openssl(&self) -> Result<PathBuf> {
        apt::program("openssl")
    }

    /// Finds Caddy, or unpacks it.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn caddy(&self) -> Result<PathBuf> {
        proxy::find_or_unpack(proxy::CADDY)
    }

    /// Finds nginx, or unpacks it.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn nginx(&self) -> Result<PathBuf> {
        proxy::find_or_unpack(proxy::NGINX)
    }

    /// Returns a Python that has what `tests/foreign/requirements.txt` names.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn python(&self) -> Result<PathBuf> {
        python::with_requirements(&self.project)
    }
}

/// Does one piece of work, says what it is and how long it took.
///
/// # Errors
///
/// Returns the error of the work, with what the work was.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("-- {what} ...");
    let started = Instant::now();
    let result = work().with_context(|| format!("{what} failed"))?;
    println!("-- {what}: done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(result)
}

/// Finds a program that a person has to install.
fn program(name: &str) -> Result<PathBuf> {
    find_on_path(name).with_context(|| {
        format!("`{name}` is missing: install Node.js 20.19 or later, with its npm")
    })
}

/// Finds a program on PATH.
fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
