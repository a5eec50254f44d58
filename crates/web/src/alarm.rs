//! The one timer of a machine.

use std::cell::Cell;

use gloo_timers::callback::Timeout;
use onesocket_core::{Span, Time};

use crate::Clock;

/// The longest that `setTimeout` can wait: anything above fires at once.
const LONGEST_TIMEOUT_MS: u32 = i32::MAX as u32;

/// The timer, armed for the earliest deadline of its machine, if there is one.
#[derive(Default)]
pub(crate) struct Alarm(Cell<Option<Armed>>);

struct Armed {
    at: Time,
    /// See [`Clock::slept`].
    slept: f64,
    _timeout: Timeout,
}

impl Alarm {
    /// Arms it for a deadline. One that is armed for an earlier point is left: a message moves the next
    /// deadline of a heartbeat, and is not to cost a timer each. `ring` has to say that it
    /// [has rung](Self::has_rung).
    pub(crate) fn set(&self, deadline: Option<Time>, clock: &Clock, ring: impl FnOnce() + 'static) {
        // One that was armed before the machine slept comes late by as much: timers stand still then.
        let slept = clock.slept();
        let armed = self
            .0
            .take()
            .filter(|armed| armed.slept == slept && deadline.is_some_and(|due| armed.at <= due));
        if armed.is_some() {
            return self.0.set(armed);
        }
        self.0.set(deadline.map(|at| {
            let timeout = Timeout::new(timeout_ms(at.since(clock.now())), ring);
            Armed { at, slept, _timeout: timeout }
        }));
    }

    /// It has rung, and is not armed any more.
    pub(crate) fn has_rung(&self) {
        self.0.take();
    }
}

/// One more than the whole milliseconds: a timer that came early would have to be set again.
fn timeout_ms(span: Span) -> u32 {
    u32::try_from(span.whole_ms().saturating_add(1))
        .unwrap_or(LONGEST_TIMEOUT_MS)
        .min(LONGEST_TIMEOUT_MS)
}
