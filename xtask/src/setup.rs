//! What a machine needs before anything can be built or tested.
//!
//! Each part is looked for first and made only where it is missing, so a second run costs some
//! questions to some tools. What a person has installed is used or left alone, never replaced.

mod apt;
mod browser;
mod python;
mod tools;

use std::cell::OnceCell;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::process;
use crate::project::{ASK, Project};
use crate::stamp::{self, Inputs};
use crate::version::Version;

pub(crate) use browser::Browser;

/// How long npm may take for the packages of one folder.
const NPM: Duration = Duration::from_secs(900);

/// What wasm is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Gives each command what it needs, and remembers what has been looked at in this run.
pub(crate) struct Setup {
    /// The repository.
    pub(crate) project: Project,
    rust: OnceCell<String>,
    node: OnceCell<Version>,
    wasm: OnceCell<WasmTools>,
    browser: OnceCell<Browser>,
    python: OnceCell<PathBuf>,
}

/// What compiles and packs wasm.
pub(crate) struct WasmTools {
    /// The program `wasm-pack`.
    pub(crate) wasm_pack: PathBuf,
    /// A PATH on which wasm-pack finds wasm-bindgen and wasm-opt.
    pub(crate) path: OsString,
}

impl Setup {
    /// Nothing has been looked at yet.
    pub(crate) fn new(project: Project) -> Self {
        Self {
            project,
            rust: OnceCell::new(),
            node: OnceCell::new(),
            wasm: OnceCell::new(),
            browser: OnceCell::new(),
            python: OnceCell::new(),
        }
    }

    /// Checks that Rust is new enough, and returns what it calls itself.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn rust(&self) -> Result<&str> {
        get_or_try_init(&self.rust, || {
            let name = ask("rustc", &["--version"])?;
            let rust = version_of("rustc", &name)?;
            let wanted = self.project.rust_version;
            if rust < wanted {
                bail!("Rust {rust} is too old, {wanted} is needed: run `rustup update stable`");
            }
            Ok(name)
        })
        .map(String::as_str)
    }

    /// Checks that Node.js and npm are there and new enough.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn node(&self) -> Result<()> {
        let node = get_or_try_init(&self.node, || {
            let node = version_of("node", &ask("node", &["--version"])?)?;
            if !node_will_do(node) {
                bail!(
                    "Node.js {node} will not do: install version 20.19 or a later 20, or 22.12 or \
                     later"
                );
            }
            ask("npm", &["--version"]).map(|_| node)
        });
        node.map(|_| ())
    }

    /// Installs the npm packages that a folder's lock file names.
    ///
    /// # Errors
    ///
    /// Returns an error if Node.js will not do, or if npm fails.
    pub(crate) fn packages(&self, folder: &str) -> Result<()> {
        self.node()?;
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
    pub(crate) fn wasm(&self) -> Result<&WasmTools> {
        get_or_try_init(&self.wasm, || {
            self.rust()?;
            self.packages("")?;
            tools::target(&self.project)?;
            let wasm_pack = tools::wasm_pack(&self.project)?;
            let wasm_bindgen = tools::wasm_bindgen(&self.project)?;
            // The npm packages come first: their wasm-opt is of the version we measured with.
            let mut folders = vec![self.project.path("node_modules/.bin")];
            folders.extend(wasm_bindgen.parent().map(Path::to_owned));
            folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
            let path = env::join_paths(folders).context("a folder on PATH has a `:`")?;
            if let Some(cache) = env::var_os("WASM_PACK_CACHE") {
                // wasm-pack blames wasm-opt when this folder is not there.
                fs::create_dir_all(cache).context("cannot make the folder $WASM_PACK_CACHE")?;
            }
            Ok(WasmTools { wasm_pack, path })
        })
    }

    /// Finds cargo-mutants, or installs it.
    ///
    /// # Errors
    ///
    /// Returns an error if it is missing and cannot be installed.
    pub(crate) fn mutants(&self) -> Result<PathBuf> {
        self.rust()?;
        tools::cargo_mutants(&self.project)
    }

    /// Finds a browser and its driver, or installs them.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn browser(&self) -> Result<&Browser> {
        get_or_try_init(&self.browser, Browser::find_or_install)
    }

    /// Returns a Python that has what `tests/foreign/requirements.txt` names.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to install.
    pub(crate) fn python(&self) -> Result<&Path> {
        get_or_try_init(&self.python, || python::with_requirements(&self.project))
            .map(PathBuf::as_path)
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

/// Asks a tool something; that it is missing is said with what to do about it.
fn ask(program: &str, arguments: &[&str]) -> Result<String> {
    if find_on_path(program).is_none() {
        let advice = match program {
            "rustc" => "install Rust with rustup",
            "node" => "install Node.js 20.19 or later",
            "npm" => "it comes with Node.js, on Debian in a package of its own",
            _ => "install it",
        };
        bail!("`{program}` is missing: {advice}");
    }
    process::output(Command::new(program).args(arguments), ASK)
}

/// Reads the version out of what a tool printed.
fn version_of(program: &str, text: &str) -> Result<Version> {
    Version::find(text).ok_or_else(|| anyhow!("`{program}` told no version but: {}", text.trim()))
}

/// Says whether Vite 8, which builds the demo page, runs on this Node.js.
fn node_will_do(node: Version) -> bool {
    match node.major {
        20 => node.minor >= 19,
        22 => node.minor >= 12,
        major => major > 22,
    }
}

/// Finds a program on PATH.
fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// `OnceCell::get_or_try_init`, which the standard library does not have yet.
fn get_or_try_init<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_taken_from_the_versions_that_vite_takes() {
        for (version, good) in [
            (Version::new(18, 20, 0), false),
            (Version::new(20, 18, 3), false),
            (Version::new(20, 19, 0), true),
            (Version::new(21, 7, 0), false),
            (Version::new(22, 11, 0), false),
            (Version::new(22, 12, 0), true),
            (Version::new(26, 0, 0), true),
        ] {
            assert_eq!(node_will_do(version), good, "{version}");
        }
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let error = ask("no-such-program", &[]).unwrap_err();

        assert_eq!(error.to_string(), "`no-such-program` is missing: install it");
    }
}
