//! The counters.

/// Makes [`Stats`] from the rows of one table: a field, and the name that JavaScript sees.
macro_rules! counters {
    ($($(#[$docs:meta])* $field:ident, $name:literal;)*) => {
        /// Counters since the machine was made. They never decrease; at their limit they stay.
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
    /// Attempts to open a socket, automatic ones included, and those that the browser refused.
    attempts, "attempts";
    /// Sockets that opened.
    sockets_opened, "socketsOpened";
    /// Connections that an automatic attempt established.
    reconnects, "reconnects";
    /// New tokens that the server accepted over an open connection.
    refreshes, "refreshes";
    /// Events of sockets, and answers of `getToken`, that came too late to change anything.
    stale_events, "staleEvents";
    /// Messages that were delivered to the user.
    messages_in, "messagesIn";
    /// Messages that were sent; one that was sent again counts again.
    messages_out, "messagesOut";
    /// Bytes of the frames that brought messages.
    bytes_in, "bytesIn";
    /// Bytes of payload of the messages that were sent.
    bytes_out, "bytesOut";
}

/// Adds one to a counter.
pub(crate) fn count(counter: &mut u64) {
    add(counter, 1);
}

/// Adds to a counter.
pub(crate) fn add(counter: &mut u64, more: usize) {
    *counter = counter.wrapping_add(more as u64);
}
