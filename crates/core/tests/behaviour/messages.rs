//! Messages: each is delivered once and in order, or reported as undelivered.

use onesocket_core::protocol::{ClientFrame, Epoch, Group, MessageId, ServerFrame, Welcome};
use onesocket_core::{
    Attempt, Config, ErrorCode, Input, Output, ReadyState, StateName, WhenFailed,
};

use crate::world::{World, config, welcome};
use crate::{SECOND, sent_since};

#[test]
fn messages_sent_before_the_connection_wait_and_go_out_in_order_after_the_joins() {
    let mut world = World::plain();
    world.join("tea");
    world.send("one").unwrap();
    world.publish("tea", "two");
    world.connect();
    world.send("three").unwrap();
    assert_eq!(world.machine.queued_bytes(), 11);
    world.agree();
    world.send("four").unwrap();

    let group = Group::new("tea").unwrap();
    let sent: Vec<_> = world
        .said
        .iter()
        .filter_map(|output| match output {
            Output::Transmit { frame, .. } => Some(frame.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        sent,
        [
            ClientFrame::Join { id: MessageId(4), group: group.clone() },
            ClientFrame::Message { id: MessageId(1), data: "one" },
            ClientFrame::Publish { id: MessageId(2), group, data: "two" },
            ClientFrame::Message { id: MessageId(3), data: "three" },
            ClientFrame::Message { id: MessageId(5), data: "four" },
        ]
    );
    assert_eq!(world.machine.queued_bytes(), 0);
}

#[test]
fn a_full_queue_refuses_messages_and_undelivered_ones_are_reported_once() {
    let mut small = config();
    small.queue.max_messages = 2;
    let mut world = World::new(small);
    world.send("one").unwrap();
    let publish = world.publish("tea", "two");
    let full = world.send("three").unwrap_err();
    assert_eq!(full.code, ErrorCode::QueueFull);
    assert!(full.to_string().contains("(2 messages or 1048576 bytes wait"), "{full}");

    world.close();

    assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["one"])]);
    assert_eq!(world.answer_to(publish), Some(Err(ErrorCode::Closed)));
    assert_eq!(world.send("four").unwrap_err().code, ErrorCode::Closed);
}

#[test]
fn where_messages_are_to_wait_a_failure_keeps_them_and_the_next_connect_sends_them() {
    let patient = Config { when_failed: WhenFailed::Wait, ..config() };
    let mut world = World::new(patient).connected();
    world.send("one").unwrap();
    let joined = world.join("tea");
    world.closed(4409);
    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::Replaced, vec![])]);
    // Who asks for something else is told, as always.
    assert_eq!(world.answer_to(joined), Some(Err(ErrorCode::Replaced)));
    let publish = world.publish("tea", "two");
    world.send("three").unwrap();
    assert_eq!(world.machine.queued_bytes(), 8);
    let failed_at = world.said.len();

    world.connect();
    world.agree();

    assert_eq!(sent_since(&world, failed_at), [(1, "one"), (3, "two"), (4, "three")]);
    assert_eq!(world.answer_to(publish), None);
    world.receive(ServerFrame::Ack { id: MessageId(4) });
    assert_eq!(world.answer_to(publish), Some(Ok(())));
    assert_eq!(world.errors(), [(ErrorCode::Replaced, vec![])]);
}

#[test]
fn what_waits_in_a_failure_is_bounded_and_ends_with_close() {
    let mut patient = Config { when_failed: WhenFailed::Wait, ..config() };
    patient.queue.max_messages = 1;
    let mut world = World::new(patient).connected();
    world.closed(4409);
    world.send("one").unwrap();
    assert_eq!(world.send("two").unwrap_err().code, ErrorCode::QueueFull);

    world.close();

    let expected = [(ErrorCode::Replaced, vec![]), (ErrorCode::Closed, vec!["one"])];
    assert_eq!(world.errors(), expected);
    assert_eq!(world.send("three").unwrap_err().code, ErrorCode::Closed);
}

#[test]
fn a_message_too_large_for_the_server_is_refused_or_reported() {
    const LARGE: &str =
        "a message of more than the sixty-four bytes that this server's welcome allows";
    let mut world = World::plain();
    world.send(LARGE).unwrap();
    world.send("small").unwrap();
    let mut world = world.connected();

    assert_eq!(world.errors(), [(ErrorCode::TooLarge, vec![LARGE])]);
    let refused = world.send(LARGE).unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooLarge);
    let sentence = format!("A message of {} bytes; the server takes 64.", LARGE.len());
    assert!(refused.to_string().starts_with(&sentence), "{refused}");
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn messages_sent_while_the_server_closes_the_socket_wait_for_the_next_connection() {
    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    assert_eq!(world.machine.status().ready_state, ReadyState::Closing);
    world.send("kept").unwrap();
    world.closed(1012);
    world.elapse();
    world.agree();

    let attempt = world.attempt();
    let frame = ClientFrame::Message { id: MessageId(1), data: "kept" };
    assert!(world.said.contains(&Output::Transmit { attempt, frame }));
}

#[test]
fn messages_unanswered_before_a_loss_are_sent_again_under_the_same_ids_before_new_ones() {
    let mut world = World::plain().connected();
    world.send("one").unwrap();
    let publish = world.publish("tea", "two");
    world.send("three").unwrap();
    world.receive(ServerFrame::Ack { id: MessageId(1) });
    world.closed(1006);
    world.send("four").unwrap();
    let lost_at = world.said.len();

    world.elapse();
    world.agree();
    assert_eq!(sent_since(&world, lost_at), [(2, "two"), (3, "three"), (4, "four")]);
    assert_eq!(world.answer_to(publish), None);
    world.receive(ServerFrame::Ack { id: MessageId(3) });

    assert_eq!(world.answer_to(publish), Some(Ok(())));
    world.close();
    assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["four"])]);
}

#[test]
fn messages_that_may_have_arrived_are_not_sent_again_to_a_server_that_has_forgotten_the_client() {
    // Another one means: it has forgotten, and remembers since. Its first welcome may be lost.
    for epoch in [None, Some(Epoch("m2".into()))] {
        let mut world = World::plain().connected();
        world.send("one").unwrap();
        let publish = world.publish("tea", "two");
        world.closed(1006);
        world.send("three").unwrap();
        let lost_at = world.said.len();
        world.elapse();
        world.opened();

        world.receive(ServerFrame::Welcome(Welcome { epoch, ..welcome() }));

        assert_eq!(sent_since(&world, lost_at), [(3, "three")]);
        assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["one"])]);
        assert_eq!(world.answer_to(publish), Some(Err(ErrorCode::Closed)));
    }
}

#[test]
fn nothing_is_sent_again_to_a_server_that_names_no_epoch() {
    let forgetful = || ServerFrame::Welcome(Welcome { epoch: None, ..welcome() });
    let mut world = World::plain();
    world.connect();
    world.opened();
    world.receive(forgetful());
    world.send("one").unwrap();
    world.closed(1006);
    let lost_at = world.said.len();
    world.elapse();
    world.opened();

    world.receive(forgetful());

    assert_eq!(sent_since(&world, lost_at), []);
    assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["one"])]);
}

#[test]
fn only_the_epoch_of_the_last_welcome_counts() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.opened();
    let restarted = Welcome { epoch: Some(Epoch("m2".into())), ..welcome() };
    world.receive(ServerFrame::Welcome(restarted.clone()));
    world.send("one").unwrap();
    world.closed(1006);
    let lost_at = world.said.len();
    world.elapse();
    world.opened();

    world.receive(ServerFrame::Welcome(restarted));

    assert_eq!(sent_since(&world, lost_at), [(1, "one")]);
}

#[test]
fn unanswered_messages_count_against_the_queue() {
    let mut small = config();
    small.queue.max_messages = 2;
    let mut world = World::new(small).connected();
    world.send("one").unwrap();
    world.send("two").unwrap();
    assert_eq!(world.send("three").unwrap_err().code, ErrorCode::QueueFull);
    assert_eq!(world.machine.queued_bytes(), 0);

    world.receive(ServerFrame::Ack { id: MessageId(2) });

    world.send("three").unwrap();
}

#[test]
fn a_day_of_losses_delivers_every_message_once_and_in_order() {
    let mut world = World::plain().connected();
    let (mut had, mut heard_from) = (Vec::new(), world.said.len());
    for second in 0..10_000_u64 {
        world.send("tick").unwrap();
        // The server has each message once, and its answers get lost with the connection.
        let frames = sent_since(&world, heard_from);
        heard_from = world.said.len();
        had.extend(
            frames.iter().map(|(id, _)| *id).filter(|id| had.last() < Some(id)).collect::<Vec<_>>(),
        );
        if second % 7 == 3 {
            world.closed(1006);
            world.elapse();
            world.agree();
            world.pass(10 * SECOND);
        } else if second % 3 == 0 {
            world.receive(ServerFrame::Ack { id: MessageId(*had.last().unwrap()) });
        }
    }

    assert_eq!(had, (1..=10_000).collect::<Vec<_>>());
    assert_eq!(world.errors(), []);
}

#[test]
fn a_ping_is_answered_at_once() {
    let mut world = World::plain().connected();

    let said = world.receive(ServerFrame::Ping);

    assert_eq!(said, [Output::Transmit { attempt: Attempt(1), frame: ClientFrame::Pong }]);
}

#[test]
fn bad_frames_are_reported_and_the_connection_stays() {
    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::InvalidFrame { attempt, problem: "no JSON".into() });
    world.receive(ServerFrame::Welcome(welcome()));

    assert_eq!(
        world.errors(),
        [(ErrorCode::InvalidMessage, vec![]), (ErrorCode::InvalidMessage, vec![])]
    );
    assert_eq!(world.state(), StateName::Connected);
}
