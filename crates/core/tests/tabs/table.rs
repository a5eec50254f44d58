//! What a tab does at each input, whatever it is to the others then: a table that a reviewer reads as a diff.
//!
//! `UPDATE_GOLDEN=1 cargo test -p onesocket-core --test tabs table` writes it anew.

use std::fmt::Write as _;

use onesocket_core::protocol::{Epoch, Group, MessageId};
use onesocket_core::{
    Applicant, Change, Down, Error, ErrorCode, LinkStatus, News, PortId, Role, Sentence, Span, Tab,
    TabFrame, TabId, TabInput, TabOutput, Term, Terms, Text, Time, Up,
};

use crate::golden;
use crate::world::Frame;

/// Writes the table anew, with `UPDATE_GOLDEN=1` before it.
const COMMAND: &str = "cargo test -p onesocket-core --test tabs table";

const NOW: Time = Time::ZERO;

/// Who leads where this tab does not.
const OTHER: TabId = TabId(1);

/// This tab, and one more.
const ME: TabId = TabId(2);
const THIRD: TabId = TabId(3);

const FRAME: Frame = Frame::Message { id: 1, client: 0, text: 1 };

/// What a tab is to the others, and how it comes to that.
type Stage = (&'static str, fn() -> Tab<Frame>);

const STAGES: [Stage; 15] = [
    ("rests", || tab(&[])),
    ("rests, its page away", || tab(&[TabInput::Wish(true), TabInput::Away])),
    ("rests until others connect again", || {
        fed(open(), [told(2, News::Failed { to: None, error: refused() }), TabInput::Failed])
    }),
    ("waits for the lock", || tab(&[TabInput::Wish(true)])),
    ("waits for the lock, with a port", || {
        tab(&[TabInput::Wish(true), TabInput::Open { port: 1 }])
    }),
    ("follows, its port asked for", asked),
    ("follows, its port open", open),
    ("follows, its port open, seen by nobody", || fed(open(), [TabInput::Shown(false)])),
    ("follows, and has asked in vain", || fed(open(), [TabInput::Elapsed, TabInput::Elapsed])),
    ("leads, and connects", leads),
    ("leads, and is connected", connected),
    ("leads, connected, with a follower", attached),
    ("leads for all, connected, with a follower", one_client),
    ("leads, and was replaced", || {
        fed(connected(), [TabInput::LinkFailed(Error::new(ErrorCode::Replaced, "elsewhere"))])
    }),
    ("leads, and has failed", || {
        fed(connected(), [TabInput::LinkFailed(refused()), TabInput::Failed])
    }),
];

#[test]
fn a_tab_answers_every_input_as_the_table_says() {
    let mut table = String::from(
        "What tab 2 does at each input. Tab 1 leads where it follows, in term 5; tab 3 is one more. An input that\n\
         is not listed changes nothing that can be seen.\n",
    );
    for (stage, make) in STAGES {
        let _ = writeln!(table, "\n{stage}");
        let next = if stage == "follows, its port asked for" { 1 } else { 2 };
        for (name, input) in inputs(next) {
            let mut tab = make();
            while tab.poll().is_some() {}
            tab.handle(input, at(&tab, name));
            let said: Vec<String> =
                std::iter::from_fn(|| tab.poll()).map(|it| words(&it)).collect();
            if !said.is_empty() {
                let _ = writeln!(table, "  {name:<42} {}", said.join(", "));
            }
        }
    }
    golden::compare("crates/core/tests/tabs/table.txt", &table, COMMAND);
}

/// When an input happens: a timer is punctual.
fn at(tab: &Tab<Frame>, name: &str) -> Time {
    if name == "time" { tab.deadline().unwrap_or(NOW) } else { NOW }
}

/// An input, and what it is.
type Named = (&'static str, TabInput<Frame>);

/// Every input; the news of the leader that comes next has this number.
fn inputs(next: u64) -> Vec<Named> {
    let news = |news| told(next, news);
    let heard = |frame| TabInput::Heard { from: THIRD, frame };
    let (mine, theirs) = (term(6, ME), term(5, OTHER));
    let port = PortId { tab: THIRD, number: 1 };
    let link =
        |slots: &[u16], what| TabInput::LinkFrame { slots: slots.to_vec(), what, frame: FRAME };
    let group = Group::new("tea").expect("a name");
    let member = Applicant { client: "third".into(), user: "ada".into(), shown: true };
    let stranger = Applicant { user: "eve".into(), ..member.clone() };
    let status =
        LinkStatus { attempt: 1, retry_in: Some(Span::from_secs(5)), token_expires_in: None };
    vec![
        ("it wants a connection", TabInput::Wish(true)),
        ("it wants none", TabInput::Wish(false)),
        ("its connection fails", TabInput::Failed),
        ("connect()", TabInput::Urge),
        ("refreshToken()", TabInput::Refresh { call: 7 }),
        ("the page goes away", TabInput::Away),
        ("the page is back", TabInput::Back),
        ("a person sees it", TabInput::Shown(true)),
        ("nobody sees it", TabInput::Shown(false)),
        ("time", TabInput::Elapsed),
        ("it hears itself", TabInput::Hears),
        ("a port opens", TabInput::Open { port: 2 }),
        ("its port is shut", TabInput::Shut { port: 1 }),
        ("its port sends", TabInput::Send { port: 1, frame: Up::Frame(FRAME) }),
        ("its port pings", TabInput::Send { port: 1, frame: Up::Ping }),
        ("the lock is granted", TabInput::Granted { request: 1, epoch_ms: 6 }),
        ("the lock is lost", TabInput::Lost { request: 1 }),
        ("the lock is still its own", TabInput::Held(true)),
        ("the lock is not its own", TabInput::Held(false)),
        ("a watched tab is gone", TabInput::Gone { port }),
        ("another says hello", heard(TabFrame::Hello)),
        ("the leader says that it leads", lead(5)),
        (
            "another leads in a later term",
            heard(TabFrame::Lead { term: term(9, THIRD), next: 0, link: "first".into() }),
        ),
        (
            "another leads in an earlier term",
            heard(TabFrame::Lead { term: term(1, THIRD), next: 0, link: "first".into() }),
        ),
        ("the leader says bye", heard(TabFrame::Bye { term: theirs })),
        ("another asks", heard(TabFrame::Ask { term: mine })),
        ("another asks an earlier leader", heard(TabFrame::Ask { term: theirs })),
        ("another is seen", heard(TabFrame::Seen { shown: true })),
        ("another opens a port", heard(TabFrame::Open { term: mine, port: 1, member })),
        (
            "another user's tab opens a port",
            heard(TabFrame::Open { term: mine, port: 1, member: stranger }),
        ),
        (
            "another sends",
            heard(TabFrame::Up { term: mine, port: 1, place: 0, frame: Up::Frame(FRAME) }),
        ),
        ("another pings", heard(TabFrame::Up { term: mine, port: 1, place: 0, frame: Up::Ping })),
        (
            "another sends, with a gap",
            heard(TabFrame::Up { term: mine, port: 1, place: 5, frame: Up::Frame(FRAME) }),
        ),
        (
            "another sends to an earlier leader",
            heard(TabFrame::Up { term: theirs, port: 1, place: 0, frame: Up::Frame(FRAME) }),
        ),
        ("another shuts its port", heard(TabFrame::Shut { term: mine, port: 1 })),
        ("another wants it tried now", heard(TabFrame::Urge { term: mine })),
        ("another wants the token refreshed", heard(TabFrame::Refresh { term: mine, call: 7 })),
        ("news: it is there", news(News::Here)),
        ("news: the port is open", news(opened())),
        ("news: a pong", news(News::Pong { to: own() })),
        ("news: a frame", news(News::Frame { to: vec![own()], frame: FRAME })),
        ("news: a frame for others", news(News::Frame { to: vec![port], frame: FRAME })),
        (
            "news: a gap",
            TabInput::Heard {
                from: OTHER,
                frame: TabFrame::News { term: theirs, place: 9, news: News::Here },
            },
        ),
        ("news: the status", news(News::Status { to: None, link: status })),
        ("news: the port is closed", news(News::Closed { to: own() })),
        ("news: the connection is lost", news(News::Lost { reason: Some("a restart".into()) })),
        ("news: this tab fails", news(News::Failed { to: Some(own()), error: refused() })),
        ("news: all fail", news(News::Failed { to: None, error: refused() })),
        ("the connection is up", TabInput::LinkUp(terms(Some(64)))),
        ("it is up, for one client", TabInput::LinkUp(terms(None))),
        ("its status", TabInput::LinkStatus(status)),
        ("it is lost", TabInput::LinkLost(Some("a restart".into()))),
        ("it is refused", TabInput::LinkFailed(refused())),
        ("it is replaced", TabInput::LinkFailed(Error::new(ErrorCode::Replaced, "elsewhere"))),
        (
            "it is replaced by a tab",
            TabInput::LinkFailed(Error::new(ErrorCode::Replaced, Text::new(Sentence::Moved))),
        ),
        (
            "it has no session",
            TabInput::LinkFailed(Error::new(
                ErrorCode::Unauthorized,
                Text::new(Sentence::NoSession),
            )),
        ),
        ("it has closed", TabInput::LinkClosed),
        (
            "its token is refreshed",
            TabInput::Refreshed { by: PortId { tab: THIRD, number: 7 }, error: None },
        ),
        ("the server has taken its token", TabInput::TokenRefreshed(Some(Span::from_secs(300)))),
        ("a client is attached", link(&[1], Down::Attached(Some(Epoch("e".into()))))),
        ("a client is answered", link(&[1], Down::Ack(MessageId(1)))),
        ("the connection's client is answered", link(&[], Down::Ack(MessageId((1 << 40) + 1)))),
        ("the connection's client is refused", link(&[], Down::Refused(MessageId((1 << 40) + 1)))),
        ("a message to a group", link(&[], Down::Group(group))),
        ("a message to the user", link(&[], Down::Other)),
    ]
}

fn tab(inputs: &[TabInput<Frame>]) -> Tab<Frame> {
    fed(Tab::new(ME, "second", true), inputs.iter().cloned())
}

fn fed(mut tab: Tab<Frame>, inputs: impl IntoIterator<Item = TabInput<Frame>>) -> Tab<Frame> {
    for input in inputs {
        let at =
            if matches!(input, TabInput::Elapsed) { tab.deadline().unwrap_or(NOW) } else { NOW };
        tab.handle(input, at);
    }
    tab
}

fn asked() -> Tab<Frame> {
    tab(&[TabInput::Wish(true), TabInput::Open { port: 1 }, lead(5), told(0, News::Here)])
}

fn open() -> Tab<Frame> {
    fed(asked(), [told(1, opened())])
}

fn leads() -> Tab<Frame> {
    let granted = TabInput::Granted { request: 1, epoch_ms: 6 };
    tab(&[TabInput::Wish(true), TabInput::Open { port: 1 }, granted])
}

fn connected() -> Tab<Frame> {
    let what = Down::Attached(Some(Epoch("e".into())));
    let attached = TabInput::LinkFrame { slots: vec![1], what, frame: FRAME };
    fed(leads(), [TabInput::LinkUp(terms(Some(64))), attached])
}

fn attached() -> Tab<Frame> {
    let what = Down::Attached(Some(Epoch("e".into())));
    fed(connected(), [joins(), TabInput::LinkFrame { slots: vec![2], what, frame: FRAME }])
}

fn one_client() -> Tab<Frame> {
    let request = TabFrame::Up { term: term(6, ME), port: 1, place: 0, frame: Up::Frame(FRAME) };
    let request = TabInput::Heard { from: THIRD, frame: request };
    fed(leads(), [TabInput::LinkUp(terms(None)), joins(), request])
}

fn joins() -> TabInput<Frame> {
    let member = Applicant { client: "third".into(), user: "ada".into(), shown: false };
    let frame = TabFrame::Open { term: term(6, ME), port: 1, member };
    TabInput::Heard { from: THIRD, frame }
}

fn term(number: u64, leader: TabId) -> Term {
    Term { number, leader }
}

fn own() -> PortId {
    PortId { tab: ME, number: 1 }
}

fn lead(number: u64) -> TabInput<Frame> {
    let frame = TabFrame::Lead { term: term(number, OTHER), next: 0, link: "first".into() };
    TabInput::Heard { from: OTHER, frame }
}

/// News of the leader under a number.
fn told(place: u64, news: News<Frame>) -> TabInput<Frame> {
    let frame = TabFrame::News { term: term(5, OTHER), place, news };
    TabInput::Heard { from: OTHER, frame }
}

fn opened() -> News<Frame> {
    News::Opened { to: own(), terms: terms(Some(64)), epoch: Some(Epoch("e".into())) }
}

fn terms(tabs: Option<u16>) -> Terms {
    Terms { user: "ada".into(), connection_id: "c1".into(), max_message_bytes: 9, tabs }
}

fn refused() -> Error {
    Error::new(ErrorCode::Refused, "no")
}

/// Says in a few words what is to be done.
fn words(output: &TabOutput<Frame>) -> String {
    match output {
        TabOutput::Attach { slot, .. } => format!("attach {slot}"),
        TabOutput::Detach { slot, .. } => format!("detach {slot}"),
        TabOutput::Lead { link } => format!("connect as {link}"),
        TabOutput::Listen(true) => "listen".into(),
        TabOutput::Listen(false) => "listen no more".into(),
        TabOutput::Post(frame) => format!("post {}", posted(frame)),
        TabOutput::PortClosed { port, reason: None } => format!("close port {port}"),
        TabOutput::PortClosed { port, reason: Some(reason) } => {
            format!("close port {port}: {reason}")
        }
        TabOutput::PortFailed { port, error } => {
            format!("fail port {port} {}", error.code.as_str())
        }
        TabOutput::PortFrame { port, .. } => format!("deliver to port {port}"),
        TabOutput::PortOpened { port, epoch, .. } => {
            format!("open port {port}{}", if epoch.is_some() { "" } else { " without memory" })
        }
        TabOutput::PortPong { port } => format!("pong to port {port}"),
        TabOutput::PortStatus { port, .. } => format!("tell port {port} the status"),
        TabOutput::Probe => "probe".into(),
        TabOutput::Query => "query the lock".into(),
        TabOutput::Refresh { by } => format!("refresh for {}", by.tab.0),
        TabOutput::Refreshed { error, .. } => error
            .as_ref()
            .map_or("resolve it".into(), |error| format!("reject it {}", error.code.as_str())),
        TabOutput::Release { request } => format!("release {request}"),
        TabOutput::Request { request, steal: false } => format!("request {request}"),
        TabOutput::Request { request, steal: true } => format!("steal by {request}"),
        TabOutput::Resign => "close the connection".into(),
        TabOutput::Revive => "connect again".into(),
        TabOutput::Role(Role::None) => "be nobody".into(),
        TabOutput::Role(role) => format!("be {}", role.as_str()),
        TabOutput::TokenRefreshed(_) => "tell refreshed".into(),
        TabOutput::Watch { port } => format!("watch {}", port.tab.0),
        TabOutput::Up { slot: 0, frame } => match frame {
            Frame::Message { .. } | Frame::Ack { .. } => "send".into(),
            Frame::Group { change: Change::Leave(_), .. } => "send leave".into(),
            Frame::Group { .. } => "send join".into(),
        },
        TabOutput::Up { slot, .. } => format!("send as {slot}"),
    }
}

fn posted(frame: &TabFrame<Frame>) -> String {
    match frame {
        TabFrame::Hello => "hello".into(),
        TabFrame::Lead { term, .. } => format!("lead {}", term.number),
        TabFrame::Bye { .. } => "bye".into(),
        TabFrame::Ask { .. } => "ask".into(),
        TabFrame::Seen { shown: true } => "seen".into(),
        TabFrame::Seen { shown: false } => "unseen".into(),
        TabFrame::Open { .. } => "open".into(),
        TabFrame::Up { .. } => "up".into(),
        TabFrame::Urge { .. } => "urge".into(),
        TabFrame::Refresh { .. } => "refresh".into(),
        TabFrame::Shut { .. } => "shut".into(),
        TabFrame::News { news, .. } => match news {
            News::Here => "here".into(),
            News::Opened { to, .. } => format!("opened to {}", to.tab.0),
            News::Pong { to } => format!("pong to {}", to.tab.0),
            News::Frame { to, .. } => {
                let to: Vec<_> = to.iter().map(|to| to.tab.0.to_string()).collect();
                format!("frame to {}", to.join(" and "))
            }
            News::Status { to: None, .. } => "status".into(),
            News::Status { to: Some(to), .. } => format!("status to {}", to.tab.0),
            News::Closed { to } => format!("closed to {}", to.tab.0),
            News::Lost { .. } => "lost".into(),
            News::TokenRefreshed { .. } => "token refreshed".into(),
            News::Refreshed { to, .. } => format!("refreshed to {}", to.tab.0),
            News::Failed { to: None, .. } => "failed".into(),
            News::Failed { to: Some(to), .. } => format!("failed to {}", to.tab.0),
        },
    }
}
