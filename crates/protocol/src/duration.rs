//! Durations as the wire has them.

use std::time::Duration;

/// Returns a duration in whole milliseconds, at most `u64::MAX`. `Duration::as_millis` would bring
/// a 128-bit division into the wasm.
pub fn whole_ms(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into())
}

/// Returns the duration of so many milliseconds, as JavaScript has them: to the nearest microsecond, zero
/// for what is negative or no number. `Duration::from_secs_f64` would bring its rounding into the wasm.
pub fn from_ms(ms: f64) -> Duration {
    Duration::from_micros((ms * 1000.0).round_ties_even() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_millisecond_does_not_count() {
        assert_eq!(whole_ms(Duration::from_micros(2_001_999)), 2001);
        assert_eq!(whole_ms(Duration::from_nanos(999_999)), 0);
    }

    #[test]
    fn milliseconds_of_javascript_are_exact_to_a_microsecond() {
        assert_eq!(from_ms(1500.0), Duration::from_millis(1500));
        assert_eq!(from_ms(0.25), Duration::from_micros(250));
        assert_eq!(from_ms(4.044 * 1000.0), Duration::from_millis(4044));
        for nothing in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(from_ms(nothing), Duration::ZERO);
        }
        assert!(from_ms(f64::INFINITY) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn the_longest_duration_does_not_overflow() {
        assert_eq!(whole_ms(Duration::MAX), u64::MAX);
    }
}
