//! Tokens: one is fetched for every attempt, and refreshed over the connection before it expires.

use onesocket_protocol::{ClientFrame, CloseCode, LONGEST_RETRY_AFTER, MessageId, Span};

use super::requests::Asked;
use super::{Connection, Output};
use crate::config::{TOKEN_TIMEOUT, Wire};
use crate::error::{Error, ErrorCode};
use crate::ids::{Attempt, Call};
use crate::log::LogEvent;
use crate::state::{Phase, SocketRole, State};
use crate::stats::count;
use crate::text::{Sentence, Text};
use crate::time::Time;
use crate::token::{Fetch, FetchReason, FetchedToken, Refresh, TokenAnswer, TokenFetch};

impl<M: Clone> Connection<M> {
    /// Calls `getToken`, unless it is running.
    pub(super) fn fetch(&mut self, reason: FetchReason, now: Time) {
        if let TokenFetch::Fetching { .. } = self.token_fetch {
            return;
        }
        self.last_fetch = Fetch(self.last_fetch.0.wrapping_add(1));
        let fetch = self.last_fetch;
        self.token_fetch = TokenFetch::Fetching { fetch, give_up_at: now + TOKEN_TIMEOUT };
        self.outputs.push(Output::FetchToken { fetch, reason });
    }

    /// Takes the token that was fetched for a lost connection, unless it has expired.
    pub(super) fn take_fetched(&mut self, now: Time) -> Option<FetchedToken> {
        match std::mem::replace(&mut self.token_fetch, TokenFetch::Idle) {
            TokenFetch::Fetched(fetched) => {
                fetched.expires_at.is_none_or(|expires_at| now < expires_at).then_some(fetched)
            }
            token_fetch @ (TokenFetch::Idle
            | TokenFetch::Fetching { .. }
            | TokenFetch::Later { .. }) => {
                self.token_fetch = token_fetch;
                None
            }
        }
    }

    /// Allows a call of `getToken` now, though it asked to wait: a person wants the connection.
    pub(super) fn clear_deferral(&mut self) {
        if let TokenFetch::Later { .. } = self.token_fetch {
            self.token_fetch = TokenFetch::Idle;
        }
    }

    /// Aborts a call of `getToken`, and drops its result.
    pub(super) fn abort_fetch(&mut self) {
        if let TokenFetch::Fetching { fetch, .. } =
            std::mem::replace(&mut self.token_fetch, TokenFetch::Idle)
        {
            self.outputs.push(Output::AbortToken { fetch });
        }
    }

    pub(super) fn on_token(&mut self, fetch: Fetch, answer: TokenAnswer, now: Time) {
        match self.token_fetch {
            TokenFetch::Fetching { fetch: current, .. } if current == fetch => {}
            // The call was aborted.
            TokenFetch::Idle
            | TokenFetch::Fetching { .. }
            | TokenFetch::Fetched(_)
            | TokenFetch::Later { .. } => {
                return self.count_stale();
            }
        }
        self.token_fetch = TokenFetch::Idle;
        match answer {
            TokenAnswer::Token(token, life) => {
                self.outputs.push(Output::TokenFetched { result: Ok(life) });
                self.fetched_at = Some(now);
                self.use_token(
                    FetchedToken { token, expires_at: life.map(|life| now + life) },
                    now,
                );
            }
            TokenAnswer::Failed(problem) => self.on_token_failed(problem.into(), now),
            TokenAnswer::Later(after) => {
                let after = after.min(LONGEST_RETRY_AFTER);
                let ms = after.whole_ms();
                self.token_fetch = TokenFetch::Later { at: now + after };
                self.on_token_failed(Text::with_number(Sentence::AskLater, ms), now);
            }
            TokenAnswer::NoSession => {
                let error = Error::of(ErrorCode::Unauthorized, Sentence::NoSession);
                self.settle_refresh_calls(Err(&error));
                let old_socket = self.let_go(CloseCode::NORMAL, String::new(), now);
                self.fail(error, old_socket);
            }
        }
    }

    /// `getToken` has not answered in time.
    pub(super) fn on_fetch_due(&mut self, now: Time) {
        self.abort_fetch();
        let ms = TOKEN_TIMEOUT.whole_ms();
        self.on_token_failed(Text::with_number(Sentence::NoToken, ms), now);
    }

    fn use_token(&mut self, fetched: FetchedToken, now: Time) {
        match &self.state {
            State::Connecting(Phase::Fetching) => self.open(Some(fetched), None, now),
            State::Connected(session) => {
                let (attempt, failures) = (session.attempt, session.refresh.failures());
                let give_up_at = now + TOKEN_TIMEOUT;
                self.set_refresh(Refresh::Sent { give_up_at, failures });
                let FetchedToken { token, expires_at } = fetched;
                let asked = Asked::Refresh { expires_at };
                self.ask(attempt, asked, |id| ClientFrame::Refresh { id, token });
            }
            // The connection was lost meanwhile: the next attempt uses the token.
            State::Connecting(_) | State::Waiting { .. } => {
                self.token_fetch = TokenFetch::Fetched(fetched)
            }
            // The end of the connection has aborted the call.
            State::Idle | State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {}
        }
    }

    fn on_token_failed(&mut self, problem: Text, now: Time) {
        let error = Error::new(ErrorCode::TokenFailed, problem.clone());
        self.outputs.push(Output::TokenFetched { result: Err(error.clone()) });
        self.report(error.clone());
        match &self.state {
            State::Connecting(Phase::Fetching) => {
                let old_socket = self.state.old_socket();
                self.try_again(problem, Span::ZERO, old_socket, now);
            }
            State::Connected(_) => self.retry_refresh(&error, now),
            // The connection that needed the token was lost meanwhile.
            State::Waiting { retry_at, not_before, old_socket } => {
                let asked = now + self.token_fetch.deferred_for(now);
                let (retry_at, not_before) = ((*retry_at).max(asked), (*not_before).max(asked));
                let old_socket = *old_socket;
                self.enter(State::Waiting { retry_at, not_before, old_socket }, None);
            }
            // The next attempt calls again.
            State::Connecting(_)
            | State::Idle
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    /// The user wants to refresh the token now.
    pub(super) fn refresh_token(&mut self, call: Call, now: Time) -> Result<(), Error> {
        let State::Connected(session) = &self.state else {
            return Err(Error::of(ErrorCode::Closed, Sentence::NothingToRefresh));
        };
        if !self.config.tokens {
            return Err(Error::of(ErrorCode::InvalidOptions, Sentence::NoGetToken));
        }
        if !self.can_refresh() {
            return Err(Error::of(ErrorCode::Unsupported, Sentence::NoRefreshMessage));
        }
        let refresh = session.refresh;
        self.refresh_calls.push(call);
        match refresh {
            Refresh::Fetching { .. } | Refresh::Sent { .. } => {}
            Refresh::Never | Refresh::Planned { .. } => self.refresh(refresh.failures(), now),
        }
        Ok(())
    }

    /// A deadline of the refresh has passed.
    pub(super) fn on_refresh_due(&mut self, refresh: Refresh, now: Time) {
        match refresh {
            Refresh::Planned { failures, .. } => self.refresh(failures, now),
            // The request stays pending: a late answer counts until the next refresh begins.
            Refresh::Sent { .. } => {
                let error = Error::of(ErrorCode::TokenFailed, Sentence::NewTokenNotAnswered);
                self.on_refresh_failed(&error, now);
            }
            Refresh::Never | Refresh::Fetching { .. } => {}
        }
    }

    fn refresh(&mut self, failures: u32, now: Time) {
        self.pending.forget_refresh();
        self.set_refresh(Refresh::Fetching { failures });
        self.fetch(FetchReason::Refresh, now);
    }

    /// Plans the next try of a failed refresh. The connection stays.
    fn retry_refresh(&mut self, error: &Error, now: Time) {
        let State::Connected(session) = &self.state else { return };
        let (failures, expires_at) = (session.refresh.failures(), session.token_expires_at);
        let retry = Refresh::retry(failures, self.token_fetch.deferred_for(now), expires_at, now);
        self.set_refresh(retry);
        self.settle_refresh_calls(Err(error));
    }

    /// The new token was sent over a plain wire, whose server does not answer.
    pub(super) fn on_token_sent(
        &mut self,
        attempt: Attempt,
        id: MessageId,
        result: Result<(), Text>,
        now: Time,
    ) {
        let Some(role) = self.socket(attempt) else { return };
        let asked = match role {
            SocketRole::Connected(_) => self.pending.find(id),
            SocketRole::Opening(_)
            | SocketRole::Agreeing(_)
            | SocketRole::ServerClosing
            | SocketRole::Lingering
            | SocketRole::Closing => None,
        };
        let Some(&Asked::Refresh { expires_at }) = asked else { return self.count_stale() };
        self.pending.remove(id);
        match result {
            Ok(()) => self.on_token_accepted(expires_at, now),
            Err(problem) => {
                self.on_refresh_failed(&Error::new(ErrorCode::TokenFailed, problem), now);
            }
        }
    }

    /// The server has refused the new token, or has not answered.
    pub(super) fn on_refresh_failed(&mut self, error: &Error, now: Time) {
        self.report(error.clone());
        self.retry_refresh(error, now);
    }

    /// The server has accepted the new token.
    pub(super) fn on_token_accepted(&mut self, token_expires_at: Option<Time>, now: Time) {
        let refresh = self.plan_refresh(token_expires_at, now);
        let State::Connected(session) = &mut self.state else { return };
        (session.token_expires_at, session.refresh) = (token_expires_at, refresh);
        count(&mut self.stats.refreshes);
        self.changed(None);
        let life = token_expires_at.map(|at| at.since(now));
        self.outputs.push(Output::TokenRefreshed { life });
        self.settle_refresh_calls(Ok(()));
    }

    /// Says whether a token can be refreshed over the connection.
    fn can_refresh(&self) -> bool {
        match self.config.wire {
            Wire::OneSocket => self.config.tokens,
            Wire::Plain(rules) => self.config.tokens && rules.refresh,
        }
    }

    pub(super) fn plan_refresh(&mut self, expires_at: Option<Time>, now: Time) -> Refresh {
        let Some(expires_at) = expires_at.filter(|_| self.can_refresh()) else {
            return Refresh::Never;
        };
        let life = expires_at.since(now);
        let refresh = Refresh::plan(life, self.fetched_at, self.config.refresh, now);
        if let Refresh::Planned { at, .. } = refresh {
            self.log(LogEvent::SchedulingRefresh { after: at.since(now) });
        }
        refresh
    }

    pub(super) fn settle_refresh_calls(&mut self, result: Result<(), &Error>) {
        let calls = std::mem::take(&mut self.refresh_calls);
        self.settle_each(calls, result);
    }

    fn set_refresh(&mut self, refresh: Refresh) {
        if let State::Connected(session) = &mut self.state {
            session.refresh = refresh;
        }
    }
}
