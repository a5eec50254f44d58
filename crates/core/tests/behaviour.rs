//! What a user may rely on, each a sentence; time is walked from deadline to deadline.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

mod world;

use std::time::Duration;

use onesocket_core::protocol::{
    ClientFrame, CloseCode, Epoch, FrameErrorCode, Group, MessageId, ServerFrame, Welcome,
};
use onesocket_core::{
    Attempt, Config, ErrorCode, Input, LogEvent, Output, ReadyState, Reconnect, Request, StateName,
    Stats, Time, Token, TokenAnswer,
};
use world::{World, closed, config, hash, refusal, token, welcome};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Time {
    Time::since_start(Duration::from_secs(seconds))
}

#[test]
fn a_hundred_calls_of_connect_make_one_socket_and_all_are_answered() {
    let mut world = World::plain();
    let calls: Vec<_> = (0..100).map(|_| world.connect()).collect();
    world.agree();

    assert_eq!(world.sockets(), 1);
    for call in calls {
        assert_eq!(world.answer_to(call), Some(Ok(())));
    }
}

#[test]
fn connect_while_connected_reuses_the_connection() {
    let mut world = World::plain().connected();

    let again = world.connect();

    assert_eq!(world.answer_to(again), Some(Ok(())));
    assert!(world.said.contains(&Output::Log(LogEvent::Reusing)));
    assert_eq!(world.sockets(), 1);
}

#[test]
fn close_and_connect_fifty_times_makes_one_socket_from_idle() {
    let mut world = World::plain();
    for _ in 0..50 {
        world.close();
        world.connect();
    }

    assert_eq!(world.sockets(), 1);
    assert!(!world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    world.agree();
    assert_eq!(world.sockets(), 1);
}

#[test]
fn close_and_connect_fifty_times_makes_two_sockets_from_connected() {
    let mut world = World::plain().connected();
    let mut closes = Vec::new();
    for _ in 0..50 {
        closes.push(world.close());
        world.connect();
    }
    assert_eq!(world.sockets(), 1);

    world.closed(1000);
    world.agree();

    assert_eq!(world.sockets(), 2);
    for close in closes {
        assert_eq!(world.answer_to(close), Some(Ok(())));
    }
}

#[test]
fn a_new_socket_waits_for_the_close_of_the_old_one() {
    let mut world = World::plain().connected();
    let close = world.close();
    assert_eq!(world.state(), StateName::Closing);
    assert_eq!(world.answer_to(close), None);

    let connect = world.connect();
    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.sockets(), 1);
    world.closed(1000);

    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert_eq!(world.sockets(), 2);
    world.agree();
    assert_eq!(world.answer_to(connect), Some(Ok(())));
}

#[test]
fn an_old_socket_that_does_not_close_is_detached_after_three_seconds() {
    let mut world = World::plain().connected();
    let old = world.attempt();
    let close = world.close();

    assert_eq!(world.elapse(), 3 * SECOND);

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert!(world.said.contains(&Output::Detach { attempt: old }));
    world.feed(closed(old, 4409, ""));
    assert_eq!(world.state(), StateName::Closed);
}

#[test]
fn a_socket_that_shakes_hands_is_not_closed_but_lingers_and_is_shut_once_open() {
    let mut world = World::plain();
    let connect = world.connect();

    let close = world.close();

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Closed)));
    assert!(!world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    world.opened();
    let Some(Output::Shut { attempt: Attempt(1), code: CloseCode::NORMAL, .. }) = world.said.last()
    else {
        panic!("not shut: {:?}", world.said.last());
    };
    world.closed(1000);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_lingering_handshake_is_shut_at_the_connect_timeout() {
    let mut world = World::plain();
    world.connect();
    world.close();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(matches!(world.said.last(), Some(Output::Shut { .. })));
    assert_eq!(world.state(), StateName::Closed);
}

#[test]
fn a_lingering_handshake_is_adopted_when_it_is_wanted_again() {
    let mut world = World::plain();
    world.connect();
    world.close();
    world.pass(4 * SECOND);

    let again = world.connect();

    assert_eq!(world.sockets(), 1);
    assert_eq!(world.machine.status().ready_state, ReadyState::Connecting);
    world.agree();
    assert_eq!(world.answer_to(again), Some(Ok(())));
}

#[test]
fn after_a_loss_five_attempts_follow_five_seconds_apart_and_no_more() {
    let mut world = World::plain().connected();
    world.closed(1006);
    for attempt in 1..=5 {
        assert_eq!(world.state(), StateName::Waiting);
        assert_eq!(world.machine.status().attempt, attempt);
        let after = 5 * SECOND;
        assert!(world.said.contains(&Output::Log(LogEvent::Reconnecting {
            attempt,
            of: 5,
            after
        })));
        assert_eq!(world.elapse(), after);
        world.closed(1006);
    }

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::AttemptsExhausted, vec![])]);
    assert_eq!(world.sockets(), 6);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn connect_revives_what_has_failed_with_a_full_budget() {
    let mut world = World::plain();
    let first = world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.closed(1006);
    assert_eq!(world.answer_to(first), Some(Err(ErrorCode::AttemptsExhausted)));

    let second = world.connect();
    world.closed(1006);

    assert_eq!(world.machine.status().attempt, 1);
    world.elapse();
    world.agree();
    assert_eq!(world.answer_to(second), Some(Ok(())));
}

#[test]
fn a_server_that_accepts_and_drops_cannot_reset_the_count() {
    let mut world = World::plain().connected();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
        world.agree();
        world.pass(9 * SECOND);
    }
    world.closed(1006);

    assert_eq!(world.state(), StateName::Failed);
}

#[test]
fn a_connection_that_has_lasted_is_forgiven_its_failures_even_if_timers_come_late() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    assert_eq!(world.machine.status().attempt, 1);
    let mut late = world.clone();

    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.machine.status().attempt, 0);

    late.now = late.now + 11 * SECOND;
    late.closed(1006);
    assert_eq!(late.machine.status().attempt, 1);
}

#[test]
fn connect_while_waiting_tries_now_and_counts() {
    let mut world = World::plain().connected();
    world.closed(1006);

    world.connect();

    assert_eq!(world.sockets(), 2);
    assert_eq!(world.machine.status().attempt, 1);
}

#[test]
fn a_hung_handshake_is_given_up_after_ten_seconds_and_counted() {
    let mut world = World::plain();
    world.connect();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    assert_eq!(world.machine.status().attempt, 1);
    assert_eq!(world.state(), StateName::Waiting);
    world.closed(1006);
    assert_eq!(world.elapse(), 5 * SECOND);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn an_open_socket_is_no_connection_before_the_welcome() {
    let mut world = World::plain();
    let connect = world.connect();
    world.pass(4 * SECOND);
    world.opened();

    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.machine.status().ready_state, ReadyState::Open);
    assert_eq!(world.answer_to(connect), None);
    assert_eq!(world.elapse(), 6 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn final_codes_end_the_connection_and_holding_does_not_revive_it() {
    for (code, error) in [
        (1000, ErrorCode::Refused),
        (1002, ErrorCode::Refused),
        (4400, ErrorCode::Refused),
        (4401, ErrorCode::Unauthorized),
        (4409, ErrorCode::Replaced),
        (4413, ErrorCode::TooLarge),
    ] {
        let mut world = World::plain().connected();
        world.closed(code);
        assert_eq!(world.state(), StateName::Failed, "{code}");
        assert_eq!(world.machine.status().error.as_ref().unwrap().code, error);

        world.feed(Input::Hold);
        world.feed(Input::Release);
        world.pass(60 * SECOND);

        assert_eq!(world.state(), StateName::Failed, "{code}");
        assert_eq!(world.sockets(), 1);
        assert_eq!(world.machine.deadline(), None);
    }
}

#[test]
fn too_many_requests_is_obeyed_for_as_long_as_the_server_says() {
    let mut world = World::plain().connected();

    world.closed_saying(4529, "retry-after-ms=30000");

    assert_eq!(world.elapse(), 30 * SECOND);
    world.closed_saying(4529, "retry-after-ms=10");
    assert_eq!(world.elapse(), 5 * SECOND);
}

#[test]
fn a_token_is_fetched_for_every_attempt() {
    let mut world = World::with_tokens().connected();
    world.closed(1006);
    world.elapse();
    world.agree();

    let fetches = world.said.iter().filter(|said| matches!(said, Output::FetchToken { .. }));
    assert_eq!(fetches.count(), 2);
}

#[test]
fn a_refused_token_gets_one_fresh_try_at_once() {
    let mut world = World::with_tokens();
    let connect = world.connect();
    world.answer(token());
    world.opened();
    world.closed(4401);
    assert_eq!(world.machine.stage(), "connecting/fetching");
    assert_eq!(world.machine.status().attempt, 0);

    world.answer(token());
    world.opened();
    world.closed(4401);

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Unauthorized)));
}

#[test]
fn a_token_that_runs_out_every_five_minutes_costs_one_fresh_try_each_time() {
    let mut world = World::with_tokens().connected();
    for _ in 0..3 {
        world.pass(325 * SECOND);
        world.closed(4401);
        world.agree();
    }

    assert_eq!(world.sockets(), 4);
    assert_eq!(world.errors(), []);
}

#[test]
fn a_failing_get_token_is_a_failed_attempt() {
    let mut world = World::with_tokens();
    world.connect();

    world.answer(TokenAnswer::Failed("getToken threw: no".into()));

    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.errors(), [(ErrorCode::TokenFailed, vec![])]);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_hanging_get_token_is_cut_off_after_ten_seconds_and_its_late_answer_dropped() {
    let mut world = World::with_tokens();
    world.connect();
    let fetch = world.fetch();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(world.said.contains(&Output::AbortToken { fetch }));
    assert_eq!(world.state(), StateName::Waiting);
    world.feed(Input::Token { fetch, answer: token() });
    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn no_session_ends_it_at_once() {
    let mut world = World::with_tokens();
    let connect = world.connect();

    world.answer(TokenAnswer::NoSession);

    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Unauthorized)));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn close_during_a_token_fetch_is_closed_at_once_and_the_answer_is_dropped() {
    let mut world = World::with_tokens();
    world.connect();
    let fetch = world.fetch();

    let close = world.close();

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert!(world.said.contains(&Output::AbortToken { fetch }));
    world.feed(Input::Token { fetch, answer: token() });
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_token_is_never_printed() {
    let mut world = World::with_tokens().connected();
    world.closed(4401);
    world.answer(token());
    world.closed(4401);

    assert!(!format!("{:?} {:?}", world.machine, world.said).contains("canary"));
}

#[test]
fn strict_mode_mounts_unmounts_and_mounts_without_a_second_socket() {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.feed(Input::Release);
    world.feed(Input::Hold);
    world.agree();
    world.pass(60 * SECOND);

    assert_eq!(world.sockets(), 1);
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn the_last_release_closes_half_a_second_later_and_the_next_hold_connects_again() {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.feed(Input::Hold);
    world.agree();
    world.feed(Input::Release);
    world.pass(SECOND);
    assert_eq!(world.state(), StateName::Connected);
    world.feed(Input::Release);

    assert_eq!(world.elapse(), Duration::from_millis(500));
    assert_eq!(world.state(), StateName::Closing);
    world.closed(1000);
    assert_eq!(world.state(), StateName::Closed);

    world.feed(Input::Hold);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn a_lasting_wish_outlives_the_last_holder() {
    let mut world = World::plain().connected();
    world.feed(Input::Hold);
    world.feed(Input::Release);
    world.pass(SECOND);

    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn a_component_does_not_revive_an_explicit_close() {
    let mut world = World::plain().connected();
    world.close();
    world.closed(1000);
    world.feed(Input::Hold);

    assert_eq!(world.state(), StateName::Closed);
    world.connect();
    assert_eq!(world.sockets(), 2);
}

#[test]
fn aborting_withdraws_one_caller_and_ends_the_attempt_only_if_nobody_else_wants_it() {
    let mut world = World::plain();
    let (first, second) = (world.connect(), world.connect());

    world.feed(Input::Abort { call: first });
    assert_eq!(world.answer_to(first), Some(Err(ErrorCode::Aborted)));
    assert_eq!(world.state(), StateName::Connecting);
    world.feed(Input::Abort { call: second });
    assert_eq!(world.state(), StateName::Closed);

    world.connect();
    world.agree();
    world.feed(Input::Abort { call: first });
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn what_is_sent_before_the_connection_waits_and_goes_out_in_order_after_the_groups() {
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
fn a_full_queue_refuses_and_what_ends_undelivered_is_reported_once() {
    let mut small = config();
    small.queue.max_messages = 2;
    let mut world = World::new(small);
    world.send("one").unwrap();
    let publish = world.publish("tea", "two");
    assert_eq!(world.send("three").unwrap_err().code, ErrorCode::QueueFull);

    world.close();

    assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["one"])]);
    assert_eq!(world.answer_to(publish), Some(Err(ErrorCode::Closed)));
    assert_eq!(world.send("four").unwrap_err().code, ErrorCode::Closed);
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
    assert_eq!(world.send(LARGE).unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn what_is_sent_while_the_server_closes_the_socket_waits_for_the_next_connection() {
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
fn the_code_of_a_close_that_was_seen_coming_is_obeyed() {
    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    world.closed(4409);
    assert_eq!(world.machine.status().error.as_ref().unwrap().code, ErrorCode::Replaced);

    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    assert_eq!(world.elapse(), 3 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
    assert!(world.said.contains(&Output::Detach { attempt }));
}

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
fn a_refusal_of_the_server_settles_what_it_refuses() {
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

/// What was sent, over whichever socket, from some point of the history on.
fn sent_since(world: &World, start: usize) -> Vec<(u64, &'static str)> {
    let frames = world.said[start..].iter().filter_map(|said| match said {
        Output::Transmit { frame, .. } => Some(frame),
        _ => None,
    });
    frames
        .filter_map(|frame| match frame {
            ClientFrame::Message { id, data } | ClientFrame::Publish { id, data, .. } => {
                Some((id.0, *data))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_group_that_was_left_and_joined_again_is_joined_once_the_server_says_so_to_the_last() {
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
fn what_was_not_answered_before_a_loss_goes_again_under_the_same_id_before_anything_new() {
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
fn a_server_that_remembers_nothing_is_not_sent_again_what_it_may_have_had() {
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
fn a_server_that_never_remembers_is_not_sent_anything_again() {
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
fn what_is_remembered_of_a_client_is_the_last_that_was_said() {
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
fn what_is_not_answered_counts_against_the_queue() {
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

#[test]
fn strangers_change_nothing_and_are_counted() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    // What is counted is not hashed.
    let before = hash(&world.machine);

    let attempt = Attempt(1);
    world.feed(Input::Opened { attempt });
    world.feed(Input::Received { attempt, frame: ServerFrame::Message("late"), bytes: 4 });
    world.feed(Input::Received { attempt, frame: ServerFrame::Ping, bytes: 4 });
    world.feed(Input::InvalidFrame { attempt, problem: String::new() });
    world.feed(Input::Closing { attempt });
    world.feed(Input::OpenFailed { attempt, problem: String::new() });
    world.feed(closed(attempt, 4409, ""));

    assert_eq!(hash(&world.machine), before);
    assert_eq!(world.machine.stats().stale_events, 7);
}

/// The model tells places apart by it, and the test above that nothing has changed.
#[test]
fn a_machine_in_another_place_has_another_hash() {
    let idle = World::plain();
    let connected = World::plain().connected();
    let mut waiting = connected.clone();
    waiting.send("one").unwrap();
    let hashes = [&idle, &connected, &waiting].map(|world| hash(&world.machine));

    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
}

#[test]
fn what_happens_is_counted() {
    let mut world = World::with_tokens().connected();
    assert_eq!(world.machine.stats().reconnects, 0);
    world.send("four").unwrap();
    world.receive(ServerFrame::Message("one"));
    world.closed(1006);
    world.elapse();
    world.agree();
    world.refresh();
    world.answer(token());
    world.refreshed(2, 300);

    assert_eq!(
        world.machine.stats(),
        Stats {
            attempts: 2,
            sockets_opened: 2,
            reconnects: 1,
            refreshes: 1,
            stale_events: 0,
            messages_in: 1,
            // The server had not answered it, and remembers what it has had.
            messages_out: 2,
            bytes_in: 1,
            bytes_out: 8,
        }
    );
}

#[test]
fn where_the_server_says_nothing_the_token_lives_as_long_as_the_application_knows() {
    let mut world = World::with_tokens();
    let lives = |seconds| TokenAnswer::Token(Token::new("t"), Some(Duration::from_secs(seconds)));
    let silent = Welcome { token_expires_in: None, ..welcome() };
    world.connect();
    world.answer(lives(100));
    world.opened();
    world.receive(ServerFrame::Welcome(silent));
    assert_eq!(
        world.machine.status().token_expires_at,
        Some(Time::since_start(Duration::from_secs(100)))
    );

    world.stay_connected_while(|world| world.machine.stage() != "connected/fetching");
    assert_eq!(world.now, Time::since_start(Duration::from_secs(50)));
    world.answer(lives(500));
    world.receive(ServerFrame::Refreshed { id: MessageId(1), token_expires_in: None });

    assert_eq!(
        world.machine.status().token_expires_at,
        Some(Time::since_start(Duration::from_secs(550)))
    );
}

#[test]
fn a_socket_that_the_browser_will_not_make_ends_it() {
    let mut world = World::plain();
    let connect = world.connect();
    let attempt = world.attempt();

    world.feed(Input::OpenFailed { attempt, problem: "ws: on an https: page".into() });

    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::InvalidOptions)));
}

#[test]
fn a_socket_that_could_not_be_made_is_not_waited_for_once_it_was_let_go() {
    let mut world = World::plain();
    world.connect();
    let attempt = world.attempt();
    world.close();
    world.feed(Input::OpenFailed { attempt, problem: "ws: on an https: page".into() });

    assert_eq!(world.machine.stage(), "closed");
    world.connect();
    assert_eq!(world.sockets(), 2);
}

#[test]
fn without_reconnecting_the_first_loss_is_the_end() {
    let reconnect = Reconnect { max_attempts: 0, ..Reconnect::default() };
    let mut world = World::new(Config { reconnect, ..config() }).connected();

    world.closed(1006);

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::AttemptsExhausted, vec![])]);
}

#[test]
fn a_connection_costs_one_timer_and_none_is_left_when_it_is_closed() {
    let mut world = World::plain().connected();
    assert_eq!(world.machine.deadline(), Some(at(35)));

    world.close();
    world.closed(1000);

    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_token_is_renewed_over_the_connection_a_minute_before_its_end() {
    let mut world = World::with_tokens().connected();
    let after = 240 * SECOND;
    assert!(world.said.contains(&Output::Log(LogEvent::SchedulingRefresh { after })));

    world.stay_connected_until(at(240));
    assert_eq!(world.machine.stage(), "connected/fetching");
    world.answer(token());
    let frame = ClientFrame::Refresh { id: MessageId(1), token: Token::new("canary") };
    assert!(world.said.contains(&Output::Transmit { attempt: Attempt(1), frame }));
    world.refreshed(1, 300);

    assert_eq!(world.machine.status().token_expires_at, Some(at(540)));
    assert_eq!(world.sockets(), 1);
    world.stay_connected_until(at(480));
    assert_eq!(world.machine.stage(), "connected/fetching");
}

#[test]
fn a_day_on_five_minute_tokens_is_one_socket_and_a_refresh_every_four_minutes() {
    let mut world = World::with_tokens().connected();
    let mut refreshes = 0;
    while world.now < at(24 * 3600) {
        world.stay_connected_until(world.now + 240 * SECOND);
        world.answer(token());
        refreshes += 1;
        world.refreshed(refreshes, 300);
    }

    assert_eq!((world.sockets(), refreshes), (1, 360));
    assert_eq!(world.errors(), []);
}

#[test]
fn a_failing_refresh_keeps_the_connection_and_is_tried_again_until_the_token_is_dead() {
    let mut world = World::with_tokens().connected();
    let mut asked = Vec::new();
    world.stay_connected_until(at(240));
    while world.machine.stage() == "connected/fetching" {
        asked.push(world.now.since(Time::ZERO).as_secs());
        world.answer(TokenAnswer::Failed("getToken threw: no".into()));
        world.stay_connected_while(|world| {
            world.machine.stage() == "connected" && world.now < at(320)
        });
    }

    assert_eq!(asked, [240, 245, 255, 285]);
    assert_eq!(world.state(), StateName::Connected);
    assert_eq!(world.errors().len(), 4);
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_at_every_attempt_and_counted() {
    let mut world = World::with_tokens();
    world.connect();
    let mut waited = Vec::new();
    for seconds in [70, 1, 1_000_000] {
        world.answer(TokenAnswer::Later(Duration::from_secs(seconds)));
        waited.push(world.elapse());
    }

    assert_eq!(waited, [70 * SECOND, 5 * SECOND, Duration::from_hours(24)]);
    assert_eq!(world.machine.status().attempt, 3);
    assert_eq!(world.errors().len(), 3);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_refresh_for_which_get_token_says_when_to_ask_again_waits_while_the_connection_stays() {
    let mut world = World::with_tokens().connected();
    let mut asked = Vec::new();
    world.stay_connected_until(at(240));
    while world.machine.stage() == "connected/fetching" {
        asked.push(world.now.since(Time::ZERO).as_secs());
        world.answer(TokenAnswer::Later(20 * SECOND));
        world.stay_connected_while(|world| {
            world.machine.stage() == "connected" && world.now < at(320)
        });
    }

    assert_eq!(asked, [240, 260, 280]);
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_when_the_connection_was_lost_meanwhile() {
    let mut world = World::with_tokens().connected();
    world.refresh();
    world.closed(1006);
    world.answer(TokenAnswer::Later(70 * SECOND));

    assert_eq!(world.elapse(), 70 * SECOND);
    assert_eq!(world.machine.stage(), "connecting/fetching");
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_wherever_the_connection_is_by_then() {
    let later = || {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.answer(TokenAnswer::Later(70 * SECOND));
        world
    };
    let lost = |world: &mut World| world.closed(1006);
    let refused = |world: &mut World| world.closed(4401);
    let silent = |world: &mut World| {
        world.feed(Input::Wake);
        world.closed(1006);
    };
    let endings: [&dyn Fn(&mut World); 3] = [&lost, &refused, &silent];
    for (number, end) in endings.into_iter().enumerate() {
        let mut world = later();
        end(&mut world);
        assert_eq!(world.state(), StateName::Waiting, "{number}");
        let mut impatient = world.clone();

        assert_eq!(world.elapse(), 70 * SECOND, "{number}");
        assert_eq!(world.machine.stage(), "connecting/fetching");

        // A person is not to be stopped.
        impatient.connect();
        assert_eq!(impatient.machine.stage(), "connecting/fetching");
    }

    let mut world = World::with_tokens().connected();
    world.refresh();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    assert_eq!(world.machine.stage(), "connecting/server-closing");
    world.answer(TokenAnswer::Later(70 * SECOND));
    world.closed(1006);
    assert_eq!(world.elapse(), 70 * SECOND);
}

#[test]
fn a_socket_that_nobody_wants_before_it_is_made_is_never_made() {
    let mut world = World::plain();
    let (connect, close) = (world.call(), world.call());
    let (code, reason) = (CloseCode::NORMAL, String::new());

    // A listener closes the connection before the shell has done what connect() led to.
    world.machine.handle(Input::Connect { call: connect }, world.now);
    world.machine.handle(Input::Close { call: close, code, reason }, world.now);
    world.drain();

    assert_eq!(world.sockets(), 0);
    assert_eq!(world.machine.stage(), "closed");
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Closed)));
    assert_eq!(world.answer_to(close), Some(Ok(())));
    world.connect();
    assert_eq!(world.attempt(), Attempt(1));
    world.agree();
}

#[test]
fn what_wakes_up_does_not_cut_short_what_the_server_or_get_token_has_asked_for() {
    let mut world = World::plain().connected();
    world.closed_saying(4529, "retry-after-ms=60000");
    world.pass(20 * SECOND);
    world.feed(Input::Wake);
    world.feed(Input::Online);
    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.elapse(), 40 * SECOND);

    let mut world = World::with_tokens();
    world.connect();
    world.answer(TokenAnswer::Later(60 * SECOND));
    world.pass(20 * SECOND);
    world.feed(Input::Wake);
    assert_eq!(world.state(), StateName::Waiting);
    // A person is not to be stopped.
    world.connect();
    assert_eq!(world.machine.stage(), "connecting/fetching");
}

#[test]
fn leaving_where_there_is_no_connection_any_more_forgets_the_group_and_says_so() {
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

#[test]
fn no_session_during_a_refresh_ends_the_connection_at_once() {
    let mut world = World::with_tokens().connected();
    world.refresh();

    world.answer(TokenAnswer::NoSession);

    assert_eq!(world.machine.status().error.as_ref().unwrap().code, ErrorCode::Unauthorized);
    assert!(world.said.iter().any(|said| matches!(said, Output::Shut { .. })));
    world.closed(1000);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn refresh_token_settles_with_the_servers_answer() {
    let mut world = World::with_tokens().connected();
    let (first, second) = (world.refresh(), world.refresh());
    world.answer(token());
    assert_eq!(world.answer_to(first), None);
    world.refreshed(1, 300);
    assert_eq!(world.answer_to(first), Some(Ok(())));
    assert_eq!(world.answer_to(second), Some(Ok(())));

    let refused = world.refresh();
    world.answer(token());
    world.receive(refusal(2, FrameErrorCode::Unauthorized));
    assert_eq!(world.answer_to(refused), Some(Err(ErrorCode::Unauthorized)));
    assert_eq!(world.state(), StateName::Connected);

    let failing = world.refresh();
    world.answer(TokenAnswer::Failed("no".into()));
    assert_eq!(world.answer_to(failing), Some(Err(ErrorCode::TokenFailed)));
    let lost = world.refresh();
    world.closed(1006);
    assert_eq!(world.answer_to(lost), Some(Err(ErrorCode::Closed)));
    let offline = world.refresh();
    assert_eq!(world.answer_to(offline), Some(Err(ErrorCode::Closed)));
}

#[test]
fn an_answer_to_a_new_token_that_comes_late_counts_until_another_is_asked_for() {
    let renewal_given_up = || {
        let mut world = World::with_tokens().connected();
        let refresh = world.refresh();
        world.answer(token());
        assert_eq!(world.elapse(), 10 * SECOND);
        assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::TokenFailed)));
        world
    };

    let mut world = renewal_given_up();
    world.refreshed(1, 300);
    assert_eq!(world.machine.status().token_expires_at, Some(at(310)));
    assert_eq!(world.machine.stats().refreshes, 1);
    world.stay_connected_while(|world| world.machine.stage() != "connected/fetching");
    assert_eq!(world.now, at(250));

    // Its own answer will say how long it lives.
    let mut world = renewal_given_up();
    world.refresh();
    world.refreshed(1, 300);
    world.answer(token());
    world.refreshed(1, 300);
    assert_eq!(world.machine.stage(), "connected/refreshing");
    assert_eq!(world.machine.stats().stale_events, 2);
    world.refreshed(2, 300);
    assert_eq!(world.machine.stats().refreshes, 1);
    assert_eq!(world.errors(), [(ErrorCode::TokenFailed, vec![])]);

    let mut world = renewal_given_up();
    world.receive(refusal(1, FrameErrorCode::Unauthorized));
    let codes = [ErrorCode::TokenFailed, ErrorCode::Unauthorized];
    assert_eq!(world.errors(), codes.map(|code| (code, vec![])));
    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.machine.stage(), "connected/fetching");

    // What was never sent, and what was answered already.
    for ids in [&[7][..], &[1, 1]] {
        let mut world = renewal_given_up();
        ids.iter().for_each(|id| world.refreshed(*id, 300));
        let codes = [ErrorCode::TokenFailed, ErrorCode::InvalidMessage];
        assert_eq!(world.errors(), codes.map(|code| (code, vec![])));
    }
}

#[test]
fn an_answer_that_comes_when_the_token_is_nearly_dead_saves_it() {
    let mut world = World::with_tokens().connected();
    world.stay_connected_until(at(289));
    // getToken has hung so far.
    let refresh = world.refresh();
    world.answer(token());
    world.stay_connected_while(|world| world.answer_to(refresh).is_none());
    world.refreshed(1, 300);

    world.stay_connected_while(|world| world.machine.stage() != "connected/fetching");

    assert_eq!((world.state(), world.sockets()), (StateName::Connected, 1));
    assert!(world.now > at(500));
}

#[test]
fn a_fetch_in_flight_when_the_connection_is_lost_serves_the_next_attempt() {
    for answered_after in [SECOND, 6 * SECOND] {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.closed(1006);

        world.pass(answered_after);
        world.answer(token());
        if world.state() == StateName::Waiting {
            world.elapse();
        }

        assert_eq!(world.machine.stage(), "connecting/opening", "{answered_after:?}");
        let fetches = world.said.iter().filter(|said| matches!(said, Output::FetchToken { .. }));
        assert_eq!(fetches.count(), 2, "{answered_after:?}");
    }
}

#[test]
fn a_token_that_has_died_while_waiting_is_not_used() {
    for (life, stage) in
        [(4, "connecting/fetching"), (5, "connecting/fetching"), (6, "connecting/opening")]
    {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.closed(1006);
        world.answer(TokenAnswer::Token(Token::new("canary"), Some(life * SECOND)));

        assert_eq!(world.elapse(), 5 * SECOND);

        assert_eq!(world.machine.stage(), stage, "{life} s");
    }
}

#[test]
fn the_user_is_told_when_a_renewed_token_dies() {
    let mut world = World::with_tokens().connected();
    assert_eq!(world.machine.status().token_expires_at, Some(at(300)));
    world.refresh();
    world.answer(token());

    world.refreshed(1, 400);

    assert_eq!(world.machine.status().token_expires_at, Some(at(400)));
}

#[test]
fn silence_is_found_and_its_socket_is_not_waited_for() {
    let mut world = World::plain().connected();
    let silent = world.attempt();

    assert_eq!(world.elapse(), 35 * SECOND);

    assert_eq!(world.state(), StateName::Waiting);
    assert!(world.said.contains(&Output::Detach { attempt: silent }));
    assert_eq!(world.elapse(), 5 * SECOND);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn anything_that_comes_is_a_sign_of_life() {
    let mut world = World::plain().connected();
    for _ in 0..10 {
        world.pass(30 * SECOND);
        world.receive(ServerFrame::Message("hello"));
    }

    assert_eq!(world.state(), StateName::Connected);
    assert_eq!(world.elapse(), 35 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn a_timer_that_comes_late_asks_the_server_before_it_gives_up() {
    let mut world = World::plain().connected();

    world.pass(8 * 3600 * SECOND);
    assert_eq!(world.machine.stage(), "connected/probing");
    let frame = ClientFrame::Ping;
    assert_eq!(world.said.last(), Some(&Output::Transmit { attempt: Attempt(1), frame }));
    let mut alive = world.clone();

    alive.receive(ServerFrame::Pong);
    assert_eq!(alive.machine.stage(), "connected");
    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn after_waking_up_a_dead_connection_is_replaced_within_two_seconds_and_once() {
    let mut world = World::plain().connected();
    world.now = world.now + 20 * SECOND;
    for _ in 0..3 {
        world.feed(Input::Wake);
    }
    let pings = world.said.iter().filter(|said| matches!(said, Output::Transmit { .. }));
    assert_eq!(pings.count(), 1);

    assert_eq!(world.elapse(), 2 * SECOND);

    assert_eq!(world.machine.stage(), "connecting/opening");
    assert_eq!(world.machine.status().attempt, 1);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn a_socket_that_is_found_dead_on_waking_up_is_replaced_at_once_unless_the_server_says_when() {
    let mut world = World::plain().connected();
    world.now = world.now + 20 * SECOND;
    world.feed(Input::Wake);
    let mut told = world.clone();

    world.closed(1006);
    assert_eq!(world.machine.stage(), "connecting/opening");
    assert_eq!((world.machine.status().attempt, world.sockets()), (1, 2));

    told.closed_saying(4529, "retry-after-ms=70000");
    assert_eq!(told.elapse(), 70 * SECOND);
    assert_eq!(told.sockets(), 2);
}

#[test]
fn a_socket_that_is_found_dead_while_offline_is_replaced_once_there_is_a_network() {
    let mut world = World::plain().connected();
    world.feed(Input::Offline);
    world.feed(Input::Wake);
    let mut closed = world.clone();

    assert_eq!(world.elapse(), 2 * SECOND);
    closed.closed(1006);

    for mut world in [world, closed] {
        assert_eq!((world.state(), world.sockets()), (StateName::Waiting, 1));
        world.feed(Input::Online);
        assert_eq!((world.state(), world.sockets()), (StateName::Connecting, 2));
    }
}

#[test]
fn a_token_is_not_renewed_over_a_connection_of_which_nobody_knows_whether_it_lives() {
    let mut world = World::with_tokens().connected();
    let fetched = world.fetch();
    world.now = world.now + 8 * 3600 * SECOND;
    world.feed(Input::Wake);
    assert_eq!(world.machine.stage(), "connected/probing");
    assert_eq!(world.fetch(), fetched);
    let mut alive = world.clone();

    alive.receive(ServerFrame::Pong);
    assert_eq!(alive.machine.stage(), "connected/fetching");

    assert_eq!(world.elapse(), 2 * SECOND);
    assert_eq!(world.machine.stage(), "connecting/fetching");
    assert_eq!(world.fetch().0, fetched.0 + 1);
}

#[test]
fn waking_up_tries_at_once_while_waiting_but_once_a_second_at_most() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.feed(Input::Wake);
    assert_eq!(world.sockets(), 2);
    world.closed(1006);
    world.feed(Input::Wake);
    assert_eq!(world.state(), StateName::Waiting);
    world.pass(SECOND);
    world.feed(Input::Wake);

    assert_eq!(world.sockets(), 3);
    assert_eq!(world.machine.status().attempt, 2);
}

#[test]
fn offline_puts_attempts_off_and_online_tries_at_once() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.feed(Input::Offline);
    assert_eq!(world.machine.status().retry_at, None);
    assert_eq!(world.machine.deadline(), None);
    world.pass(3600 * SECOND);
    assert_eq!(world.sockets(), 1);

    world.feed(Input::Online);

    assert_eq!(world.sockets(), 2);
    assert_eq!(world.machine.status().attempt, 1);
}

#[test]
fn connect_is_tried_even_offline() {
    let mut world = World::plain();
    world.feed(Input::Offline);
    world.connect();

    assert_eq!(world.sockets(), 1);
}

#[test]
fn online_revives_what_had_used_up_its_attempts_and_nothing_else() {
    let mut world = World::plain();
    world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.closed(1006);
    let exhausted = world.clone();

    world.feed(Input::Online);
    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.machine.status().attempt, 0);

    let mut unwanted = exhausted.clone();
    unwanted.close();
    unwanted.feed(Input::Online);
    assert_eq!(unwanted.state(), StateName::Closed);

    let mut replaced = World::plain().connected();
    replaced.closed(4409);
    replaced.feed(Input::Online);
    replaced.feed(Input::Wake);
    assert_eq!(replaced.state(), StateName::Failed);
}

#[test]
fn waking_up_often_revives_a_failed_connection_once_a_second() {
    let mut world = World::new(Config {
        reconnect: Reconnect { max_attempts: 0, ..config().reconnect },
        ..config()
    });
    world.connect();
    world.closed(1006);
    for _ in 0..10 {
        world.feed(Input::Wake);
        if world.state() == StateName::Connecting {
            world.closed(1006);
        }
    }

    assert_eq!(world.sockets(), 2);
    world.pass(Duration::from_secs(1));
    world.feed(Input::Wake);
    assert_eq!(world.sockets(), 3);
}

#[test]
fn a_token_that_does_not_run_out_is_not_renewed_again_and_again_because_it_failed_once() {
    let mut world = World::with_tokens();
    world.connect();
    world.answer(token());
    world.opened();
    world.receive(ServerFrame::Welcome(Welcome { token_expires_in: None, ..welcome() }));
    let refresh = world.refresh();
    world.answer(TokenAnswer::Failed("it threw".into()));
    let fetch = world.fetch();
    world.stay_connected_until(world.now + Duration::from_mins(10));

    assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::TokenFailed)));
    assert_eq!(world.fetch(), fetch);
    assert_eq!(world.state(), StateName::Connected);
}
