//! What one tab does, input by input, where an exploration would not tell.

use onesocket_core::protocol::{Group, MessageId};
use onesocket_core::{
    Applicant, Change, Down, Error, ErrorCode, LinkStatus, News, PortId, Role, Sentence, Span, Tab,
    TabFrame, TabId, TabInput, TabOutput, Term, Terms, Text, Time, Up,
};

use crate::world::Frame;

const NOW: Time = Time::ZERO;

const FRAME: Frame = Frame::Message { id: 1, client: 0, text: 1 };

/// A tab that leads, of which nothing has been asked yet, with its term.
fn leader() -> (Tab<Frame>, Term) {
    let mut tab = Tab::new(TabId(1), "first", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Granted { request: 1, epoch_ms: 5 }, NOW);
    drain(&mut tab);
    (tab, Term { number: 5, leader: TabId(1) })
}

fn drain(tab: &mut Tab<Frame>) -> Vec<TabOutput<Frame>> {
    std::iter::from_fn(|| tab.poll()).collect()
}

fn open(term: Term, tab: u64, user: &str) -> TabInput<Frame> {
    let member = Applicant { client: format!("of {user}"), user: user.into(), shown: true };
    TabInput::Heard { from: TabId(tab), frame: TabFrame::Open { term, port: 1, member } }
}

fn terms(user: &str) -> Terms {
    Terms { user: user.into(), connection_id: "c1".into(), max_message_bytes: 9, tabs: Some(64) }
}

fn ada() -> TabInput<Frame> {
    TabInput::LinkUp(terms("ada"))
}

#[test]
fn a_tab_of_another_user_fails_and_is_not_told_to_the_server() {
    for is_up_before in [true, false] {
        let (mut tab, term) = leader();
        let opens = [open(term, 2, "ada"), open(term, 3, "eve"), open(term, 4, "")];
        if is_up_before {
            tab.handle(ada(), NOW);
        }
        for open in opens {
            tab.handle(open, NOW);
        }
        if !is_up_before {
            tab.handle(ada(), NOW);
        }

        let outputs = drain(&mut tab);
        let attached = |client: &str| {
            outputs
                .iter()
                .any(|it| matches!(it, TabOutput::Attach { client: of, .. } if of == client))
        };
        assert_eq!(["of ada", "of eve", "of "].map(attached), [true, false, true]);
        let eve = PortId { tab: TabId(3), number: 1 };
        let fails = |output: &TabOutput<Frame>| {
            let TabOutput::Post(TabFrame::News { news, .. }) = output else { return false };
            let News::Failed { to, error } = news else { return false };
            *to == Some(eve) && error.code == ErrorCode::AnotherUser
        };
        assert!(outputs.iter().any(fails), "{outputs:?}");
    }
}

#[test]
fn a_leader_that_becomes_another_user_takes_the_others_tabs_no_more() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    tab.handle(TabInput::LinkLost(None), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    drain(&mut tab);

    let eve = terms("eve");
    tab.handle(TabInput::LinkUp(eve), NOW);

    let outputs = drain(&mut tab);
    assert!(
        !outputs.iter().any(|output| matches!(output, TabOutput::Attach { .. })),
        "{outputs:?}"
    );
}

#[test]
fn a_lock_that_is_not_wanted_any_more_is_given_back() {
    let mut tab = Tab::<Frame>::new(TabId(1), "first", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Wish(false), NOW);
    drain(&mut tab);

    tab.handle(TabInput::Granted { request: 1, epoch_ms: 5 }, NOW);

    assert_eq!(drain(&mut tab), [TabOutput::Release { request: 1 }]);
}

#[test]
fn whoever_asks_is_told_who_leads() {
    let (mut tab, term) = leader();
    for frame in [TabFrame::Hello, TabFrame::Ask { term: Term::default() }] {
        tab.handle(TabInput::Heard { from: TabId(2), frame }, NOW);

        let lead = TabFrame::Lead { term, next: 0, link: "first".into() };
        assert_eq!(drain(&mut tab), [TabOutput::Post(lead)]);
    }
}

#[test]
fn a_leader_of_an_earlier_term_follows_and_one_of_a_later_term_says_so() {
    let (mut tab, term) = leader();
    let lead = |number| {
        let term = Term { number, leader: TabId(2) };
        TabInput::Heard {
            from: TabId(2),
            frame: TabFrame::Lead { term, next: 0, link: "first".into() },
        }
    };
    tab.handle(lead(term.number - 1), NOW);
    assert_eq!(tab.role(), Role::Leader);
    assert!(matches!(drain(&mut tab)[..], [TabOutput::Post(TabFrame::Lead { .. })]));

    tab.handle(lead(term.number + 1), NOW);

    assert_eq!(tab.role(), Role::Follower);
    assert!(drain(&mut tab).contains(&TabOutput::Resign));
}

#[test]
fn what_was_sent_to_another_leader_is_not_passed_on() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    let attached = TabInput::LinkFrame { slots: vec![1], what: Down::Attached(None), frame: FRAME };
    tab.handle(attached, NOW);
    drain(&mut tab);
    let up = |term| {
        let frame = TabFrame::Up { term, port: 1, place: 0, frame: Up::Frame(FRAME) };
        TabInput::Heard { from: TabId(2), frame }
    };

    tab.handle(up(Term { number: 4, leader: TabId(1) }), NOW);
    assert_eq!(drain(&mut tab), []);
    tab.handle(up(term), NOW);
    assert_eq!(drain(&mut tab), [TabOutput::Up { slot: 1, frame: FRAME }]);
}

#[test]
fn a_gap_in_what_a_tab_sends_ends_its_port() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    tab.handle(
        TabInput::LinkFrame { slots: vec![1], what: Down::Attached(None), frame: FRAME },
        NOW,
    );
    drain(&mut tab);

    let frame = TabFrame::Up { term, port: 1, place: 1, frame: Up::Frame(FRAME) };
    tab.handle(TabInput::Heard { from: TabId(2), frame }, NOW);

    let outputs = drain(&mut tab);
    assert!(!outputs.iter().any(|output| matches!(output, TabOutput::Up { .. })), "{outputs:?}");
    let port = PortId { tab: TabId(2), number: 1 };
    let closed = TabFrame::News { term, place: 1, news: News::Closed { to: port } };
    assert!(outputs.contains(&TabOutput::Post(closed)), "{outputs:?}");
}

#[test]
fn who_was_replaced_follows_if_the_lock_is_gone_and_fails_if_it_is_not() {
    for held in [true, false] {
        let (mut tab, _) = leader();
        tab.handle(TabInput::Open { port: 1 }, NOW);
        tab.handle(ada(), NOW);
        tab.handle(TabInput::LinkFailed(Error::new(ErrorCode::Replaced, "elsewhere")), NOW);
        assert!(drain(&mut tab).contains(&TabOutput::Query));

        tab.handle(TabInput::Held(held), NOW);

        let outputs = drain(&mut tab);
        let failed = outputs.iter().any(|output| matches!(output, TabOutput::PortFailed { .. }));
        assert_eq!(failed, held, "{outputs:?}");
        assert_eq!(
            outputs.contains(&TabOutput::PortClosed { port: 1, reason: None }),
            !held,
            "{outputs:?}"
        );
    }
}

#[test]
fn a_tab_that_has_led_before_and_connects_late_is_no_other_browser() {
    let earlier = Term { number: 4, leader: TabId(2) };
    let later = Term { number: 6, leader: TabId(2) };
    for (bye, after, is_sibling) in [(earlier, 4, true), (earlier, 6, false), (later, 4, false)] {
        let (mut tab, _) = leader();
        tab.handle(TabInput::Open { port: 1 }, NOW);
        tab.handle(ada(), NOW);
        let frame = TabFrame::Bye { term: bye };
        tab.handle(TabInput::Heard { from: TabId(2), frame }, NOW);
        tab.handle(TabInput::LinkFailed(Error::new(ErrorCode::Replaced, "elsewhere")), NOW);
        drain(&mut tab);

        tab.handle(TabInput::Held(true), NOW + Span::from_secs(after));

        let outputs = drain(&mut tab);
        let leads = outputs.iter().any(|output| matches!(output, TabOutput::Lead { .. }));
        assert_eq!(leads, is_sibling, "{bye:?}, {after} s: {outputs:?}");
    }
    // A server that knows it by the same name says so itself.
    let (mut tab, _) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(ada(), NOW);
    let moved = Error::new(ErrorCode::Replaced, Text::new(Sentence::Moved));
    tab.handle(TabInput::LinkFailed(moved), NOW);
    drain(&mut tab);
    tab.handle(TabInput::Held(true), NOW);
    let outputs = drain(&mut tab);
    assert!(outputs.iter().any(|it| matches!(it, TabOutput::Lead { .. })), "{outputs:?}");
    // A leader that learns that another leads says so.
    let (mut tab, term) = leader();
    tab.handle(TabInput::Lost { request: 1 }, NOW);
    assert_eq!(drain(&mut tab).first(), Some(&TabOutput::Post(TabFrame::Bye { term })));
}

#[test]
fn a_number_is_given_again_once_the_server_has_let_go_of_it() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    let slot = |tab: &mut Tab<Frame>, id, user| {
        tab.handle(open(term, id, user), NOW);
        drain(tab).into_iter().find_map(|output| {
            if let TabOutput::Attach { slot, .. } = output { Some(slot) } else { None }
        })
    };
    assert_eq!([slot(&mut tab, 2, "ada"), slot(&mut tab, 3, "ada")], [Some(1), Some(2)]);
    let shut = TabFrame::Shut { term, port: 1 };
    tab.handle(TabInput::Heard { from: TabId(2), frame: shut }, NOW);
    let detach = TabOutput::Detach { slot: 1, id: MessageId::MAX };
    assert!(drain(&mut tab).contains(&detach));

    assert_eq!(slot(&mut tab, 4, "ada"), Some(3));
    let what = Down::Ack(MessageId::MAX);
    tab.handle(TabInput::LinkFrame { slots: vec![1], what, frame: FRAME }, NOW);
    assert_eq!(slot(&mut tab, 5, "ada"), Some(1));
}

#[test]
fn a_leader_that_stays_silent_is_not_believed_against_one_that_speaks() {
    let lead = |number| {
        let term = Term { number, leader: TabId(number) };
        TabInput::Heard {
            from: TabId(number),
            frame: TabFrame::Lead { term, next: 0, link: "first".into() },
        }
    };
    let opens = |tab: &mut Tab<Frame>, number| {
        let asks = |output: &TabOutput<Frame>| {
            let TabOutput::Post(TabFrame::Open { term, .. }) = output else { return false };
            term.number == number
        };
        drain(tab).iter().any(asks)
    };
    let mut tab = Tab::new(TabId(1), "first", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(lead(9), NOW);
    assert!(opens(&mut tab, 9));
    tab.handle(lead(7), NOW);
    assert!(!opens(&mut tab, 7));

    // The other was asked because of that, and is asked once more.
    let due = tab.deadline().expect("it is watched");
    tab.handle(TabInput::Elapsed, due);
    tab.handle(lead(7), tab.deadline().expect("it is watched"));
    tab.handle(TabInput::Open { port: 2 }, NOW);

    assert!(opens(&mut tab, 7));
}

#[test]
fn a_port_that_nobody_will_open_is_closed() {
    // Opened when the tab wants nothing any more, and before that, while its page did not run.
    let mut tab = Tab::<Frame>::new(TabId(1), "first", true);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    assert_eq!(drain(&mut tab), [TabOutput::PortClosed { port: 1, reason: None }]);

    for input in [TabInput::Wish(true), TabInput::Away, TabInput::Open { port: 2 }] {
        tab.handle(input, NOW);
    }
    drain(&mut tab);
    tab.handle(TabInput::Wish(false), NOW);
    assert_eq!(drain(&mut tab), [TabOutput::PortClosed { port: 2, reason: None }]);
}

#[test]
fn the_status_of_the_connection_is_told_to_all_and_to_who_comes_later() {
    let (mut tab, term) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    drain(&mut tab);
    let status =
        |retry_in| LinkStatus { attempt: 2, retry_in, token_expires_in: Some(Span::from_secs(60)) };
    let news = |told: &[TabOutput<Frame>]| -> Vec<News<Frame>> {
        let news = told.iter().filter_map(|output| {
            let TabOutput::Post(TabFrame::News { news, .. }) = output else { return None };
            Some(news.clone())
        });
        news.collect()
    };

    let waits = status(Some(Span::from_secs(5)));
    tab.handle(TabInput::LinkStatus(waits), NOW);
    let told = drain(&mut tab);
    assert!(told.contains(&TabOutput::PortStatus { port: 1, link: waits }), "{told:?}");
    assert_eq!(news(&told), [News::Status { to: None, link: waits }]);

    // Whoever comes later is told how long it still takes.
    let later = NOW + Span::from_secs(2);
    tab.handle(open(term, 2, ""), later);
    let to = Some(PortId { tab: TabId(2), number: 1 });
    let (retry_in, token_expires_in) = (Some(Span::from_secs(3)), Some(Span::from_secs(58)));
    let link = LinkStatus { token_expires_in, ..status(retry_in) };
    assert_eq!(news(&drain(&mut tab)), [News::Status { to, link }]);

    // What is as it was is not told again.
    tab.handle(TabInput::LinkStatus(link), later);
    assert_eq!(drain(&mut tab), []);
    tab.handle(TabInput::LinkStatus(status(None)), later);
    let told = drain(&mut tab);
    assert!(told.contains(&TabOutput::PortStatus { port: 1, link: status(None) }), "{told:?}");
}

#[test]
fn who_asks_for_the_connection_in_any_tab_has_it_tried_at_once_if_it_waits() {
    let (mut tab, term) = leader();
    let urge = TabInput::Heard { from: TabId(2), frame: TabFrame::Urge { term } };
    let tries = |tab: &mut Tab<Frame>, input: &TabInput<Frame>| {
        tab.handle(input.clone(), NOW);
        drain(tab).iter().any(|output| matches!(output, TabOutput::Lead { .. }))
    };
    assert!(!tries(&mut tab, &urge) && !tries(&mut tab, &TabInput::Urge));
    let retry_in = Some(Span::from_secs(5));
    tab.handle(TabInput::LinkStatus(LinkStatus { retry_in, ..LinkStatus::default() }), NOW);
    drain(&mut tab);
    assert!(tries(&mut tab, &urge) && tries(&mut tab, &TabInput::Urge));

    let mut follower: Tab<Frame> = Tab::new(TabId(2), "second", true);
    follower.handle(TabInput::Wish(true), NOW);
    let lead = TabFrame::Lead { term, next: 0, link: "first".into() };
    follower.handle(TabInput::Heard { from: TabId(1), frame: lead }, NOW);
    drain(&mut follower);
    follower.handle(TabInput::Urge, NOW);
    assert_eq!(drain(&mut follower), [TabOutput::Post(TabFrame::Urge { term })]);
}

#[test]
fn a_tab_that_has_crashed_is_let_go_of_and_one_that_was_away_only_opens_another_port() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    let port = PortId { tab: TabId(2), number: 1 };
    assert!(drain(&mut tab).contains(&TabOutput::Watch { port }));
    // That of an earlier port says nothing of this one.
    tab.handle(TabInput::Gone { port: PortId { number: 0, ..port } }, NOW);
    assert_eq!(drain(&mut tab), []);

    tab.handle(TabInput::Gone { port }, NOW);

    let detach = TabOutput::Detach { slot: 1, id: MessageId::MAX };
    let news = News::Closed { to: port };
    let closed = TabOutput::Post(TabFrame::News { term, place: 0, news });
    assert_eq!(drain(&mut tab), [detach, closed]);
}

/// A tab that leads over a server which knows of one client, with two ports of tabs 2 and 3.
fn speaker() -> (Tab<Frame>, Term) {
    let (mut tab, term) = leader();
    tab.handle(TabInput::LinkUp(Terms { tabs: None, ..terms("ada") }), NOW);
    for other in [2, 3] {
        tab.handle(open(term, other, "ada"), NOW);
    }
    drain(&mut tab);
    (tab, term)
}

/// Has the leader hear requests of a tab, the first of which is that `place` of its port; returns what it
/// sends to the server.
fn ask(tab: &mut Tab<Frame>, term: Term, other: u64, place: u64, frame: Frame) -> Vec<Frame> {
    let frame = TabFrame::Up { term, port: 1, place, frame: Up::Frame(frame) };
    tab.handle(TabInput::Heard { from: TabId(other), frame }, NOW);
    sent(tab)
}

fn sent(tab: &mut Tab<Frame>) -> Vec<Frame> {
    let frames = drain(tab).into_iter().filter_map(|output| {
        if let TabOutput::Up { slot: 0, frame } = output { Some(frame) } else { None }
    });
    frames.collect()
}

/// What the followers are told, and who of them.
fn told(tab: &mut Tab<Frame>) -> Vec<(Vec<u64>, Frame)> {
    let news = drain(tab).into_iter().filter_map(|output| {
        let TabOutput::Post(TabFrame::News { news, .. }) = output else { return None };
        let News::Frame { to, frame } = news else { return None };
        Some((to.iter().map(|port| port.tab.0).collect(), frame))
    });
    news.collect()
}

fn group(id: u64, change: fn(Group) -> Change) -> Frame {
    Frame::Group { id, change: change(tea()) }
}

fn tea() -> Group {
    Group::new("tea").expect("a name")
}

#[test]
fn who_speaks_for_all_is_in_a_group_as_long_as_any_tab_is() {
    let (mut tab, term) = speaker();
    let first = ask(&mut tab, term, 2, 0, group(1, Change::Join));
    let Some(&Frame::Group { id, .. }) = first.first() else { panic!("{first:?}") };
    assert!(id > 1 << 40);
    assert_eq!(ask(&mut tab, term, 3, 0, group(1, Change::Join)), [group(id + 1, Change::Join)]);

    // The end of one of two memberships is asked like its beginning, for the sake of the answer.
    assert_eq!(ask(&mut tab, term, 2, 1, group(2, Change::Leave)), [group(id + 2, Change::Join)]);
    let message = |what| TabInput::LinkFrame { slots: vec![], what, frame: FRAME };
    tab.handle(message(Down::Group(tea())), NOW);
    assert_eq!(told(&mut tab), [(vec![3], FRAME)]);
    // What is for the user is for all.
    tab.handle(message(Down::Other), NOW);
    assert_eq!(told(&mut tab), [(vec![2, 3], FRAME)]);

    // A tab that goes takes its membership with it.
    let shut = TabFrame::Shut { term, port: 1 };
    tab.handle(TabInput::Heard { from: TabId(3), frame: shut }, NOW);
    assert_eq!(sent(&mut tab), [group(id + 3, Change::Leave)]);
}

#[test]
fn who_speaks_for_all_tells_each_tab_what_is_answered() {
    let (mut tab, term) = speaker();
    let message = |id| Frame::Message { id, client: 0, text: id };
    let mut first = 0;
    for (other, place, own) in [(2, 0, 7), (2, 1, 8), (3, 0, 1), (2, 2, 9)] {
        let sent = ask(&mut tab, term, other, place, message(own));
        let Some(Frame::Message { id, .. }) = sent.first() else { panic!("{sent:?}") };
        first = if first == 0 { *id } else { first };
    }
    let answer = |what: fn(MessageId) -> Down, id| TabInput::LinkFrame {
        slots: vec![],
        what: what(MessageId(id)),
        frame: Frame::Ack { id },
    };

    tab.handle(answer(Down::Ack, first + 2), NOW);
    assert_eq!(told(&mut tab), [(vec![2], Frame::Ack { id: 8 }), (vec![3], Frame::Ack { id: 1 })]);
    tab.handle(answer(Down::Refused, first + 3), NOW);
    assert_eq!(told(&mut tab), [(vec![2], Frame::Ack { id: 9 })]);
    // Each is answered once.
    tab.handle(answer(Down::Ack, first + 3), NOW);
    assert_eq!(told(&mut tab), []);
}

#[test]
fn what_has_failed_for_all_is_tried_again_in_a_term_of_its_own() {
    let (mut tab, term) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(TabInput::LinkFailed(Error::new(ErrorCode::Refused, "no")), NOW);
    tab.handle(TabInput::Failed, NOW);
    drain(&mut tab);

    tab.handle(TabInput::Wish(true), NOW);

    let term = Term { number: term.number + 1, ..term };
    let outputs = drain(&mut tab);
    let lead = TabFrame::Lead { term, next: 1, link: "first".into() };
    assert!(outputs.contains(&TabOutput::Post(lead)), "{outputs:?}");
}

#[test]
fn who_was_away_when_all_failed_and_others_connected_again_hears_of_it() {
    let mut tab: Tab<Frame> = Tab::new(TabId(2), "second", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    let lead = |number| {
        let term = Term { number, leader: TabId(1) };
        let frame = TabFrame::Lead { term, next: 0, link: "first".into() };
        (TabInput::Heard { from: TabId(1), frame }, term)
    };
    let (hears, term) = lead(5);
    tab.handle(hears, NOW);
    let news = News::Failed { to: None, error: Error::new(ErrorCode::Refused, "no") };
    let frame = TabFrame::News { term, place: 0, news };
    tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
    for input in [TabInput::Failed, TabInput::Away] {
        tab.handle(input, NOW);
    }
    drain(&mut tab);

    tab.handle(TabInput::Back, NOW);

    assert_eq!(drain(&mut tab), [TabOutput::Listen(true), TabOutput::Post(TabFrame::Hello)]);
    tab.handle(lead(5).0, NOW);
    assert_eq!(drain(&mut tab), []);
    tab.handle(lead(6).0, NOW);
    assert_eq!(drain(&mut tab), [TabOutput::Revive]);
}

#[test]
fn the_token_is_refreshed_by_whoever_leads_and_each_call_is_answered() {
    let (mut tab, term) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(ada(), NOW);
    let asked = TabFrame::Refresh { term, call: 7 };
    tab.handle(TabInput::Heard { from: TabId(2), frame: asked }, NOW);
    tab.handle(TabInput::Refresh { call: 7 }, NOW);
    let [theirs, own] = [2, 1].map(|tab| PortId { tab: TabId(tab), number: 7 });
    let outputs = drain(&mut tab);
    for by in [theirs, own] {
        assert!(outputs.contains(&TabOutput::Refresh { by }), "{outputs:?}");
    }
    let error = Some(Error::new(ErrorCode::TokenFailed, "no"));
    tab.handle(TabInput::Refreshed { by: theirs, error: error.clone() }, NOW);
    let news = News::Refreshed { to: theirs, error: error.clone() };
    assert_eq!(drain(&mut tab), [TabOutput::Post(TabFrame::News { term, place: 0, news })]);
    for _ in 0..2 {
        tab.handle(TabInput::Refreshed { by: own, error: None }, NOW);
    }
    assert_eq!(drain(&mut tab), [TabOutput::Refreshed { call: 7, error: None }]);

    // In a tab that follows, and in one that knows of nobody.
    let mut tab: Tab<Frame> = Tab::new(TabId(2), "second", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    drain(&mut tab);
    tab.handle(TabInput::Refresh { call: 6 }, NOW);
    let outputs = drain(&mut tab);
    let [TabOutput::Refreshed { call: 6, error: Some(closed) }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(closed.code, ErrorCode::Closed);
    let frame = TabFrame::Lead { term, next: 0, link: "first".into() };
    tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
    for call in [7, 8] {
        tab.handle(TabInput::Refresh { call }, NOW);
    }
    assert!(drain(&mut tab).contains(&TabOutput::Post(TabFrame::Refresh { term, call: 7 })));
    // What answers another tab's call is not for this one.
    for (place, (to, error)) in [(own, None), (theirs, error.clone())].into_iter().enumerate() {
        let news = News::Refreshed { to, error };
        let frame = TabFrame::News { term, place: place as u64, news };
        tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
    }
    assert_eq!(drain(&mut tab), [TabOutput::Refreshed { call: 7, error }]);
    // Its port is closed without an answer, and then the leader goes.
    let port = PortId { tab: TabId(2), number: 1 };
    let frame = TabFrame::News { term, place: 2, news: News::Closed { to: port } };
    tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
    let closed = |output: &TabOutput<Frame>, of: u32| {
        let TabOutput::Refreshed { call, error: Some(error) } = output else { return false };
        *call == of && error.code == ErrorCode::Closed
    };
    assert!(drain(&mut tab).iter().any(|output| closed(output, 8)));
    tab.handle(TabInput::Refresh { call: 9 }, NOW);
    drain(&mut tab);
    tab.handle(TabInput::Heard { from: TabId(1), frame: TabFrame::Bye { term } }, NOW);
    assert!(drain(&mut tab).iter().any(|output| closed(output, 9)));
}

#[test]
fn every_tab_is_told_of_a_new_token() {
    let life = Some(Span::from_secs(300));
    let (mut tab, term) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(ada(), NOW);
    let attached = Down::Attached(None);
    let attached =
        TabInput::LinkFrame { slots: vec![1], what: attached, frame: Frame::Ack { id: 0 } };
    tab.handle(attached, NOW);
    drain(&mut tab);

    tab.handle(TabInput::TokenRefreshed(life), NOW);

    let news = |place, news| TabFrame::News { term, place, news };
    let refreshed = News::TokenRefreshed { life };
    let post = TabOutput::Post(news(0, refreshed.clone()));
    assert_eq!(drain(&mut tab), [TabOutput::TokenRefreshed(life), post]);
    // One that is not connected yet connects with that token.
    let mut tab: Tab<Frame> = Tab::new(TabId(2), "second", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    let mut hear = |frame| {
        tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
        drain(&mut tab)
    };
    hear(TabFrame::Lead { term, next: 0, link: "first".into() });
    assert_eq!(hear(news(0, refreshed.clone())), []);
    let to = PortId { tab: TabId(2), number: 1 };
    hear(news(1, News::Opened { to, terms: terms("ada"), epoch: None }));
    assert_eq!(hear(news(2, refreshed)), [TabOutput::TokenRefreshed(life)]);
}

#[test]
fn every_tab_is_told_why_the_connection_was_lost() {
    let (mut tab, term) = leader();
    tab.handle(TabInput::Open { port: 1 }, NOW);
    tab.handle(ada(), NOW);
    drain(&mut tab);
    let reason = || Some("the server restarts".into());

    tab.handle(TabInput::LinkLost(reason()), NOW);

    let news = News::Lost { reason: reason() };
    let lost = TabOutput::Post(TabFrame::News { term, place: 0, news });
    assert_eq!(drain(&mut tab), [TabOutput::PortClosed { port: 1, reason: reason() }, lost]);
}

#[test]
fn a_tab_that_does_not_hear_itself_takes_the_lock_from_nobody() {
    for hears in [true, false] {
        let mut tab: Tab<Frame> = Tab::new(TabId(2), "second", true);
        tab.handle(TabInput::Wish(true), NOW);
        let term = Term { number: 5, leader: TabId(1) };
        let frame = TabFrame::Lead { term, next: 0, link: "first".into() };
        tab.handle(TabInput::Heard { from: TabId(1), frame }, NOW);
        drain(&mut tab);
        let mut elapse = || {
            let due = tab.deadline().expect("it is watched");
            tab.handle(TabInput::Elapsed, due);
            let outputs = drain(&mut tab);
            if hears && outputs.contains(&TabOutput::Probe) {
                tab.handle(TabInput::Hears, due);
            }
            outputs
        };

        let asked = [elapse(), elapse()];
        let next = elapse();

        let probes = asked.iter().flatten().filter(|output| **output == TabOutput::Probe).count();
        assert_eq!(probes, 1, "{asked:?}");
        let steals =
            |output: &TabOutput<Frame>| matches!(output, TabOutput::Request { steal: true, .. });
        assert_eq!(next.iter().any(steals), hears, "{next:?}");
        let anew = [TabOutput::Listen(false), TabOutput::Listen(true)];
        assert_eq!(next.starts_with(&anew), !hears, "{next:?}");
    }
}

#[test]
fn an_answer_serves_for_what_it_answers_only() {
    let (mut tab, term) = speaker();
    let message = |id| Frame::Message { id, client: 0, text: id };
    let ack = |id| TabInput::LinkFrame {
        slots: vec![],
        what: Down::Ack(MessageId(id)),
        frame: Frame::Ack { id },
    };
    let sent = ask(&mut tab, term, 2, 0, message(1));
    let Some(&Frame::Message { id: first, .. }) = sent.first() else { panic!("{sent:?}") };
    ask(&mut tab, term, 3, 0, group(1, Change::Join));
    ask(&mut tab, term, 3, 1, message(2));

    // That of a membership is not that of a message before it, which comes later.
    tab.handle(ack(first + 1), NOW);
    assert_eq!(told(&mut tab), [(vec![3], Frame::Ack { id: 1 })]);
    ask(&mut tab, term, 3, 2, group(3, Change::Leave));
    // That of a message is not that of a membership, and serves though the one who has sent it is gone.
    let shut = TabFrame::Shut { term, port: 1 };
    tab.handle(TabInput::Heard { from: TabId(3), frame: shut }, NOW);
    drain(&mut tab);
    tab.handle(ack(first + 2), NOW);
    assert_eq!(told(&mut tab)[0], (vec![2], Frame::Ack { id: 1 }));
    tab.handle(ack(1), NOW);
    assert_eq!(told(&mut tab), []);
}

#[test]
fn a_membership_that_is_refused_or_has_ended_is_none() {
    let (mut tab, term) = speaker();
    let sent = ask(&mut tab, term, 2, 0, group(1, Change::Join));
    let Some(&Frame::Group { id, .. }) = sent.first() else { panic!("{sent:?}") };
    let link = |what| TabInput::LinkFrame { slots: vec![], what, frame: FRAME };
    tab.handle(link(Down::Refused(MessageId(id))), NOW);
    ask(&mut tab, term, 3, 0, group(1, Change::Join));
    drain(&mut tab);

    tab.handle(link(Down::Group(tea())), NOW);
    assert_eq!(told(&mut tab), [(vec![3], FRAME)]);
    tab.handle(link(Down::Ended(tea())), NOW);
    assert_eq!(told(&mut tab), [(vec![3], FRAME)]);
    tab.handle(link(Down::Group(tea())), NOW);
    assert_eq!(told(&mut tab), []);
    assert_eq!(ask(&mut tab, term, 3, 1, group(2, Change::Leave)), [group(id + 2, Change::Leave)]);
}

#[test]
fn who_speaks_for_all_hands_over_once_all_is_answered() {
    let (mut tab, term) = speaker();
    let sent = ask(&mut tab, term, 2, 0, FRAME);
    let Some(&Frame::Message { id, .. }) = sent.first() else { panic!("{sent:?}") };
    tab.handle(TabInput::Shown(false), NOW);
    let elapse = |tab: &mut Tab<Frame>| {
        let due = tab.deadline().expect("a person sees others");
        tab.handle(TabInput::Elapsed, due);
        tab.role()
    };
    assert_eq!([elapse(&mut tab), elapse(&mut tab)], [Role::Leader, Role::Leader]);

    let what = Down::Ack(MessageId(id));
    tab.handle(TabInput::LinkFrame { slots: vec![], what, frame: Frame::Ack { id } }, NOW);

    assert_eq!(elapse(&mut tab), Role::Follower);
}

#[test]
fn a_tab_that_nobody_sees_asks_as_long_as_it_is_not_served() {
    let mut tab: Tab<Frame> = Tab::new(TabId(2), "second", false);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Open { port: 1 }, NOW);
    let term = Term { number: 5, leader: TabId(1) };
    let heard = |frame| TabInput::Heard { from: TabId(1), frame };
    tab.handle(heard(TabFrame::Lead { term, next: 0, link: "first".into() }), NOW);
    assert!(tab.deadline().is_some());

    let to = PortId { tab: TabId(2), number: 1 };
    let news = News::Opened { to, terms: terms("ada"), epoch: None };
    tab.handle(heard(TabFrame::News { term, place: 0, news }), NOW);

    assert_eq!(tab.deadline(), None);
}
