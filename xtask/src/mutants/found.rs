//! The lists that cargo-mutants leaves.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// What cargo-mutants has found.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The tests failed, or did not end.
    pub(super) caught: Vec<String>,
    /// The tests passed.
    pub(super) missed: Vec<String>,
    /// How many do not compile.
    pub(super) unviable: usize,
}

impl Found {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// Returns an error if one is not there.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let list = |name: &str| -> Result<Vec<String>> {
            let file = folder.join(name);
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        let mut caught = list("caught.txt")?;
        caught.extend(list("timeout.txt")?);
        Ok(Self { caught, missed: list("missed.txt")?, unviable: list("unviable.txt")?.len() })
    }

    /// Forgets what was not asked about: fields that are left out are tried whatever is asked for.
    pub(super) fn keep(&mut self, asked: &[String]) {
        self.caught.retain(|name| asked.contains(name));
        self.missed.retain(|name| asked.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_lists_of_cargo_mutants_say_is_read() {
        let folder = std::env::temp_dir().join(format!("xtask-mutants-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("caught.txt", "a\nb\n"),
            ("timeout.txt", "c\n"),
            ("missed.txt", "d\n"),
            ("unviable.txt", "e\nf\n"),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }

        let mut found = Found::read(&folder).unwrap();
        assert_eq!((found.caught.len(), found.missed.len(), found.unviable), (3, 1, 2));
        found.keep(&["b".to_owned(), "d".to_owned()]);
        assert_eq!(
            (&*found.caught, &*found.missed),
            (&["b".to_owned()][..], &["d".to_owned()][..])
        );
        fs::remove_dir_all(&folder).unwrap();
        assert!(Found::read(&folder).is_err());
    }
}
