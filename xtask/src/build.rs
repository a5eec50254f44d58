//! The build: wasm, the npm package around it, the demo page that uses it, the server.
//!
//! Each product has a stamp with the hash of what it was made from and is left alone while that
//! stays the same.

mod dead;
mod glue;
mod script;
mod short_names;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::setup::{Setup, step};
use crate::stamp::{self, Inputs};

/// How long one step of the build may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// What the wasm may contain, as wasm-opt names it.
const FEATURES: [&str; 5] = [
    "--enable-reference-types",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

/// What is called more than once is not inlined, unless the call is as large: 0.25 KB of what a page
/// loads, compressed. More of it, and less, and `opt-level = "z"` are larger.
const INLINE: &str = "-Cllvm-args=-inline-threshold=5";

/// The texts that are shipped with the package.
const TEXTS: [&str; 6] =
    ["README.md", "MIGRATING.md", "PROTOCOL.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// What a user imports: the files of `exports`, without their ends.
pub(crate) const ENTRIES: [&str; 6] =
    ["client", "compat", "devtools", "doctor", "react", "testing"];

/// Builds `pkg/` and the npm package in it, and returns the latter.
///
/// # Errors
///
/// Returns an error if a tool is missing or fails, or if a source is not there.
pub(crate) fn package(setup: &Setup) -> Result<PathBuf> {
    let _lock = lock(setup)?;
    let project = &setup.project;
    let tarball = project.tarball();
    setup.packages("")?;
    let wasm = wasm(setup)?;
    let mut inputs = Inputs::new().text(&wasm).text(include_str!("build.rs"));
    for source in ["js", "Cargo.toml", "package-lock.json"].into_iter().chain(TEXTS) {
        inputs = inputs.path(&project.path(source))?;
    }
    let hash = inputs.hash();
    let stamp = project.path("pkg/.stamp/package");
    let name = tarball.strip_prefix(&project.root).unwrap_or(&tarball).display().to_string();
    if stamp::is_fresh(&stamp, &hash) && tarball.is_file() {
        println!("-- {name} is up to date");
        return Ok(tarball);
    }
    step(&format!("making {name}"), || {
        empty_but_wasm(&project.path("pkg"))?;
        scripts(setup)?;
        let shipped = TEXTS.map(|text| (text, text)).into_iter();
        for (from, to) in shipped.chain([("js/package.json", "package.json")]) {
            fs::copy(project.path(from), project.path("pkg").join(to))
                .with_context(|| format!("cannot copy {from} into the package"))?;
        }
        // Written by hand without one: it comes from Cargo.toml.
        let version = format!("version={}", project.version);
        for arguments in [&["pkg", "set", &version][..], &["pack", "--ignore-scripts"]] {
            let mut npm = project.command("npm");
            npm.current_dir(project.path("pkg")).args(arguments);
            process::output(&mut npm, LIMIT)?;
        }
        if !tarball.is_file() {
            bail!("npm pack has not left {name}: does js/package.json name it `onesocket`?");
        }
        stamp::write(&stamp, &hash)
    })?;
    Ok(tarball)
}

/// Returns the folder with the package's modules, one for each source and not yet bundled.
pub(crate) fn modules(setup: &Setup) -> PathBuf {
    setup.project.path("target/modules")
}

/// Compiles `js/` and writes its scripts and types into `pkg/`.
///
/// The scripts are bundled: a page without a bundler of its own asks for three files, not for thirty.
/// What entries share stands in one place, so that there is one machine. `cjs/` has the same for those
/// who call `require()` and cannot have it load a module: Jest, Node before 20.19.
fn scripts(setup: &Setup) -> Result<()> {
    let project = &setup.project;
    let (modules, package) = (modules(setup), project.path("pkg"));
    remove(&modules)?;
    let mut tsc = project.npm_tool("tsc");
    tsc.args(["-p", "js/tsconfig.build.json", "--outDir"]);
    process::run(tsc.arg(&modules), LIMIT)?;
    copy_wasm(setup, &modules.join("wasm"))?;
    copy_types(&modules, &package)?;
    let cjs = package.join("cjs");
    copy_types(&package, &cjs)?;
    fs::write(cjs.join("package.json"), "{ \"type\": \"commonjs\" }\n")?;

    let entries = ENTRIES.map(|entry| format!("{entry}.js"));
    let esbuild = |folder: &Path, files: &[String], arguments: &[&str], to: &Path| {
        let mut esbuild = project.npm_tool("esbuild");
        esbuild.current_dir(folder).args(files).args(arguments).arg("--log-level=warning");
        esbuild.arg("--target=es2022").arg(format!("--outdir={}", to.display()));
        process::run(&mut esbuild, LIMIT)
    };
    let bundled = ["--bundle", "--splitting", "--format=esm", "--chunk-names=parts/[hash]"];
    esbuild(&modules, &entries, &[&bundled[..], &["--external:react"]].concat(), &package)?;
    let mut made = entries.to_vec();
    for part in fs::read_dir(package.join("parts"))? {
        made.push(format!("parts/{}", part?.file_name().display()));
    }
    esbuild(&package, &made, &["--format=cjs", "--outbase=."], &cjs)
}

/// Copies the types of a folder, and of the folders in it.
fn copy_types(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "wasm" {
            copy_types(&path, &to)?;
        } else if path.extension().is_some_and(|end| end == "ts") {
            fs::copy(&path, &to).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Builds the demo page with the package installed as any user would, and returns its folder.
///
/// # Errors
///
/// Returns an error if the package or the page cannot be built.
pub(crate) fn site(setup: &Setup) -> Result<PathBuf> {
    let project = &setup.project;
    let site = project.path("www/dist");
    let installed = install_package(setup)?;
    let _lock = lock(setup)?;
    let hash = Inputs::new().text(&installed).path(&project.path("www"))?.hash();
    let stamp = project.path("www/node_modules/.onesocket-site");
    if stamp::is_fresh(&stamp, &hash) && site.join("index.html").is_file() {
        println!("-- www/dist is up to date");
        return Ok(site);
    }
    step("building the demo page into www/dist", || {
        let mut npm = project.command("npm");
        npm.current_dir(project.path("www")).args(["run", "build"]);
        process::run(&mut npm, LIMIT)?;
        stamp::write(&stamp, &hash)
    })?;
    Ok(site)
}

/// Builds the package and installs it into `www`; returns the hash of what is installed.
///
/// # Errors
///
/// Returns an error if the package cannot be built, or if npm fails.
pub(crate) fn install_package(setup: &Setup) -> Result<String> {
    let tarball = package(setup)?;
    let _lock = lock(setup)?;
    setup.packages("www")?;
    let project = &setup.project;
    let hash = Inputs::new().path(&tarball)?.hash();
    let modules = project.path("www/node_modules");
    let stamp = modules.join(".onesocket-package");
    if stamp::is_fresh(&stamp, &hash) && modules.join("onesocket/package.json").is_file() {
        return Ok(hash);
    }
    step("installing the package into www", || {
        remove(&modules.join("onesocket"))?;
        let mut npm = project.command("npm");
        npm.current_dir(project.path("www")).args(["install", "--no-save", "--no-package-lock"]);
        npm.args(["--ignore-scripts", "--no-audit", "--no-fund"]).arg(&tarball);
        process::output(&mut npm, LIMIT)?;
        // What Vite's dev server has prepared from the package before is out of date.
        remove(&modules.join(".vite"))?;
        stamp::write(&stamp, &hash)
    })?;
    Ok(hash)
}

/// Builds the example of a Rust front end, and returns the folder of its page.
///
/// # Errors
///
/// Returns an error if it does not compile.
pub(crate) fn example(setup: &Setup) -> Result<PathBuf> {
    const NAME: &str = "onesocket-yew-example";
    let project = &setup.project;
    let tools = setup.wasm()?;
    let folder = project.path("examples/yew");
    let (target, site) = (project.target.join("examples"), project.target.join("examples/yew"));
    let mut cargo = project.cargo();
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    cargo.args(["build", "--locked", "--target", "wasm32-unknown-unknown"]);
    process::run(&mut cargo, LIMIT)?;
    let wasm = target.join(format!("wasm32-unknown-unknown/debug/{NAME}.wasm"));
    let mut wasm_bindgen = project.command(&tools.wasm_bindgen);
    wasm_bindgen.args(["--target", "web", "--no-typescript", "--out-dir"]).arg(&site).arg(&wasm);
    process::run(&mut wasm_bindgen, LIMIT)?;
    fs::copy(folder.join("index.html"), site.join("index.html")).context("there is no page")?;
    Ok(site)
}

/// Builds the server and returns its program.
///
/// # Errors
///
/// Returns an error if it does not compile.
pub(crate) fn server(setup: &Setup) -> Result<PathBuf> {
    let mut cargo = setup.project.cargo();
    cargo.args(["build", "--package", "onesocket-server", "--bin", "onesocket-server"]);
    process::run(&mut cargo, LIMIT)?;
    Ok(setup.project.target.join("debug/onesocket-server"))
}

/// Builds `pkg/wasm/` and returns the hash of what it was made from.
fn wasm(setup: &Setup) -> Result<String> {
    let project = &setup.project;
    let rust = process::output(project.command("rustc").arg("--version"), LIMIT)?;
    let mut inputs = Inputs::new().text(&rust);
    for step in
        ["build.rs", "build/dead.rs", "build/glue.rs", "build/script.rs", "build/short_names.rs"]
    {
        inputs = inputs.path(&project.path("xtask/src").join(step))?;
    }
    for source in
        ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "src", "crates", "package-lock.json"]
    {
        inputs = inputs.path(&project.path(source))?;
    }
    let hash = inputs.hash();
    let stamp = project.path("pkg/.stamp/wasm");
    let folder = project.path("pkg/wasm");
    if stamp::is_fresh(&stamp, &hash) && folder.join("bytes.js").is_file() {
        return Ok(hash);
    }
    let tools = setup.wasm()?;
    step("compiling the wasm", || {
        remove(&folder)?;
        let mut wasm_pack = project.command(&tools.wasm_pack);
        wasm_pack.env("PATH", &tools.path);
        let mut flags = INLINE.to_owned();
        // A panic names the file of its line; the folder of whoever builds this does not belong into it, nor
        // the registry that the sources came from.
        let registries = cargo_home().map(|home| fs::read_dir(home.join("registry/src")));
        for registry in registries.into_iter().flatten().flatten().flatten() {
            flags.push_str(&format!(" --remap-path-prefix={}/=", registry.path().display()));
        }
        wasm_pack.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        wasm_pack.args(["build", "--target", "web", "--no-pack", "--mode", "no-install"]);
        wasm_pack.args(["--profile", "wasm-release"]);
        wasm_pack.args(["--out-dir", "pkg/wasm", "--out-name", "onesocket"]);
        process::run(&mut wasm_pack, LIMIT)?;
        // It says `*`, which makes `npm pack` ship nothing.
        remove(&folder.join(".gitignore"))?;
        let (wasm, glue) = (folder.join("onesocket_bg.wasm"), folder.join("onesocket.js"));
        dead::drop(setup, &wasm)?;
        glue::shorten(&glue)?;
        short_names::give(setup, &wasm, &glue)?;
        script::write(&folder)?;
        stamp::write(&stamp, &hash)
    })?;
    Ok(hash)
}

/// Returns where cargo keeps the sources of others.
fn cargo_home() -> Option<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Copies what the wasm build has made to where the tests of `js/` look for it.
///
/// # Errors
///
/// Returns an error if it is not there.
pub(crate) fn copy_wasm(setup: &Setup, to: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(setup.project.path("pkg/wasm"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    };
    copy().context("cannot copy the wasm to the tests")
}

/// Removes from `pkg/` what an earlier build has left, so that a source that is gone is not shipped.
fn empty_but_wasm(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).context("cannot read pkg/")? {
        let entry = entry?;
        if entry.file_name() != "wasm" && entry.file_name() != ".stamp" {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file or a folder that may not be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Keeps two builds of one repository apart, until it is dropped.
fn lock(setup: &Setup) -> Result<File> {
    let file = File::create(setup.project.scratch()?.join("lock"))?;
    file.lock().context("cannot lock the build")?;
    Ok(file)
}
