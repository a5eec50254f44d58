//! Everything the machine wants to be done.

use std::time::Duration;

use onesocket_protocol::{ClientFrame, CloseCode, Token};

use crate::error::Error;
use crate::ids::{Attempt, Call};
use crate::log::LogEvent;
use crate::status::{StateName, Status};
use crate::token::{Fetch, FetchReason};

/// Everything the machine wants to be done, in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Output<M> {
    /// Fire the signal of this call of `getToken`; its answer will be dropped.
    AbortToken {
        /// Which call of it.
        fetch: Fetch,
    },
    /// Hand a message to the user.
    Deliver(M),
    /// Hear no more of this socket, and drop it.
    Detach {
        /// Which socket.
        attempt: Attempt,
    },
    /// Tell the user of an error, with the messages that will not be delivered.
    Error {
        /// What went wrong.
        error: Error,
        /// What was accepted for sending and was never sent.
        undelivered: Vec<M>,
    },
    /// Ask `getToken`.
    FetchToken {
        /// Numbers the call.
        fetch: Fetch,
        /// What the token is for.
        reason: FetchReason,
    },
    /// On a plain wire: send what has to come first over this socket, if anything has to.
    SendHello {
        /// Which socket.
        attempt: Attempt,
    },
    /// Tell the log.
    Log(LogEvent),
    /// Make a socket.
    Open {
        /// Numbers the socket.
        attempt: Attempt,
        /// The token, where the application has tokens.
        token: Option<Token>,
    },
    /// Answer a call.
    Settle {
        /// Which call.
        call: Call,
        /// With what.
        result: Result<(), Error>,
    },
    /// Close this socket.
    Shut {
        /// Which socket.
        attempt: Attempt,
        /// What the server is told.
        code: CloseCode,
        /// What the server is told.
        reason: String,
    },
    /// Tell the user of a new status.
    Status {
        /// The state before.
        previous: StateName,
        /// What is now true; always different from what was told before.
        status: Status,
        /// Why.
        reason: Option<String>,
    },
    /// Tell the user what came of a call of `getToken`.
    TokenFetched {
        /// How long the token lives, where the application knows; an error if there is none.
        result: Result<Option<Duration>, Error>,
    },
    /// Tell the user that the server has taken a new token.
    TokenRefreshed {
        /// How long it lives; `None` if it does not run out.
        life: Option<Duration>,
    },
    /// Send a frame.
    Transmit {
        /// Over which socket.
        attempt: Attempt,
        /// What it says.
        frame: ClientFrame<M>,
    },
}
