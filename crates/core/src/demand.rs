//! Who wants the connection.

use crate::ids::Call;
use crate::time::Time;

/// Who wants the connection to exist.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Demand {
    /// The `connect()` calls that have not been settled.
    calls: Vec<Call>,
    /// How many hold it: mounted components.
    holders: u32,
    /// A `connect()` was answered, and no `close()` came since.
    lasting: bool,
    /// Nobody wants it, and this is when that is acted upon.
    pub(crate) release_at: Option<Time>,
}

impl Demand {
    /// Says whether anybody wants the connection.
    pub(crate) fn any(&self) -> bool {
        self.lasting || self.holders > 0 || !self.calls.is_empty()
    }

    /// Returns when the connection is to be let go.
    pub(crate) fn release_at(&self) -> Option<Time> {
        self.release_at
    }

    pub(crate) fn add_call(&mut self, call: Call) {
        self.calls.push(call);
        self.release_at = None;
    }

    /// Takes a call back; false if it was settled before.
    pub(crate) fn withdraw(&mut self, call: Call) -> bool {
        let before = self.calls.len();
        self.calls.retain(|other| *other != call);
        self.calls.len() < before
    }

    pub(crate) fn hold(&mut self) {
        self.holders = self.holders.saturating_add(1);
        self.release_at = None;
    }

    /// One holder less; if nobody wants the connection now, it goes at `release_at`.
    pub(crate) fn release(&mut self, release_at: Time) {
        self.holders = self.holders.saturating_sub(1);
        if !self.any() {
            self.release_at = Some(release_at);
        }
    }

    /// The connection is there: the calls are answered, and their wish lasts.
    pub(crate) fn connected(&mut self) -> Vec<Call> {
        self.lasting |= !self.calls.is_empty();
        std::mem::take(&mut self.calls)
    }

    /// The connection has failed: the calls are answered. Who holds it still does, but nothing is
    /// left to let go of; who called `connect()` still wants to be connected, should it become
    /// possible.
    pub(crate) fn failed(&mut self) -> Vec<Call> {
        self.lasting |= !self.calls.is_empty();
        self.release_at = None;
        std::mem::take(&mut self.calls)
    }

    /// A person has closed the connection, or it was let go: no wish is left but the holders'.
    pub(crate) fn ended(&mut self) -> Vec<Call> {
        let calls = self.failed();
        self.lasting = false;
        calls
    }
}
