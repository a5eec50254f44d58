//! Is the leader still there? A follower that nobody sees does not ask.

use onesocket_protocol::Span;

use crate::time::Time;

/// How long a leader may be silent before it is asked, where a person sees the tab.
///
/// 2 s: one post a second in all, the answer included.
const SILENCE: Span = Span::from_secs(2);

/// How long it may take to answer: a post and its answer take 3 ms on a busy machine.
const ANSWER: Span = Span::from_millis(400);

/// How long it may take to answer a second time.
const SECOND_ANSWER: Span = Span::from_millis(300);

/// A timer of ours that comes later than this was kept from running, as the leader may have been.
const LATE: Span = Span::from_secs(1);

/// The shortest time between two steals, which is doubled by each up to [`MAX_BETWEEN`].
const BETWEEN: Span = Span::from_secs(10);

/// The longest time between two steals.
const MAX_BETWEEN: Span = Span::from_secs(120);

/// How far the asking has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Watch {
    /// It has said something at this time.
    Heard(Time),
    /// It was asked at this time.
    Asked(Time),
    /// It was asked a second time, at this time; and whether this tab has heard itself since. One that hears
    /// nothing knows nothing of others.
    AskedAgain { at: Time, hears: bool },
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// It is asked.
    Ask,
    /// It is asked once more; a lock in the back/forward cache is freed by a new request.
    AskAgain,
    /// This tab listens anew, for it does not hear even itself.
    ListenAnew,
    /// The lock is taken from it.
    Steal,
}

impl Watch {
    pub(super) fn deadline(self) -> Time {
        match self {
            Self::Heard(at) => at + SILENCE,
            Self::Asked(at) => at + ANSWER,
            Self::AskedAgain { at, .. } => at + SECOND_ANSWER,
        }
    }

    /// This tab has heard itself.
    pub(super) fn hear(&mut self) {
        if let Self::AskedAgain { hears, .. } = self {
            *hears = true;
        }
    }

    /// Its deadline has passed.
    pub(super) fn due(&mut self, steals: &mut Steals, now: Time) -> Next {
        let is_late = now.since(self.deadline()) > LATE;
        match *self {
            Self::Heard(_) => self.ask(now),
            Self::Asked(_) | Self::AskedAgain { .. } if is_late => self.ask(now),
            Self::Asked(_) => {
                *self = Self::AskedAgain { at: now, hears: false };
                Next::AskAgain
            }
            Self::AskedAgain { hears: false, .. } => {
                *self = Self::Asked(now);
                Next::ListenAnew
            }
            Self::AskedAgain { .. } if steals.may(now) => {
                *self = Self::Heard(now);
                Next::Steal
            }
            Self::AskedAgain { .. } => self.ask(now),
        }
    }

    fn ask(&mut self, now: Time) -> Next {
        *self = Self::Asked(now);
        Next::Ask
    }
}

/// When the lock may be taken from a leader again.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Steals {
    not_before: Time,
    between: Span,
}

impl Steals {
    fn may(&mut self, now: Time) -> bool {
        if now < self.not_before {
            return false;
        }
        self.between = (self.between + self.between).max(BETWEEN).min(MAX_BETWEEN);
        self.not_before = now + self.between;
        true
    }
}
