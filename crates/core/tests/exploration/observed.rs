//! What can be known of a connection from the inputs and outputs of the machine alone. The
//! invariants are checked against it.

use std::hash::Hash;

use onesocket_core::protocol::MessageId;
use onesocket_core::{Attempt, Call, Fetch, Span, StateName, Time};

use crate::exploration::Message;
use crate::exploration::scope::Scope;

/// The newest socket, as its shell sees it. Older ones are closed or detached: whatever they still
/// say must change nothing, which `stale_inputs.rs` checks in every place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Socket {
    /// None was made, or it has closed, or nobody hears it any more.
    Gone,
    /// Shaking hands, and not to be disturbed before this.
    Connecting {
        until: Time,
    },
    Open,
    /// The server is closing it, and this is how long its close is waited for.
    ServerClosing {
        until: Time,
    },
    /// We have shut it, and this is how long its close is waited for.
    Shut {
        until: Time,
    },
}

/// How the connection ended last, if it was not wanted again since.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum End {
    Asked,
    Failed,
    Released,
}

/// What was accepted for sending and was neither accepted by the server, nor refused, nor reported.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Kept {
    pub(crate) what: What,
    pub(crate) bytes: usize,
    /// Under which number it went out, on whatever connection.
    pub(crate) sent: Option<MessageId>,
}

/// The kinds of what is sent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum What {
    Message(Message),
    Publish(Call),
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Want {
    Join(&'static str),
    Leave,
    Publish,
}

/// What the inputs and outputs so far have shown.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Observed {
    /// The newest attempt, and what became of its socket.
    pub(crate) newest: Attempt,
    pub(crate) socket: Socket,
    /// The newest call of `getToken`, and whether it is unanswered.
    pub(crate) newest_fetch: Fetch,
    pub(crate) fetching: bool,
    /// The calls of each kind that are unanswered.
    pub(crate) connects: Vec<Call>,
    pub(crate) closes: Vec<Call>,
    pub(crate) refreshes: Vec<Call>,
    /// The unanswered calls of `join()`, `leave()` and `publish()`.
    pub(crate) calls: Vec<(Call, Want)>,
    /// How many components hold the connection.
    pub(crate) holders: u32,
    /// A `connect()` was answered and no `close()` came since.
    pub(crate) lasting: bool,
    /// What the server has been asked and has not answered, on the newest socket; and the group of
    /// a join. The answer to one that was left since matters to nobody.
    pub(crate) asked: Vec<(MessageId, Option<&'static str>)>,
    /// The highest number that was used, and that of a message.
    pub(crate) last_number: MessageId,
    pub(crate) last_sent: MessageId,
    /// The epoch that the last welcome has named.
    pub(crate) epoch: u32,
    /// Messages: first those that were sent and not answered, then those that wait.
    pub(crate) kept: Vec<Kept>,
    /// An attempt has begun that waits for its token.
    pub(crate) begun: bool,
    /// A token that was fetched for a connection which was lost meanwhile, and when it dies.
    pub(crate) spare: Option<Option<Time>>,
    /// The new token was sent under this number, and this is how long the answer is waited for.
    pub(crate) refreshing: Option<(MessageId, Time)>,
    /// It was not answered in time, and may be late; no other was asked for since.
    pub(crate) overdue: Option<MessageId>,
    /// The browser says that there is no network.
    pub(crate) offline: bool,
    /// The server, or `getToken`, wants nothing to be tried before this.
    pub(crate) not_before: Time,
    /// `getToken` wants not to be asked before this by anything that happens by itself.
    pub(crate) later: Time,
    /// The fresh try for a refused token waits for that.
    pub(crate) granted: bool,
    /// When waking up has led to an attempt.
    pub(crate) woken_at: Option<Time>,
    /// When the server was heard, how long it may be silent, and when it has to have answered a
    /// probe.
    pub(crate) heard: Time,
    pub(crate) silence: Span,
    pub(crate) probe: Option<Time>,
    /// The page has woken up, and nothing was heard since: a loss before this is replaced at once.
    pub(crate) woken_until: Option<Time>,
    /// Who was there last, and whether the connection was ended since.
    pub(crate) user: Option<&'static str>,
    pub(crate) ended_since: bool,
    /// The groups that the server has let us into and that were not left since, on whatever
    /// connection.
    pub(crate) joined: Vec<&'static str>,
    /// A group for each `join()` that no `leave()` has followed, and that was not in vain.
    pub(crate) wishes: Vec<&'static str>,
    /// How many attempts may still begin, and whether a refused token may be tried afresh.
    pub(crate) budget: u32,
    pub(crate) fresh: bool,
    /// When the budget is full again, if the connection lasts.
    pub(crate) stable_at: Option<Time>,
    /// How it ended, unless it is wanted again.
    pub(crate) end: Option<End>,
}

impl Observed {
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            newest: Attempt(0),
            socket: Socket::Gone,
            newest_fetch: Fetch(0),
            fetching: false,
            connects: Vec::new(),
            closes: Vec::new(),
            calls: Vec::new(),
            holders: 0,
            lasting: false,
            asked: Vec::new(),
            last_number: MessageId(0),
            last_sent: MessageId(0),
            epoch: 0,
            kept: Vec::new(),
            refreshes: Vec::new(),
            begun: false,
            spare: None,
            refreshing: None,
            overdue: None,
            offline: false,
            not_before: Time::ZERO,
            later: Time::ZERO,
            granted: false,
            woken_at: None,
            heard: Time::ZERO,
            silence: scope.silence(),
            probe: None,
            woken_until: None,
            user: None,
            ended_since: false,
            joined: Vec::new(),
            wishes: Vec::new(),
            budget: 0,
            fresh: false,
            stable_at: None,
            end: None,
        }
    }

    /// Returns how many have joined a group and not left it.
    pub(crate) fn wishes(&self, group: &str) -> usize {
        self.wishes.iter().filter(|wish| **wish == group).count()
    }

    /// Takes back one `join()` of a group; with the last one its membership ends.
    pub(crate) fn take_wish(&mut self, group: &str) {
        if let Some(at) = self.wishes.iter().position(|wish| *wish == group) {
            self.wishes.remove(at);
        }
        let wishes = &self.wishes;
        self.joined.retain(|joined| wishes.contains(joined));
    }

    /// Returns the epoch that a server names which remembers this client, or has forgotten it.
    pub(crate) fn next_epoch(&self, resumed: bool) -> u32 {
        self.epoch + u32::from(!resumed)
    }

    /// Returns the user that a welcome names.
    pub(crate) fn next_user(&self, other: bool) -> &'static str {
        match self.user {
            Some("ada") if other => "bob",
            Some(_) if other => "ada",
            Some(user) => user,
            None => "ada",
        }
    }

    /// Says whether the user wants the connection.
    pub(crate) fn is_wanted(&self) -> bool {
        self.lasting || self.holders > 0 || !self.connects.is_empty()
    }

    /// Says whether an attempt waits for its token, in this state.
    pub(super) fn waits_for_token(&self, state: StateName) -> bool {
        state == StateName::Connecting && self.socket == Socket::Gone
    }

    /// Returns the number under which a new token was sent that may still be answered.
    pub(crate) fn sent_token(&self) -> Option<MessageId> {
        self.refreshing.map(|(id, _)| id).or(self.overdue)
    }
}
