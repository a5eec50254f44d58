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
use crate::process;
use crate::server::Server;
use crate::setup::{Browser, Setup};

/// How long one part may take, compiling included.
const LIMIT: Duration = Duration::from_secs(1800);

/// How long all consumers may take: npm packages, builds, pages.
const CONSUMERS_LIMIT: Duration = Duration::from_secs(7200);

/// How many test files run at the same time in Node.js. Each has its own processes, ports, folders
/// and browser; most of the time they wait.
const AT_ONCE: usize = 3;

/// The parts, in their order.
const PARTS: [&str; 4] = ["native", "browser", "js", "e2e"];

/// How the tests are asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// native, browser, js or e2e; after js or e2e alone, names of test files: `e2e reconnect`
    #[arg(value_name = "PART")]
    words: Vec<String>,
}

/// How a runner has ended, and the lines that it printed.
type Ran = (ExitStatus, Vec<String>);

/// How a part went.
#[derive(Debug, Default, Eq, PartialEq)]
struct Outcome {
    passed: u64,
    failed: u64,
    /// The names of the tests that failed, and what was wrong beside the tests.
    failures: Vec<String>,
}

/// Runs the chosen tests and prints the counts; `false` if anything failed.
///
/// # Errors
///
/// Returns an error if there are no such tests, or if we were interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    let (parts, names) = choose(&options.words)?;
    let mut all = Outcome::default();
    let mut table = String::from("\npart      passed  failed    time\n");
    for part in parts {
        println!("\n== {part}");
        let started = Instant::now();
        let result = match part {
            "native" => native(setup),
            "browser" => browser(setup),
            "js" => js(setup, names),
            _ => e2e(setup, names),
        };
        if process::interrupted() {
            bail!("interrupted");
        }
        let Outcome { passed, failed, failures } = Outcome::judge(result);
        let seconds = started.elapsed().as_secs_f64();
        table += &format!("{part:<8} {passed:>7} {failed:>7} {seconds:>6.1}s\n");
        all.passed += passed;
        all.failed += failed;
        all.failures.extend(failures.into_iter().map(|name| format!("{part}: {name}\n")));
    }
    println!("{table}\n{}", all.failures.concat());
    // The very last line.
    println!("{} passed, {} failed", all.passed, all.failed);
    Ok(all.failed == 0)
}

/// Reads the names of parts; after `js` or `e2e` alone, names of test files.
fn choose(words: &[String]) -> Result<(Vec<&'static str>, &[String])> {
    let part = |word: &String| PARTS.into_iter().find(|part| part == word);
    if let [first, names @ ..] = words
        && let Some(only @ ("js" | "e2e")) = part(first)
        && names.iter().all(|name| part(name).is_none())
    {
        return Ok((vec![only], names));
    }
    if let Some(word) = words.iter().find(|word| part(word).is_none()) {
        bail!(
            "there are no tests `{word}`: name {}, and test files after js or e2e alone",
            PARTS.join(", ")
        );
    }
    let is_named = |part: &&str| words.is_empty() || words.iter().any(|word| word == part);
    Ok((PARTS.into_iter().filter(is_named).collect(), &[]))
}

impl Outcome {
    /// Turns what a part has returned into counts that hide nothing.
    fn judge(result: Result<Ran>) -> Self {
        let (mut outcome, trouble) = match result {
            Err(error) => (Self::default(), Some(format!("{error:#}"))),
            Ok((status, lines)) => {
                let outcome = Self::count(&lines);
                let trouble = if outcome.passed + outcome.failed == 0 {
                    Some("there was not one test".to_owned())
                } else if outcome.failed == 0 && !status.success() {
                    Some(format!("no test failed but their runner did ({status})"))
                } else {
                    None
                };
                (outcome, trouble)
            }
        };
        if let Some(trouble) = trouble {
            println!("\n{trouble}");
            outcome.failed = outcome.failed.max(1);
            outcome.failures.push(trouble);
        }
        outcome
    }

    /// Reads what the runners print: `cargo test` and wasm-bindgen's runner a line for each binary,
    /// `test result: ok. 3 passed; 0 failed; 1 ignored`, Node.js a line for each number, `ℹ pass 3`.
    /// What was skipped or cut off has failed.
    fn count(lines: &[String]) -> Self {
        let mut outcome = Self::default();
        for line in lines.iter().map(|line| line.trim()) {
            let mut add = |number: &str, what: &str| {
                let number = number.parse().unwrap_or(0);
                match what {
                    "passed" | "pass" => outcome.passed += number,
                    "failed" | "ignored" | "fail" | "cancelled" | "skipped" | "todo" => {
                        outcome.failed += number;
                    }
                    _ => {}
                }
            };
            if let Some(result) = line.strip_prefix("test result: ") {
                let (_, numbers) = result.split_once(". ").unwrap_or_default();
                for (number, what) in
                    numbers.split(';').filter_map(|part| part.trim().split_once(' '))
                {
                    add(number, what);
                }
            } else if let Some((what, number)) =
                line.strip_prefix("ℹ ").and_then(|line| line.split_once(' '))
            {
                add(number, what);
            }
            let rust = line.strip_prefix("test ").and_then(|name| {
                name.strip_suffix(" ... FAILED").or_else(|| name.strip_suffix(" ... FAIL"))
            });
            let node = line.strip_prefix("✖ ").filter(|name| *name != "failing tests:");
            outcome.failures.extend(rust.or(node).map(str::to_owned));
        }
        // Node.js names them again at the end.
        outcome.failures.sort_unstable();
        outcome.failures.dedup();
        outcome
    }
}

/// Every Rust test that needs no browser.
fn native(setup: &Setup) -> Result<Ran> {
    let mut cargo = setup.project.cargo();
    cargo.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    process::watch(&mut cargo, LIMIT)
}

/// `tests/browser.rs` in a headless browser, against the real server.
fn browser(setup: &Setup) -> Result<Ran> {
    let project = &setup.project;
    let tools = setup.wasm()?;
    let browser = setup.browser()?;
    let page = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut server = project.command(build::server(setup)?);
    server.args(["--listen", "127.0.0.1:0", "--issue-tokens", "--open-groups", "*", "--echo"]);
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
    wasm_pack.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(setup, &browser)?);
    // Its own limits, in seconds, are for small tests on quick machines.
    wasm_pack.env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    wasm_pack.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    // It would take any of these over ours.
    for driver in ["GECKODRIVER", "SAFARIDRIVER", "CHROMEDRIVER", "MSEDGEDRIVER"] {
        wasm_pack.env_remove(driver).env_remove(format!("{driver}_REMOTE"));
    }
    let ran = process::watch(&mut wasm_pack, LIMIT)?;
    drop(server);
    if !ran.0.success() && !process::interrupted() {
        println!("\nwhat the server logged ({}):", log.display());
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(60)).for_each(|line| println!("  {line}"));
    }
    Ok(ran)
}

/// The tests beside the TypeScript, in Node.js.
fn js(setup: &Setup, names: &[String]) -> Result<Ran> {
    let folder = compile_js(setup)?;
    run_files(setup.project.command("node"), &folder, names)
}

/// Compiles the TypeScript with its tests, and returns the folder.
pub(crate) fn compile_js(setup: &Setup) -> Result<PathBuf> {
    build::package(setup)?;
    compile_js_of(setup, &setup.project.root, &[])
}

/// Compiles that of a copy of this repository, with more options of tsc. The package is there.
pub(crate) fn compile_js_of(setup: &Setup, tree: &Path, options: &[&str]) -> Result<PathBuf> {
    let folder = tree.join("target/js");
    build::remove(&folder)?;
    let mut tsc = setup.project.npm_tool("tsc");
    tsc.current_dir(tree).args(["-p", "js/tsconfig.test.json"]).args(options);
    process::run(&mut tsc, LIMIT)?;
    build::copy_wasm(setup, &folder.join("wasm"))?;
    Ok(folder)
}

/// The tests that open real pages, with the package installed into the demo page.
fn e2e(setup: &Setup, names: &[String]) -> Result<Ran> {
    run_files(node_with_pages(setup)?, &setup.project.path("tests/e2e"), names)
}

/// Runs the test files of a folder in Node.js, or those of these names; several at the same time.
fn run_files(mut node: Command, folder: &Path, names: &[String]) -> Result<Ran> {
    let files = test_files(folder, names)?;
    node.args(["--test", "--test-reporter=spec"]).arg(format!("--test-concurrency={AT_ONCE}"));
    process::watch(node.args(files), LIMIT)
}

/// Returns the test files of a folder, or those of these names.
pub(crate) fn test_files(folder: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some((name, "js" | "mjs")) = file.split_once(".test.")
            && (names.is_empty() || names.iter().any(|wanted| wanted == name))
        {
            files.push(path);
        }
    }
    if files.len() < names.len() {
        bail!("not each of {} is a test file in {}", names.join(", "), folder.display());
    }
    files.sort();
    Ok(files)
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
    let (caddy, nginx, openssl) = (setup.caddy()?, setup.nginx()?, setup.openssl()?);
    let site = build::site(setup)?;
    let server = build::server(setup)?;
    let mut node = setup.project.command("node");
    node.env("ONESOCKET_BROWSER", &browser.chrome);
    node.env("ONESOCKET_PACKAGE", setup.project.tarball());
    node.env("ONESOCKET_PYTHON", python);
    node.env("ONESOCKET_CURL", &curl);
    node.env("ONESOCKET_CADDY", &caddy);
    node.env("ONESOCKET_NGINX", &nginx);
    node.env("ONESOCKET_OPENSSL", &openssl);
    node.env("ONESOCKET_SERVER", &server);
    node.env("ONESOCKET_SITE", &site);
    node.env("ONESOCKET_EXAMPLE", build::example(setup)?);
    Ok(node)
}

/// Holds a connection for six real minutes, and then takes the network away; eight minutes in all.
///
/// # Errors
///
/// Returns an error if something cannot be set up, or if anything was not as it should be.
pub(crate) fn soak(setup: &Setup) -> Result<()> {
    let mut node = node_with_pages(setup)?;
    process::run(node.args(["--test-reporter=spec", "tests/soak/soak.mjs"]), LIMIT)
}

/// Tries the package wherever it is used, or where a name contains the words; `false` if it failed
/// somewhere.
///
/// # Errors
///
/// Returns an error if something cannot be set up.
pub(crate) fn consumers(setup: &Setup, words: Option<&str>) -> Result<bool> {
    let mut node = node_with_pages(setup)?;
    node.env("ONESOCKET_CONSUMERS", words.unwrap_or_default());
    node.args(["--test", "--test-reporter=spec", "tests/consumers/consumers.test.mjs"]);
    let (status, _) = process::watch(&mut node, CONSUMERS_LIMIT)?;
    Ok(status.success())
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

    fn judged(code: i32, lines: &[&str]) -> (u64, u64) {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        let Outcome { passed, failed, .. } =
            Outcome::judge(Ok((ExitStatus::from_raw(code << 8), lines)));
        (passed, failed)
    }

    #[test]
    fn the_counts_of_all_runners_are_added_up_and_nothing_is_hidden() {
        let rust = [
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
            "    test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 filtered out; finished in 1.0s",
        ];
        assert_eq!(judged(101, &rust), (7, 3));
        let node =
            ["ℹ tests 9", "ℹ pass 5", "ℹ fail 1", "ℹ cancelled 1", "ℹ skipped 1", "ℹ todo 1"];
        assert_eq!(judged(1, &node), (5, 4));
        assert_eq!(judged(0, &["ℹ pass 3", "ℹ fail 0"]), (3, 0));
        assert_eq!(judged(0, &[]), (0, 1), "a part without tests");
        assert_eq!(judged(7, &["ℹ pass 3"]), (3, 1), "a runner that failed");
        let broken = Outcome::judge(Err(anyhow::anyhow!("no browser")));
        assert_eq!((broken.failed, &*broken.failures[0]), (1, "no browser"));
    }

    #[test]
    fn the_tests_that_failed_are_named_once() {
        let lines = [
            "test good ... ok",
            "test bad::one ... FAILED",
            "test other ... FAIL",
            "  ✖ a page (12ms)",
            "✖ failing tests:",
            "✖ a page (12ms)",
        ];

        let failures = Outcome::count(&lines.map(str::to_owned)).failures;
        assert_eq!(failures, ["a page (12ms)", "bad::one", "other"]);
    }

    #[test]
    fn parts_and_test_files_are_chosen_by_name() {
        let chosen = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            choose(&words).map(|(parts, names)| (parts, names.len())).ok()
        };
        assert_eq!(chosen(""), Some((PARTS.to_vec(), 0)));
        assert_eq!(chosen("e2e native"), Some((vec!["native", "e2e"], 0)));
        assert_eq!(chosen("e2e reconnect survives"), Some((vec!["e2e"], 2)));
        for bad in ["native reconnect", "js e2e reconnect", "reconnect"] {
            assert_eq!(chosen(bad), None, "{bad}");
        }
    }
}
