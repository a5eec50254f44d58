//! What must hold of messages: each arrives once and in order, or is reported.

use onesocket_core::protocol::MessageId;
use onesocket_core::{Error, ErrorCode, StateName};

use crate::message::{Message, Origin};
use crate::reference::{Arrival, What};
use crate::world::World;

impl World {
    pub(crate) fn check_publish(
        &mut self,
        client: usize,
        number: usize,
        result: Result<&(), &Error>,
    ) {
        let state = self.observed(client).status.state;
        let newest = self.observed(client).newest;
        let Some(item) = self.reference.item(Origin { client, number }) else { return };
        let arrival = item.arrival;
        match result {
            Ok(()) => {
                item.fulfilled = true;
                self.ensure(arrival == Arrival::Taken, || {
                    format!("{client}: publish() of {number} resolves; the server: {arrival:?}")
                });
            }
            Err(error) => {
                item.reported = Some(newest);
                self.check_report(client, number, arrival, state, error);
            }
        }
    }

    pub(crate) fn check_undelivered(&mut self, client: usize, message: &Message, error: &Error) {
        let state = self.observed(client).status.state;
        let newest = self.observed(client).newest;
        let number = message.origin().filter(|origin| origin.client == client);
        let item = number.and_then(|origin| Some((origin.number, self.reference.item(origin)?)));
        let Some((number, item)) = item else {
            return self.ensure(false, || format!("{client} reports what nobody has sent"));
        };
        let (reported, arrival, what) = (item.reported, item.arrival, item.what.clone());
        let accepted = item.accepted;
        item.reported = Some(newest);
        self.ensure(accepted && reported.is_none() && what == What::Send, || {
            format!("{client} reports message {number} ({what:?}) again: {reported:?}")
        });
        self.cover("a message that is reported undelivered");
        self.check_report(client, number, arrival, state, error);
    }

    /// While connected, only what the server refuses and what it cannot know any more is reported.
    pub(crate) fn check_report(
        &mut self,
        client: usize,
        number: usize,
        arrival: Arrival,
        state: StateName,
        error: &Error,
    ) {
        if state != StateName::Connected {
            return;
        }
        let resumed = self.observed(client).resumed;
        let unconfirmed = error.code == ErrorCode::Closed;
        if unconfirmed {
            self.cover("a message that was not confirmed");
        } else {
            self.cover("a message that is refused");
        }
        let fair = if unconfirmed { !resumed } else { arrival != Arrival::Taken };
        self.ensure(fair, || {
            format!("{client} reports message {number}, {error}; the server: {arrival:?}")
        });
    }

    /// The machine sends a message.
    pub(crate) fn note_sent(&mut self, client: usize, origin: Origin, id: Option<MessageId>) {
        let own = origin.client == client;
        let Some(item) = self.reference.item(origin).filter(|_| own) else {
            return self.ensure(false, || format!("{client} sends what is not its own"));
        };
        let (before, reported) = (item.id, item.reported);
        item.id = id;
        self.ensure(reported.is_none(), || {
            format!("{client} sends message {} after it was reported", origin.number)
        });
        self.ensure(before.is_none_or(|before| Some(before) == id), || {
            format!("{client} sends message {} as {before:?} and as {id:?}", origin.number)
        });
        if before.is_some() {
            self.cover("a message that is sent again");
        }
    }

    /// `send()` has returned.
    pub(crate) fn note_accepted(&mut self, client: usize, number: usize, sent: Result<(), Error>) {
        if let Some(item) = self.reference.item(Origin { client, number }) {
            item.accepted = sent.is_ok();
        }
        match sent.map_err(|error| error.code) {
            Err(ErrorCode::QueueFull) => self.cover("a queue that is full"),
            Err(ErrorCode::TooLarge) => self.cover("a message that is too large"),
            Ok(()) | Err(_) => {}
        }
    }

    /// A message is handed to the user.
    pub(crate) fn check_message(&mut self, client: usize, message: &Message) {
        let origin = message.origin();
        let item = origin.and_then(|origin| Some((origin, self.reference.item(origin)?.clone())));
        let Some((origin, item)) = item else {
            return self.ensure(false, || format!("{client} hears what nobody has sent"));
        };
        let Origin { client: sender, number } = origin;
        let right = match &item.what {
            What::Send => sender == client && message.group.is_none() && message.from.is_none(),
            What::Publish(group) => {
                let from = &self.clients[sender].user;
                message.group.as_ref() == Some(group) && message.from.as_ref() == Some(from)
            }
        };
        self.ensure(right, || format!("{client} hears {origin:?} as {message:?}"));
        self.ensure(item.arrival == Arrival::Taken, || {
            format!("{client} hears {origin:?}, which the server has not taken")
        });
        let last = self.clients[client].heard.insert(sender, number);
        self.ensure(last.is_none_or(|last| last < number), || {
            format!("{client} hears {origin:?} after {last:?}")
        });
    }
}
