//! Requests to the server, and its answers.
//!
//! A request is sent under a number and stays in [`Pending`] until the server has answered that
//! number. A published message stays in the outbox instead, from which it may be sent again.
//!
//! A new request is a variant of [`Request`] and of [`Asked`], and the arms that the compiler then
//! asks for.

use onesocket_protocol::{ClientFrame, Group, MessageId, Span};

use super::Connection;
use crate::config::Wire;
use crate::error::{Error, ErrorCode};
use crate::groups::Joining;
use crate::ids::{Attempt, Call};
use crate::outbox::Destination;
use crate::state::State;
use crate::text::Sentence;
use crate::time::Time;

/// A request to the server, which answers it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Request<M> {
    /// Join a group, on this connection and on later ones.
    Join(Group),
    /// Leave a group, once it was left as often as it was joined.
    Leave(Group),
    /// Send a message to the members of a group.
    Publish {
        /// The group.
        group: Group,
        /// The message.
        data: M,
        /// Its size on the wire.
        bytes: usize,
    },
    /// Refresh the token now.
    Refresh,
}

impl<M> Request<M> {
    /// Makes a request of its name in JavaScript, and the group and the message (of so many bytes)
    /// that it has; `None` if there is no such request.
    pub fn named(name: &str, group: Option<Group>, message: Option<(M, usize)>) -> Option<Self> {
        match (name, group, message) {
            ("join", Some(group), None) => Some(Self::Join(group)),
            ("leave", Some(group), None) => Some(Self::Leave(group)),
            ("publish", Some(group), Some((data, bytes))) => {
                Some(Self::Publish { group, data, bytes })
            }
            ("refresh", None, None) => Some(Self::Refresh),
            _ => None,
        }
    }
}

/// A request that was sent and is not answered yet.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Asked {
    /// The group has the calls that wait for it.
    Join(Group),
    Leave(Call),
    /// The session has the calls. The new token expires then, if the application knows.
    Refresh {
        expires_at: Option<Time>,
    },
}

/// An answer of the server.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Accepted,
    Refused(Error),
    /// The new token was accepted; the server may say how long it lives.
    Refreshed(Option<Span>),
}

/// The requests that were sent over this connection and are not answered yet, oldest first.
///
/// A list: it is short, and answers come in the order of the requests.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Pending(pub(super) Vec<(MessageId, Asked)>);

impl Pending {
    pub(super) fn find(&self, id: MessageId) -> Option<&Asked> {
        self.0.iter().find(|(asked_id, _)| *asked_id == id).map(|(_, asked)| asked)
    }

    pub(super) fn remove(&mut self, id: MessageId) {
        self.0.retain(|(asked_id, _)| *asked_id != id);
    }

    /// Removes the request to join a group, whose answer does not matter any more.
    fn forget_join(&mut self, group: &Group) {
        self.0.retain(|(_, asked)| !matches!(asked, Asked::Join(joining) if joining == group));
    }

    /// Removes the request to refresh the token: a newer one follows, whose answer counts.
    pub(super) fn forget_refresh(&mut self) {
        self.0.retain(|(_, asked)| !matches!(asked, Asked::Refresh { .. }));
    }
}

impl<M: Clone> Connection<M> {
    /// Makes a request, or settles the call at once with the reason why it cannot be made.
    pub(super) fn on_request(&mut self, call: Call, request: Request<M>, now: Time) {
        let made = match request {
            Request::Join(group) => self.join(call, group),
            Request::Leave(group) => self.leave(call, group),
            Request::Publish { group, data, bytes } => self.publish(call, group, data, bytes),
            Request::Refresh => self.refresh_token(call, now),
        };
        if let Err(error) = made {
            self.settle(call, Err(error));
        }
    }

    fn join(&mut self, call: Call, group: Group) -> Result<(), Error> {
        self.require_groups()?;
        self.require_not_ended()?;
        match (self.groups.join(&group, call), self.connected_attempt()) {
            (Joining::Already, _) => self.settle(call, Ok(())),
            (Joining::Ask, Some(attempt)) => self.ask_to_join(attempt, group),
            (Joining::Ask, None) | (Joining::Asked, _) => {}
        }
        Ok(())
    }

    fn leave(&mut self, call: Call, group: Group) -> Result<(), Error> {
        self.require_groups()?;
        let Some(waiting) = self.groups.leave(&group) else {
            // Others have joined it too, and stay.
            self.require_not_ended()?;
            self.settle(call, Ok(()));
            return Ok(());
        };
        // If the group is joined again, a late answer to the first join() must not count for it.
        self.pending.forget_join(&group);
        self.settle_each(waiting, Err(&Error::of(ErrorCode::Aborted, Sentence::LeftBeforeJoined)));
        // The group was removed all the same: no later connection joins it.
        self.require_not_ended()?;
        match self.connected_attempt() {
            Some(attempt) => {
                self.ask(attempt, Asked::Leave(call), |id| ClientFrame::Leave { id, group });
            }
            // Without a connection there is no membership.
            None => self.settle(call, Ok(())),
        }
        Ok(())
    }

    fn publish(&mut self, call: Call, group: Group, data: M, bytes: usize) -> Result<(), Error> {
        self.require_groups()?;
        self.accept(Destination::Group { call, group }, data, bytes, 0)
    }

    fn require_groups(&self) -> Result<(), Error> {
        match self.config.wire {
            Wire::OneSocket => Ok(()),
            Wire::Plain(_) => Err(Error::of(ErrorCode::Unsupported, Sentence::NoGroups)),
        }
    }

    /// Returns an error if the connection was ended, or has failed.
    pub(super) fn require_not_ended(&self) -> Result<(), Error> {
        match self.state {
            State::Idle | State::Connecting(_) | State::Connected(_) | State::Waiting { .. } => {
                Ok(())
            }
            State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {
                Err(Error::not_open())
            }
        }
    }

    /// Sends a request.
    pub(super) fn ask(
        &mut self,
        attempt: Attempt,
        asked: Asked,
        frame: impl FnOnce(MessageId) -> ClientFrame<M>,
    ) {
        let id = self.next_message();
        self.pending.0.push((id, asked));
        self.transmit(attempt, frame(id));
    }

    pub(super) fn ask_to_join(&mut self, attempt: Attempt, group: Group) {
        self.ask(attempt, Asked::Join(group.clone()), |id| ClientFrame::Join { id, group });
    }

    /// The server has answered a request, or a message.
    pub(super) fn on_answer(&mut self, id: MessageId, answer: Answer, now: Time) {
        let Some(asked) = self.pending.find(id).cloned() else {
            return self.on_answer_to_message(id, answer);
        };
        match (asked, answer) {
            (Asked::Join(group), Answer::Accepted) => {
                let waiting = self.groups.joined(&group);
                self.settle_each(waiting, Ok(()));
            }
            (Asked::Join(group), Answer::Refused(error)) => {
                let waiting = self.groups.remove(&group);
                if waiting.is_empty() {
                    // A reconnect has joined it again: no call waits.
                    self.report(error);
                } else {
                    self.settle_each(waiting, Err(&error));
                }
            }
            (Asked::Leave(call), Answer::Accepted) => self.settle(call, Ok(())),
            (Asked::Leave(call), Answer::Refused(error)) => self.settle(call, Err(error)),
            (Asked::Refresh { expires_at }, Answer::Refreshed(life)) => {
                self.on_token_accepted(life.map(|life| now + life).or(expires_at), now);
            }
            (Asked::Refresh { .. }, Answer::Refused(error)) => self.on_refresh_failed(&error, now),
            // The wrong kind of answer: the right one may still come.
            (Asked::Join(_) | Asked::Leave(_), Answer::Refreshed(_)) => {
                return self.report(Error::out_of_turn(Sentence::TokenAnswerOutOfTurn));
            }
            (Asked::Refresh { .. }, Answer::Accepted) => return,
        }
        self.pending.remove(id);
    }

    /// The connection is lost, and no answer will come.
    pub(super) fn lose_requests(&mut self) {
        self.settle_refresh_calls(Err(&Error::unconfirmed()));
        for (_, asked) in std::mem::take(&mut self.pending.0) {
            match asked {
                // The next connection joins it again.
                Asked::Join(_) => {}
                // The membership ended with the connection.
                Asked::Leave(call) => self.settle(call, Ok(())),
                // The next attempt fetches a token; the calls were settled above.
                Asked::Refresh { .. } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_name_and_all_that_belongs_to_it() {
        let tea = || Group::new("tea").unwrap();
        let (group, milk) = (Some(tea()), Some(("milk", 4)));

        for (name, group, message, request) in [
            ("join", group.clone(), None, Some(Request::Join(tea()))),
            ("leave", group.clone(), None, Some(Request::Leave(tea()))),
            (
                "publish",
                group.clone(),
                milk,
                Some(Request::Publish { group: tea(), data: "milk", bytes: 4 }),
            ),
            ("refresh", None, None, Some(Request::Refresh)),
            ("join", None, None, None),
            ("publish", group.clone(), None, None),
            ("drink", group, milk, None),
        ] {
            assert_eq!(Request::named(name, group, message), request, "{name}");
        }
    }
}
