//! Every input of the machine, and how it is fed.

use onesocket_core::protocol::{CloseCode, FrameErrorCode, Group, MessageId, ServerFrame};
use onesocket_core::{Attempt, Error, ErrorCode, Input, Output, Request, Span, TokenAnswer};

use crate::world::{Message, World, refusal, token, welcome};
use crate::{EARLIER, NEW};

/// How an input is fed; for some it takes the world.
pub(crate) type Feed = fn(&mut World);

/// Every input, by its name.
pub(crate) const INPUTS: &[(&str, Feed)] = &[
    ("connect()", |world| feed(world, Input::Connect { call: NEW })),
    ("abort", |world| feed(world, Input::Abort { call: EARLIER })),
    ("close()", |world| {
        let reason = String::new();
        feed(world, Input::Close { call: NEW, code: CloseCode::NORMAL, reason });
    }),
    ("hold()", |world| feed(world, Input::Hold)),
    ("release", |world| feed(world, Input::Release)),
    ("send()", |world| {
        if let Err(error) = world.send("hello") {
            let error = error.code;
            world.said.push(Output::Deliver(match error {
                ErrorCode::Closed => "throws closed",
                other => panic!("send threw {other:?}"),
            }));
        }
    }),
    ("publish()", |world| {
        feed(
            world,
            Input::Request {
                call: NEW,
                request: Request::Publish { group: tea(), data: "milk", bytes: 4 },
            },
        );
    }),
    ("join()", |world| feed(world, Input::Request { call: NEW, request: Request::Join(tea()) })),
    ("leave()", |world| feed(world, Input::Request { call: NEW, request: Request::Leave(tea()) })),
    ("refreshToken()", |world| {
        feed(world, Input::Request { call: NEW, request: Request::Refresh })
    }),
    ("token", |world| answer(world, token())),
    ("no session", |world| answer(world, TokenAnswer::NoSession)),
    ("getToken says later", |world| answer(world, TokenAnswer::Later(Span::from_secs(70)))),
    ("getToken failed", |world| answer(world, TokenAnswer::Failed("it threw".into()))),
    ("socket fails", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::Failed { attempt, error: Error::new(ErrorCode::InvalidOptions, "no") });
    }),
    ("opened", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::Opened { attempt });
    }),
    ("ready", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::Ready { attempt });
    }),
    ("welcome", |world| receive(world, ServerFrame::Welcome(welcome()))),
    ("ping", |world| receive(world, ServerFrame::Ping)),
    ("message", |world| receive(world, ServerFrame::Message("milk"))),
    ("ack", |world| receive(world, ServerFrame::Ack { id: MessageId(1) })),
    ("error", |world| receive(world, refusal(1, FrameErrorCode::Refused))),
    ("pong", |world| receive(world, ServerFrame::Pong)),
    ("refreshed", |world| {
        let token_expires_in = Some(Span::from_secs(300));
        receive(world, ServerFrame::Refreshed { id: MessageId(1), token_expires_in });
    }),
    ("new token sent", |world| token_sent(world, Ok(()))),
    ("new token not sent", |world| token_sent(world, Err("it threw".into()))),
    ("invalid frame", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::InvalidFrame { attempt, problem: "no JSON".into() });
    }),
    ("readyState CLOSING", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::Closing { attempt });
    }),
    ("closed 1000", |world| closed(world, 1000, "")),
    ("closed 1006", |world| closed(world, 1006, "")),
    ("closed 4401", |world| closed(world, 4401, "")),
    ("closed 4409", |world| closed(world, 4409, "")),
    ("closed 4529", |world| closed(world, 4529, "retry-after-ms=30000")),
    // Two seconds after the server was heard: before that nothing is asked.
    ("awake", |world| {
        world.now = world.now + Span::from_secs(2);
        feed(world, Input::Wake);
    }),
    ("in use", |world| {
        world.now = world.now + Span::from_secs(2);
        feed(world, Input::Activity);
    }),
    ("asked for in another tab", |world| feed(world, Input::Revive)),
    ("offline", |world| feed(world, Input::Offline)),
    ("online", |world| {
        feed(world, Input::Offline);
        world.now = world.now + Span::from_secs(2);
        feed(world, Input::Online);
    }),
    ("an old socket closed", |world| {
        let (attempt, code) = (Attempt(99), CloseCode::seen(4409));
        let (reason, retry) = (String::new(), code.retry());
        feed(world, Input::Closed { attempt, code, reason, retry });
    }),
    ("time", |world| {
        if world.machine.deadline().is_some() {
            world.elapse();
        } else {
            world.pass(Span::from_secs(3600));
        }
    }),
];

fn tea() -> Group {
    Group::new("tea").unwrap()
}

fn feed(world: &mut World, input: Input<Message>) {
    world.feed(input);
}

fn last_attempt(world: &World) -> Attempt {
    Attempt(u32::try_from(world.sockets()).unwrap())
}

fn receive(world: &mut World, frame: ServerFrame<Message>) {
    let attempt = last_attempt(world);
    feed(world, Input::Received { attempt, frame, bytes: 4 });
}

fn closed(world: &mut World, code: u16, reason: &str) {
    let attempt = last_attempt(world);
    let (code, reason) = (CloseCode::seen(code), reason.to_owned());
    feed(world, Input::Closed { attempt, code, reason, retry: code.retry() });
}

fn token_sent(world: &mut World, result: Result<(), String>) {
    let (attempt, id) = (last_attempt(world), MessageId(1));
    feed(world, Input::TokenSent { attempt, id, result: result.map_err(Into::into) });
}

fn answer(world: &mut World, answer: TokenAnswer) {
    let asked = world.said.iter().any(|said| matches!(said, Output::FetchToken { .. }));
    let fetch = if asked { world.fetch() } else { onesocket_core::Fetch(0) };
    feed(world, Input::Token { fetch, answer });
}
