//! What many measurements come to.

use std::time::Duration;

/// Measured times, sorted once they are all there.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Takes measurements in any order.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the time that `percent` of them do not exceed; zero where there are none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Writes a time in milliseconds.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// Writes what one of many cost, in microseconds.
pub(crate) fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_measurements() {
        let times = |range: std::ops::RangeInclusive<u64>| {
            Times::new(range.rev().map(Duration::from_millis).collect())
        };

        assert_eq!(times(1..=100).percentile(50), Duration::from_millis(50));
        assert_eq!(times(1..=100).percentile(99), Duration::from_millis(99));
        assert_eq!(times(1..=3).percentile(99), Duration::from_millis(3));
        assert_eq!(Times::new(Vec::new()).percentile(50), Duration::ZERO);
    }
}
