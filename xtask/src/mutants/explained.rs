//! Mutants that may survive, as `mutants.txt` has them.

use anyhow::{Result, bail};

/// The names of mutants, without their places, for each of which a reason is given.
pub(super) struct Explained(Vec<String>);

impl Explained {
    /// Reads paragraphs: a reason, then the mutants that it is for, indented.
    ///
    /// # Errors
    ///
    /// Returns an error if a mutant has no reason, or a reason no mutant.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut names = Vec::new();
        for paragraph in text.split("\n\n") {
            let lines = paragraph.lines().filter(|line| !line.starts_with('#'));
            let (mutants, reason): (Vec<_>, Vec<_>) =
                lines.partition(|line| line.starts_with("    "));
            match (mutants.is_empty(), reason.is_empty()) {
                (false, true) => {
                    bail!("xtask/mutants.txt gives no reason for {}", mutants[0].trim())
                }
                (true, false) => bail!("xtask/mutants.txt has no mutant for: {}", reason.join(" ")),
                _ => names.extend(mutants.iter().map(|name| name.trim().to_owned())),
            }
        }
        Ok(Self(names))
    }

    /// Says whether there is a reason for this mutant.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// The mutants of a package that are not among all that there are.
    pub(super) fn not_among(&self, package: &str, all: &[String]) -> Vec<String> {
        let folder = format!("crates/{}/", package.trim_start_matches("onesocket-"));
        let stale = |name: &&String| name.starts_with(&folder) && !all.contains(name);
        self.0.iter().filter(stale).cloned().collect()
    }
}

/// The name of a mutant without line and column, which every change of the file moves:
/// `a.rs:12:5: replace a` is `a.rs: replace a`.
pub(super) fn without_place(name: &str) -> String {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name.splitn(4, ':');
    match [parts.next(), parts.next(), parts.next(), parts.next()] {
        [Some(file), Some(line), Some(column), Some(what)] if number(line) && number(column) => {
            format!("{file}:{what}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mutant_has_a_reason_and_each_reason_a_mutant() {
        let text = "# About.\n\nNobody\nreads it.\n    crates/core/src/a.rs: replace a\n    b\n";

        let explained = Explained::read(text).unwrap();
        assert!(explained.has("crates/core/src/a.rs: replace a") && explained.has("b"));
        assert!(!explained.has("a"));
        assert!(Explained::read("    a\n").is_err());
        assert!(Explained::read("A reason.\n\n    a\n").is_err());
    }

    #[test]
    fn a_mutant_that_is_gone_is_told_apart_from_one_of_another_package() {
        let text =
            "Why.\n    crates/core/src/a.rs: replace a\n    crates/core/src/b.rs: replace b\n";
        let explained = Explained::read(text).unwrap();
        let all = ["crates/core/src/a.rs: replace a".to_owned()];

        assert_eq!(
            explained.not_among("onesocket-core", &all),
            ["crates/core/src/b.rs: replace b"]
        );
        assert_eq!(explained.not_among("onesocket-protocol", &[]), [""; 0]);
    }

    #[test]
    fn a_mutant_is_known_without_its_place() {
        assert_eq!(without_place("a.rs:12:5: replace a::b -> c"), "a.rs: replace a::b -> c");
        assert_eq!(without_place("a.rs: replace a::b with c: d"), "a.rs: replace a::b with c: d");
    }
}
