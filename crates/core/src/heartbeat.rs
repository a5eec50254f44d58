//! Whether the server is still there: judged by what comes from it, never by the socket.

use std::time::Duration;

use crate::time::Time;

/// A timer that comes later than this has slept, and what was due meanwhile proves nothing.
///
/// 1 s: a page that is busy delays its timers by less, a hidden one is allowed one a second.
const LATE: Duration = Duration::from_secs(1);

/// How long an answer may take once the page has woken up: a dead socket is to be replaced within 2 s.
const WAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the server was heard.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Heartbeat {
    pub(crate) vigil: Vigil,
    pub(crate) pulse: Pulse,
}

/// What silence means.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Vigil {
    /// The server pings by itself: so much silence is the end. It is asked where that proves
    /// nothing, because the timer came late or the page has slept.
    Pinged { silence: Duration },
    /// The server speaks only when it likes: after so much silence it is asked.
    Asking { interval: Duration },
    /// The server cannot be asked: so much silence is the end, where it says that it speaks more
    /// often than that.
    Listening { silence: Duration },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Pulse {
    Heard {
        at: Time,
    },
    /// The page has woken up since, and the server cannot be asked: a socket that ends before `until`
    /// was dead all along.
    Woken {
        heard_at: Time,
        until: Time,
    },
    /// It was asked for a sign of life.
    Probing {
        give_up_at: Time,
        then: Then,
    },
}

/// What to do if the server does not answer a probe.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Then {
    /// Try again under the usual rules.
    Wait,
    /// Try again at once: a person has come back to the page.
    Replace,
}

/// What has become due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Nothing: it is waited anew.
    Again,
    /// Ask the server for a sign of life.
    Probe,
    /// The server is gone.
    Lost(Then),
}

impl Heartbeat {
    /// Begins with a server that was just heard.
    pub(crate) fn new(vigil: Vigil, now: Time) -> Self {
        Self { vigil, pulse: Pulse::Heard { at: now } }
    }

    /// Something came from the server.
    pub(crate) fn heard(&mut self, now: Time) {
        self.pulse = Pulse::Heard { at: now };
    }

    pub(crate) fn deadline(self) -> Time {
        match self.pulse {
            Pulse::Heard { at } | Pulse::Woken { heard_at: at, .. } => at + self.vigil.silence(),
            Pulse::Probing { give_up_at, .. } => give_up_at,
        }
    }

    pub(crate) fn is_probing(self) -> bool {
        matches!(self.pulse, Pulse::Probing { .. })
    }

    /// Says what to do should the connection be lost now.
    pub(crate) fn then(self, now: Time) -> Then {
        match self.pulse {
            Pulse::Heard { .. } => Then::Wait,
            Pulse::Woken { until, .. } if until <= now => Then::Wait,
            Pulse::Woken { .. } => Then::Replace,
            Pulse::Probing { then, .. } => then,
        }
    }

    /// Says what to do at a deadline; a probe it asks for has `timeout` to be answered.
    pub(crate) fn due(&mut self, timeout: Duration, now: Time) -> Due {
        let is_late = now.since(self.deadline()) > LATE;
        let asks = matches!(self.vigil, Vigil::Asking { .. }) && !self.is_probing();
        let then = self.then(now);
        if !is_late && !asks {
            return Due::Lost(then);
        }
        if let Some(heard_at) = self.listening() {
            *heard_at = now;
            return Due::Again;
        }
        self.pulse = Pulse::Probing { give_up_at: now + timeout, then };
        Due::Probe
    }

    /// The page has woken up: says whether to ask the server for a sign of life.
    pub(crate) fn wake(&mut self, now: Time) -> bool {
        let until = now + WAKE_TIMEOUT;
        if let Some(heard_at) = self.listening() {
            self.pulse = Pulse::Woken { heard_at: *heard_at, until };
            return false;
        }
        let (asked, give_up_at) = match self.pulse {
            Pulse::Probing { give_up_at, .. } if give_up_at > now => (true, give_up_at.min(until)),
            // What was heard, or asked, before the page slept says nothing about now, however short
            // a while that was: a socket is gone as soon as its page is put into a cache.
            Pulse::Heard { .. } | Pulse::Woken { .. } | Pulse::Probing { .. } => (false, until),
        };
        self.pulse = Pulse::Probing { give_up_at, then: Then::Replace };
        !asked
    }

    /// Returns when a server was heard that cannot be asked.
    fn listening(&mut self) -> Option<&mut Time> {
        match (self.vigil, &mut self.pulse) {
            (Vigil::Listening { .. }, Pulse::Heard { at } | Pulse::Woken { heard_at: at, .. }) => {
                Some(at)
            }
            (Vigil::Listening { .. }, Pulse::Probing { .. })
            | (Vigil::Pinged { .. } | Vigil::Asking { .. }, _) => None,
        }
    }
}

impl Vigil {
    fn silence(self) -> Duration {
        match self {
            Self::Pinged { silence } | Self::Listening { silence } => silence,
            Self::Asking { interval } => interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Time {
        Time::since_start(Duration::from_secs(seconds))
    }

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(Vigil::Pinged { silence: Duration::from_secs(35) }, at(0))
    }

    #[test]
    fn silence_is_the_end_when_the_timer_comes_in_time() {
        let mut heartbeat = heartbeat();
        heartbeat.heard(at(10));

        assert_eq!(heartbeat.deadline(), at(45));
        assert_eq!(heartbeat.due(TIMEOUT, at(45)), Due::Lost(Then::Wait));
    }

    #[test]
    fn a_late_timer_asks_first() {
        let mut heartbeat = heartbeat();

        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Probe);
        assert_eq!(heartbeat.deadline(), at(3610));
        assert_eq!(heartbeat.due(TIMEOUT, at(3610)), Due::Lost(Then::Wait));
    }

    #[test]
    fn after_waking_up_an_answer_is_due_within_two_seconds_and_asked_for_once() {
        let mut heartbeat = heartbeat();

        assert!(heartbeat.wake(at(20)));
        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.deadline(), at(22));
        assert_eq!(heartbeat.due(TIMEOUT, at(22)), Due::Lost(Then::Replace));
    }

    #[test]
    fn a_server_that_does_not_ping_is_asked_first() {
        let vigil = Vigil::Asking { interval: Duration::from_secs(25) };
        let mut heartbeat = Heartbeat::new(vigil, at(0));

        assert_eq!(heartbeat.due(TIMEOUT, at(25)), Due::Probe);
        assert_eq!(heartbeat.deadline(), at(35));
        assert_eq!(heartbeat.due(TIMEOUT, at(35)), Due::Lost(Then::Wait));
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_waited_for_anew_where_silence_proves_nothing() {
        let vigil = Vigil::Listening { silence: Duration::from_secs(35) };
        let mut heartbeat = Heartbeat::new(vigil, at(0));

        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Again);
        assert_eq!(heartbeat.deadline(), at(3635));
        assert_eq!(heartbeat.due(TIMEOUT, at(3635)), Due::Lost(Then::Wait));
    }

    #[test]
    fn after_waking_up_a_server_that_cannot_be_asked_is_replaced_if_it_is_lost_soon() {
        let vigil = Vigil::Listening { silence: Duration::from_secs(35) };
        let mut heartbeat = Heartbeat::new(vigil, at(0));

        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.deadline(), at(35));
        assert_eq!(heartbeat.then(at(21)), Then::Replace);
        assert_eq!(heartbeat.then(at(22)), Then::Wait);
        heartbeat.heard(at(21));
        assert_eq!(heartbeat.then(at(21)), Then::Wait);

        assert!(!heartbeat.wake(at(3600)));
        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Again);
        assert_eq!(heartbeat.then(at(3601)), Then::Replace);
        assert_eq!(heartbeat.due(TIMEOUT, at(3635)), Due::Lost(Then::Wait));
    }

    #[test]
    fn after_waking_up_the_server_is_asked_even_if_it_was_heard_just_now() {
        let mut heartbeat = heartbeat();
        heartbeat.heard(at(20));

        assert!(heartbeat.wake(at(20)));
        assert_eq!(heartbeat.then(at(20)), Then::Replace);
    }

    #[test]
    fn what_was_asked_before_the_page_slept_is_asked_again() {
        let mut heartbeat = heartbeat();

        assert!(heartbeat.wake(at(20)));
        assert!(heartbeat.wake(at(22)));
        assert_eq!(heartbeat.deadline(), at(24));
    }
}
