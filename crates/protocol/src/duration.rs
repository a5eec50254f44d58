//! Durations as the wire has them.

use std::time::Duration;

/// Returns a duration in whole milliseconds, at most `u64::MAX`. `Duration::as_millis` would bring
/// a 128-bit division into the wasm.
pub fn whole_ms(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into())
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
    fn the_longest_duration_does_not_overflow() {
        assert_eq!(whole_ms(Duration::MAX), u64::MAX);
    }
}
