//! The clock of a page, which counts sleep.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Date;
use onesocket_core::Time;

use crate::binding::performance_now;

/// What the wall clock may run ahead of the other before that is held to be sleep, in milliseconds.
///
/// 1 s: a wall clock that is being set right by NTP is moved by less at a time.
const SLEEP: f64 = 1000.0;

/// Counts from when it was made.
///
/// `performance.now()` stands still while the machine sleeps (but on Windows), and `Date.now()` jumps
/// when somebody sets it. So the first is followed, and where the second has run ahead of it the
/// difference is added. A wall clock that is set forward cannot be told from sleep; one that is set
/// back changes nothing.
#[derive(Debug)]
pub struct Clock {
    last: Cell<Reading>,
}

/// All in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Reading {
    performance: f64,
    wall: f64,
    /// The time since the start.
    elapsed: f64,
    /// How much of it was sleep.
    slept: f64,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        let (performance, wall) = (performance_now(), Date::now());
        Self { last: Cell::new(Reading { performance, wall, elapsed: 0.0, slept: 0.0 }) }
    }

    /// Returns the time since the start.
    pub fn now(&self) -> Time {
        let last = self.last.get();
        let (performance, wall) = (performance_now(), Date::now());
        let awake = (performance - last.performance).max(0.0);
        let asleep = wall - last.wall - awake;
        let asleep = if asleep > SLEEP { asleep } else { 0.0 };
        let elapsed = last.elapsed + awake + asleep;
        let slept = last.slept + asleep;
        self.last.set(Reading { performance, wall, elapsed, slept });
        Time::since_start(Duration::try_from_secs_f64(elapsed / 1000.0).unwrap_or_default())
    }

    /// Returns for how long the machine has slept in all, as far as was noticed, in milliseconds.
    pub(crate) fn slept(&self) -> f64 {
        self.last.get().slept
    }

    /// Returns a point in time as `Date.now()` would give it, for display: milliseconds.
    pub fn epoch_ms(&self, time: Time) -> f64 {
        let now = self.now();
        let ahead = time.since(now).as_secs_f64() - now.since(time).as_secs_f64();
        (Date::now() + ahead * 1000.0).round()
    }
}
