//! Time as a number.

use std::ops::Add;
use std::time::Duration;

/// A point on the caller's clock: the time since an arbitrary start, in whole microseconds, of which a
/// `u64` holds 584 thousand years. Two `Duration`s are compared and added in four steps for each of its
/// one, which is 1 KB of the wasm.
///
/// The machine never reads a clock, so a test spends an hour in a microsecond.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(u64);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The end of the clock: a deadline that is never reached.
    pub const NEVER: Self = Self(u64::MAX);

    /// Makes a point from the time since the start of the clock.
    pub const fn since_start(elapsed: Duration) -> Self {
        Self(micros(elapsed))
    }

    /// Returns the time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// Returns a duration in whole microseconds, or the most there are.
const fn micros(duration: Duration) -> u64 {
    const MOST: u64 = u64::MAX / 1_000_000;
    if duration.as_secs() >= MOST {
        return u64::MAX;
    }
    duration.as_secs() * 1_000_000 + duration.subsec_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microsecond_counts_and_the_end_of_the_clock_is_not_passed() {
        let second = Duration::from_secs(1);
        let at = Time::since_start(second) + Duration::from_micros(5);

        assert_eq!(at.since(Time::ZERO), Duration::from_micros(1_000_005));
        assert_eq!(Time::ZERO.since(at), Duration::ZERO);
        assert_eq!(Time::since_start(Duration::MAX), Time::NEVER);
        assert_eq!(Time::NEVER + second, Time::NEVER);
    }
}
