//! What will happen in a world, and when.

use std::collections::BTreeMap;
use std::time::Duration;

/// Ordered by when it happens, then by when it was planned.
pub(crate) struct Agenda<E> {
    events: BTreeMap<(Duration, u64), E>,
    planned: u64,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { events: BTreeMap::new(), planned: 0 }
    }

    /// Plans something.
    pub(crate) fn add(&mut self, at: Duration, event: E) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    /// Takes what happens next, and when, if that is not after `end`.
    pub(crate) fn next(&mut self, end: Duration) -> Option<(Duration, E)> {
        let next = self.events.first_entry().filter(|next| next.key().0 <= end)?;
        let ((at, _), event) = next.remove_entry();
        Some((at, event))
    }

    /// Takes all of a kind, in its order.
    pub(crate) fn take(&mut self, is_taken: impl Fn(&E) -> bool) -> Vec<E> {
        self.events.extract_if(.., |_, event| is_taken(event)).map(|(_, event)| event).collect()
    }
}
