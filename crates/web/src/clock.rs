//! The clock of a page, which counts sleep.

use std::cell::Cell;

use js_sys::Date;
use onesocket_core::{Span, Time};

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// What the wall clock may run ahead of the other before that is held to be sleep, in milliseconds.
///
/// 1 s: a wall clock that is being set right by NTP is moved by less at a time.
const SLEEP: f64 = 1000.0;

/// Counts from when it was made.
#[derive(Debug)]
pub struct Clock {
    last: Cell<Reading>,
}

/// What the two clocks of a browser showed, and the time since the start that was made of it.
///
/// `performance.now()` stands still while the machine sleeps (but on Windows), and `Date.now()` jumps
/// when somebody sets it. So the first is followed, and where the second has run ahead of it the
/// difference is added. A wall clock that is set forward cannot be told from sleep; one that is set
/// back changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    performance_ms: f64,
    wall_ms: f64,
    elapsed_ms: f64,
    /// How much of it was sleep.
    slept_ms: f64,
}

impl Reading {
    /// Starts at zero.
    pub fn first(performance_ms: f64, wall_ms: f64) -> Self {
        Self { performance_ms, wall_ms, elapsed_ms: 0.0, slept_ms: 0.0 }
    }

    /// Returns the one after this.
    #[must_use]
    pub fn next(self, performance_ms: f64, wall_ms: f64) -> Self {
        let awake = (performance_ms - self.performance_ms).max(0.0);
        let asleep = wall_ms - self.wall_ms - awake;
        let asleep = if asleep > SLEEP { asleep } else { 0.0 };
        Self {
            performance_ms,
            wall_ms,
            elapsed_ms: self.elapsed_ms + awake + asleep,
            slept_ms: self.slept_ms + asleep,
        }
    }

    /// Returns the time since the start.
    pub fn time(self) -> Time {
        Time::since_start(Span::from_ms(self.elapsed_ms))
    }
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Self { last: Cell::new(Reading::first(performance_now(), Date::now())) }
    }

    /// Returns the time since the start.
    pub fn now(&self) -> Time {
        let reading = self.last.get().next(performance_now(), Date::now());
        self.last.set(reading);
        reading.time()
    }

    /// Returns for how long the machine has slept in all, as far as was noticed, in milliseconds.
    pub(crate) fn slept(&self) -> f64 {
        self.last.get().slept_ms
    }

    /// Returns a point in time as `Date.now()` would give it, for display: milliseconds.
    pub fn epoch_ms(&self, time: Time) -> f64 {
        let now = self.now();
        let ahead = time.since(now).ms() - now.since(time).ms();
        (Date::now() + ahead).round()
    }
}
