//! Coverage: which events the histories have come to. A run that reaches little proves little.

use std::collections::BTreeMap;

/// Every event that a run of full length has to come to.
pub(crate) const ALL: [&str; 60] = [
    "a client that is forgotten for others",
    "a client that is not let in",
    "a client that is swept",
    "a client that is told it was replaced",
    "a clock set back",
    "a clock set forward",
    "a connect() that is aborted",
    "a connection that is closed by a server that leaves",
    "a connection that is released",
    "a connection that is replaced",
    "a connection that its own client replaces",
    "a fetch that serves the next attempt",
    "a gateway that accepts and closes",
    "a getToken that fails",
    "a getToken that hangs",
    "a getToken that is aborted",
    "a getToken that knows no session",
    "a getToken that says when to ask again",
    "a handshake that hangs",
    "a handshake that takes too long",
    "a machine that sleeps",
    "a membership that ends with its right",
    "a message that comes again",
    "a message that is refused",
    "a message that is reported undelivered",
    "a message that is sent again",
    "a message that is taken after a reconnect",
    "a message that is too large",
    "a message that was not confirmed",
    "a new token that the server refuses",
    "a page that is frozen",
    "a page that is hidden",
    "a probe that is answered",
    "a queue that is full",
    "a reader that is too slow",
    "a refreshToken() that is kept",
    "a refreshToken() that is not kept",
    "a refresh that is answered late",
    "a right that is missing",
    "a group that is refused after a reconnect",
    "a server that crashes",
    "a server that forgot",
    "a server that is restarted",
    "a server that remembers",
    "a session that is agreed",
    "a socket that does not outlive its page's sleep",
    "a socket that is given up",
    "a socket that is seen to be closing",
    "a token that has run out",
    "a token that is refused at the door",
    "a token that is refreshed over the connection",
    "a user who is forgotten",
    "a wait for the next attempt",
    "an attempt that was planned offline",
    "all attempts used up",
    "an end for another reason",
    "an end that waking up revives",
    "an upgrade that is refused",
    "an upgrade while no server is there",
    "another attempt",
];

/// How often each event has occurred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    pub(crate) fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Returns those of these events that have not occurred.
    pub(crate) fn missing(&self, all: &[&'static str]) -> Vec<&'static str> {
        all.iter().copied().filter(|what| !self.0.contains_key(what)).collect()
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    pub(crate) fn print(&self) {
        for (what, count) in &self.0 {
            println!("{count:>10} x {what}");
        }
    }
}
