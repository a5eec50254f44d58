//! The callbacks of a driver.

use onesocket_core::{
    Call, Error, Fetch, FetchReason, LogEvent, Role, Span, StateName, Status, Text,
};
use wasm_bindgen::JsValue;

use crate::Clock;

/// The callbacks of a driver: they report to the user of a client, and ask for tokens. All but
/// [`status`](Self::status) may call the driver again; none may panic.
pub trait Callbacks {
    /// Keeps the status, to be read at any time. Called at once when it has changed, so no foreign
    /// code may run here.
    fn status(&self, status: &Status, clock: &Clock);

    /// Tells of a change of the status, in its turn, and of the state, which may be the same as before.
    fn changed(&self, current: StateName, reason: Option<&Text>);

    /// Hands over a message: an object with its `data`, `group` and `from`; over a plain wire a string
    /// or an `ArrayBuffer`.
    fn message(&self, message: JsValue);

    /// Hands back the payload of a message that the server has accepted, if its memory is worth using
    /// again.
    fn accepted(&self, _payload: JsValue) {}

    /// Tells of an error, with the messages that will not be delivered.
    fn error(&self, error: &Error, undelivered: Vec<JsValue>);

    /// Answers a call.
    fn settled(&self, call: Call, result: Result<(), Error>);

    /// Asks for a token; the answer comes as `Input::Token`.
    fn fetch_token(&self, fetch: Fetch, reason: FetchReason);

    /// Says that the answer is not wanted any more.
    fn abort_token(&self, fetch: Fetch);

    /// Tells what came of asking: the life of the token where it is known.
    fn token_fetched(&self, result: Result<Option<Span>, Error>);

    /// Tells that the server has taken a new token, and how long it lives.
    fn token_refreshed(&self, life: Option<Span>);

    /// Takes a line for the log.
    fn log(&self, event: &LogEvent);

    /// Tells why this tab shares no connection, though it was to. It is told before there is any.
    fn alone(&self, _reason: &str) {}

    /// Tells what this tab is to the others that share its connection. Without any there is nothing to tell.
    fn role(&self, _role: Role) {}
}
