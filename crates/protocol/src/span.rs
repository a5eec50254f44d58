//! Spans of time, as small as the machine needs them.

use std::fmt;
use std::ops::{Add, Div, Mul, Sub};
use std::time::Duration;

/// A span of time in whole microseconds, of which a `u64` holds 584 thousand years. What would be longer
/// is that long.
///
/// A [`Duration`] has two numbers: each sum and comparison takes four steps instead of one, which is
/// 1 KB of what a page loads.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(u64);

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// The longest.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes a span of so many hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_secs(hours.saturating_mul(3600))
    }

    /// Makes a span of so many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Makes a span of so many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// Makes a span of so many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Makes a span of so many milliseconds, as JavaScript has them: to the nearest microsecond, zero for
    /// what is negative or no number.
    pub fn from_ms(ms: f64) -> Self {
        Self((ms * 1000.0).round_ties_even() as u64)
    }

    /// Returns the milliseconds, as JavaScript has them.
    pub fn ms(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Returns the whole milliseconds.
    pub const fn whole_ms(self) -> u64 {
        self.0 / 1000
    }

    /// Returns the whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Says whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// As a [`Duration`] is: `1.5s`.
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Duration::from(*self), f)
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Nothing is less than no time.
impl Sub for Span {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<Span> for u64 {
    type Output = Span;

    fn mul(self, span: Span) -> Span {
        Span(self.saturating_mul(span.0))
    }
}

/// A part of a microsecond does not count.
impl Div<u64> for Span {
    type Output = Self;

    fn div(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }
}

/// A part of a microsecond does not count.
impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_micros(span.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_millisecond_does_not_count() {
        assert_eq!(Span::from_micros(2_001_999).whole_ms(), 2001);
        assert_eq!(Span::from_micros(999).whole_ms(), 0);
    }

    #[test]
    fn milliseconds_of_javascript_are_exact_to_a_microsecond() {
        assert_eq!(Span::from_ms(1500.0), Span::from_millis(1500));
        assert_eq!(Span::from_ms(0.25), Span::from_micros(250));
        assert_eq!(Span::from_ms(4.044 * 1000.0), Span::from_millis(4044));
        assert!((Span::from_micros(250).ms() - 0.25).abs() < f64::EPSILON);
        for nothing in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(Span::from_ms(nothing), Span::ZERO);
        }
        assert!(Span::from_ms(f64::INFINITY) > Span::from_hours(1 << 30));
    }

    #[test]
    fn nothing_is_longer_than_the_longest_or_shorter_than_none() {
        for longest in [
            Span::MAX + Span::from_micros(1),
            2 * Span::MAX,
            Span::from_hours(u64::MAX),
            Span::from_secs(u64::MAX),
            Span::from_millis(u64::MAX),
            Span::from(Duration::MAX),
        ] {
            assert_eq!(longest, Span::MAX);
        }
        assert!((Span::from_secs(1) - Span::from_secs(2)).is_zero());
    }

    #[test]
    fn a_span_is_a_duration() {
        let duration = Duration::from_micros(1_500_001);

        assert_eq!(Duration::from(Span::from(duration)), duration);
        assert_eq!(Span::from(Duration::from_nanos(1999)), Span::from_micros(1));
        assert_eq!(Span::from_hours(1), Span::from_secs(3600));
        assert_eq!(format!("{:?}", Span::from_millis(1500)), "1.5s");
    }
}
