//! The inputs: everything that happens around the machine.

use onesocket_protocol::{CloseCode, MessageId, Retry, ServerFrame};

use super::requests::Request;
use crate::error::Error;
use crate::ids::{Attempt, Call};
use crate::text::Text;
use crate::token::{Fetch, TokenAnswer};

/// Something that happened. `M` is a message in the form in which the shell keeps it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Input<M> {
    /// The `AbortSignal` of a `connect()` fired.
    Abort {
        /// The call.
        call: Call,
    },
    /// The user closes the connection.
    Close {
        /// Settled once the socket has closed.
        call: Call,
        /// The code for the server.
        code: CloseCode,
        /// The reason for the server, at most 123 bytes.
        reason: String,
    },
    /// A socket has closed.
    Closed {
        /// The socket.
        attempt: Attempt,
        /// The code of the `close` event.
        code: CloseCode,
        /// The reason of the `close` event.
        reason: String,
        /// What follows from the code: [`CloseCode::retry`], or the decision of the application's
        /// own wire.
        retry: Retry,
    },
    /// The `readyState` of a socket is CLOSING or CLOSED, though its `close` event has not come: a
    /// message that is sent now would be lost without notice.
    Closing {
        /// The socket.
        attempt: Attempt,
    },
    /// The user wants to be connected.
    Connect {
        /// Settled once connected, or once the connection has failed for good.
        call: Call,
    },
    /// A person uses the page: a key, a click, the focus.
    Activity,
    /// A deadline may have passed. Every other input checks the deadlines too.
    Elapsed,
    /// A component was mounted that needs the connection.
    Hold,
    /// A frame has arrived that cannot be decoded.
    InvalidFrame {
        /// The socket.
        attempt: Attempt,
        /// What is wrong with the frame.
        problem: Text,
    },
    /// The browser has gone offline.
    Offline,
    /// The browser is online again.
    Online,
    /// A socket has failed for good, and is gone: the browser has refused to create it, or it is the port
    /// of a connection that tabs share, which has failed for all of them.
    Failed {
        /// The socket.
        attempt: Attempt,
        /// Why.
        error: Error,
    },
    /// A socket has opened.
    Opened {
        /// The socket.
        attempt: Attempt,
    },
    /// A frame has arrived.
    Received {
        /// The socket.
        attempt: Attempt,
        /// The frame.
        frame: ServerFrame<M>,
        /// Its size on the wire.
        bytes: usize,
    },
    /// On a plain wire: the message that comes next says that the session is agreed.
    Ready {
        /// The socket.
        attempt: Attempt,
    },
    /// A component that needed the connection was unmounted.
    Release,
    /// The user makes a request to the server.
    Request {
        /// Settled with the server's answer.
        call: Call,
        /// The request.
        request: Request<M>,
    },
    /// What has failed for all tabs that share it was asked for in another one: it is tried again if anybody
    /// wants it here.
    Revive,
    /// `getToken` has answered.
    Token {
        /// The call of `getToken`.
        fetch: Fetch,
        /// Its answer.
        answer: TokenAnswer,
    },
    /// On a plain wire, where no server answers: the new token was sent, or could not be.
    TokenSent {
        /// The socket.
        attempt: Attempt,
        /// The number under which it was to be sent.
        id: MessageId,
        /// The problem that kept it from being sent.
        result: Result<(), Text>,
    },
    /// The page has woken up: it was hidden, frozen or asleep.
    Wake,
}
