//! Everything that can happen to the machine.

use onesocket_protocol::{CloseCode, MessageId, Retry, ServerFrame};

use super::requests::Request;
use crate::ids::{Attempt, Call};
use crate::token::{Fetch, TokenAnswer};

/// Everything that can happen. `M` is a message in the form that the shell keeps it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Input<M> {
    /// The `AbortSignal` of a `connect()` fired.
    Abort {
        /// Which call.
        call: Call,
    },
    /// The user closes the connection.
    Close {
        /// Settled once the socket has closed.
        call: Call,
        /// What the server is told.
        code: CloseCode,
        /// What the server is told, at most 123 bytes.
        reason: String,
    },
    /// A socket has been closed, by whomever.
    Closed {
        /// Which socket.
        attempt: Attempt,
        /// As the browser reports it.
        code: CloseCode,
        /// As the browser reports it.
        reason: String,
        /// What the wire makes of the code: [`CloseCode::retry`], or what the application says of a
        /// server of its own.
        retry: Retry,
    },
    /// The user wants to be connected.
    Connect {
        /// Settled once connected, or once it has failed for good.
        call: Call,
    },
    /// A deadline may have passed. Deadlines are looked at after every other input, too.
    Elapsed,
    /// The `readyState` of a socket is CLOSING or CLOSED, though its `close` event has not come: a
    /// message that is sent now would be lost without notice.
    Closing {
        /// Which socket.
        attempt: Attempt,
    },
    /// A frame arrived that cannot be read.
    InvalidFrame {
        /// From which socket.
        attempt: Attempt,
        /// What is wrong with it.
        problem: String,
    },
    /// A component was mounted that needs the connection.
    Hold,
    /// The browser says that there is no network.
    Offline,
    /// The browser says that there is a network again.
    Online,
    /// The browser would not make a socket at all.
    OpenFailed {
        /// Which socket.
        attempt: Attempt,
        /// What the browser said.
        problem: String,
    },
    /// A socket has opened.
    Opened {
        /// Which socket.
        attempt: Attempt,
    },
    /// A frame arrived.
    Received {
        /// From which socket.
        attempt: Attempt,
        /// What it says.
        frame: ServerFrame<M>,
        /// Its size.
        bytes: usize,
    },
    /// A component that needed the connection was unmounted.
    Release,
    /// The user asks something of the server.
    Request {
        /// Settled with the server's answer.
        call: Call,
        /// What is asked.
        request: Request<M>,
    },
    /// `getToken` has answered.
    Token {
        /// Which call of it.
        fetch: Fetch,
        /// What it answered.
        answer: TokenAnswer,
    },
    /// On a plain wire, where no server answers it: the new token went out, or why it could not.
    TokenSent {
        /// Over which socket.
        attempt: Attempt,
        /// Under which number.
        id: MessageId,
        /// Says what kept it from going out.
        result: Result<(), String>,
    },
    /// The page was hidden, frozen or asleep, and is no more.
    Wake,
}
