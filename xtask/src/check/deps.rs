//! Who depends on whom: the walls between the crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;
use crate::project::ASK;
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
    let mut cargo = setup.project.cargo();
    cargo.args(["metadata", "--format-version", "1", "--all-features"]);
    let graph = Graph::read(&serde_json::from_str(&process::output(&mut cargo, ASK)?)?);
    let breaches = graph.breaches()?;
    if !breaches.is_empty() {
        bail!("{}", breaches.join("\n"));
    }
    Ok(())
}

/// Which package uses which at run time, by name.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    /// Reads what `cargo metadata` has resolved.
    fn read(metadata: &Value) -> Self {
        let names: BTreeMap<&str, &str> = list(&metadata["packages"])
            .filter_map(|package| package["id"].as_str().zip(package["name"].as_str()))
            .collect();
        let name = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            names.get(id).copied().unwrap_or(id).to_owned()
        };
        let mut graph = BTreeMap::<_, BTreeSet<_>>::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            // A normal dependency has no kind; the others are `dev` and `build`.
            let uses = list(&node["deps"])
                .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()))
                .map(|dep| name(&dep["pkg"]));
            graph.entry(name(&node["id"])).or_default().extend(uses);
        }
        Self(graph)
    }

    /// Every breach of a wall, as a sentence.
    fn breaches(&self) -> Result<Vec<String>> {
        let mut breaches = Vec::new();
        for (package, allowed) in ONLY {
            let uses = self.0.get(package).with_context(|| format!("no package `{package}`"))?;
            for other in uses.iter().filter(|other| !allowed.contains(&other.as_str())) {
                breaches.push(format!("{package} uses {other}: it may use {}", allowed.join(", ")));
            }
        }
        for (package, forbidden) in NEVER {
            let reached = self.reached_from(package);
            for other in forbidden.iter().filter(|other| reached.contains(**other)) {
                breaches.push(format!("{package} reaches {other}, which it never may"));
            }
        }
        Ok(breaches)
    }

    /// Everything that a package uses, directly or not.
    fn reached_from(&self, package: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![package];
        while let Some(package) = open.pop() {
            for other in self.0.get(package).into_iter().flatten() {
                if reached.insert(other.as_str()) {
                    open.push(other);
                }
            }
        }
        reached
    }
}

/// The members of a JSON array, none if it is no array.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn graph(edges: &[(&str, &str, Option<&str>)]) -> Graph {
        let nodes: Vec<Value> = edges
            .iter()
            .map(|(from, to, kind)| {
                json!({ "id": from, "deps": [{ "pkg": to, "dep_kinds": [{ "kind": kind }] }] })
            })
            .collect();
        Graph::read(&json!({ "packages": [], "resolve": { "nodes": nodes } }))
    }

    #[test]
    fn the_core_may_use_the_protocol_and_test_with_anything() {
        let graph = graph(&[
            ("onesocket-core", "onesocket-protocol", None),
            ("onesocket-core", "proptest", Some("dev")),
        ]);

        assert_eq!(graph.breaches().unwrap(), [""; 0]);
    }

    #[test]
    fn a_breach_is_found_however_far_down() {
        let graph = graph(&[
            ("onesocket-core", "serde", None),
            ("onesocket-server", "middle", None),
            ("middle", "onesocket-core", None),
        ]);

        assert_eq!(
            graph.breaches().unwrap(),
            [
                "onesocket-core uses serde: it may use onesocket-protocol",
                "onesocket-server reaches onesocket-core, which it never may",
            ]
        );
    }
}
