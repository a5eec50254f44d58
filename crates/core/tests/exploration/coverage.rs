//! Coverage: which inputs, outputs, stages, changes of state and errors an exploration has come to.

use std::collections::BTreeSet;

use onesocket_core::{ErrorCode, Input, Output, Request, Stage, StateName};

use super::Message;

/// What an exploration has come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) edges: BTreeSet<(StateName, StateName)>,
    pub(crate) errors: BTreeSet<&'static str>,
    pub(crate) inputs: BTreeSet<&'static str>,
    pub(crate) outputs: BTreeSet<&'static str>,
    pub(crate) stages: BTreeSet<Stage>,
    /// Every output in words, where a history is written out.
    pub(crate) said: Option<Vec<String>>,
}

impl Coverage {
    pub(crate) fn add(&mut self, other: Self) {
        self.edges.extend(other.edges);
        self.errors.extend(other.errors);
        self.inputs.extend(other.inputs);
        self.outputs.extend(other.outputs);
        self.stages.extend(other.stages);
    }
}

/// Every input, as [`input_name`] has them.
pub(crate) const INPUTS: [&str; 24] = [
    "Abort",
    "Activity",
    "Close",
    "Closed",
    "Closing",
    "Connect",
    "Elapsed",
    "Failed",
    "Hold",
    "InvalidFrame",
    "Join",
    "Leave",
    "Offline",
    "Online",
    "Opened",
    "Publish",
    "Ready",
    "Received",
    "Refresh",
    "Release",
    "Revive",
    "Token",
    "TokenSent",
    "Wake",
];

/// Every output, as [`output_name`] has them.
pub(crate) const OUTPUTS: [&str; 15] = [
    "AbortToken",
    "Accepted",
    "Deliver",
    "Detach",
    "Error",
    "FetchToken",
    "Log",
    "Open",
    "SendHello",
    "Settle",
    "Shut",
    "Status",
    "TokenFetched",
    "TokenRefreshed",
    "Transmit",
];

/// Every error code, as [`error_name`] has them.
pub(crate) const ERROR_CODES: [&str; 14] = [
    "Aborted",
    "AnotherUser",
    "AttemptsExhausted",
    "Closed",
    "InvalidMessage",
    "InvalidOptions",
    "NoHandler",
    "QueueFull",
    "Refused",
    "Replaced",
    "TokenFailed",
    "TooLarge",
    "Unauthorized",
    "Unsupported",
];

/// The name of an input; a new one does not compile until it has one, and then has to be fed.
pub(crate) fn input_name(input: &Input<Message>) -> &'static str {
    match input {
        Input::Abort { .. } => "Abort",
        Input::Close { .. } => "Close",
        Input::Closed { .. } => "Closed",
        Input::Connect { .. } => "Connect",
        Input::Elapsed => "Elapsed",
        Input::Closing { .. } => "Closing",
        Input::InvalidFrame { .. } => "InvalidFrame",
        Input::Hold => "Hold",
        Input::Request { request: Request::Join(_), .. } => "Join",
        Input::Request { request: Request::Leave(_), .. } => "Leave",
        Input::Failed { .. } => "Failed",
        Input::Opened { .. } => "Opened",
        Input::Request { request: Request::Publish { .. }, .. } => "Publish",
        Input::Ready { .. } => "Ready",
        Input::Received { .. } => "Received",
        Input::Release => "Release",
        Input::Token { .. } => "Token",
        Input::TokenSent { .. } => "TokenSent",
        Input::Activity => "Activity",
        Input::Revive => "Revive",
        Input::Wake => "Wake",
        Input::Request { request: Request::Refresh, .. } => "Refresh",
        Input::Online => "Online",
        Input::Offline => "Offline",
    }
}

/// The name of an output; a new one does not compile until it has one, and then has to be reached.
pub(crate) fn output_name(output: &Output<Message>) -> &'static str {
    match output {
        Output::Accepted(_) => "Accepted",
        Output::AbortToken { .. } => "AbortToken",
        Output::Deliver(_) => "Deliver",
        Output::Detach { .. } => "Detach",
        Output::Error { .. } => "Error",
        Output::FetchToken { .. } => "FetchToken",
        Output::SendHello { .. } => "SendHello",
        Output::Log(_) => "Log",
        Output::Open { .. } => "Open",
        Output::Settle { .. } => "Settle",
        Output::Shut { .. } => "Shut",
        Output::Status { .. } => "Status",
        Output::TokenFetched { .. } => "TokenFetched",
        Output::TokenRefreshed { .. } => "TokenRefreshed",
        Output::Transmit { .. } => "Transmit",
    }
}

/// The name of an error code; a new one does not compile until it has one.
pub(crate) fn error_name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Aborted => "Aborted",
        ErrorCode::AnotherUser => "AnotherUser",
        ErrorCode::AttemptsExhausted => "AttemptsExhausted",
        ErrorCode::Closed => "Closed",
        ErrorCode::InvalidMessage => "InvalidMessage",
        ErrorCode::InvalidOptions => "InvalidOptions",
        ErrorCode::NoHandler => "NoHandler",
        ErrorCode::QueueFull => "QueueFull",
        ErrorCode::Refused => "Refused",
        ErrorCode::Replaced => "Replaced",
        ErrorCode::TokenFailed => "TokenFailed",
        ErrorCode::TooLarge => "TooLarge",
        ErrorCode::Unauthorized => "Unauthorized",
        ErrorCode::Unsupported => "Unsupported",
    }
}
