//! Texts that are drawn from the code: compared with the files that hold them, or written anew where
//! a person asks for that with `UPDATE_GOLDEN=1`. A run with `CI` set never writes.
//!
//! For the tests of every crate; each uses what it needs.
#![allow(dead_code, reason = "each test binary compiles its own copy, and uses a part")]

use std::path::{Path, PathBuf};

use std::sync::{Mutex, PoisonError};

/// Two tests may write parts of one document.
static DOCUMENTS: Mutex<()> = Mutex::new(());

/// Returns a file of the repository; `path` is relative to its root.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Compares a file with `expected`.
///
/// # Panics
///
/// Fails the test if the file is different, with the `command` that writes it anew.
pub(crate) fn compare(path: &str, expected: &str, command: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI never rewrites a golden file");
        std::fs::write(file(path), expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(file(path)).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what the code says. Look at the difference after\nUPDATE_GOLDEN=1 {command}"
    );
}

/// Compares a part of a document with `expected`: what stands between the lines
/// `<!-- NAME: drawn by … -->` and `<!-- /NAME -->`.
///
/// # Panics
///
/// As [`compare`] does, and where the document has no such part.
pub(crate) fn compare_part(path: &str, name: &str, expected: &str, command: &str) {
    let _one_at_a_time = DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let document = std::fs::read_to_string(file(path)).expect("the document can be read");
    let start = document.find(&format!("<!-- {name}: drawn by ")).expect("the part begins");
    let (head, rest) = document[start..].split_once('\n').expect("the mark ends with its line");
    let end = rest.find(&format!("<!-- /{name} -->")).expect("the part ends");
    let (before, after) = (&document[..start], &rest[end..]);
    compare(path, &format!("{before}{head}\n{expected}{after}"), command);
}
