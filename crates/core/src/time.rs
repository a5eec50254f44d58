//! Time as a number.

use std::ops::Add;
use std::time::Duration;

/// A point on the caller's clock: the time since an arbitrary start.
///
/// The core never reads a clock, so a test can spend an hour in a microsecond.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(Duration);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The end of the clock. What is due then never is.
    pub const NEVER: Self = Self(Duration::MAX);

    /// Takes the time since the start of the clock.
    pub const fn since_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns how long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// Returns a duration in whole milliseconds. (`Duration::as_millis` counts in 128 bits, which costs
/// the wasm a division of its own.)
pub fn whole_ms(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into())
}
