//! Time as a number.

use std::ops::Add;
use std::time::Duration;

/// A point on the caller's clock: the time since an arbitrary start.
///
/// The machine never reads a clock, so a test spends an hour in a microsecond.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(Duration);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The end of the clock: a deadline that is never reached.
    pub const NEVER: Self = Self(Duration::MAX);

    /// Makes a point from the time since the start of the clock.
    pub const fn since_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns the time since `earlier`; zero if `earlier` is later.
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
