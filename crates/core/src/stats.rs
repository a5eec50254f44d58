//! What the machine counts.

/// Makes [`Stats`] from the rows of one table: a field, and the name that JavaScript sees.
macro_rules! counters {
    ($($(#[$docs:meta])* $field:ident, $name:literal;)*) => {
        /// How much has happened since the machine was made. It never goes back, and saturates.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub struct Stats {
            $($(#[$docs])* pub $field: u64,)*
        }

        impl Stats {
            /// The names that JavaScript sees.
            pub const NAMES: &[&str] = &[$($name,)*];

            /// Returns the counters, in the order of [`NAMES`](Self::NAMES).
            pub const fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$field,)*]
            }
        }
    };
}

counters! {
    /// Attempts at a socket: first ones and automatic ones, also those that the browser refused.
    attempts, "attempts";
    /// Sockets that opened.
    sockets_opened, "socketsOpened";
    /// Connections that came of an automatic attempt.
    reconnects, "reconnects";
    /// New tokens that the server has taken over the open connection.
    refreshes, "refreshes";
    /// Events of sockets and of calls of `getToken` that came too late to change anything.
    stale_events, "staleEvents";
    /// Messages that were handed to the user.
    messages_in, "messagesIn";
    /// Messages that were sent, those that were sent again included.
    messages_out, "messagesOut";
    /// The sizes of the frames in which messages came.
    bytes_in, "bytesIn";
    /// The payloads of the messages that were sent.
    bytes_out, "bytesOut";
}

/// Counts one more.
pub(crate) fn count(counter: &mut u64) {
    add(counter, 1);
}

/// Counts so many more.
pub(crate) fn add(counter: &mut u64, more: usize) {
    *counter = counter.saturating_add(more as u64);
}
