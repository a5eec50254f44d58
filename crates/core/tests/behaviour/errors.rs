//! What errors say: the code for programs, and the words of a server for people; and other names
//! that JavaScript sees.

use onesocket_core::protocol::{FrameError, FrameErrorCode, MessageId, ServerFrame};
use onesocket_core::{
    Config, Error, ErrorCode, FetchReason, LogEvent, Output, PlainRules, ReadyState, Reconnect,
    Wire,
};

use crate::world::{World, config, refusal, token};

/// The error with which the connection has failed.
fn failure(world: &World) -> Error {
    world.machine.status().error.clone().unwrap()
}

#[test]
fn a_call_that_the_server_refuses_fails_with_the_code_that_it_names() {
    for (said, code) in [
        (FrameErrorCode::InvalidMessage, ErrorCode::InvalidMessage),
        (FrameErrorCode::NoHandler, ErrorCode::NoHandler),
        (FrameErrorCode::Refused, ErrorCode::Refused),
        (FrameErrorCode::TooLarge, ErrorCode::TooLarge),
        (FrameErrorCode::Unauthorized, ErrorCode::Unauthorized),
    ] {
        let mut world = World::plain().connected();
        let call = world.join("tea");

        world.receive(refusal(1, said));

        assert_eq!(world.answer_to(call), Some(Err(code)), "{said:?}");
    }
}

#[test]
fn an_error_frame_without_an_id_is_reported_in_the_words_of_the_server() {
    let mut world = World::plain().connected();
    let (code, message) = (FrameErrorCode::TooLarge, "send less".to_owned());

    let said =
        world.receive(ServerFrame::Error(FrameError { id: None, group: None, code, message }));

    let error = said.iter().find_map(|output| match output {
        Output::Error { error, .. } => Some(error.clone()),
        _ => None,
    });
    let error = error.unwrap();
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert_eq!(error.to_string(), "The server answered: send less");
}

#[test]
fn an_answer_to_an_unknown_id_settles_nothing() {
    let mut world = World::plain().connected();
    let call = world.join("tea");

    world.receive(ServerFrame::Ack { id: MessageId(9) });

    assert_eq!(world.answer_to(call), None);
}

#[test]
fn the_reason_of_a_close_is_quoted_where_there_is_one() {
    for (code, reason, message) in [
        (1000, "done", "The server closed the connection for good: code 1000 \"done\"."),
        (1000, "", "The server closed the connection for good: code 1000."),
        (
            4413,
            "70 KiB",
            "A message was larger than the server takes \"70 KiB\". Send smaller ones.",
        ),
    ] {
        let mut world = World::plain().connected();

        world.closed_saying(code, reason);

        assert_eq!(failure(&world).to_string(), message);
    }
}

#[test]
fn the_reason_of_a_loss_names_the_code_and_the_reason_of_the_close() {
    for (said, told) in [
        ("", "the socket closed with code 4513"),
        ("too slow", "the socket closed with code 4513 \"too slow\""),
    ] {
        let mut world = World::plain().connected();

        world.closed_saying(4513, said);

        let last = world.said.iter().rev().find_map(|output| match output {
            Output::Status { reason, .. } => reason.as_ref().map(ToString::to_string),
            _ => None,
        });
        assert_eq!(last.as_deref(), Some(told));
    }
}

#[test]
fn a_socket_that_never_opened_names_the_likely_causes_at_the_first_failure() {
    let plain = Config { wire: Wire::Plain(PlainRules::default()), ..config() };
    for (config, likely) in
        [(config(), "needs the option wire"), (plain, "the server is away, or refuses the token")]
    {
        let mut world = World::new(config);
        world.connect();

        world.closed(1006);

        let line = world.said.iter().find_map(|output| match output {
            Output::Log(line @ LogEvent::Lost(_)) => Some(line.to_string()),
            _ => None,
        });
        let line = line.unwrap();
        assert!(line.contains("code 1006 before it opened"), "{line}");
        assert!(line.contains(likely), "{line}");
    }
}

#[test]
fn a_server_that_wants_a_token_is_told_from_one_that_refuses_it() {
    let mut without = World::plain().connected();
    without.closed_saying(4401, "sign in");
    let mut with = World::with_tokens().connected();
    with.closed_saying(4401, "stale");
    with.answer(token());
    with.closed_saying(4401, "stale");

    for (world, message) in [
        (without, "The server wants a token \"sign in\", and there is no getToken. Give one, then"),
        (with, "The server refused the token \"stale\". Sign in, then"),
    ] {
        let message = message.to_owned() + " call connect().";
        assert_eq!(failure(&world).to_string(), message);
    }
}

#[test]
fn with_reconnecting_off_the_error_speaks_of_no_attempts() {
    for (max_attempts, beginning) in
        [(0, "The connection failed and reconnecting is off"), (1, "Gave up after 1 ")]
    {
        let mut config = config();
        config.reconnect = Reconnect { max_attempts, ..config.reconnect };
        let mut world = World::new(config).connected();

        world.closed(1006);
        while world.machine.status().error.is_none() {
            world.elapse();
        }

        let message = failure(&world).to_string();
        assert!(message.starts_with(beginning), "{message}");
    }
}

#[test]
fn the_ready_state_is_the_number_of_the_html_standard() {
    let states =
        [ReadyState::Connecting, ReadyState::Open, ReadyState::Closing, ReadyState::Closed];

    assert_eq!(states.map(ReadyState::as_u8), [0, 1, 2, 3]);
}

#[test]
fn get_token_is_given_its_reason_by_name() {
    let names = [FetchReason::Connect, FetchReason::Refresh].map(FetchReason::as_str);

    assert_eq!(names, ["connect", "refresh"]);
}
