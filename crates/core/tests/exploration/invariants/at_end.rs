//! What must hold where nothing more happens by itself.

use onesocket_core::{StateName, Time};

use crate::exploration::observed::Observed;
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;
use crate::exploration::{SERVER_CLOSING, Verdict, ensure, is_live};

impl Place {
    /// Says whether the connection is wanted, and can be had by what is under way.
    pub(crate) fn is_promising(&self) -> bool {
        let budget = self.observed.budget > 0 || self.machine.stage() != SERVER_CLOSING;
        is_live(self.machine.status().state)
            && self.observed.is_wanted()
            && !self.is_late()
            && budget
    }

    /// Checks a place in which nothing more happens by itself.
    pub(crate) fn check_at_end(&self, scope: &Scope, answers: bool) -> Verdict {
        let Observed { connects, closes, calls, .. } = &self.observed;
        ensure!(connects.is_empty(), "connect() is never answered: {connects:?}");
        ensure!(closes.is_empty(), "close() is never answered: {closes:?}");
        let may_wait = match self.machine.status().state {
            // For somebody who calls connect().
            StateName::Idle => true,
            StateName::Connected if answers => false,
            StateName::Connected => {
                // One beyond the end of the clock is none to notice.
                let noticed = Time::ZERO + self.observed.silence;
                ensure!(noticed == Time::NEVER, "nobody notices the silence");
                true
            }
            StateName::Closed => false,
            state @ StateName::Failed => scope.keeps(state),
            state @ (StateName::Connecting | StateName::Waiting | StateName::Closing) => {
                return Err(format!("stuck in {}", state.as_str()));
            }
        };
        ensure!(calls.is_empty() || may_wait, "a call is never answered: {calls:?}");
        Ok(())
    }
}
