//! The inputs and the outputs of a tab.

use onesocket_protocol::{Epoch, Group, MessageId, Span};

use super::frame::{LinkStatus, PortId, TabFrame, TabId, Terms, Up};
use crate::error::Error;
use crate::text::Text;

/// Something that happened to a tab.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TabInput<M> {
    /// The page is frozen, or goes into the back/forward cache, or away: it may not run again.
    Away,
    /// The page runs, or runs again.
    Back,
    /// A deadline may have passed.
    Elapsed,
    /// The connection of this tab has failed for good.
    Failed,
    /// The tab of a port that was watched has listened no more since: it has left, or its process has ended.
    Gone {
        /// The port.
        port: PortId,
    },
    /// The lock is this tab's.
    Granted {
        /// By which request.
        request: u32,
        /// The wall clock, in milliseconds since 1970.
        epoch_ms: u64,
    },
    /// Another tab has posted something.
    Heard {
        /// The tab.
        from: TabId,
        /// What it has posted.
        frame: TabFrame<M>,
    },
    /// This tab has heard itself: the answer to [`TabOutput::Probe`].
    Hears,
    /// Whether the lock is still this tab's: the answer to [`TabOutput::Query`].
    Held(bool),
    /// The leader's socket has closed, as it was to.
    LinkClosed,
    /// The leader's connection has failed for good.
    LinkFailed(Error),
    /// The leader's connection has received a frame that is not about the connection itself.
    LinkFrame {
        /// For whom it is; none for all.
        slots: Vec<u16>,
        /// What it is.
        what: Down,
        /// The frame.
        frame: M,
    },
    /// The leader's connection is lost, and why, where that is known; it is being tried again.
    LinkLost(Option<Text>),
    /// The status of the leader's connection, as far as it concerns all.
    LinkStatus(LinkStatus),
    /// The leader's connection is established.
    LinkUp(Terms),
    /// The lock was taken from this tab, or the request has come to nothing.
    Lost {
        /// The request.
        request: u32,
    },
    /// The connection of this tab opens a port.
    Open {
        /// The port; greater than all before it.
        port: u32,
    },
    /// `refreshToken()` was called.
    Refresh {
        /// The call, which [`TabOutput::Refreshed`] answers.
        call: u32,
    },
    /// [`TabOutput::Refresh`] has ended.
    Refreshed {
        /// For whom it was.
        by: PortId,
        /// Why it has failed.
        error: Option<Error>,
    },
    /// The connection of this tab sends a frame.
    Send {
        /// The port.
        port: u32,
        /// The frame.
        frame: Up<M>,
    },
    /// A person sees the page, or does not.
    Shown(bool),
    /// The server has accepted a new token of the leader's connection, and how long it lives.
    TokenRefreshed(Option<Span>),
    /// The connection of this tab closes its port.
    Shut {
        /// The port.
        port: u32,
    },
    /// A person asks for the connection: `connect()` was called.
    Urge,
    /// Whether this tab wants a connection: it does while there is one, or is being tried for. For one
    /// that has failed see [`Failed`](Self::Failed).
    Wish(bool),
}

/// What a frame of the server is to the leader, who passes it on unread.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Down {
    /// The answer to [`TabOutput::Attach`].
    Attached(Option<Epoch>),
    /// The answer to the request of this number; that to a message serves for all messages before it.
    Ack(MessageId),
    /// The error that answers the request of this number.
    Refused(MessageId),
    /// The membership has ended, of which nothing was asked.
    Ended(Group),
    /// A message to a group.
    Group(Group),
    /// Anything else.
    Other,
}

/// Something that the shell has to do for a tab. Outputs are performed in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TabOutput<M> {
    /// Have the server take a client over the leader's connection.
    Attach {
        /// Its number on the connection.
        slot: u16,
        /// Its name.
        client: String,
    },
    /// Have the server let go of a client.
    Detach {
        /// Its number.
        slot: u16,
        /// The number for the answer.
        id: MessageId,
    },
    /// Make the leader's connection, or connect it again.
    Lead {
        /// The name of its client. It is the same for all who lead, one after another: so a server takes
        /// the next connection for the same device.
        link: String,
    },
    /// Listen to the other tabs, or do so no more.
    Listen(bool),
    /// Post something to the other tabs.
    Post(TabFrame<M>),
    /// A port of this tab has closed; another may be opened.
    PortClosed {
        /// The port.
        port: u32,
        /// Why the connection behind it was lost, if it was and that is known.
        reason: Option<Text>,
    },
    /// A port of this tab has failed for good.
    PortFailed {
        /// The port.
        port: u32,
        /// Why.
        error: Error,
    },
    /// A port of this tab has received a frame of the server.
    PortFrame {
        /// The port.
        port: u32,
        /// The frame.
        frame: M,
    },
    /// A port of this tab is open.
    PortOpened {
        /// The port.
        port: u32,
        /// What is agreed for all.
        terms: Terms,
        /// The epoch of this client, if the server remembers it.
        epoch: Option<Epoch>,
    },
    /// A port of this tab has received the answer to a ping.
    PortPong {
        /// The port.
        port: u32,
    },
    /// The status of the connection behind a port.
    PortStatus {
        /// The port.
        port: u32,
        /// What users see of it.
        link: LinkStatus,
    },
    /// Post something that this tab hears itself: see [`TabInput::Hears`].
    Probe,
    /// Ask whether the lock is still this tab's.
    Query,
    /// Have the leader's connection refresh its token: see [`TabInput::Refreshed`].
    Refresh {
        /// Who wants that.
        by: PortId,
    },
    /// Answers [`TabInput::Refresh`].
    Refreshed {
        /// The call.
        call: u32,
        /// Why it has failed.
        error: Option<Error>,
    },
    /// Give the lock back, or take the request back.
    Release {
        /// The request.
        request: u32,
    },
    /// Ask for the lock.
    Request {
        /// The request; greater than all before it.
        request: u32,
        /// Take it from whoever has it.
        steal: bool,
    },
    /// Close the leader's connection.
    Resign,
    /// Connect again if anybody wants that: what has failed for all has been asked for in another tab.
    Revive,
    /// Report to the user what this tab is now.
    Role(Role),
    /// Tell once the tab of a port listens no more: [`TabInput::Gone`]. Until [`Resign`](Self::Resign).
    Watch {
        /// The port.
        port: PortId,
    },
    /// Report to the user that the server has accepted a new token: see [`TabInput::TokenRefreshed`].
    TokenRefreshed(Option<Span>),
    /// Send a frame over the leader's connection, as one of its clients.
    Up {
        /// Which one; 0 for the connection's own, where that speaks for all.
        slot: u16,
        /// The frame.
        frame: M,
    },
}

/// What a tab is to the others.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Role {
    /// It has no connection, and wants none.
    #[default]
    None,
    /// It uses the connection of another tab, or waits for one that leads.
    Follower,
    /// It holds the connection.
    Leader,
}

impl Role {
    /// Returns the name that JavaScript sees.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Follower => "follower",
            Self::Leader => "leader",
        }
    }
}
