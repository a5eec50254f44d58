//! Versions as tools print them.

use std::fmt;

/// Three numbers; what follows them (a build, a date, a label) is of no interest here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Version {
    /// The first number.
    pub(crate) major: u32,
    /// The second number.
    pub(crate) minor: u32,
    /// The third number.
    pub(crate) patch: u32,
}

impl Version {
    /// Makes a version of its numbers.
    pub(crate) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Finds the first version in what a tool printed: `v20.20.2`, `rustc 1.95.0 (5980 2026)`.
    pub(crate) fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::parse)
    }

    /// Reads `1.95`, `v20.20.2` or `140.0.7339.80`.
    fn parse(word: &str) -> Option<Self> {
        let mut numbers = word.strip_prefix('v').unwrap_or(word).split(['.', '-', '+']);
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let patch = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some(Self::new(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        for (text, version) in [
            ("v20.20.2\n", Version::new(20, 20, 2)),
            ("rustc 1.95.0 (59807616e 2026-04-14)", Version::new(1, 95, 0)),
            ("rustc 1.97.0-nightly (1234 2026-05-01)", Version::new(1, 97, 0)),
            ("1.95", Version::new(1, 95, 0)),
            ("Chromium 140.0.7339.80 built on Debian", Version::new(140, 0, 7339)),
            ("wasm-bindgen 0.2.130", Version::new(0, 2, 130)),
        ] {
            assert_eq!(Version::find(text), Some(version), "{text}");
        }
        assert_eq!(Version::find("command not found"), None);
    }

    #[test]
    fn versions_are_ordered_by_number_and_not_by_letter() {
        assert!(Version::new(20, 9, 0) < Version::new(20, 19, 0));
        assert!(Version::new(1, 95, 0) < Version::new(2, 0, 0));
    }
}
