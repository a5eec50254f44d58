//! What the machine counts.

/// How much has happened since the machine was made. It never goes back, and saturates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Attempts at a socket: first ones and automatic ones, also those that the browser refused.
    pub attempts: u64,
    /// Sockets that opened.
    pub sockets_opened: u64,
    /// Connections that came of an automatic attempt.
    pub reconnects: u64,
    /// New tokens that the server has taken over the open connection.
    pub refreshes: u64,
    /// Events of sockets and of calls of `getToken` that came too late to change anything.
    pub stale_events: u64,
    /// Messages that were handed to the user.
    pub messages_in: u64,
    /// Messages that were sent, those that were sent again included.
    pub messages_out: u64,
    /// The sizes of the frames in which messages came.
    pub bytes_in: u64,
    /// The payloads of the messages that were sent.
    pub bytes_out: u64,
}

/// Counts one more.
pub(crate) fn count(counter: &mut u64) {
    add(counter, 1);
}

/// Counts so many more.
pub(crate) fn add(counter: &mut u64, more: usize) {
    *counter = counter.saturating_add(more as u64);
}
