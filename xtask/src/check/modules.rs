//! Which module imports which: no circle among the modules of a crate.
//!
//! The rule: the modules of one folder, each with all that is below it, import each other in one
//! direction only. A module and its own children are one unit, so a child may use its parent's types.
//! Unit tests at the bottom of a file may import anything. (TypeScript's circles are the linter's
//! affair: `import/no-cycle`.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::setup::Setup;

/// The crates, by the folder of their sources.
const CRATES: [&str; 8] = [
    "benches/src",
    "crates/core/src",
    "crates/native/src",
    "crates/protocol/src",
    "crates/web/src",
    "server/src",
    "src",
    "xtask/src",
];

/// A module, by the names that lead to it; the root has none.
type Module = Vec<String>;

/// Checks every crate.
///
/// # Errors
///
/// Returns an error that names the imports of the circles.
pub(super) fn run(setup: &Setup) -> Result<()> {
    let mut found = Vec::new();
    for folder in CRATES {
        let mut sources = BTreeMap::new();
        read(&setup.project.path(folder), &Vec::new(), &mut sources)?;
        found.extend(circles(&sources).into_iter().map(|step| format!("{folder}: {step}")));
    }
    super::verdict(&found)
}

/// Reads the sources of a folder, by module.
fn read(folder: &Path, parent: &Module, sources: &mut BTreeMap<Module, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut module = parent.clone();
        if path.is_dir() {
            module.push(name);
            read(&path, &module, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if !["lib", "main", "mod"].contains(&name.as_str()) {
                module.push(name);
            }
            *sources.entry(module).or_default() += &fs::read_to_string(&path)?;
        }
    }
    Ok(())
}

/// Returns the imports that make circles, each as "a -> b (a::x imports b::Y)".
fn circles(sources: &BTreeMap<Module, String>) -> Vec<String> {
    // Among the children of one module: who imports whom, and where that is seen.
    let mut edges: BTreeMap<(Module, Module), String> = BTreeMap::new();
    for (module, text) in sources {
        for path in paths(without_tests(text)) {
            let Some(target) = resolve(module, &path, sources) else { continue };
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if shared == module.len() || shared == target.len() {
                continue;
            }
            let edge = (module[..=shared].to_vec(), target[..=shared].to_vec());
            let seen = || format!("{} imports {}", module.join("::"), path.join("::"));
            edges.entry(edge).or_insert_with(seen);
        }
    }
    // What imports nothing of the rest is in no circle, nor is what nothing of the rest imports.
    loop {
        let before = edges.len();
        let (from, to): (BTreeSet<_>, BTreeSet<_>) = edges.keys().cloned().unzip();
        edges.retain(|edge, _| to.contains(&edge.0) && from.contains(&edge.1));
        if edges.len() == before {
            break;
        }
    }
    let step = |((from, to), seen): (&(Module, Module), &String)| {
        format!("{} -> {} ({seen})", from.join("::"), to.join("::"))
    };
    edges.iter().map(step).collect()
}

/// Cuts off the unit tests, and the comments.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// Returns every path in a text that begins with `crate`, `self` or `super`; those in braces one by
/// one.
fn paths(text: String) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for first in ["crate", "self", "super"] {
        for (at, _) in text.match_indices(&format!("{first}::")) {
            let before = text[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                follow(&text[at..], &[], &mut found);
            }
        }
    }
    found
}

/// Follows one path to its ends; returns what stands behind it.
fn follow<'a>(text: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [before, &[name.to_owned()]].concat();
    let Some(rest) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(mut rest) = rest.trim_start().strip_prefix('{') else {
        return follow(rest, &path, found);
    };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.is_empty() || rest.starts_with('}') {
            return rest.get(1..).unwrap_or_default();
        }
        let behind = follow(rest, &path, found);
        // An alias, or something that is no path at all.
        rest = behind.trim_start_matches(|c| c != ',' && c != '}');
    }
}

/// Finds the module that a path leads into, as far as there are files for it.
fn resolve(module: &Module, path: &[String], sources: &BTreeMap<Module, String>) -> Option<Module> {
    let mut at = if path[0] == "crate" { Vec::new() } else { module.clone() };
    for name in path {
        match name.as_str() {
            "crate" | "self" => {}
            "super" => _ = at.pop(),
            name => {
                at.push(name.to_owned());
                if !sources.keys().any(|module| module.starts_with(&at)) {
                    at.pop();
                    break;
                }
            }
        }
    }
    (!at.is_empty()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let module = |name: &str| {
            name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let sources = sources.iter().map(|(name, text)| (module(name), (*text).to_owned()));
        circles(&sources.collect())
    }

    #[test]
    fn one_direction_is_no_circle_and_a_child_may_use_its_parent() {
        let none = found(&[
            ("", "mod a; mod b; pub use crate::a::A;"),
            ("a", "mod part; use crate::b::{B, c::{C, D as E}};\nuse self::part::P;"),
            ("a::part", "use super::A; use crate::b::B; // crate::nowhere"),
            ("b", "use crate::A;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
            ("b::c", ""),
        ]);

        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn a_circle_is_told_with_its_imports() {
        let two = found(&[("a", "use crate::b::B;"), ("b", "fn f(a: crate::a::A) {}")]);
        assert_eq!(two, ["a -> b (a imports crate::b::B)", "b -> a (b imports crate::a::A)"]);

        let three = found(&[
            ("http::router", "use super::{echo, upgrade::{self, begin}};"),
            ("http::echo", "use crate::peer::task::close;"),
            ("http::upgrade", ""),
            ("peer::task", "use crate::http::upgrade::Held;"),
        ]);
        assert_eq!(
            three,
            [
                "http -> peer (http::echo imports crate::peer::task::close)",
                "peer -> http (peer::task imports crate::http::upgrade::Held)"
            ]
        );
    }

    #[test]
    fn siblings_of_a_folder_are_looked_at_on_their_own() {
        let inside = found(&[
            ("hub::registry", "use super::history::History;"),
            ("hub::history", "use crate::hub::registry::Key;"),
        ]);

        assert_eq!(inside.len(), 2, "{inside:?}");
    }

    #[test]
    fn the_crates_that_are_looked_at_are_all_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();

        let mut listed: Vec<_> =
            members.split('"').skip(1).step_by(2).map(|member| format!("{member}/src")).collect();
        listed.push("src".to_owned());
        listed.sort_unstable();
        assert_eq!(listed, CRATES);
    }
}
