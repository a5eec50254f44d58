//! A server that is not ours: it welcomes nobody, answers nothing, and has its own close codes.

use onesocket_core::protocol::{ClientFrame, CloseCode, MessageId, Retry, ServerFrame};
use onesocket_core::{
    Config, ErrorCode, HeartbeatRules, Input, Moment, Output, PLAIN_PING_INTERVAL, PlainRules,
    QueueLimits, Span, StateName, Time, Token, TokenAnswer, Wire,
};

use crate::world::{World, config, hash};

const MUTE: PlainRules = PlainRules { ping: false, refresh: false, ready: false };
const PINGS: PlainRules = PlainRules { ping: true, refresh: false, ready: false };
const REFRESHES: PlainRules = PlainRules { ping: false, refresh: true, ready: false };
const AGREES: PlainRules = PlainRules { ping: false, refresh: false, ready: true };

fn plain(rules: PlainRules) -> Config {
    Config { wire: Wire::Plain(rules), ..config() }
}

fn connected(config: Config) -> World {
    let mut world = World::new(config);
    world.connect();
    if world.stage() == "connecting/fetching" {
        world.answer(lives(100));
    }
    world.opened();
    assert_eq!(world.state(), StateName::Connected);
    world
}

fn lives(seconds: u64) -> TokenAnswer {
    TokenAnswer::Token(Token::new("canary"), Some(Span::from_secs(seconds)))
}

fn closed(world: &mut World, code: u16, retry: Retry) {
    let attempt = world.attempt();
    let (code, reason) = (CloseCode::seen(code), String::new());
    world.feed(Input::Closed { attempt, code, reason, retry });
}

fn sent(world: &World) -> Vec<&ClientFrame<&'static str>> {
    let frames = world.said.iter().filter_map(|output| match output {
        Output::Transmit { frame, .. } => Some(frame),
        _ => None,
    });
    frames.collect()
}

/// What was done, in order: hello, messages both ways, and the user told of the connection.
fn order(world: &World) -> Vec<&'static str> {
    let words = world.said.iter().filter_map(|output| match output {
        Output::SendHello { .. } => Some("hello"),
        Output::Status { status, .. } if status.state == StateName::Connected => Some("told"),
        Output::Transmit { frame: ClientFrame::Message { data, .. }, .. } => Some(*data),
        Output::Transmit { .. } => Some("another frame"),
        Output::Deliver(message) => Some(*message),
        _ => None,
    });
    words.collect()
}

fn seconds(count: u64) -> Time {
    Time::since_start(Span::from_secs(count))
}

#[test]
fn a_server_that_says_when_is_waited_for_and_what_it_says_before_is_delivered() {
    let mut world = World::new(plain(AGREES));
    let connect = world.connect();
    world.send("waits").unwrap();
    world.opened();
    let attempt = world.attempt();

    world.receive(ServerFrame::Message("who are you?"));
    assert_eq!(world.stage(), "connecting/agreeing");
    assert_eq!((world.answer_to(connect), sent(&world).len()), (None, 0));

    world.feed(Input::Ready { attempt });
    world.receive(ServerFrame::Message("welcome"));
    assert_eq!(world.answer_to(connect), Some(Ok(())));
    assert_eq!(order(&world), ["hello", "who are you?", "told", "waits", "welcome"]);

    // It may say so again, and so may an old socket.
    let stale = world.machine.stats().stale_events;
    world.feed(Input::Ready { attempt });
    assert_eq!(world.machine.stats().stale_events, stale + 1);
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn a_server_that_does_not_say_when_is_left_and_the_reason_names_what_was_waited_for() {
    let mut world = World::new(plain(AGREES));
    world.connect();
    world.opened();

    world.pass(config().connect_timeout);

    assert_eq!(world.state(), StateName::Waiting);
    let reason = world.said.iter().find_map(|output| match output {
        Output::Status { reason: Some(reason), .. } => Some(reason.to_string()),
        _ => None,
    });
    let expected = "wire.ready() took no message within 10000 ms for the one that says so";
    assert_eq!(reason.as_deref(), Some(expected));
}

#[test]
fn it_is_connected_once_the_socket_is_open_and_hello_goes_before_any_message() {
    let mut world = World::new(plain(MUTE));
    let connect = world.connect();
    world.send("waits").unwrap();
    world.opened();

    assert_eq!(world.answer_to(connect), Some(Ok(())));
    assert_eq!(order(&world), ["hello", "told", "waits"]);
}

#[test]
fn no_hello_is_sent_over_a_socket_that_nobody_wants_any_more() {
    let mut world = World::new(plain(MUTE));
    world.connect();
    world.close();
    world.opened();

    assert!(!world.said.iter().any(|output| matches!(output, Output::SendHello { .. })));
}

#[test]
fn nothing_is_due_where_nothing_is_expected() {
    let world = connected(plain(MUTE));

    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn sent_messages_are_done_with_and_unsent_ones_are_kept() {
    let mut world = connected(plain(MUTE));
    world.send("sent").unwrap();
    world.closed(1006);
    world.send("kept").unwrap();
    world.elapse();
    world.opened();
    let messages = [
        &ClientFrame::Message { id: MessageId(1), data: "sent" },
        &ClientFrame::Message { id: MessageId(2), data: "kept" },
    ];
    assert_eq!(sent(&world), messages);

    world.closed(1006);
    world.send("unsent").unwrap();
    world.close();

    assert_eq!(world.errors(), [(ErrorCode::Closed, vec!["unsent"])]);
}

#[test]
fn bytes_buffered_in_the_socket_count_against_the_queue() {
    let queue = QueueLimits { max_messages: 10, max_bytes: 10 };
    let mut world = connected(Config { queue, ..plain(MUTE) });

    assert_eq!(world.machine.send("four", 4, 7).unwrap_err().code, ErrorCode::QueueFull);
    assert!(world.machine.send("four", 4, 6).is_ok());
}

#[test]
fn a_silent_server_is_asked_and_lost_if_it_does_not_answer() {
    let mut world = connected(plain(PINGS));

    assert_eq!(world.elapse(), PLAIN_PING_INTERVAL);
    assert_eq!(sent(&world), [&ClientFrame::Ping]);
    world.receive(ServerFrame::Pong);
    assert_eq!(world.elapse(), PLAIN_PING_INTERVAL);
    assert_eq!(world.elapse(), Span::from_secs(10));

    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn a_server_without_pings_is_lost_by_silence_only_where_an_interval_is_set() {
    let mut world = connected(plain(MUTE));
    world.pass(Span::from_hours(1000));
    world.feed(Input::Wake);
    assert_eq!(world.state(), StateName::Connected);

    let heartbeat =
        HeartbeatRules { interval: Some(Span::from_secs(20)), ..HeartbeatRules::default() };
    let mut world = connected(Config { heartbeat, ..plain(MUTE) });
    // A timer that comes late proves nothing.
    world.pass(Span::from_hours(1));
    assert_eq!(world.state(), StateName::Connected);
    assert_eq!(world.elapse(), Span::from_secs(30));
    assert_eq!(world.state(), StateName::Waiting);
    assert!(sent(&world).is_empty());
}

#[test]
fn a_socket_that_is_found_dead_when_the_page_wakes_up_is_replaced_at_once() {
    for (after, stage) in [(1, "connecting/opening"), (2, "waiting")] {
        let mut world = connected(plain(MUTE));
        world.pass(Span::from_hours(1));
        world.feed(Input::Wake);
        world.pass(Span::from_secs(after));

        closed(&mut world, 1006, Retry::Soon);

        assert_eq!(world.stage(), stage, "{after} s");
    }
}

/// By this the model knows that two histories have come to the same place.
#[test]
fn a_wake_up_matters_for_two_seconds() {
    let place = |world: &World| {
        let moment = Moment { origin: world.now, now: world.now };
        hash(&world.machine.clone().relative_to(moment))
    };
    let mut awake = connected(plain(MUTE));
    let mut woken = awake.clone();
    woken.feed(Input::Wake);

    for is_over in [false, true] {
        awake.pass(Span::from_secs(1));
        woken.pass(Span::from_secs(1));
        assert_eq!(place(&awake) == place(&woken), is_over);
    }
}

#[test]
fn a_token_is_refreshed_once_the_refresh_message_is_out() {
    let mut world = connected(Config { tokens: true, ..plain(REFRESHES) });
    assert_eq!(world.machine.status().token_expires_at, Some(seconds(100)));
    assert_eq!(world.elapse(), Span::from_secs(50));
    let refresh = world.refresh();
    world.answer(lives(300));
    let attempt = world.attempt();
    assert_eq!(world.answer_to(refresh), None);

    world.feed(Input::TokenSent { attempt, id: MessageId(1), result: Ok(()) });

    assert_eq!(world.answer_to(refresh), Some(Ok(())));
    assert_eq!(world.machine.status().token_expires_at, Some(seconds(350)));
    assert_eq!(world.elapse(), Span::from_secs(240));
    assert_eq!(world.sockets(), 1);
}

#[test]
fn a_refresh_message_that_cannot_be_made_is_reported_and_tried_again() {
    let mut world = connected(Config { tokens: true, ..plain(REFRESHES) });
    let refresh = world.refresh();
    world.answer(lives(300));
    let attempt = world.attempt();

    let result = Err("refresh() threw".to_owned());
    world.feed(Input::TokenSent { attempt, id: MessageId(1), result: result.map_err(Into::into) });

    assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::TokenFailed)));
    assert_eq!(world.errors(), [(ErrorCode::TokenFailed, vec![])]);
    assert_eq!(world.elapse(), Span::from_secs(5));
    assert_eq!(world.stage(), "connected/fetching");
}

#[test]
fn without_a_refresh_message_the_token_is_refreshed_at_the_next_reconnect() {
    let mut world = connected(Config { tokens: true, ..plain(MUTE) });
    let refresh = world.refresh();
    assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::Unsupported)));
    assert_eq!(world.machine.deadline(), None);

    closed(&mut world, 4001, Retry::WithFreshToken);
    assert_eq!(world.stage(), "connecting/fetching");
}

#[test]
fn the_application_says_what_a_code_means() {
    let mut world = connected(plain(MUTE));
    closed(&mut world, 1000, Retry::Soon);
    assert_eq!(world.state(), StateName::Waiting);

    let mut world = connected(plain(MUTE));
    closed(&mut world, 1006, Retry::Never);
    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::Refused, vec![])]);

    let mut world = connected(Config { tokens: true, ..plain(MUTE) });
    closed(&mut world, 3000, Retry::WithFreshToken);
    world.answer(lives(100));
    closed(&mut world, 3000, Retry::WithFreshToken);
    assert_eq!(world.errors(), [(ErrorCode::Unauthorized, vec![])]);
}

#[test]
fn there_are_no_groups() {
    let mut world = connected(plain(MUTE));

    let calls = [world.join("tea"), world.leave("tea"), world.publish("tea", "milk")];

    for call in calls {
        assert_eq!(world.answer_to(call), Some(Err(ErrorCode::Unsupported)));
    }
    assert!(sent(&world).is_empty());
}
