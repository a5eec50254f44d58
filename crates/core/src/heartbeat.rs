//! The heartbeat: the server is alive as long as frames arrive, whatever the socket says.

use onesocket_protocol::Span;

use crate::time::Time;

/// A timer that is later than this was asleep: the silence until then proves nothing.
///
/// 1 s: a busy page delays its timers by less, and a hidden page runs them once a second.
const LATE: Span = Span::from_secs(1);

/// How long the server may take to answer a probe after the page has woken up.
const WAKE_TIMEOUT: Span = Span::from_secs(2);

/// The liveness of the server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Heartbeat {
    pub(crate) mode: HeartbeatMode,
    pub(crate) liveness: Liveness,
}

/// What a silent server means, by the kind of its pings.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum HeartbeatMode {
    /// The server pings by itself. After `silence` it is lost; if the timer was late or the page
    /// slept, it is probed first.
    ServerPings { silence: Span },
    /// The server does not ping, but answers: after `interval` it is probed.
    ClientProbes { interval: Span },
    /// The server cannot be probed. After `silence` it is lost; without a configured interval that is
    /// never.
    ListenOnly { silence: Span },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Liveness {
    Heard {
        at: Time,
    },
    /// The page has woken up since, and the server cannot be probed: a socket that closes before
    /// `until` was dead already.
    Woken {
        heard_at: Time,
        until: Time,
    },
    /// A probe was sent, and no frame has come since.
    Probing {
        give_up_at: Time,
        on_loss: OnLoss,
    },
}

/// How to reconnect if the connection is lost.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum OnLoss {
    /// After the usual delay.
    BackOff,
    /// At once: a person has come back to the page.
    ReplaceNow,
}

/// What to do at a deadline of the heartbeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Wait for another period of silence.
    Again,
    /// Send a probe.
    Probe,
    /// The server is lost.
    Lost(OnLoss),
}

impl Heartbeat {
    /// Begins with a server that was heard at `now`.
    pub(crate) fn new(mode: HeartbeatMode, now: Time) -> Self {
        Self { mode, liveness: Liveness::Heard { at: now } }
    }

    /// A frame has come from the server.
    pub(crate) fn heard(&mut self, now: Time) {
        self.liveness = Liveness::Heard { at: now };
    }

    pub(crate) fn deadline(self) -> Time {
        match self.liveness {
            Liveness::Heard { at } | Liveness::Woken { heard_at: at, .. } => {
                at + self.mode.silence()
            }
            Liveness::Probing { give_up_at, .. } => give_up_at,
        }
    }

    pub(crate) fn is_probing(self) -> bool {
        matches!(self.liveness, Liveness::Probing { .. })
    }

    /// Returns how to reconnect if the connection is lost at `now`.
    pub(crate) fn on_loss(self, now: Time) -> OnLoss {
        match self.liveness {
            Liveness::Heard { .. } => OnLoss::BackOff,
            Liveness::Woken { until, .. } if until <= now => OnLoss::BackOff,
            Liveness::Woken { .. } => OnLoss::ReplaceNow,
            Liveness::Probing { on_loss, .. } => on_loss,
        }
    }

    /// Returns what to do at a deadline; a probe is to be answered within `timeout`.
    pub(crate) fn due(&mut self, timeout: Span, now: Time) -> Due {
        let is_late = now.since(self.deadline()) > LATE;
        let asks = matches!(self.mode, HeartbeatMode::ClientProbes { .. }) && !self.is_probing();
        let on_loss = self.on_loss(now);
        if !is_late && !asks {
            return Due::Lost(on_loss);
        }
        if let Some(heard_at) = self.heard_without_probe() {
            *heard_at = now;
            return Due::Again;
        }
        self.liveness = Liveness::Probing { give_up_at: now + timeout, on_loss };
        Due::Probe
    }

    /// The page has woken up. Says whether to send a probe.
    pub(crate) fn wake(&mut self, now: Time) -> bool {
        let until = now + WAKE_TIMEOUT;
        if let Some(heard_at) = self.heard_without_probe() {
            self.liveness = Liveness::Woken { heard_at: *heard_at, until };
            return false;
        }
        let (asked, give_up_at) = match self.liveness {
            Liveness::Probing { give_up_at, .. } if give_up_at > now => {
                (true, give_up_at.min(until))
            }
            // A frame or a probe from before the sleep proves nothing, however short the sleep was: a
            // browser closes the sockets of a page that it puts into its cache.
            Liveness::Heard { .. } | Liveness::Woken { .. } | Liveness::Probing { .. } => {
                (false, until)
            }
        };
        self.liveness = Liveness::Probing { give_up_at, on_loss: OnLoss::ReplaceNow };
        !asked
    }

    /// Returns when the server was last heard, if it cannot be probed.
    fn heard_without_probe(&mut self) -> Option<&mut Time> {
        match (self.mode, &mut self.liveness) {
            (
                HeartbeatMode::ListenOnly { .. },
                Liveness::Heard { at } | Liveness::Woken { heard_at: at, .. },
            ) => Some(at),
            (HeartbeatMode::ListenOnly { .. }, Liveness::Probing { .. })
            | (HeartbeatMode::ServerPings { .. } | HeartbeatMode::ClientProbes { .. }, _) => None,
        }
    }
}

impl HeartbeatMode {
    fn silence(self) -> Span {
        match self {
            Self::ServerPings { silence } | Self::ListenOnly { silence } => silence,
            Self::ClientProbes { interval } => interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Span = Span::from_secs(10);

    fn at(seconds: u64) -> Time {
        Time::since_start(Span::from_secs(seconds))
    }

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(HeartbeatMode::ServerPings { silence: Span::from_secs(35) }, at(0))
    }

    #[test]
    fn silence_is_the_end_when_the_timer_comes_in_time() {
        let mut heartbeat = heartbeat();
        heartbeat.heard(at(10));

        assert_eq!(heartbeat.deadline(), at(45));
        assert_eq!(heartbeat.due(TIMEOUT, at(45)), Due::Lost(OnLoss::BackOff));
    }

    #[test]
    fn a_late_timer_asks_first() {
        let mut heartbeat = heartbeat();

        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Probe);
        assert_eq!(heartbeat.deadline(), at(3610));
        assert_eq!(heartbeat.due(TIMEOUT, at(3610)), Due::Lost(OnLoss::BackOff));
    }

    #[test]
    fn after_waking_up_an_answer_is_due_within_two_seconds_and_asked_for_once() {
        let mut heartbeat = heartbeat();

        assert!(heartbeat.wake(at(20)));
        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.deadline(), at(22));
        assert_eq!(heartbeat.due(TIMEOUT, at(22)), Due::Lost(OnLoss::ReplaceNow));
    }

    #[test]
    fn a_server_that_does_not_ping_is_asked_first() {
        let mode = HeartbeatMode::ClientProbes { interval: Span::from_secs(25) };
        let mut heartbeat = Heartbeat::new(mode, at(0));

        assert_eq!(heartbeat.due(TIMEOUT, at(25)), Due::Probe);
        assert_eq!(heartbeat.deadline(), at(35));
        assert_eq!(heartbeat.due(TIMEOUT, at(35)), Due::Lost(OnLoss::BackOff));
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_waited_for_anew_where_silence_proves_nothing() {
        let mode = HeartbeatMode::ListenOnly { silence: Span::from_secs(35) };
        let mut heartbeat = Heartbeat::new(mode, at(0));

        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Again);
        assert_eq!(heartbeat.deadline(), at(3635));
        assert_eq!(heartbeat.due(TIMEOUT, at(3635)), Due::Lost(OnLoss::BackOff));
    }

    #[test]
    fn after_waking_up_a_server_that_cannot_be_asked_is_replaced_if_it_is_lost_soon() {
        let mode = HeartbeatMode::ListenOnly { silence: Span::from_secs(35) };
        let mut heartbeat = Heartbeat::new(mode, at(0));

        assert!(!heartbeat.wake(at(20)));
        assert_eq!(heartbeat.deadline(), at(35));
        assert_eq!(heartbeat.on_loss(at(21)), OnLoss::ReplaceNow);
        assert_eq!(heartbeat.on_loss(at(22)), OnLoss::BackOff);
        heartbeat.heard(at(21));
        assert_eq!(heartbeat.on_loss(at(21)), OnLoss::BackOff);

        assert!(!heartbeat.wake(at(3600)));
        assert_eq!(heartbeat.due(TIMEOUT, at(3600)), Due::Again);
        assert_eq!(heartbeat.on_loss(at(3601)), OnLoss::ReplaceNow);
        assert_eq!(heartbeat.due(TIMEOUT, at(3635)), Due::Lost(OnLoss::BackOff));
    }

    #[test]
    fn after_waking_up_the_server_is_asked_even_if_it_was_heard_just_now() {
        let mut heartbeat = heartbeat();
        heartbeat.heard(at(20));

        assert!(heartbeat.wake(at(20)));
        assert_eq!(heartbeat.on_loss(at(20)), OnLoss::ReplaceNow);
    }

    #[test]
    fn what_was_asked_before_the_page_slept_is_asked_again() {
        let mut heartbeat = heartbeat();

        assert!(heartbeat.wake(at(20)));
        assert!(heartbeat.wake(at(22)));
        assert_eq!(heartbeat.deadline(), at(24));
    }
}
