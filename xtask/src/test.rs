//! `cargo xtask test`: all four kinds of tests, and their counts.
//!
//! Nothing is passed over: a part without tests, a skipped test and a part that could not run are
//! failures.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::counts::Counts;
use crate::process::{self, Running};
use crate::server::Server;
use crate::setup::{Browser, Setup};

/// How long one part may take, compiling included.
const LIMIT: Duration = Duration::from_secs(1800);

/// What a part does: it returns the counts and how its runner ended.
type Run = fn(&Setup) -> Result<(Counts, ExitStatus)>;

/// The parts, in their order.
const PARTS: [(&str, Run); 4] =
    [("native", native), ("browser", browser), ("js", js), ("e2e", e2e)];

/// How a part went.
struct Outcome {
    part: &'static str,
    counts: Counts,
    trouble: Option<String>,
    took: Duration,
}

/// Runs the named parts, or all, and prints the counts; `false` if anything failed.
///
/// # Errors
///
/// Returns an error if there is no such part, or if we were interrupted.
pub(crate) fn run(setup: &Setup, names: &[&str]) -> Result<bool> {
    if let Some(name) = names.iter().find(|name| PARTS.iter().all(|(part, _)| part != *name)) {
        bail!("there are no tests `{name}`: native, browser, js or e2e");
    }
    let mut outcomes = Vec::new();
    for (part, run) in PARTS {
        if !names.is_empty() && !names.contains(&part) {
            continue;
        }
        println!("\n== {part}");
        let started = Instant::now();
        let result = run(setup);
        if process::interrupted() {
            bail!("interrupted");
        }
        let outcome = judge(part, result, started.elapsed());
        if let Some(trouble) = &outcome.trouble {
            println!("\n{part}: {trouble}");
        }
        outcomes.push(outcome);
    }
    Ok(report(&outcomes))
}

/// Turns what a part returned into counts that hide nothing.
fn judge(part: &'static str, result: Result<(Counts, ExitStatus)>, took: Duration) -> Outcome {
    let (mut counts, trouble) = match result {
        Err(error) => (Counts::default(), Some(format!("{error:#}"))),
        Ok((counts, _)) if counts == Counts::default() => {
            (counts, Some("there was not one test".to_owned()))
        }
        Ok((counts, _)) if counts.skipped > 0 => {
            (counts, Some(format!("{} skipped, which counts as failed", counts.skipped)))
        }
        Ok((counts, status)) if counts.failed == 0 && !status.success() => {
            (counts, Some(format!("no test failed but their runner did ({status})")))
        }
        Ok((counts, _)) => (counts, None),
    };
    counts.failed += counts.skipped;
    if trouble.is_some() {
        counts.failed = counts.failed.max(1);
    }
    Outcome { part, counts, trouble, took }
}

/// Prints the table and, as the very last line, the counts.
fn report(outcomes: &[Outcome]) -> bool {
    let mut total = Counts::default();
    println!("\npart      passed  failed    time");
    for Outcome { part, counts, trouble, took } in outcomes {
        let Counts { passed, failed, .. } = counts;
        let seconds = took.as_secs_f64();
        let trouble = if trouble.is_some() { "  see above" } else { "" };
        println!("{part:<8} {passed:>7} {failed:>7} {seconds:>6.1}s{trouble}");
        total += *counts;
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    total.failed == 0
}

/// Every Rust test that needs no browser.
fn native(setup: &Setup) -> Result<(Counts, ExitStatus)> {
    setup.rust()?;
    let mut cargo = setup.project.cargo();
    cargo.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    let (status, lines) = process::watch(&mut cargo, LIMIT)?;
    Ok((Counts::of_rust(&lines), status))
}

/// `tests/browser.rs` in a headless browser, against the real server.
fn browser(setup: &Setup) -> Result<(Counts, ExitStatus)> {
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
    Ok((Counts::of_rust(&lines), status))
}

/// The tests beside the TypeScript, in Node.js.
fn js(setup: &Setup) -> Result<(Counts, ExitStatus)> {
    build::package(setup)?;
    let project = &setup.project;
    let folder = project.path("target/js");
    build::remove(&folder)?;
    let mut tsc = project.npm_tool("tsc");
    process::run(tsc.args(["-p", "js/tsconfig.test.json"]), LIMIT)?;
    node_tests(setup, &tests_in(&folder, &[".test.js", ".test.mjs"])?, |_| {})
}

/// The tests that open real pages, with the package installed into the demo page.
fn e2e(setup: &Setup) -> Result<(Counts, ExitStatus)> {
    let browser = setup.browser()?;
    let python = setup.python()?;
    let curl = setup.curl()?;
    let site = build::site(setup)?;
    let server = build::server(setup)?;
    let tests = tests_in(&setup.project.path("tests/e2e"), &[".test.mjs"])?;
    node_tests(setup, &tests, |node| {
        node.env("ONESOCKET_BROWSER", &browser.chrome);
        node.env("ONESOCKET_PACKAGE", setup.project.tarball());
        node.env("ONESOCKET_PYTHON", python);
        node.env("ONESOCKET_CURL", &curl);
        node.env("ONESOCKET_SERVER", &server);
        node.env("ONESOCKET_SITE", &site);
    })
}

/// Runs test files in Node.js, one after the other: what a person reads goes to the terminal, what
/// is counted into a file.
fn node_tests(
    setup: &Setup,
    tests: &[PathBuf],
    prepare: impl FnOnce(&mut Command),
) -> Result<(Counts, ExitStatus)> {
    if tests.is_empty() {
        bail!("there is not one test file");
    }
    let tap = setup.project.scratch()?.join("node.tap");
    build::remove(&tap)?;
    let mut node = setup.project.command("node");
    node.args(["--test", "--test-concurrency=1"]);
    node.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
    node.arg("--test-reporter=tap");
    node.arg(format!("--test-reporter-destination={}", tap.display()));
    node.args(tests);
    prepare(&mut node);
    let mut running = Running::start(&mut node)?;
    let status = running.wait(LIMIT)?;
    let tap = fs::read_to_string(&tap).context("Node.js has left no results")?;
    Ok((Counts::of_node(&tap), status))
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

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::process::ExitStatusExt as _;

    fn judged(counts: Counts, code: i32) -> (u64, bool) {
        let outcome = judge("js", Ok((counts, ExitStatus::from_raw(code << 8))), Duration::ZERO);
        (outcome.counts.failed, outcome.trouble.is_some())
    }

    #[test]
    fn a_part_that_passed_is_left_as_it_is() {
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 0 }, 0), (0, false));
    }

    #[test]
    fn failed_tests_are_counted_once() {
        assert_eq!(judged(Counts { passed: 3, failed: 2, skipped: 0 }, 1), (2, false));
    }

    #[test]
    fn no_tests_a_skipped_one_and_a_broken_runner_are_failures() {
        assert_eq!(judged(Counts::default(), 0), (1, true));
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 2 }, 0), (2, true));
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 0 }, 101), (1, true));
    }

    #[test]
    fn a_part_that_could_not_run_is_a_failure() {
        let outcome = judge("e2e", Err(anyhow::anyhow!("no browser")), Duration::ZERO);

        assert_eq!(outcome.counts.failed, 1);
        assert_eq!(outcome.trouble.as_deref(), Some("no browser"));
    }
}
