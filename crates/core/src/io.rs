//! Everything that can happen to the machine, and everything it wants to be done.

use std::fmt;
use std::time::Duration;

use onesocket_protocol::{ClientFrame, CloseCode, Group, MessageId, Retry, ServerFrame, Token};

use crate::error::Error;
use crate::state::{StateName, Status};
use crate::time::whole_ms;
use crate::token::{Fetch, FetchReason, TokenAnswer};

/// Numbers the sockets. Every event of a socket names its attempt, and the machine drops what
/// strangers say.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attempt(pub u32);

/// Numbers the calls whose answers are awaited. The caller picks the numbers; none is used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Call(pub u32);

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
    /// The user wants to be in a group.
    Join {
        /// Settled with the server's answer.
        call: Call,
        /// The group.
        group: Group,
    },
    /// The user wants to be in a group no longer.
    Leave {
        /// Settled with the server's answer.
        call: Call,
        /// The group.
        group: Group,
    },
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
    /// The user sends a message to a group.
    Publish {
        /// Settled with the server's answer.
        call: Call,
        /// The group.
        group: Group,
        /// The message.
        data: M,
        /// Its size on the wire.
        bytes: usize,
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
    /// The user wants the token to be renewed now.
    Refresh {
        /// Settled with the server's answer.
        call: Call,
    },
    /// A component that needed the connection was unmounted.
    Release,
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

/// A line of the log. The texts are kept: people search for them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum LogEvent {
    /// `connect()` found an attempt in progress.
    AlreadyInProgress,
    /// The old socket has to close first.
    CleaningUp,
    /// The connection is closed, and why.
    Closed(String),
    /// `connect()` was called.
    ConnectCalled,
    /// The session is agreed.
    Connected,
    /// The connection has failed for good.
    Failed(Error),
    /// The next attempt is planned.
    Reconnecting {
        /// Its number.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// When.
        after: Duration,
    },
    /// `connect()` found the connection there.
    Reusing,
    /// The token will be renewed.
    SchedulingRefresh {
        /// When.
        after: Duration,
    },
}

/// How much a [`LogEvent`] matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// The course of things.
    Info,
    /// Something failed and is being dealt with.
    Warn,
    /// Something failed for good.
    Error,
}

impl LogEvent {
    /// Returns how much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::AlreadyInProgress
            | Self::CleaningUp
            | Self::ConnectCalled
            | Self::Reusing
            | Self::SchedulingRefresh { .. } => Level::Debug,
            Self::Closed(_) | Self::Connected => Level::Info,
            Self::Failed(_) => Level::Error,
            Self::Reconnecting { .. } => Level::Warn,
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInProgress => f.write_str("🔌 Connection already in progress"),
            Self::CleaningUp => {
                f.write_str("🔌 Cleaning up existing WebSocket before new connection")
            }
            Self::Closed(why) => write!(f, "🔌 WebSocket connection closed: {why}"),
            Self::ConnectCalled => f.write_str("🔌 WebSocket connect called"),
            Self::Connected => f.write_str("🔌 WebSocket connected"),
            Self::Failed(error) => write!(f, "🔌 WebSocket connection failed: {error}"),
            Self::Reconnecting { attempt, of, after } => {
                let ms = whole_ms(*after);
                write!(f, "🔌 Reconnecting (attempt {attempt} of {of}) in {ms} ms")
            }
            Self::Reusing => f.write_str("🔌 Reusing existing WebSocket connection"),
            Self::SchedulingRefresh { after } => {
                let ms = whole_ms(*after);
                write!(f, "🔌 Scheduling WebSocket token refresh in {ms} ms")
            }
        }
    }
}
