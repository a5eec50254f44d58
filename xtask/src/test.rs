//! `cargo xtask test`: all four kinds of tests, and their counts.
//!
//! Nothing is passed over: a part without tests, a skipped test and a part that could not run are
//! failures.

mod choice;
mod node;
mod outcome;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::counts::{self, Counts};
use crate::process;
use crate::server::Server;
use crate::setup::{Browser, Setup};

use choice::{Choice, Part};
use outcome::{Outcome, Ran, Round, tell_of_all};

/// How long one part may take, compiling included.
const LIMIT: Duration = Duration::from_secs(1800);

/// How the tests are asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run them so many times in a row, and say which runs failed
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,

    /// native, browser, js or e2e; after js or e2e alone, names of test files: `e2e reconnect`
    #[arg(value_name = "PART")]
    words: Vec<String>,
}

/// Runs the chosen tests and prints the counts; `false` if anything failed.
///
/// # Errors
///
/// Returns an error if there are no such tests, or if we were interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    let choice = Choice::read(&options.words)?;
    let mut rounds = Vec::new();
    for number in 1..=options.repeat {
        if options.repeat > 1 {
            println!("\n==== run {number} of {}", options.repeat);
        }
        let round = run_once(setup, &choice)?;
        round.print();
        rounds.push(round);
    }
    if options.repeat > 1 {
        println!("\n{}", tell_of_all(&rounds));
    }
    let mut total = Counts::default();
    rounds.iter().for_each(|round| total += round.total());
    // The very last line.
    println!("\n{} passed, {} failed", total.passed, total.failed);
    Ok(total.failed == 0)
}

/// Runs the chosen tests once; a part that failed stops no other.
fn run_once(setup: &Setup, choice: &Choice) -> Result<Round> {
    let mut outcomes = Vec::new();
    for &part in &choice.parts {
        println!("\n== {}", part.name());
        let started = Instant::now();
        let result = match part {
            Part::Native => native(setup),
            Part::Browser => browser(setup),
            Part::Js => js(setup, choice),
            Part::E2e => e2e(setup, choice),
        };
        if process::interrupted() {
            bail!("interrupted");
        }
        let outcome = Outcome::judge(part.name(), result, started.elapsed());
        if let Some(trouble) = &outcome.trouble {
            println!("\n{}: {trouble}", part.name());
        }
        outcomes.push(outcome);
    }
    Ok(Round(outcomes))
}

/// Every Rust test that needs no browser.
fn native(setup: &Setup) -> Result<Ran> {
    setup.rust()?;
    let mut cargo = setup.project.cargo();
    cargo.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    let (status, lines) = process::watch(&mut cargo, LIMIT)?;
    Ok(of_rust(&lines, status))
}

/// `tests/browser.rs` in a headless browser, against the real server.
fn browser(setup: &Setup) -> Result<Ran> {
    let project = &setup.project;
    let tools = setup.wasm()?;
    let browser = setup.browser()?;
    let page = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut server = project.command(build::server(setup)?);
    server.args(["--listen", "127.0.0.1:0", "--issue-tokens", "--echo"]);
    server.arg("--allow-origin").arg(format!("http://{page}"));
    let log = project.scratch()?.join("server.log");
    let server = Server::start(server.stderr(fs::File::create(&log)?))
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;

    let mut wasm_pack = project.command(&tools.wasm_pack);
    wasm_pack.args(["test", "--headless", "--chrome", "--mode", "no-install", "--chromedriver"]);
    wasm_pack.arg(&browser.driver);
    wasm_pack.env("PATH", &tools.path);
    wasm_pack.env("ONESOCKET_TEST_SERVER", &server.url);
    wasm_pack.env("WASM_BINDGEN_TEST_ADDRESS", page.to_string());
    wasm_pack.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(setup, browser)?);
    // Its own limits, in seconds, are for small tests on quick machines.
    wasm_pack.env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    wasm_pack.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    // It would take any of these over ours.
    for driver in ["GECKODRIVER", "SAFARIDRIVER", "CHROMEDRIVER", "MSEDGEDRIVER"] {
        wasm_pack.env_remove(driver).env_remove(format!("{driver}_REMOTE"));
    }
    let (status, lines) = process::watch(&mut wasm_pack, LIMIT)?;
    drop(server);
    if !status.success() && !process::interrupted() {
        println!("\nwhat the server logged ({}):", log.display());
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(60)).for_each(|line| println!("  {line}"));
    }
    Ok(of_rust(&lines, status))
}

/// The tests beside the TypeScript, in Node.js.
fn js(setup: &Setup, choice: &Choice) -> Result<Ran> {
    build::package(setup)?;
    let project = &setup.project;
    let folder = project.path("target/js");
    build::remove(&folder)?;
    let mut tsc = project.npm_tool("tsc");
    process::run(tsc.args(["-p", "js/tsconfig.test.json"]), LIMIT)?;
    let tests = choice.among(tests_in(&folder, &[".test.js", ".test.mjs"])?)?;
    node::run(&project.command("node"), tests, &project.scratch()?.join("js"))
}

/// The tests that open real pages, with the package installed into the demo page.
fn e2e(setup: &Setup, choice: &Choice) -> Result<Ran> {
    let tests = choice.among(tests_in(&setup.project.path("tests/e2e"), &[".test.mjs"])?)?;
    node::run(&node_with_pages(setup)?, tests, &setup.project.scratch()?.join("e2e"))
}

/// Node.js, told where the browser, the package, the server and the demo page are; all of them are
/// made where they are missing.
///
/// # Errors
///
/// Returns an error if one cannot be found or made.
pub(crate) fn node_with_pages(setup: &Setup) -> Result<Command> {
    let browser = setup.browser()?;
    let python = setup.python()?;
    let curl = setup.curl()?;
    let site = build::site(setup)?;
    let server = build::server(setup)?;
    let mut node = setup.project.command("node");
    node.env("ONESOCKET_BROWSER", &browser.chrome);
    node.env("ONESOCKET_PACKAGE", setup.project.tarball());
    node.env("ONESOCKET_PYTHON", python);
    node.env("ONESOCKET_CURL", &curl);
    node.env("ONESOCKET_SERVER", &server);
    node.env("ONESOCKET_SITE", &site);
    Ok(node)
}

/// What a runner of Rust tests has printed and how it ended.
fn of_rust(lines: &[String], status: ExitStatus) -> Ran {
    Ran { counts: Counts::of_rust(lines), failures: counts::failed_in_rust(lines), status }
}

/// The test files in a folder and those in it, in a fixed order.
fn tests_in(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "node_modules" {
            tests.extend(tests_in(&path, endings)?);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            tests.push(path);
        }
    }
    tests.sort();
    Ok(tests)
}

/// Writes `webdriver.json` with the browser we have found, and returns where.
fn capabilities(setup: &Setup, browser: &Browser) -> Result<PathBuf> {
    let text = fs::read_to_string(setup.project.path("webdriver.json"))
        .context("cannot read webdriver.json")?;
    let mut capabilities: serde_json::Value = serde_json::from_str(&text)?;
    capabilities["goog:chromeOptions"]["binary"] = browser.chrome.to_string_lossy().into();
    let file = setup.project.scratch()?.join("webdriver.json");
    fs::write(&file, capabilities.to_string())?;
    Ok(file)
}
