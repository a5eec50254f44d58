//! The demand for a connection: open `connect()` calls and mounted components.

use crate::ids::Call;
use crate::time::Time;

/// The demand for a connection.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Demand {
    /// The `connect()` calls that are not settled.
    calls: Vec<Call>,
    /// The number of holders, mounted components for example.
    holders: u32,
    /// A `connect()` was settled, and no `close()` has come since.
    lasting: bool,
    /// When the connection is released, as there is no demand.
    pub(crate) release_at: Option<Time>,
}

impl Demand {
    /// Says whether there is any demand.
    pub(crate) fn exists(&self) -> bool {
        self.lasting || self.holders > 0 || !self.calls.is_empty()
    }

    /// Returns when the connection is to be released.
    pub(crate) fn release_at(&self) -> Time {
        self.release_at.unwrap_or(Time::NEVER)
    }

    pub(crate) fn add_call(&mut self, call: Call) {
        self.calls.push(call);
        self.release_at = None;
    }

    /// Removes a call; returns `false` if it was settled before.
    pub(crate) fn remove_call(&mut self, call: Call) -> bool {
        let before = self.calls.len();
        self.calls.retain(|other| *other != call);
        self.calls.len() < before
    }

    pub(crate) fn hold(&mut self) {
        self.holders = self.holders.saturating_add(1);
        self.release_at = None;
    }

    /// Removes one holder. If no demand is left, the connection is released at `release_at`.
    pub(crate) fn release(&mut self, release_at: Time) {
        self.holders = self.holders.saturating_sub(1);
        if !self.exists() {
            self.release_at = Some(release_at);
        }
    }

    /// The connection is established. Returns the calls to settle; their demand lasts.
    pub(crate) fn connected(&mut self) -> Vec<Call> {
        self.lasting |= !self.calls.is_empty();
        std::mem::take(&mut self.calls)
    }

    /// The connection has failed. Returns the calls to settle. The holders stay, with nothing to
    /// release; whoever called `connect()` still wants a connection if one becomes possible.
    pub(crate) fn failed(&mut self) -> Vec<Call> {
        self.lasting |= !self.calls.is_empty();
        self.release_at = None;
        std::mem::take(&mut self.calls)
    }

    /// The connection was closed or released. Returns the calls to settle; only the holders stay.
    pub(crate) fn ended(&mut self) -> Vec<Call> {
        let calls = self.failed();
        self.lasting = false;
        calls
    }
}
