//! Where dependencies come from, and under which terms.
//!
//! cargo-deny would do the half of it that crates are; it compiles for minutes on a fresh machine.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::process;
use crate::project::ASK;
use crate::setup::Setup;

/// Terms under which we may use and ship a dependency: they ask for a notice at most.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0", // the certificates of the public authorities
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Terms under which a tool may be used that is not shipped: what Vite, StrykerJS and TypeDoc
/// bring.
const ALLOWED_FOR_TOOLS: &[&str] =
    &["BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "MPL-2.0", "Python-2.0"];

/// Packages whose manifest names no licence, though they have one: this is MIT (its file LICENSE), and
/// socket.io-client brings it into the benches.
const SILENT: [&str; 1] = ["node_modules/xmlhttprequest-ssl"];

/// The folders with npm packages; all of these are tools, for our package has no dependency.
const NPM: [&str; 5] = ["", "benches", "docs", "tests/mutants", "www"];

/// Where every crate comes from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks the licence and the source of every crate and every npm package.
///
/// # Errors
///
/// Returns an error that names each one that will not do.
pub(super) fn run(setup: &Setup) -> Result<()> {
    let mut cargo = setup.project.cargo();
    cargo.args(["metadata", "--format-version", "1", "--all-features"]);
    let metadata: Value = serde_json::from_str(&process::output(&mut cargo, ASK)?)?;
    let mut complaints = Vec::new();
    let crates = metadata["packages"].as_array().into_iter().flatten();
    complaints.extend(crates.filter_map(of_crate));
    for folder in NPM {
        let lock = setup.project.path(Path::new(folder).join("package-lock.json"));
        let text = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
        let lock: Value = serde_json::from_str(&text)?;
        let packages = lock["packages"].as_object().into_iter().flatten();
        complaints.extend(packages.filter_map(|(path, package)| of_npm_package(path, package)));
    }
    super::verdict(&complaints)
}

/// What is wrong with a crate, if anything is; our own have no source.
fn of_crate(package: &Value) -> Option<String> {
    let source = package["source"].as_str()?;
    let name = package["name"].as_str().unwrap_or_default();
    if source != CRATES_IO {
        return Some(format!("{name} does not come from crates.io but from {source}"));
    }
    of_licence(name, &package["license"], &[ALLOWED])
}

/// What is wrong with a package of a lock file, if anything is; our own have no path, or are links.
fn of_npm_package(path: &str, package: &Value) -> Option<String> {
    if path.is_empty() || package["link"] == true {
        return None;
    }
    // Everybody's npm has a registry of its own; a lock file that names one is for some only.
    if package["resolved"].as_str().is_some_and(|from| from.contains("://")) {
        let advice = "run npm with omit-lockfile-registry-resolved=true";
        return Some(format!("{path} is locked to one host: {advice}"));
    }
    if SILENT.contains(&path) {
        return None;
    }
    of_licence(path, &package["license"], &[ALLOWED, ALLOWED_FOR_TOOLS])
}

/// What is wrong with a licence, if anything is. Some old crates say `MIT/Apache-2.0`.
fn of_licence(name: &str, licence: &Value, allowed: &[&[&str]]) -> Option<String> {
    let text = licence.as_str().unwrap_or("no licence");
    let is_allowed = Expression::parse_mode(text, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|licence| {
            let licence = licence.to_string();
            allowed.iter().any(|list| list.contains(&licence.as_str()))
        })
    });
    let place = "the list in xtask/src/check/licences.rs";
    (!is_allowed).then(|| format!("{name}: `{text}` is not allowed by {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn one_allowed_choice_is_enough_and_all_conditions_are_needed() {
        let is_fine = |licence: Value| of_licence("a", &licence, &[ALLOWED]).is_none();
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0-only OR MIT",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_fine(json!(good)), "{good}");
        }
        for bad in [json!("GPL-3.0-only"), json!("MIT AND GPL-3.0-only"), json!("?"), Value::Null] {
            assert!(!is_fine(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_named() {
        let from = |source: Value| json!({ "name": "a", "source": source, "license": "MIT" });
        assert_eq!(of_crate(&from(Value::Null)), None);
        assert_eq!(of_crate(&from(json!(CRATES_IO))), None);
        assert!(of_crate(&from(json!("git+ssh://x"))).is_some());

        assert_eq!(of_npm_package("", &json!({ "name": "ours" })), None);
        assert_eq!(of_npm_package(SILENT[0], &json!({})), None);
        assert!(of_npm_package("node_modules/a", &json!({})).is_some());
        assert_eq!(of_npm_package("node_modules/b", &json!({ "license": "MPL-2.0" })), None);
        let locked = json!({ "license": "MIT", "resolved": "https://x/a" });
        assert!(of_npm_package("node_modules/a", &locked).is_some());
    }
}
