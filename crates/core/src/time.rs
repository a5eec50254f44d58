//! Points in time.

use std::num::NonZero;
use std::ops::Add;

use onesocket_protocol::Span;

/// A point on the caller's clock: the time since an arbitrary start, in whole microseconds.
///
/// The machine never reads a clock, so a test spends an hour in a microsecond.
// One more than the microseconds: an `Option<Time>` is one number then.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(NonZero<u64>);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(NonZero::<u64>::MIN);

    /// The end of the clock: a deadline that is never reached.
    pub const NEVER: Self = Self(NonZero::<u64>::MAX);

    /// Makes a point from the time since the start of the clock.
    pub const fn since_start(elapsed: Span) -> Self {
        Self(Self::ZERO.0.saturating_add(elapsed.as_micros()))
    }

    /// Returns the time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.as_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microsecond_counts_and_the_end_of_the_clock_is_not_passed() {
        let second = Span::from_secs(1);
        let at = Time::since_start(second) + Span::from_micros(5);

        assert_eq!(at.since(Time::ZERO), Span::from_micros(1_000_005));
        assert_eq!(Time::ZERO.since(at), Span::ZERO);
        assert_eq!(Time::since_start(Span::MAX), Time::NEVER);
        assert_eq!(Time::NEVER + second, Time::NEVER);
    }
}
