//! A place of an exploration: the machine, the time and what an observer knows, so that two places
//! can be compared.

use std::hash::Hash;
use std::time::Duration;

use onesocket_core::protocol::MessageId;
use onesocket_core::{Attempt, Connection, Fetch, Moment, Time};

use crate::exploration::fingerprint::fingerprint;
use crate::exploration::memory::{Memory, Socket};
use crate::exploration::scope::Scope;
use crate::exploration::{Message, WAKE_INTERVAL};

/// The machine, the time, and what the judge remembers.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) machine: Connection<Message>,
    pub(crate) now: Time,
    pub(crate) memory: Memory,
}

impl Place {
    pub(crate) fn new(scope: &Scope) -> Self {
        Self {
            machine: Connection::new(scope.config.clone()),
            now: Time::ZERO,
            memory: Memory::new(scope),
        }
    }

    /// Says whether a deadline has passed of which the machine has not been told.
    pub(crate) fn is_late(&self) -> bool {
        self.machine.deadline().is_some_and(|at| at <= self.now)
    }

    /// The same place, with the clock and the numbers begun anew.
    pub(crate) fn relative(self) -> Self {
        let Self { machine, now, mut memory } = self;
        // What is overdue keeps its order.
        let origin = machine.deadline().map_or(now, |at| at.min(now));
        let moment = Moment { origin, now };
        let time = |at: Time| moment.time(at);
        let numbers = machine.numbers();
        let number =
            |id: MessageId| MessageId(numbers.partition_point(|number| *number <= id) as u64);
        memory.newest = Attempt(4);
        memory.newest_fetch = Fetch(4);
        memory.socket = match memory.socket {
            Socket::Gone => Socket::Gone,
            Socket::Connecting { until } => Socket::Connecting { until: time(until) },
            Socket::Open => Socket::Open,
            Socket::Ended { until } => Socket::Ended { until: time(until) },
            Socket::Shut { until } => Socket::Shut { until: time(until) },
        };
        memory.remembered = 0;
        memory.stable_at = memory.stable_at.map(time);
        for (id, _) in &mut memory.asked {
            *id = number(*id);
        }
        for kept in &mut memory.kept {
            kept.sent = kept.sent.map(number);
        }
        memory.last_number = number(memory.last_number);
        memory.last_sent = number(memory.last_sent);
        memory.renewing = memory.renewing.map(|(id, until)| (number(id), time(until)));
        memory.overdue = memory.overdue.map(number);
        memory.spare = memory.spare.map(|dies_at| dies_at.map(|at| moment.end(at)));
        memory.not_before = moment.end(memory.not_before);
        memory.later = moment.end(memory.later);
        memory.woken_at = memory.woken_at.and_then(|at| moment.memory(at, WAKE_INTERVAL));
        let connected = machine.connected_attempt().is_some();
        let matters = connected && memory.silence != Duration::MAX && memory.probe.is_none();
        // Where it does not, a friendly server still speaks once a moment.
        let matters = matters || connected && memory.heard == now;
        memory.heard = if matters { time(memory.heard) } else { Time::ZERO };
        memory.probe = memory.probe.map(time);
        memory.woken_until = memory.woken_until.filter(|at| *at > now).map(time);
        Self { machine: machine.relative_to(moment), now: time(now), memory }
    }

    /// What tells this place from others: 128 bits, so that among a billion places two are taken
    /// for one with a chance of one in 10^20.
    pub(crate) fn fingerprint(&self) -> u128 {
        fingerprint(|hasher| {
            self.machine.hash(hasher);
            self.now.hash(hasher);
            self.memory.hash(hasher);
        })
    }
}
