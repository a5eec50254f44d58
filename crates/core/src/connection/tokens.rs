//! Tokens: one is fetched for every attempt, and renewed over the connection before it runs out.

use std::time::Duration;

use onesocket_protocol::{ClientFrame, CloseCode, LONGEST_RETRY_AFTER, MessageId};

use super::Connection;
use crate::config::{TOKEN_TIMEOUT, Wire};
use crate::error::{Error, ErrorCode};
use crate::io::{Attempt, Call, Note, Output};
use crate::state::{Phase, State};
use crate::stats::count;
use crate::time::{Time, whole_ms};
use crate::token::{Fetch, FetchReason, Fetched, Renewal, Supply, TokenAnswer};

impl<M: Clone> Connection<M> {
    /// Asks `getToken`, unless it is being asked.
    pub(super) fn fetch(&mut self, reason: FetchReason, now: Time) {
        if let Supply::Fetching { .. } = self.supply {
            return;
        }
        self.last_fetch = Fetch(self.last_fetch.0.wrapping_add(1));
        let fetch = self.last_fetch;
        self.supply = Supply::Fetching { fetch, give_up_at: now + TOKEN_TIMEOUT };
        self.outputs.push_back(Output::FetchToken { fetch, reason });
    }

    /// Takes the token that a lost connection had asked for, if it is not known to be dead.
    pub(super) fn take_fetched(&mut self, now: Time) -> Option<Fetched> {
        match std::mem::replace(&mut self.supply, Supply::Empty) {
            Supply::Fetched(fetched) => {
                fetched.dies_at.is_none_or(|dies_at| now < dies_at).then_some(fetched)
            }
            supply @ (Supply::Empty | Supply::Fetching { .. } | Supply::Later { .. }) => {
                self.supply = supply;
                None
            }
        }
    }

    /// Somebody wants the connection now, whenever `getToken` wants to be asked.
    pub(super) fn ask_at_once(&mut self) {
        if let Supply::Later { .. } = self.supply {
            self.supply = Supply::Empty;
        }
    }

    /// Nobody needs a token any more.
    pub(super) fn abort_fetch(&mut self) {
        if let Supply::Fetching { fetch, .. } = std::mem::replace(&mut self.supply, Supply::Empty) {
            self.outputs.push_back(Output::AbortToken { fetch });
        }
    }

    pub(super) fn on_token(&mut self, fetch: Fetch, answer: TokenAnswer, now: Time) {
        match self.supply {
            Supply::Fetching { fetch: current, .. } if current == fetch => {}
            // An answer to a question that was taken back.
            Supply::Empty | Supply::Fetching { .. } | Supply::Fetched(_) | Supply::Later { .. } => {
                return self.ignore();
            }
        }
        self.supply = Supply::Empty;
        match answer {
            TokenAnswer::Token(token, life) => {
                self.outputs.push_back(Output::TokenFetched { result: Ok(life) });
                self.fetched_at = Some(now);
                self.use_token(Fetched { token, dies_at: life.map(|life| now + life) }, now);
            }
            TokenAnswer::Failed(problem) => self.on_token_failed(&problem, now),
            TokenAnswer::Later(after) => {
                let after = after.min(LONGEST_RETRY_AFTER);
                let ms = whole_ms(after);
                self.supply = Supply::Later { at: now + after };
                self.on_token_failed(&format!("getToken says to ask again in {ms} ms"), now);
            }
            TokenAnswer::NoSession => {
                let remains = self.let_go(CloseCode::NORMAL, String::new(), now);
                self.fail(Error::no_session(), remains);
            }
        }
    }

    /// `getToken` has not answered in time.
    pub(super) fn on_fetch_due(&mut self, now: Time) {
        self.abort_fetch();
        let ms = whole_ms(TOKEN_TIMEOUT);
        let problem = format!("getToken did not answer within {ms} ms");
        self.on_token_failed(&problem, now);
    }

    fn use_token(&mut self, fetched: Fetched, now: Time) {
        match &self.state {
            State::Connecting(Phase::Fetching) => self.open(Some(fetched), None, now),
            State::Connected(link) => {
                let (attempt, failures) = (link.attempt, link.renewal.failures());
                let id = self.next_message();
                let give_up_at = now + TOKEN_TIMEOUT;
                let Fetched { token, dies_at } = fetched;
                self.set_renewal(Renewal::Sent { id, give_up_at, failures, dies_at });
                let frame = ClientFrame::Refresh { id, token };
                self.outputs.push_back(Output::Transmit { attempt, frame });
            }
            // The connection was lost meanwhile: the next attempt has its token.
            State::Connecting(_) | State::Waiting { .. } => self.supply = Supply::Fetched(fetched),
            // The question was taken back.
            State::Idle | State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {}
        }
    }

    fn on_token_failed(&mut self, problem: &str, now: Time) {
        let error = Error::new(ErrorCode::TokenFailed, problem);
        self.outputs.push_back(Output::TokenFetched { result: Err(error.clone()) });
        self.report(error.clone());
        match &self.state {
            State::Connecting(Phase::Fetching) => {
                let remains = self.state.remains();
                self.try_again(problem, Duration::ZERO, remains, now);
            }
            State::Connected(_) => self.on_renewal_failed(&error, now),
            // It was asked for a connection that was lost meanwhile.
            State::Waiting { retry_at, not_before, remains } => {
                let asked = now + self.supply.asks_in(now);
                let (retry_at, not_before) = ((*retry_at).max(asked), (*not_before).max(asked));
                let remains = *remains;
                self.enter(State::Waiting { retry_at, not_before, remains }, None);
            }
            // The next attempt asks again.
            State::Connecting(_)
            | State::Idle
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    pub(super) fn on_refresh(&mut self, call: Call, now: Time) {
        let State::Connected(link) = &self.state else {
            let message = "There is no connection whose token could be renewed; every attempt \
                           fetches one anyway.";
            return self.settle(call, Err(Error::new(ErrorCode::Closed, message)));
        };
        if !self.config.tokens {
            let message = "There is no getToken, so there is no token to renew.";
            return self.settle(call, Err(Error::new(ErrorCode::InvalidOptions, message)));
        }
        if !self.can_renew() {
            return self.settle(call, Err(Error::no_refresh()));
        }
        let renewal = link.renewal;
        self.refreshers.push(call);
        match renewal {
            Renewal::Asked { .. } | Renewal::Sent { .. } => {}
            Renewal::Never | Renewal::Planned { .. } | Renewal::Overdue { .. } => {
                self.renew(renewal.failures(), now);
            }
        }
    }

    /// The renewal itself is due.
    pub(super) fn on_renewal_due(&mut self, renewal: Renewal, now: Time) {
        match renewal {
            Renewal::Planned { failures, .. } | Renewal::Overdue { failures, .. } => {
                self.renew(failures, now);
            }
            Renewal::Sent { id, dies_at, .. } => {
                let message = "The server did not answer the new token.";
                let error = Error::new(ErrorCode::TokenFailed, message);
                self.report(error.clone());
                self.on_renewal_failed(&error, now);
                if let State::Connected(link) = &mut self.state {
                    link.renewal = link.renewal.overdue(id, dies_at);
                }
            }
            Renewal::Never | Renewal::Asked { .. } => {}
        }
    }

    fn renew(&mut self, failures: u32, now: Time) {
        self.set_renewal(Renewal::Asked { failures });
        self.fetch(FetchReason::Refresh, now);
    }

    /// A failing renewal keeps the connection, and is tried again for as long as the token lives.
    fn on_renewal_failed(&mut self, error: &Error, now: Time) {
        let State::Connected(link) = &self.state else { return };
        let (failures, dies_at) = (link.renewal.failures(), link.token_expires_at);
        let retry = Renewal::retry(failures, self.supply.asks_in(now), dies_at, now);
        self.set_renewal(retry);
        self.settle_refreshers(Err(error));
    }

    /// The server has taken a new token, and may say how long it lives.
    pub(super) fn on_refreshed(&mut self, id: MessageId, life: Option<Duration>, now: Time) {
        match self.sent_renewal(id) {
            Some(dies_at) => self.on_renewed(life.map(|life| now + life).or(dies_at), now),
            // It comes after a newer token was asked for, whose answer counts.
            None if self.is_renewing() && id <= self.last_message => self.ignore(),
            None => self.report(Error::out_of_turn("an answer to a token")),
        }
    }

    /// The new token went out on a plain wire, where that is all that can be known.
    pub(super) fn on_token_sent(
        &mut self,
        attempt: Attempt,
        id: MessageId,
        result: Result<(), String>,
        now: Time,
    ) {
        let sent = self.sent_renewal(id).filter(|_| self.connected_attempt() == Some(attempt));
        match (sent, result) {
            (None, _) => self.ignore(),
            (Some(dies_at), Ok(())) => self.on_renewed(dies_at, now),
            (Some(_), Err(problem)) => {
                let error = Error::new(ErrorCode::TokenFailed, problem);
                self.report(error.clone());
                self.on_renewal_failed(&error, now);
            }
        }
    }

    /// If the new token was sent under this number, says when it dies as far as the application
    /// knows.
    fn sent_renewal(&self, id: MessageId) -> Option<Option<Time>> {
        let State::Connected(link) = &self.state else { return None };
        link.renewal.sent().filter(|(sent, _)| *sent == id).map(|(_, dies_at)| dies_at)
    }

    /// Says whether a new token is fetched, or on its way.
    fn is_renewing(&self) -> bool {
        let State::Connected(link) = &self.state else { return false };
        matches!(link.renewal, Renewal::Asked { .. } | Renewal::Sent { .. })
    }

    fn on_renewed(&mut self, token_expires_at: Option<Time>, now: Time) {
        let renewal = self.plan_renewal(token_expires_at, now);
        let State::Connected(link) = &mut self.state else { return };
        (link.token_expires_at, link.renewal) = (token_expires_at, renewal);
        count(&mut self.stats.refreshes);
        self.enter(self.state.clone(), None);
        let life = token_expires_at.map(|at| at.since(now));
        self.outputs.push_back(Output::TokenRefreshed { life });
        self.settle_refreshers(Ok(()));
    }

    /// Takes the server's refusal, if it is one of a new token.
    pub(super) fn on_renewal_refused(&mut self, id: MessageId, error: &Error, now: Time) -> bool {
        let refused = self.sent_renewal(id).is_some();
        if refused {
            self.report(error.clone());
            self.on_renewal_failed(error, now);
        }
        refused
    }

    /// Says whether a new token can be brought to the server over the connection.
    fn can_renew(&self) -> bool {
        match self.config.wire {
            Wire::OneSocket => self.config.tokens,
            Wire::Plain(rules) => self.config.tokens && rules.refresh,
        }
    }

    pub(super) fn plan_renewal(&mut self, dies_at: Option<Time>, now: Time) -> Renewal {
        let Some(dies_at) = dies_at.filter(|_| self.can_renew()) else { return Renewal::Never };
        let life = dies_at.since(now);
        let renewal = Renewal::plan(life, self.fetched_at, self.config.refresh, now);
        if let Some(at) = renewal.deadline() {
            self.log(Note::SchedulingRefresh { after: at.since(now) });
        }
        renewal
    }

    pub(super) fn settle_refreshers(&mut self, result: Result<(), &Error>) {
        for call in std::mem::take(&mut self.refreshers) {
            self.settle(call, result.map_err(Error::clone));
        }
    }

    fn set_renewal(&mut self, renewal: Renewal) {
        if let State::Connected(link) = &mut self.state {
            link.renewal = renewal;
        }
    }
}
