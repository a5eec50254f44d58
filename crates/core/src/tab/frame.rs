//! What tabs say to each other.

use onesocket_protocol::{Epoch, Group, MessageId, Span};

use crate::error::Error;
use crate::text::Text;

/// A tab, by a number that it has drawn.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TabId(pub u64);

/// The time for which one tab leads. A later one is greater; it begins with the clock, so that a tab
/// which has heard of no other term does not begin an earlier one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Term {
    /// Milliseconds of the wall clock, or one more than the last term.
    pub number: u64,
    /// Who leads.
    pub leader: TabId,
}

/// The port of a tab, by which its connection speaks with the leader.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortId {
    /// The tab.
    pub tab: TabId,
    /// Which of its ports.
    pub number: u32,
}

/// A frame of the wire, in the form in which the shell keeps it. It is read only where a server knows of
/// one client on a connection: there the leader numbers what all tabs send.
pub trait Frame: Clone {
    /// Returns the number under which a client's request is answered, and what it does to a membership;
    /// `None` for what is no request.
    fn request(&self) -> Option<(MessageId, Change)>;

    /// Returns the same with another number.
    #[must_use]
    fn numbered(&self, id: MessageId) -> Self;

    /// Returns the request for a membership.
    fn join(id: MessageId, group: Group) -> Self;

    /// Returns the request for the end of one.
    fn leave(id: MessageId, group: Group) -> Self;
}

/// What a request does to a membership.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Change {
    /// Nothing.
    None,
    /// It begins one.
    Join(Group),
    /// It ends one.
    Leave(Group),
}

/// A frame that a tab posts to all others. `M` is a frame of the wire: see [`Frame`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TabFrame<M> {
    /// A tab wants a connection and knows no leader.
    Hello,
    /// A tab leads, and the news that it posts next has this number.
    Lead {
        /// Its term.
        term: Term,
        /// The number of the next news.
        next: u64,
        /// The name of the client that has the connection.
        link: String,
    },
    /// A leader leads no more, in good order.
    Bye {
        /// Its term.
        term: Term,
    },
    /// A follower has heard nothing for a while.
    Ask {
        /// The term of the leader that is asked.
        term: Term,
    },
    /// A tab is shown now, or hidden.
    Seen {
        /// Whether it is shown.
        shown: bool,
    },
    /// A connection wants a port.
    Open {
        /// The term of the leader that is asked.
        term: Term,
        /// The port.
        port: u32,
        /// Whose it is.
        member: Applicant,
    },
    /// A frame for the server.
    Up {
        /// The term of the leader that is to pass it on; another one must not.
        term: Term,
        /// The port.
        port: u32,
        /// How many came before it through this port.
        place: u64,
        /// The frame.
        frame: Up<M>,
    },
    /// A tab wants the token refreshed.
    Refresh {
        /// The term of the leader that is asked.
        term: Term,
        /// The number of the call.
        call: u32,
    },
    /// A person asks for the connection, which need not wait any longer.
    Urge {
        /// The term of the leader that is asked.
        term: Term,
    },
    /// A port is not needed any more.
    Shut {
        /// The term of the leader that has it.
        term: Term,
        /// The port.
        port: u32,
    },
    /// Something from the leader.
    News {
        /// Its term.
        term: Term,
        /// Its number in this term.
        place: u64,
        /// What it is.
        news: News<M>,
    },
}

/// What a server has agreed for all who share a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Terms {
    /// The user.
    pub user: String,
    /// The server's name for the connection.
    pub connection_id: String,
    /// The largest payload that the server takes, in bytes.
    pub max_message_bytes: usize,
    /// How many clients the server takes on the connection; `None` if it knows of one only. Then that one
    /// speaks for all tabs, and what is unanswered when the connection is lost is not sent again.
    pub tabs: Option<u16>,
}

/// Who wants a port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Applicant {
    /// The client's own name.
    pub client: String,
    /// The user that the server has named to it before, if it has; empty if not. A connection of
    /// another user is none for it.
    pub user: String,
    /// Whether a person sees the tab.
    pub shown: bool,
}

/// What a connection sends through its port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Up<M> {
    /// A ping, which the leader answers itself: it is the other end of the port.
    Ping,
    /// Anything else, for the server.
    Frame(M),
}

/// What users of all tabs see of the shared connection. Its times begin when it is told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LinkStatus {
    /// Which automatic attempt is next or in progress; 0 for none.
    pub attempt: u32,
    /// The time until the next attempt, while the connection waits for that.
    pub retry_in: Option<Span>,
    /// The time until the token expires, where that is known.
    pub token_expires_in: Option<Span>,
}

/// Something from the leader.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum News<M> {
    /// It is there.
    Here,
    /// A port is open.
    Opened {
        /// The port.
        to: PortId,
        /// What is agreed for all.
        terms: Terms,
        /// The epoch of this client, if the server remembers it.
        epoch: Option<Epoch>,
    },
    /// Answers a ping.
    Pong {
        /// The port.
        to: PortId,
    },
    /// A frame of the server.
    Frame {
        /// The ports; none for all that are open.
        to: Vec<PortId>,
        /// The frame.
        frame: M,
    },
    /// The status of the shared connection.
    Status {
        /// The port; none for all.
        to: Option<PortId>,
        /// What users see of it.
        link: LinkStatus,
    },
    /// A port is closed; its connection opens another.
    Closed {
        /// The port.
        to: PortId,
    },
    /// The shared connection is lost, and with it all ports; connections open others.
    Lost {
        /// Why, where that is known.
        reason: Option<Text>,
    },
    /// The server has taken a new token, which counts for all.
    TokenRefreshed {
        /// How long it lives; `None` if it does not expire.
        life: Option<Span>,
    },
    /// A refresh of the token that a tab has asked for has ended.
    Refreshed {
        /// The tab and the number of its call, as a port has them.
        to: PortId,
        /// Why it has failed.
        error: Option<Error>,
    },
    /// The shared connection has failed for good.
    Failed {
        /// The port; none for all.
        to: Option<PortId>,
        /// Why.
        error: Error,
    },
}
