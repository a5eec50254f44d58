//! Who depends on whom: the walls between the crates.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::process;
use crate::project::{ASK, Project};
use crate::setup::Setup;

/// All that a crate may use directly.
const ONLY: [(&str, &[&str]); 1] = [("onesocket-core", &["onesocket-protocol"])];

/// What a crate must not reach, however far down.
const NEVER: [(&str, &[&str]); 3] = [
    ("onesocket-core", &["js-sys", "tokio", "wasm-bindgen", "web-sys"]),
    ("onesocket-protocol", &["js-sys", "tokio", "wasm-bindgen", "web-sys"]),
    ("onesocket-server", &["onesocket", "onesocket-core", "onesocket-web"]),
];

/// Checks the walls. Tests and build scripts are free to use more.
///
/// # Errors
///
/// Returns an error that names each breach.
pub(super) fn run(setup: &Setup) -> Result<()> {
    let mut breaches = Vec::new();
    for (package, allowed) in ONLY {
        for other in uses(&setup.project, package, "1")? {
            if !allowed.contains(&other.as_str()) {
                breaches.push(format!("{package} uses {other}: it may use {}", allowed.join(", ")));
            }
        }
    }
    for (package, forbidden) in NEVER {
        let reached = uses(&setup.project, package, "99")?;
        for other in forbidden.iter().filter(|other| reached.contains(**other)) {
            breaches.push(format!("{package} reaches {other}, which it never may"));
        }
    }
    super::verdict(&breaches)
}

/// What a package uses at run time on any target, by name, so many steps down.
fn uses(project: &Project, package: &str, depth: &str) -> Result<BTreeSet<String>> {
    let mut cargo = project.cargo();
    cargo.args(["tree", "--package", package, "--all-features", "--target", "all"]);
    cargo.args(["--edges", "normal", "--prefix", "none", "--depth", depth]);
    let printed = process::output(&mut cargo, ASK)?;
    // The first line is the package itself.
    let names = printed.lines().skip(1).filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_found_however_far_down_and_tests_may_use_more() {
        let project = Project::find().unwrap();

        let direct = uses(&project, "onesocket-server", "1").unwrap();
        assert!(direct.contains("axum") && !direct.contains("http-body"), "{direct:?}");
        assert!(!direct.contains("proptest"), "{direct:?}");
        assert!(uses(&project, "onesocket-server", "99").unwrap().contains("http-body"));
    }
}
