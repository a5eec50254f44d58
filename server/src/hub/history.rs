//! Which messages of a user's clients were received, so that a repeated one is not handled twice.
//!
//! Owns how much is remembered. Refuses clocks and connections: the hub decides whose messages count,
//! and when a user is forgotten.

use std::collections::{HashSet, VecDeque};

use onesocket_protocol::{FrameErrorCode, MessageId};

use crate::hub::key::Key;
use crate::outgoing::Outgoing;

/// The maximum number of clients that are remembered per user: each tab is one, and each reload. Those
/// that are connected are remembered beyond it.
const MAX_CLIENTS: usize = 64;

/// The maximum number of refusals that are remembered verbatim per client.
const MAX_REFUSALS: usize = 32;

/// The maximum number of runs of consecutive refusals that are remembered per client. A client asks
/// only about the messages of one queue again, which do not contain so many runs.
const MAX_RUNS: usize = 64;

/// The histories of a user's clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histories {
    /// In the order in which they connected last.
    clients: VecDeque<Client>,
}

/// What is remembered of one client.
#[derive(Clone, Debug)]
struct Client {
    name: String,
    /// The connection with which it began to be remembered.
    since: Key,
    history: History,
}

/// The messages that one client has sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Ids rise, so all messages up to this one were received.
    highest: Option<MessageId>,
    /// The latest refusals, oldest first.
    refusals: VecDeque<(MessageId, Outgoing)>,
    /// The first and the last id of each run of refusals, oldest first.
    runs: VecDeque<(MessageId, MessageId)>,
    /// Up to this id it is no longer known which messages were refused.
    forgotten: Option<MessageId>,
}

impl Histories {
    /// Returns the connection with which a client of this name began to be remembered.
    pub(crate) fn since(&self, name: &str) -> Option<Key> {
        // The client in question is usually the one that connected last.
        self.clients.iter().rev().find(|client| client.name == name).map(|client| client.since)
    }

    /// Notes that a client has connected; forgets another if there are too many, and not one of the
    /// `current`.
    pub(crate) fn connect<'a>(
        &mut self,
        name: &str,
        key: Key,
        current: impl FnOnce() -> HashSet<&'a str>,
    ) {
        let known = self.clients.iter().position(|client| client.name == name);
        let client = known.and_then(|at| self.clients.remove(at));
        if self.clients.len() >= MAX_CLIENTS {
            let current = current();
            let gone = self.clients.iter().position(|it| !current.contains(it.name.as_str()));
            gone.and_then(|at| self.clients.remove(at));
        }
        self.clients.push_back(client.unwrap_or_else(|| Client {
            name: name.to_owned(),
            since: key,
            history: History::default(),
        }));
    }

    /// Returns the history of a client.
    pub(crate) fn of(&mut self, name: &str) -> Option<&mut History> {
        // The client that sends is usually the one that connected last.
        let client = self.clients.iter_mut().rev().find(|client| client.name == name);
        client.map(|client| &mut client.history)
    }
}

impl History {
    /// Returns the answer to a message that was received before; `None` if it is new.
    pub(crate) fn answer(&self, id: MessageId) -> Option<Outgoing> {
        if Some(id) > self.highest {
            return None;
        }
        if let Some((_, refusal)) = self.refusals.iter().find(|(refused, _)| *refused == id) {
            return Some(refusal.clone());
        }
        let was_refused = self.runs.iter().any(|(first, last)| (*first..=*last).contains(&id));
        Some(if was_refused {
            Outgoing::error(
                Some(id),
                FrameErrorCode::Refused,
                "this was refused when it came the first time",
            )
        } else if Some(id) <= self.forgotten {
            // To claim that it was accepted could lose it without notice.
            let sentence = "it is not known any more whether this was accepted";
            Outgoing::error(Some(id), FrameErrorCode::Refused, sentence)
        } else {
            Outgoing::accepted(id)
        })
    }

    /// Records a new message, with its refusal if it was refused.
    pub(crate) fn note(&mut self, id: MessageId, refusal: Option<&Outgoing>) {
        let before = self.highest.replace(id);
        let Some(refusal) = refusal else { return };
        if self.refusals.len() >= MAX_REFUSALS {
            self.refusals.pop_front();
        }
        self.refusals.push_back((id, refusal.clone()));
        match self.runs.back_mut() {
            Some((_, last)) if Some(*last) == before => *last = id,
            _ => self.runs.push_back((id, id)),
        }
        if self.runs.len() > MAX_RUNS {
            self.forgotten = self.runs.pop_front().map(|(_, last)| last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_answered_as_it_was() {
        let mut history = History::default();
        assert_eq!(history.answer(MessageId(1)), None);

        history.note(MessageId(3), None);
        history.note(MessageId(7), Some(&refusal(7)));

        for id in [1, 3, 5] {
            assert_eq!(history.answer(MessageId(id)), Some(Outgoing::accepted(MessageId(id))));
        }
        assert_eq!(history.answer(MessageId(7)), Some(refusal(7)));
        assert_eq!(history.answer(MessageId(8)), None);
    }

    #[test]
    fn the_reasons_of_the_last_32_refusals_are_remembered_and_that_there_were_others() {
        let mut history = History::default();
        history.note(MessageId(1), None);

        for id in 2..=1000 {
            history.note(MessageId(id), Some(&refusal(id)));
        }

        assert_eq!(history.answer(MessageId(1)), Some(Outgoing::accepted(MessageId(1))));
        assert!(is_refused(&history, 2) && is_refused(&history, 968));
        for id in 969..=1000 {
            assert_eq!(history.answer(MessageId(id)), Some(refusal(id)));
        }
        assert_eq!(history.runs.len(), 1);
    }

    #[test]
    fn what_is_not_known_any_more_is_not_said_to_be_accepted() {
        let mut history = History::default();

        for run in 0..=64 {
            history.note(MessageId(2 * run + 1), Some(&refusal(1)));
            history.note(MessageId(2 * run + 2), None);
        }

        assert!(is_refused(&history, 1));
        assert_eq!(history.answer(MessageId(2)), Some(Outgoing::accepted(MessageId(2))));
        assert!(is_refused(&history, 3));
        assert_eq!((history.runs.len(), history.refusals.len()), (64, 32));
    }

    #[test]
    fn the_sixty_fifth_client_has_the_least_recently_connected_forgotten_that_is_not_connected() {
        let mut histories = Histories::default();
        for n in 1..=64 {
            histories.connect(&n.to_string(), Key(n), HashSet::new);
        }
        histories.of("1").unwrap().note(MessageId(9), None);
        histories.connect("1", Key(65), HashSet::new);
        assert!((1..=64).all(|n| histories.since(&n.to_string()) == Some(Key(n))));

        histories.connect("65", Key(66), || HashSet::from(["2"]));

        let since = |n: u64| histories.since(&n.to_string());
        assert_eq!(since(3), None);
        assert_eq!([1, 2, 64, 65].map(since), [1, 2, 64, 66].map(|key| Some(Key(key))));
        assert_eq!(histories.of("1").unwrap().highest, Some(MessageId(9)));
        assert_eq!(histories.of("65").unwrap().highest, None);
        assert!(histories.of("3").is_none());
    }

    fn is_refused(history: &History, id: u64) -> bool {
        let ack = Outgoing::accepted(MessageId(id));
        history.answer(MessageId(id)).is_some_and(|answer| answer != ack)
    }

    fn refusal(id: u64) -> Outgoing {
        Outgoing::error(Some(MessageId(id)), FrameErrorCode::Refused, "no")
    }
}
