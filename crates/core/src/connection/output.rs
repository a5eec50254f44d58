//! The outputs: everything that the shell has to do.

use std::sync::Arc;

use onesocket_protocol::{ClientFrame, CloseCode, Span, Token};

use crate::error::Error;
use crate::ids::{Attempt, Call};
use crate::log::LogEvent;
use crate::status::{StateName, Status};
use crate::text::Text;
use crate::token::{Fetch, FetchReason};

/// Something that the shell has to do. Outputs are performed in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Output<M> {
    /// The server has accepted messages: the machine keeps them no longer, and the memory of their payloads
    /// may be used again. These and their bytes, oldest first. Not on a plain wire, where a message is done
    /// before its socket may be.
    Accepted(Vec<(M, usize)>),
    /// Fire the signal of a call of `getToken`; its answer will be ignored.
    AbortToken {
        /// The call of `getToken`.
        fetch: Fetch,
    },
    /// Deliver a message to the user.
    Deliver(M),
    /// Stop listening to a socket, and drop it.
    Detach {
        /// The socket.
        attempt: Attempt,
    },
    /// Report an error to the user, with the messages that will not be delivered.
    Error {
        /// The error.
        error: Error,
        /// Messages that were accepted and will not be delivered.
        undelivered: Vec<M>,
    },
    /// Call `getToken`.
    FetchToken {
        /// The number of this call.
        fetch: Fetch,
        /// The purpose of the token.
        reason: FetchReason,
    },
    /// On a plain wire: send the first message of the wire, if it has one.
    SendHello {
        /// The socket.
        attempt: Attempt,
    },
    /// Write a line to the log.
    Log(LogEvent),
    /// Create a socket.
    Open {
        /// The number of the socket.
        attempt: Attempt,
        /// The token, if the application has tokens.
        token: Option<Token>,
    },
    /// Settle a call.
    Settle {
        /// The call.
        call: Call,
        /// Its result.
        result: Result<(), Error>,
    },
    /// Close a socket.
    Shut {
        /// The socket.
        attempt: Attempt,
        /// The code for the server.
        code: CloseCode,
        /// The reason for the server.
        reason: String,
    },
    /// Report a new status to the user.
    Status {
        /// The previous state.
        previous: StateName,
        /// The new status; it always differs from the last one.
        status: Arc<Status>,
        /// The reason for the change.
        reason: Option<Text>,
    },
    /// Report to the user how a call of `getToken` ended.
    TokenFetched {
        /// The lifetime of the token, if the application knows it; or the error.
        result: Result<Option<Span>, Error>,
    },
    /// Report to the user that the server has accepted a new token.
    TokenRefreshed {
        /// Its lifetime; `None` if it does not expire.
        life: Option<Span>,
    },
    /// Send a frame.
    Transmit {
        /// The socket.
        attempt: Attempt,
        /// The frame.
        frame: ClientFrame<M>,
    },
}
