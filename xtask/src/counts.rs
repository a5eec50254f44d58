//! How many tests passed and failed, read from what the runners print.

use std::ops::AddAssign;

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed, or were cut off.
    pub(crate) failed: u64,
    /// Tests that did not run though they were there.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads the summaries of `cargo test` and `wasm-bindgen-test`, of which there may be many:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 filtered out`.
    pub(crate) fn of_rust(lines: &[String]) -> Self {
        let mut counts = Self::default();
        for line in lines.iter().filter_map(|line| line.trim().strip_prefix("test result: ")) {
            let (_, numbers) = line.split_once(". ").unwrap_or_default();
            for part in numbers.split(';') {
                match part.trim().split_once(' ') {
                    Some((number, "passed")) => counts.passed += number.parse().unwrap_or(0),
                    Some((number, "failed")) => counts.failed += number.parse().unwrap_or(0),
                    Some((number, "ignored")) => counts.skipped += number.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        counts
    }

    /// Reads the end of what Node's `tap` reporter writes: `# pass 3`.
    pub(crate) fn of_node(tap: &str) -> Self {
        let mut counts = Self::default();
        for line in tap.lines().filter_map(|line| line.strip_prefix("# ")) {
            match line.split_once(' ') {
                Some(("pass", number)) => counts.passed += number.parse().unwrap_or(0),
                Some(("fail" | "cancelled", number)) => {
                    counts.failed += number.parse().unwrap_or(0);
                }
                Some(("skipped" | "todo", number)) => {
                    counts.skipped += number.parse().unwrap_or(0);
                }
                _ => {}
            }
        }
        counts
    }
}

/// The names of the tests that failed, in what `cargo test` and `wasm-bindgen-test` print.
pub(crate) fn failed_in_rust(lines: &[String]) -> Vec<String> {
    let failed = |line: &String| {
        let name = line.trim().strip_prefix("test ")?;
        // The two end such a line differently.
        let name = name.strip_suffix(" ... FAILED").or_else(|| name.strip_suffix(" ... FAIL"))?;
        Some(name.to_owned())
    };
    lines.iter().filter_map(failed).collect()
}

/// The names of the tests that failed, in what Node's `tap` reporter writes: a file with such a
/// test is not ok either, but has none of its own.
pub(crate) fn failed_in_node(tap: &str) -> Vec<String> {
    let failed = |line: &str| {
        let (_, name) = line.trim_start().strip_prefix("not ok ")?.split_once(" - ")?;
        (!name.contains(".test.")).then(|| name.to_owned())
    };
    tap.lines().filter_map(failed).collect()
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_all_test_binaries_are_added_up() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test the_text. 9 passed; ... ok",
            "    test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 filtered out; finished in 1.0s",
        ];

        let counts = Counts::of_rust(&lines.map(str::to_owned));

        assert_eq!(counts, Counts { passed: 7, failed: 2, skipped: 1 });
    }

    #[test]
    fn what_node_cut_off_counts_as_failed() {
        let tap = "ok 1 - a\n1..1\n# tests 9\n# suites 0\n# pass 5\n# fail 1\n# cancelled 1\n\
                   # skipped 1\n# todo 1\n# duration_ms 44.7\n";

        assert_eq!(Counts::of_node(tap), Counts { passed: 5, failed: 2, skipped: 2 });
    }

    #[test]
    fn the_tests_that_failed_are_named() {
        let lines = ["test good ... ok", "test bad::one ... FAILED", "test other ... FAIL"];
        let tap = "# Subtest: a\nok 1 - a\nnot ok 2 - one - and two\n    not ok 1 - inner\n\
                   not ok 3 - /x/page.test.mjs\n";

        assert_eq!(failed_in_rust(&lines.map(str::to_owned)), ["bad::one", "other"]);
        assert_eq!(failed_in_node(tap), ["one - and two", "inner"]);
    }
}
