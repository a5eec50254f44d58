//! What has happened in a world, as far as anybody wants to know.

use std::time::Duration;

use crate::coverage::Coverage;
use crate::runner::Outcome;

/// How many lines a history may have before the earliest are dropped.
const MAX_LINES: usize = 200_000;

pub(crate) struct Record {
    coverage: Coverage,
    /// The first promise that was broken.
    pub(crate) broken: Option<String>,
    /// What has happened, where somebody wants to read it.
    timeline: Option<Vec<String>>,
}

impl Record {
    pub(crate) fn new(traced: bool) -> Self {
        Self { coverage: Coverage::default(), broken: None, timeline: traced.then(Vec::new) }
    }

    /// Notes that a promise is broken, if it is.
    pub(crate) fn ensure(&mut self, now: Duration, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            let what = what();
            self.log(now, || format!("BROKEN: {what}"));
            self.broken = Some(what);
        }
    }

    /// Adds a line to the timeline, where there is one.
    pub(crate) fn log(&mut self, now: Duration, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.timeline {
            let ms = now.as_millis();
            if lines.len() >= MAX_LINES {
                lines.drain(..MAX_LINES / 2);
            }
            lines.push(format!("{:>6}.{:03} s  {}", ms / 1000, ms % 1000, what()));
        }
    }

    pub(crate) fn cover(&mut self, what: &'static str) {
        self.coverage.note(what);
    }

    /// Says what came of a history.
    pub(crate) fn outcome(self, lasted: Duration) -> Outcome {
        let Self { coverage, broken, timeline } = self;
        Outcome { lasted, coverage, broken, timeline: timeline.unwrap_or_default() }
    }
}
