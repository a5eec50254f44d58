//! A place of an exploration: the machine, the time and what was observed. Places can be compared
//! whenever they were reached.

use std::hash::Hash;

use onesocket_core::protocol::MessageId;
use onesocket_core::{Attempt, Connection, Fetch, Moment, Span, Time};

use crate::exploration::fingerprint::fingerprint;
use crate::exploration::observed::{Observed, Socket};
use crate::exploration::scope::Scope;
use crate::exploration::{Message, WAKE_INTERVAL};

/// The machine, the time, and what was observed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) machine: Connection<Message>,
    pub(crate) now: Time,
    pub(crate) observed: Observed,
}

impl Place {
    pub(crate) fn new(scope: &Scope) -> Self {
        Self {
            machine: Connection::new(scope.config.clone()),
            now: Time::ZERO,
            observed: Observed::new(scope),
        }
    }

    /// Says whether a deadline has passed of which the machine has not been told.
    pub(crate) fn is_late(&self) -> bool {
        self.machine.deadline().is_some_and(|at| at <= self.now)
    }

    /// The same place, with the clock and the numbers begun anew.
    pub(crate) fn relative(self) -> Self {
        let Self { machine, now, mut observed } = self;
        // What is overdue keeps its order.
        let origin = machine.deadline().map_or(now, |at| at.min(now));
        let moment = Moment { origin, now };
        let time = |at: Time| moment.time(at);
        let numbers = machine.numbers();
        let number =
            |id: MessageId| MessageId(numbers.partition_point(|number| *number <= id) as u64);
        observed.newest = Attempt(4);
        observed.newest_fetch = Fetch(4);
        observed.socket = match observed.socket {
            Socket::Gone => Socket::Gone,
            Socket::Connecting { until } => Socket::Connecting { until: time(until) },
            Socket::Open => Socket::Open,
            Socket::ServerClosing { until } => Socket::ServerClosing { until: time(until) },
            Socket::Shut { until } => Socket::Shut { until: time(until) },
        };
        observed.epoch = 0;
        observed.stable_at = observed.stable_at.map(time);
        for (id, _) in &mut observed.asked {
            *id = number(*id);
        }
        for kept in &mut observed.kept {
            kept.sent = kept.sent.map(number);
        }
        observed.last_number = number(observed.last_number);
        observed.last_sent = number(observed.last_sent);
        observed.refreshing = observed.refreshing.map(|(id, until)| (number(id), time(until)));
        observed.overdue = observed.overdue.map(number);
        observed.spare = observed.spare.map(|dies_at| dies_at.map(|at| moment.end(at)));
        observed.not_before = moment.end(observed.not_before);
        observed.later = moment.end(observed.later);
        observed.woken_at = observed.woken_at.and_then(|at| moment.memory(at, WAKE_INTERVAL));
        let connected = machine.connected_attempt().is_some();
        let matters = connected && observed.silence != Span::MAX && observed.probe.is_none();
        // Where it does not, a friendly server still speaks once a moment.
        let matters = matters || connected && observed.heard == now;
        observed.heard = if matters { time(observed.heard) } else { Time::ZERO };
        observed.probe = observed.probe.map(time);
        observed.woken_until = observed.woken_until.filter(|at| *at > now).map(time);
        Self { machine: machine.relative_to(moment), now: time(now), observed }
    }

    /// What tells this place from others: 128 bits, so that among a billion places two are taken
    /// for one with a chance of one in 10^20.
    pub(crate) fn fingerprint(&self) -> u128 {
        fingerprint(|hasher| {
            self.machine.hash(hasher);
            self.now.hash(hasher);
            self.observed.hash(hasher);
        })
    }
}
