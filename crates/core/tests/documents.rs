//! What README.md and the types of the npm package say of the machine is what the machine says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use onesocket_core::ErrorCode;

/// Reads a file of the repository.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Returns what stands in a text between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).expect("the text has the first mark");
    rest.split_once(to).expect("the text has the second mark").0
}

/// Returns the words that a text puts in a pair of these quotes.
fn quoted(text: &str, quote: char) -> BTreeSet<&str> {
    text.split(quote).skip(1).step_by(2).collect()
}

fn codes() -> BTreeSet<&'static str> {
    ErrorCode::ALL.iter().map(|code| code.as_str()).collect()
}

#[test]
fn the_readme_lists_every_error_code() {
    let readme = read("README.md");
    let list = between(&readme, "a sentence that names the fix:", "\n\n");

    let listed: BTreeSet<_> =
        quoted(list, '`').into_iter().filter(|word| !word.contains('(')).collect();
    assert_eq!(listed, codes(), "README.md, \"Close codes, and errors\"");
}

#[test]
fn the_types_of_the_npm_package_list_every_error_code() {
    // Reserved: nothing fails with it yet.
    let reserved = ["timeout"];
    let types = read("js/error.ts");

    let listed = quoted(between(&types, "export type ErrorCode =", ";"), '"');
    let expected: BTreeSet<_> = codes().into_iter().chain(reserved).collect();
    assert_eq!(listed, expected, "js/error.ts, ErrorCode");
}
