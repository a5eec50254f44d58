//! How tests went, in counts that hide nothing.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::counts::Counts;

/// What a runner has left.
pub(super) struct Ran {
    /// The counts.
    pub(super) counts: Counts,
    /// The names of the tests that failed, as far as the runner tells them.
    pub(super) failures: Vec<String>,
    /// How the runner ended.
    pub(super) status: ExitStatus,
}

/// How a part went.
pub(super) struct Outcome {
    /// Which.
    part: &'static str,
    /// The counts; what did not run is among the failures.
    pub(super) counts: Counts,
    /// The names of the tests that failed.
    failures: Vec<String>,
    /// What was wrong beside the tests.
    pub(super) trouble: Option<String>,
    took: Duration,
}

impl Outcome {
    /// Turns what a part returned into counts that hide nothing.
    pub(super) fn judge(part: &'static str, result: Result<Ran>, took: Duration) -> Self {
        let (mut counts, failures, trouble) = match result {
            Err(error) => (Counts::default(), Vec::new(), Some(format!("{error:#}"))),
            Ok(Ran { counts, failures, status }) => {
                let trouble = if counts == Counts::default() {
                    Some("there was not one test".to_owned())
                } else if counts.skipped > 0 {
                    Some(format!("{} skipped, which counts as failed", counts.skipped))
                } else if counts.failed == 0 && !status.success() {
                    Some(format!("no test failed but their runner did ({status})"))
                } else {
                    None
                };
                (counts, failures, trouble)
            }
        };
        counts.failed += counts.skipped;
        if trouble.is_some() {
            counts.failed = counts.failed.max(1);
        }
        Self { part, counts, failures, trouble, took }
    }
}

/// One run of all that was chosen.
pub(super) struct Round(pub(super) Vec<Outcome>);

impl Round {
    /// The counts of all its parts.
    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.0.iter().for_each(|outcome| total += outcome.counts);
        total
    }

    /// Prints a line for each part.
    pub(super) fn print(&self) {
        println!("\npart      passed  failed    time");
        for Outcome { part, counts, failures: _, trouble, took } in &self.0 {
            let Counts { passed, failed, .. } = counts;
            let seconds = took.as_secs_f64();
            let trouble = if trouble.is_some() { "  see above" } else { "" };
            println!("{part:<8} {passed:>7} {failed:>7} {seconds:>6.1}s{trouble}");
        }
    }
}

/// What many runs in a row come to: how many of them failed, and by what.
pub(super) fn tell_of_all(rounds: &[Round]) -> String {
    let failed: Vec<_> = (1..).zip(rounds).filter(|(_, round)| round.total().failed > 0).collect();
    let mut text = format!("{} runs, {} with failures", rounds.len(), failed.len());
    for (number, round) in failed {
        let outcomes = round.0.iter().filter(|outcome| outcome.counts.failed > 0);
        for Outcome { part, failures, trouble, .. } in outcomes {
            let what = failures.iter().chain(trouble).map(String::as_str);
            text += &format!("\n  run {number}, {part}: {}", what.collect::<Vec<_>>().join("; "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::process::ExitStatusExt as _;

    fn ran(counts: Counts, code: i32) -> Outcome {
        let failures = (0..counts.failed).map(|number| format!("test {number}")).collect();
        let ran = Ran { counts, failures, status: ExitStatus::from_raw(code << 8) };
        Outcome::judge("js", Ok(ran), Duration::ZERO)
    }

    fn judged(counts: Counts, code: i32) -> (u64, bool) {
        let outcome = ran(counts, code);
        (outcome.counts.failed, outcome.trouble.is_some())
    }

    #[test]
    fn a_part_that_passed_is_left_as_it_is() {
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 0 }, 0), (0, false));
    }

    #[test]
    fn failed_tests_are_counted_once() {
        assert_eq!(judged(Counts { passed: 3, failed: 2, skipped: 0 }, 1), (2, false));
    }

    #[test]
    fn no_tests_a_skipped_one_and_a_broken_runner_are_failures() {
        assert_eq!(judged(Counts::default(), 0), (1, true));
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 2 }, 0), (2, true));
        assert_eq!(judged(Counts { passed: 3, failed: 0, skipped: 0 }, 101), (1, true));
    }

    #[test]
    fn a_part_that_could_not_run_is_a_failure() {
        let result = Err(anyhow::anyhow!("no browser"));
        let outcome = Outcome::judge("e2e", result, Duration::ZERO);

        assert_eq!(outcome.counts.failed, 1);
        assert_eq!(outcome.trouble.as_deref(), Some("no browser"));
    }

    #[test]
    fn of_many_runs_those_that_failed_are_told_with_what_failed_in_them() {
        let good = || Round(vec![ran(Counts { passed: 3, failed: 0, skipped: 0 }, 0)]);
        let bad = Round(vec![ran(Counts { passed: 1, failed: 2, skipped: 0 }, 1)]);
        let broken = Round(vec![ran(Counts { passed: 3, failed: 0, skipped: 0 }, 101)]);

        assert_eq!(tell_of_all(&[good(), good()]), "2 runs, 0 with failures");
        assert_eq!(
            tell_of_all(&[good(), bad, broken]),
            "3 runs, 2 with failures\n  run 2, js: test 0; test 1\n  run 3, js: no test failed \
             but their runner did (exit status: 101)"
        );
    }
}
