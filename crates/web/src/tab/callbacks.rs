//! What the connections of a tab tell: its own, and the one that is shared.

use std::rc::{Rc, Weak};

use onesocket_core::{
    Call, Error, Fetch, FetchReason, LogEvent, Span, StateName, Status, TabInput, Text,
};
use wasm_bindgen::prelude::*;

use super::Shared;
use super::room::unpacked;
use crate::{Callbacks, Clock};

/// The callbacks of the connection of a tab: the user's, and what the tab wants follows from its state.
pub(super) struct OfTab {
    pub(super) shared: Weak<Shared>,
    pub(super) inner: Rc<dyn Callbacks>,
}

impl Callbacks for OfTab {
    fn status(&self, status: &Status, clock: &Clock) {
        let mut status = status.clone();
        if let Some(shared) = self.shared.upgrade() {
            shared.overlay(&mut status);
        }
        self.inner.status(&status, clock);
    }

    fn changed(&self, current: StateName, reason: Option<&Text>) {
        let (mut shown, mut lost) = (current, None);
        if let Some(shared) = self.shared.upgrade() {
            if shared.waits_until(current).is_some() {
                shown = StateName::Waiting;
            }
            lost = shared.lost.take().filter(|_| reason.is_some());
            // What it is now: this may be the report of what it was before it has failed.
            let state = shared.app().map_or(current, |app| app.status().state);
            shared.feed(match state {
                StateName::Connecting | StateName::Connected | StateName::Waiting => {
                    TabInput::Wish(true)
                }
                StateName::Idle | StateName::Closing | StateName::Closed => TabInput::Wish(false),
                StateName::Failed => TabInput::Failed,
            });
        }
        self.inner.changed(shown, lost.as_ref().or(reason));
    }

    fn message(&self, message: JsValue) {
        let is_plain = self.shared.upgrade().is_some_and(|shared| shared.plain.is_some());
        self.inner.message(if is_plain { unpacked(&message) } else { message });
    }

    fn error(&self, error: &Error, undelivered: Vec<JsValue>) {
        self.inner.error(error, undelivered);
    }

    fn settled(&self, call: Call, result: Result<(), Error>) {
        self.inner.settled(call, result);
    }

    // It has no tokens.
    fn fetch_token(&self, _fetch: Fetch, _reason: FetchReason) {}

    fn abort_token(&self, _fetch: Fetch) {}

    fn token_fetched(&self, _result: Result<Option<Span>, Error>) {}

    fn token_refreshed(&self, _life: Option<Span>) {}

    fn log(&self, event: &LogEvent) {
        // That of the connection that is shared is logged by the tab that has it.
        if !matches!(event, LogEvent::Lost(_) | LogEvent::Reconnecting { .. }) {
            self.inner.log(event);
        }
    }
}

/// The callbacks of the connection that is shared: tokens are the user's, and the rest is the tab's.
pub(super) struct OfLink {
    /// Which one it is.
    pub(super) number: u32,
    pub(super) shared: Weak<Shared>,
    pub(super) inner: Rc<dyn Callbacks>,
}

impl Callbacks for OfLink {
    fn status(&self, _status: &Status, _clock: &Clock) {}

    fn changed(&self, current: StateName, reason: Option<&Text>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.on_link(self.number, current, reason);
        }
    }

    fn message(&self, message: JsValue) {
        if let Some(shared) = self.shared.upgrade() {
            shared.on_link_frame(self.number, &message);
        }
    }

    fn error(&self, error: &Error, undelivered: Vec<JsValue>) {
        let is_final = self
            .shared
            .upgrade()
            .and_then(|shared| shared.link())
            .is_none_or(|link| link.status().state == StateName::Failed);
        // The connection of each tab reports that itself.
        if !is_final {
            self.inner.error(error, undelivered);
        }
    }

    fn settled(&self, call: Call, result: Result<(), Error>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.on_refreshed(call, result.err());
        }
    }

    fn fetch_token(&self, fetch: Fetch, reason: FetchReason) {
        self.inner.fetch_token(fetch, reason);
    }

    fn abort_token(&self, fetch: Fetch) {
        self.inner.abort_token(fetch);
    }

    fn token_fetched(&self, result: Result<Option<Span>, Error>) {
        self.inner.token_fetched(result);
    }

    // It counts for all tabs.
    fn token_refreshed(&self, life: Option<Span>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.feed(TabInput::TokenRefreshed(life));
        }
    }

    fn log(&self, event: &LogEvent) {
        self.inner.log(event);
    }
}
