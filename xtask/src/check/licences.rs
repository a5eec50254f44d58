//! Where what we use comes from, and under which terms.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::process;
use crate::project::ASK;
use crate::setup::Setup;

/// Terms under which we may use and ship a dependency: they ask for a notice at most.
const ALLOWED: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0", // the certificates of the public authorities
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Terms under which a tool may be used that builds the demo page and is not shipped.
const ALLOWED_FOR_TOOLS: [&str; 2] = [
    "CC0-1.0", "MPL-2.0", // lightningcss, which Vite brings
];

/// The folders with npm packages; all of them are tools to us, for the package has none.
const NPM: [&str; 3] = ["", "benches", "www"];

/// Where every crate comes from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks the licence and the source of every crate and every npm package.
///
/// # Errors
///
/// Returns an error that names each one that will not do.
pub(super) fn run(setup: &Setup) -> Result<()> {
    let project = &setup.project;
    let mut cargo = project.cargo();
    cargo.args(["metadata", "--format-version", "1", "--all-features"]);
    let metadata: Value = serde_json::from_str(&process::output(&mut cargo, ASK)?)?;
    let (mut complaints, crates) = crates(&metadata);
    let mut packages = 0;
    for folder in NPM {
        let lock = Path::new(folder).join("package-lock.json");
        let text = fs::read_to_string(project.path(&lock))
            .with_context(|| format!("cannot read {}", lock.display()))?;
        let (found, count) = npm_packages(&serde_json::from_str(&text)?);
        complaints.extend(found.iter().map(|found| format!("{}: {found}", lock.display())));
        packages += count;
    }
    println!("{crates} crates, {packages} npm packages");
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(())
}

/// What is wrong with the crates that are not ours, and how many they are.
fn crates(metadata: &Value) -> (Vec<String>, usize) {
    let mut complaints = Vec::new();
    let mut count = 0;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(source) = package["source"].as_str() else {
            continue; // ours
        };
        count += 1;
        let name = format!("{} {}", string(&package["name"]), string(&package["version"]));
        if source != CRATES_IO {
            complaints.push(format!("{name} does not come from crates.io but from {source}"));
        }
        complaints.extend(complaint(&name, &package["license"], &[&ALLOWED]));
    }
    (complaints, count)
}

/// What is wrong with the npm packages of a lock file, and how many they are.
fn npm_packages(lock: &Value) -> (Vec<String>, usize) {
    let mut complaints = Vec::new();
    let mut count = 0;
    for (path, package) in lock["packages"].as_object().into_iter().flatten() {
        if path.is_empty() || package["link"] == true {
            continue; // ours
        }
        count += 1;
        let name = format!("{path} {}", string(&package["version"]));
        // Everybody's npm has a registry of its own; a lock file that names one is for some only.
        if package["resolved"].as_str().is_some_and(|from| from.contains("://")) {
            complaints.push(format!(
                "{name} is locked to one host: run npm with omit-lockfile-registry-resolved=true"
            ));
        }
        complaints.extend(complaint(&name, &package["license"], &[&ALLOWED, &ALLOWED_FOR_TOOLS]));
    }
    (complaints, count)
}

/// What is wrong with a licence, if anything is.
fn complaint(name: &str, licence: &Value, allowed: &[&[&str]]) -> Option<String> {
    let Some(text) = licence.as_str() else {
        return Some(format!("{name} does not say its licence"));
    };
    // Some old crates say `MIT/Apache-2.0`.
    let expression = match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("{name}: `{text}` is no licence: {}", error.reason)),
    };
    let allows = |licence: &LicenseReq| {
        let licence = licence.to_string();
        allowed.iter().any(|list| list.contains(&licence.as_str()))
    };
    if expression.evaluate(allows) {
        None
    } else {
        Some(format!("{name}: {text} is not on the list in xtask/src/check/licences.rs"))
    }
}

/// A string, or nothing.
fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn is_fine(licence: &str) -> bool {
        complaint("a", &json!(licence), &[&ALLOWED]).is_none()
    }

    #[test]
    fn one_allowed_choice_is_enough_and_all_conditions_are_needed() {
        assert!(is_fine("MIT"));
        assert!(is_fine("MIT OR Apache-2.0"));
        assert!(is_fine("MIT/Apache-2.0"));
        assert!(is_fine("GPL-3.0-only OR MIT"));
        assert!(is_fine("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
        assert!(is_fine("(MIT OR Apache-2.0) AND Unicode-3.0"));

        assert!(!is_fine("GPL-3.0-only"));
        assert!(!is_fine("MIT AND GPL-3.0-only"));
        assert!(!is_fine("no licence at all"));
        assert!(complaint("a", &Value::Null, &[&ALLOWED]).is_some());
    }

    #[test]
    fn a_crate_from_elsewhere_is_named() {
        let metadata = json!({ "packages": [
            { "name": "ours", "version": "1.0.0", "source": null, "license": null },
            { "name": "good", "version": "1.0.0", "source": CRATES_IO, "license": "MIT" },
            { "name": "bad", "version": "1.0.0", "source": "git+ssh://x", "license": "MIT" },
        ]});

        let (complaints, count) = crates(&metadata);

        assert_eq!(complaints, ["bad 1.0.0 does not come from crates.io but from git+ssh://x"]);
        assert_eq!(count, 2);
    }

    #[test]
    fn a_lock_file_that_names_a_host_is_found() {
        let lock = json!({ "packages": {
            "": { "name": "ours" },
            "node_modules/a": { "version": "1.0.0", "license": "MIT", "resolved": "https://x/a" },
            "node_modules/b": { "version": "1.0.0", "license": "MPL-2.0" },
        }});

        let (complaints, count) = npm_packages(&lock);

        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].starts_with("node_modules/a 1.0.0 is locked to one host"));
        assert_eq!(count, 2);
    }
}
