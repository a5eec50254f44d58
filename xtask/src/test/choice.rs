//! Which tests are to be run, in the words of the command line.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The parts, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Every Rust test that needs no browser.
    Native,
    /// The tests of the shell, in a browser.
    Browser,
    /// The tests beside the TypeScript.
    Js,
    /// The tests that open real pages.
    E2e,
}

impl Part {
    /// All of them.
    const ALL: [Self; 4] = [Self::Native, Self::Browser, Self::Js, Self::E2e];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Browser => "browser",
            Self::Js => "js",
            Self::E2e => "e2e",
        }
    }

    /// The part of a name.
    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// What is to be run.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Choice {
    /// These parts.
    pub(super) parts: Vec<Part>,
    /// Of the only part, the test files of these names; all if there are none.
    pub(super) files: Vec<String>,
}

impl Choice {
    /// Reads names of parts; after `js` or `e2e` alone, names of test files.
    ///
    /// # Errors
    ///
    /// Returns an error if a word is neither.
    pub(super) fn read(words: &[String]) -> Result<Self> {
        if let [first, files @ ..] = words
            && let Some(part @ (Part::Js | Part::E2e)) = Part::find(first)
            && files.iter().all(|file| Part::find(file).is_none())
        {
            return Ok(Self { parts: vec![part], files: files.to_vec() });
        }
        if let Some(word) = words.iter().find(|word| Part::find(word).is_none()) {
            bail!(
                "there are no tests `{word}`: native, browser, js or e2e, and names of test files \
                 after js or e2e alone"
            );
        }
        let named = |part: &Part| words.is_empty() || words.iter().any(|word| word == part.name());
        Ok(Self { parts: Part::ALL.into_iter().filter(named).collect(), files: Vec::new() })
    }

    /// Keeps of test files those that are chosen.
    ///
    /// # Errors
    ///
    /// Returns an error if a chosen one is not among them.
    pub(super) fn among(&self, mut tests: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
        if self.files.is_empty() {
            return Ok(tests);
        }
        let names: Vec<String> = tests.iter().map(|path| name_of(path)).collect();
        if let Some(file) = self.files.iter().find(|file| !names.contains(file)) {
            bail!("there is no test file `{file}`: {}", names.join(", "));
        }
        tests.retain(|path| self.files.contains(&name_of(path)));
        Ok(tests)
    }
}

/// The name of a test file, up to `.test.`
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(".test.").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Choice> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Choice::read(&words)
    }

    #[test]
    fn parts_are_run_in_their_own_order_and_all_without_a_word() {
        assert_eq!(read("").unwrap().parts, Part::ALL);
        assert_eq!(read("e2e native").unwrap().parts, [Part::Native, Part::E2e]);
        assert!(read("e2e").unwrap().files.is_empty());
    }

    #[test]
    fn test_files_are_named_after_the_part_that_has_them() {
        let choice = read("e2e reconnect survives").unwrap();

        assert_eq!((choice.parts, choice.files.len()), (vec![Part::E2e], 2));
        assert!(read("native reconnect").is_err());
        assert!(read("js e2e reconnect").is_err());
        assert!(read("reconnect").is_err());
    }

    #[test]
    fn only_the_named_test_files_are_kept_and_each_must_be_there() {
        let files = || ["a/page.test.mjs", "a/react.test.mjs"].map(PathBuf::from).to_vec();

        assert_eq!(read("e2e").unwrap().among(files()).unwrap(), files());
        assert_eq!(read("e2e react").unwrap().among(files()).unwrap(), files()[1..]);
        let error = read("e2e reakt").unwrap().among(files()).unwrap_err();
        assert_eq!(error.to_string(), "there is no test file `reakt`: page, react");
    }
}
