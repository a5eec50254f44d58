//! The clock of a page.

use std::time::Duration;

use js_sys::Date;
use onesocket_core::Time;

use crate::binding::performance_now;

/// Counts from when it was made.
#[derive(Debug)]
pub struct Clock {
    /// What `performance.now()` said then, in milliseconds.
    start: f64,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Self { start: performance_now() }
    }

    /// Returns the time since the start.
    pub fn now(&self) -> Time {
        let seconds = (performance_now() - self.start) / 1000.0;
        Time::since_start(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }

    /// Returns a point in time as `Date.now()` would give it, for display: milliseconds.
    pub fn epoch_ms(&self, time: Time) -> f64 {
        let now = self.now();
        let ahead = time.since(now).as_secs_f64() - now.since(time).as_secs_f64();
        (Date::now() + ahead * 1000.0).round()
    }
}
