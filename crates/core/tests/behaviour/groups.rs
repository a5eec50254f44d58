//! Groups: a client stays in what it has joined until it leaves, across reconnects.

use onesocket_core::protocol::{
    ClientFrame, FrameErrorCode, Group, MessageId, ServerFrame, Welcome,
};
use onesocket_core::{Attempt, ErrorCode, Input, Output, Request};

use crate::world::{World, refusal, welcome};

#[test]
fn groups_are_joined_again_after_a_loss_until_they_are_left() {
    let mut world = World::plain().connected();
    let join = world.join("tea");
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    assert_eq!(world.answer_to(join), Some(Ok(())));

    world.closed(1006);
    world.elapse();
    world.agree();
    let frame = ClientFrame::Join { id: MessageId(2), group: Group::new("tea").unwrap() };
    assert!(world.said.contains(&Output::Transmit { attempt: Attempt(2), frame }));

    let call = world.call();
    world.feed(Input::Request { call, request: Request::Leave(Group::new("tea").unwrap()) });
    world.closed(1006);
    assert_eq!(world.answer_to(call), Some(Ok(())));
    let before = world.said.len();
    world.elapse();
    world.agree();
    assert!(!world.said[before..].iter().any(|said| matches!(said, Output::Transmit { .. })));
}

#[test]
fn a_group_that_two_have_joined_is_left_with_the_second_leave() {
    let mut world = World::plain().connected();
    world.join("tea");
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    world.join("tea");

    let before = world.said.len();
    let first = world.leave("tea");
    assert_eq!(world.answer_to(first), Some(Ok(())));
    assert!(!world.said[before..].iter().any(|said| matches!(said, Output::Transmit { .. })));

    let second = world.leave("tea");
    assert_eq!(world.answer_to(second), None);
    let frame = ClientFrame::Leave { id: MessageId(2), group: Group::new("tea").unwrap() };
    assert!(world.said.contains(&Output::Transmit { attempt: Attempt(1), frame }));
}

/// A session of a user.
fn agreed_as(world: &mut World, user: &str) {
    world.opened();
    world.receive(ServerFrame::Welcome(Welcome { user: user.into(), ..welcome() }));
}

#[test]
fn another_user_is_in_no_group_of_the_one_before_and_sends_none_of_their_messages() {
    let mut world = World::plain();
    world.connect();
    agreed_as(&mut world, "ada");
    world.join("tea");
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    world.send("sent").unwrap();
    world.closed(1006);
    world.send("waits").unwrap();
    world.elapse();
    let before = world.said.len();

    agreed_as(&mut world, "bob");

    assert_eq!(world.errors(), [(ErrorCode::AnotherUser, vec!["sent", "waits"])]);
    assert!(!world.said[before..].iter().any(|said| matches!(said, Output::Transmit { .. })));
    world.closed(1006);
    world.elapse();
    agreed_as(&mut world, "bob");
    assert_eq!(world.errors().len(), 1);
}

#[test]
fn what_is_asked_and_sent_after_a_sign_out_is_the_next_users() {
    let mut world = World::plain();
    world.connect();
    agreed_as(&mut world, "ada");
    world.join("tea");
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    world.close();
    world.closed(1000);
    world.connect();
    let milk = world.join("milk");
    world.send("mine").unwrap();
    let before = world.said.len();

    agreed_as(&mut world, "bob");

    let sent: Vec<_> = world.said[before..]
        .iter()
        .filter_map(|said| match said {
            Output::Transmit { frame, .. } => Some(frame.clone()),
            _ => None,
        })
        .collect();
    let join = ClientFrame::Join { id: MessageId(3), group: Group::new("milk").unwrap() };
    assert_eq!(sent, [join, ClientFrame::Message { id: MessageId(2), data: "mine" }]);
    assert_eq!(world.errors(), [(ErrorCode::AnotherUser, vec![])]);
    world.receive(ServerFrame::Ack { id: MessageId(3) });
    assert_eq!(world.answer_to(milk), Some(Ok(())));
}

#[test]
fn a_refusal_of_the_server_settles_the_call_that_it_refuses() {
    let mut world = World::plain().connected();
    let join = world.join("tea");
    let publish = world.publish("tea", "milk");
    world.send("hello").unwrap();

    world.receive(refusal(1, FrameErrorCode::Refused));
    world.receive(refusal(2, FrameErrorCode::TooLarge));
    world.receive(refusal(3, FrameErrorCode::NoHandler));

    assert_eq!(world.answer_to(join), Some(Err(ErrorCode::Refused)));
    assert_eq!(world.answer_to(publish), Some(Err(ErrorCode::TooLarge)));
    assert_eq!(world.errors(), [(ErrorCode::NoHandler, vec!["hello"])]);
}

#[test]
fn a_group_left_and_joined_again_is_joined_once_the_server_answers_the_last_join() {
    let mut world = World::plain().connected();
    world.join("tea");
    let leave = world.call();
    world.feed(Input::Request { call: leave, request: Request::Leave(Group::new("tea").unwrap()) });
    let again = world.join("tea");

    world.receive(refusal(1, FrameErrorCode::Refused));
    world.receive(ServerFrame::Ack { id: MessageId(2) });
    assert_eq!(world.answer_to(again), None);
    world.receive(ServerFrame::Ack { id: MessageId(3) });
    assert_eq!(world.answer_to(again), Some(Ok(())));

    world.closed(1006);
    world.elapse();
    world.agree();
    let frame = ClientFrame::Join { id: MessageId(4), group: Group::new("tea").unwrap() };
    assert!(world.said.contains(&Output::Transmit { attempt: Attempt(2), frame }));
}

#[test]
fn leaving_after_the_connection_has_ended_forgets_the_group_and_rejects() {
    let mut world = World::plain().connected();
    world.join("tea");
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    world.closed(4409);
    let leave = world.leave("tea");
    assert_eq!(world.answer_to(leave), Some(Err(ErrorCode::Closed)));

    let before = world.said.len();
    world.connect();
    world.agree();
    let joins = world.said[before..].iter().any(|said| matches!(said, Output::Transmit { .. }));
    assert!(!joins);
}
