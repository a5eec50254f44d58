//! `cargo xtask conformance`: the server against the Autobahn test suite for RFC 6455.
//!
//! The suite is a program of Python 2.7, which ended in 2020: it is looked for and not installed,
//! so this is no part of `cargo xtask test`. How the server behaves in each case is compared with
//! the list in `tests/conformance/cases.txt`, which is reviewed as a diff.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::bench;
use crate::build;
use crate::process;
use crate::server::Server;
use crate::setup::{Setup, python};

/// How the server behaves in each case, one a line.
const CASES: &str = "tests/conformance/cases.txt";

/// The groups of cases. 12 and 13 are about compression, which the server does not offer.
const GROUPS: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];

/// What the suite calls the server.
const AGENT: &str = "onesocket-server";

/// How long all cases may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(3000);

/// Behaviours that are right, or left open by the RFC.
const GOOD: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

/// Runs the suite; `false` if a case has failed or is not as the list has it.
///
/// # Errors
///
/// Returns an error if there is no Python 2.7, or if the suite or the server does not run.
pub(crate) fn run(setup: &Setup) -> Result<bool> {
    let suite = python::autobahn(&setup.project)?;
    let server = bench::release(setup, "onesocket-server")?;
    let results = results(setup, suite, server)?;

    let mut failed = Vec::new();
    let mut figures = BTreeMap::<&str, usize>::new();
    let mut list = String::new();
    for (case, [behaviour, close]) in &results {
        let case = case.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        *figures.entry(behaviour).or_default() += 1;
        list += &format!("{case} {behaviour}, close {close}\n");
        if !GOOD.contains(&behaviour.as_str()) || !GOOD.contains(&close.as_str()) {
            failed.push(case);
        }
    }
    let figures: Vec<String> =
        figures.iter().map(|(behaviour, count)| format!("{count} {behaviour}")).collect();
    println!("\n{} cases: {}", results.len(), figures.join(", "));
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
    let same = compare(setup, &list)?;
    Ok(failed.is_empty() && same)
}

/// How the server behaved and how it closed, by the number of the case.
type Results = BTreeMap<Vec<u32>, [String; 2]>;

/// Lets the suite loose on a server of its own.
fn results(setup: &Setup, mut wstest: Command, server: PathBuf) -> Result<Results> {
    let project = &setup.project;
    let folder = project.scratch()?.join("conformance");
    build::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    let mut command = project.command(server);
    command.args(["--listen", "127.0.0.1:0", "--issue-tokens", "--echo"]);
    // The cases 9.* send messages of up to 16 MiB, others very many.
    command.args(["--max-message", "16MiB", "--max-queue", "64MiB", "--max-rate", "0"]);
    let server = Server::start(command.stderr(File::create(folder.join("server.log"))?))?;
    let url = server.url.replacen("http", "ws", 1) + "/echo";

    let reports = folder.join("reports");
    let spec = folder.join("spec.json");
    let cases = json!({
        "outdir": reports,
        "servers": [{"agent": AGENT, "url": url, "options": {"version": 18}}],
        "cases": GROUPS,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    fs::write(&spec, cases.to_string())?;
    let log = folder.join("suite.log");
    println!("-- running the Autobahn test suite (minutes; {})", log.display());
    wstest.args(["--mode", "fuzzingclient", "--spec"]).arg(&spec).current_dir(&folder);
    wstest.stdout(File::create(&log)?).stderr(File::create(folder.join("suite.errors.log"))?);
    process::run(&mut wstest, LIMIT)?;
    drop(server);
    let index =
        fs::read_to_string(reports.join("index.json")).context("the suite reports nothing")?;
    read(&serde_json::from_str(&index)?)
}

/// Reads what the suite reports.
fn read(index: &Value) -> Result<Results> {
    let cases = index[AGENT].as_object().context("the suite has not met the server")?;
    let mut results = Results::new();
    for (case, result) in cases {
        let behaviour = |key: &str| match result[key].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => bail!("case {case} has no `{key}`"),
        };
        let number = case.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        results.insert(number, [behaviour("behavior")?, behaviour("behaviorClose")?]);
    }
    if results.is_empty() {
        bail!("there was not one case");
    }
    Ok(results)
}

/// Compares with the committed list; who finds the new one right puts it there.
fn compare(setup: &Setup, list: &str) -> Result<bool> {
    let now = setup.project.scratch()?.join("conformance/cases.txt");
    fs::write(&now, list)?;
    println!("{CASES} and what is so now, in {}:", now.display());
    let mut diff = setup.project.command("diff");
    Ok(process::run(diff.arg(CASES).arg(&now), LIMIT).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_in_the_order_of_their_numbers() {
        let index = json!({AGENT: {
            "10.1.1": {"behavior": "OK", "behaviorClose": "OK"},
            "9.1.2": {"behavior": "FAILED", "behaviorClose": "UNCLEAN"},
            "9.1.10": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        }});

        let results = read(&index).unwrap();

        let order: Vec<_> = results.keys().cloned().collect();
        assert_eq!(order, [[9, 1, 2], [9, 1, 10], [10, 1, 1]]);
        assert_eq!(results[&order[0]], ["FAILED", "UNCLEAN"]);
    }

    #[test]
    fn a_report_without_cases_is_no_report() {
        assert!(read(&json!({})).is_err());
        assert!(read(&json!({AGENT: {}})).is_err());
        assert!(read(&json!({AGENT: {"1.1.1": {"behavior": "OK"}}})).is_err());
    }
}
