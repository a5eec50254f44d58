//! Which messages of a user's clients were had, so that what comes again is not had twice.
//!
//! Owns how much is remembered. Refuses clocks and connections: whose messages count, and when a
//! user is forgotten with all this, is the hub's affair.

use std::collections::VecDeque;

use onesocket_protocol::MessageId;

use crate::outgoing::Outgoing;

/// The most clients of one user that are remembered: each tab is one, and each reload of it.
const MAX_CLIENTS: usize = 16;

/// The most refusals that are remembered of one client.
const MAX_REFUSALS: usize = 32;

/// What a user's clients have said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The least recently connected first.
    clients: VecDeque<(String, Said)>,
}

/// What one client has said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Ids rise, so that all up to this one were had.
    highest: Option<MessageId>,
    /// Those of them that were refused, and how; the oldest first.
    refusals: VecDeque<(MessageId, Outgoing)>,
}

impl Memory {
    /// Says whether a client of this name has connected.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.clients.iter().any(|(known, _)| known == name)
    }

    /// Notes that a client has connected; forgets another if there are too many.
    pub(crate) fn connect(&mut self, name: &str) {
        let known = self.clients.iter().position(|(known, _)| known == name);
        let client = known.and_then(|at| self.clients.remove(at));
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.pop_front();
        }
        self.clients.push_back(client.unwrap_or_else(|| (name.to_owned(), Said::default())));
    }

    /// Returns what a client has said.
    pub(crate) fn of(&mut self, name: &str) -> Option<&mut Said> {
        // Who speaks is who connected last.
        let client = self.clients.iter_mut().rev().find(|(known, _)| known == name);
        client.map(|(_, said)| said)
    }
}

impl Said {
    /// Returns the answer to what was said before; `None` if it is new.
    pub(crate) fn answer(&self, id: MessageId) -> Option<Outgoing> {
        if Some(id) > self.highest {
            return None;
        }
        let refusal = self.refusals.iter().find(|(refused, _)| *refused == id);
        Some(refusal.map_or_else(|| Outgoing::ack(id), |(_, refusal)| refusal.clone()))
    }

    /// Notes that something new was said, and how it was refused, if it was.
    pub(crate) fn note(&mut self, id: MessageId, refusal: Option<&Outgoing>) {
        self.highest = Some(id);
        if let Some(refusal) = refusal {
            if self.refusals.len() >= MAX_REFUSALS {
                self.refusals.pop_front();
            }
            self.refusals.push_back((id, refusal.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_answered_as_it_was() {
        let mut said = Said::default();
        assert_eq!(said.answer(MessageId(1)), None);

        said.note(MessageId(3), None);
        said.note(MessageId(7), Some(&refusal(7)));

        for id in [1, 3, 5] {
            assert_eq!(said.answer(MessageId(id)), Some(Outgoing::ack(MessageId(id))));
        }
        assert_eq!(said.answer(MessageId(7)), Some(refusal(7)));
        assert_eq!(said.answer(MessageId(8)), None);
    }

    #[test]
    fn the_last_32_refusals_are_remembered() {
        let mut said = Said::default();

        for id in 1..=33 {
            said.note(MessageId(id), Some(&refusal(id)));
        }

        assert_eq!(said.answer(MessageId(1)), Some(Outgoing::ack(MessageId(1))));
        for id in 2..=33 {
            assert_eq!(said.answer(MessageId(id)), Some(refusal(id)));
        }
    }

    #[test]
    fn the_seventeenth_client_has_the_least_recently_connected_forgotten() {
        let mut memory = Memory::default();
        for n in 1..=16 {
            memory.connect(&n.to_string());
        }
        memory.of("1").unwrap().note(MessageId(9), None);
        memory.connect("1");
        assert!((1..=16).all(|n| memory.knows(&n.to_string())));

        memory.connect("17");

        assert!(!memory.knows("2"));
        assert!([1, 3, 16, 17].iter().all(|n| memory.knows(&n.to_string())));
        assert_eq!(memory.of("1").unwrap().highest, Some(MessageId(9)));
        assert_eq!(memory.of("17").unwrap().highest, None);
        assert!(memory.of("2").is_none());
    }

    fn refusal(id: u64) -> Outgoing {
        Outgoing::error(Some(MessageId(id)), "refused", "no")
    }
}
