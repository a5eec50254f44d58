//! Every state and every input: what comes of it, as a table that a reviewer reads as a diff, and
//! the diagram of the README, drawn from the same run.
//!
//! `UPDATE_GOLDEN=1 cargo test -p onesocket-core --test transitions` writes both anew; a run with
//! `CI` set never does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

#[path = "../world/mod.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onesocket_core::protocol::{
    ClientFrame, CloseCode, FrameErrorCode, Group, MessageId, ServerFrame,
};
use onesocket_core::{
    Attempt, Call, Config, Input, Output, PLAIN_PING_INTERVAL, PlainRules, Request, StateName,
    TokenAnswer, Wire,
};
use world::{Message, World, config, refusal, token, welcome};

/// A call that was made before the input came, and one that is made by it.
const EARLIER: Call = Call(1);
const NEW: Call = Call(100);

/// A state, and how to get there.
type Scene = (&'static str, fn() -> World);

fn waiting_after_timeout() -> World {
    let mut world = World::plain();
    world.connect();
    world.elapse();
    world
}

fn exhausted_by_timeout() -> World {
    let mut world = World::plain();
    world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.elapse();
    world
}

fn held_then_released() -> World {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.agree();
    world.feed(Input::Release);
    world.elapse();
    world
}

fn reconnected() -> World {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    world
}

fn asking() -> World {
    after(World::with_tokens().connected(), |world| {
        world.refresh();
    })
}

fn after(mut world: World, act: fn(&mut World)) -> World {
    act(&mut world);
    world
}

/// A machine that speaks with a server which is not ours, has tokens, pings and refreshes.
fn plain() -> World {
    let wire = Wire::Plain(PlainRules { ping: true, refresh: true });
    World::new(Config { tokens: true, wire, ..config() })
}

fn plainly_connected() -> World {
    after(plain(), |world| {
        world.connect();
        world.answer(token());
        world.opened();
    })
}

fn connecting() -> World {
    after(World::plain(), |world| {
        world.connect();
    })
}

fn closing() -> World {
    after(World::plain().connected(), |world| {
        world.close();
    })
}

fn lingering() -> World {
    after(connecting(), |world| {
        world.close();
    })
}

/// How an input is fed; for some it takes the world.
type Feed = fn(&mut World);

/// Every stage of the machine, by its name.
const SCENES: &[Scene] = &[
    ("idle", World::plain),
    ("connecting/fetching", || {
        after(World::with_tokens(), |world| {
            world.connect();
        })
    }),
    ("connecting/opening", connecting),
    ("connecting/agreeing", || after(connecting(), World::opened)),
    ("connecting/server-closing", || {
        after(World::plain().connected(), |world| {
            let attempt = world.attempt();
            world.feed(Input::Closing { attempt });
        })
    }),
    ("connecting/closing-old", || {
        after(closing(), |world| {
            world.connect();
        })
    }),
    ("connected", || World::with_tokens().connected()),
    ("connected/unproven", reconnected),
    ("connected/fetching", asking),
    ("connected/refreshing", || after(asking(), |world| world.answer(token()))),
    ("connected/probing", || {
        after(World::plain().connected(), |world| world.pass(Duration::from_secs(60)))
    }),
    ("waiting", || after(World::plain().connected(), |world| world.closed(1006))),
    ("waiting with a token on its way", || after(asking(), |world| world.closed(1006))),
    ("waiting+closing", waiting_after_timeout),
    ("closing", closing),
    ("closing/released", held_then_released),
    ("closed", || after(closing(), |world| world.closed(1000))),
    ("closed+lingering", lingering),
    ("closed+closing", || after(lingering(), World::opened)),
    ("closed/released", || after(held_then_released(), |world| world.closed(1000))),
    ("closed/released+lingering", || {
        after(connecting(), |world| {
            world.feed(Input::Abort { call: EARLIER });
        })
    }),
    ("closed/released+closing", || {
        after(connecting(), |world| {
            world.feed(Input::Abort { call: EARLIER });
            world.opened();
        })
    }),
    ("failed", || after(World::plain().connected(), |world| world.closed(4409))),
    ("failed+closing", exhausted_by_timeout),
    ("plain connecting/opening", || {
        after(plain(), |world| {
            world.connect();
            world.answer(token());
        })
    }),
    ("plain connected", plainly_connected),
    ("plain connected/refreshing", || {
        after(plainly_connected(), |world| {
            world.refresh();
            world.answer(token());
        })
    }),
    ("plain connected/probing", || {
        after(plainly_connected(), |world| world.pass(PLAIN_PING_INTERVAL))
    }),
];

/// Every input, by its name.
const INPUTS: &[(&str, Feed)] = &[
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
                onesocket_core::ErrorCode::Closed => "throws closed",
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
    ("getToken says later", |world| answer(world, TokenAnswer::Later(Duration::from_secs(70)))),
    ("getToken failed", |world| answer(world, TokenAnswer::Failed("it threw".into()))),
    ("browser refuses", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::OpenFailed { attempt, problem: "no".into() });
    }),
    ("opened", |world| {
        let attempt = last_attempt(world);
        feed(world, Input::Opened { attempt });
    }),
    ("welcome", |world| receive(world, ServerFrame::Welcome(welcome()))),
    ("ping", |world| receive(world, ServerFrame::Ping)),
    ("message", |world| receive(world, ServerFrame::Message("milk"))),
    ("ack", |world| receive(world, ServerFrame::Ack { id: MessageId(1) })),
    ("error", |world| receive(world, refusal(1, FrameErrorCode::Refused))),
    ("pong", |world| receive(world, ServerFrame::Pong)),
    ("refreshed", |world| {
        let token_expires_in = Some(Duration::from_secs(300));
        receive(world, ServerFrame::Refreshed { id: MessageId(1), token_expires_in });
    }),
    ("new token sent", |world| token_sent(world, Ok(()))),
    ("new token not sent", |world| token_sent(world, Err("it threw".into()))),
    ("garbled", |world| {
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
        world.now = world.now + Duration::from_secs(2);
        feed(world, Input::Wake);
    }),
    ("offline", |world| feed(world, Input::Offline)),
    ("online", |world| {
        feed(world, Input::Offline);
        world.now = world.now + Duration::from_secs(2);
        feed(world, Input::Online);
    }),
    ("a stranger closed", |world| {
        let (attempt, code) = (Attempt(99), CloseCode::seen(4409));
        let (reason, retry) = (String::new(), code.retry());
        feed(world, Input::Closed { attempt, code, reason, retry });
    }),
    ("time", |world| {
        if world.machine.deadline().is_some() {
            world.elapse();
        } else {
            world.pass(Duration::from_secs(3600));
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
    feed(world, Input::TokenSent { attempt, id, result });
}

fn answer(world: &mut World, answer: TokenAnswer) {
    let asked = world.said.iter().any(|said| matches!(said, Output::FetchToken { .. }));
    let fetch = if asked { world.fetch() } else { onesocket_core::Fetch(0) };
    feed(world, Input::Token { fetch, answer });
}

/// Says in a few words what is to be done; `None` for a change of status, which the table shows.
fn words(output: &Output<Message>) -> Option<String> {
    Some(match output {
        Output::AbortToken { .. } => "abort getToken".into(),
        Output::Deliver("throws closed") => "throw closed".into(),
        Output::Deliver(_) => "deliver".into(),
        Output::Detach { attempt } => format!("detach {}", attempt.0),
        Output::Error { error, undelivered } if undelivered.is_empty() => {
            format!("error {}", error.code.as_str())
        }
        Output::Error { error, undelivered } => {
            format!("error {} with {} undelivered", error.code.as_str(), undelivered.len())
        }
        Output::FetchToken { .. } => "ask getToken".into(),
        Output::SendHello { attempt } => format!("greet {}", attempt.0),
        Output::Log(note) => format!("log \"{}\"", first_words(&note.to_string())),
        Output::Open { attempt, .. } => format!("open {}", attempt.0),
        Output::Settle { call, result } => {
            let whose = if *call == NEW { "it" } else { "earlier" };
            match result {
                Ok(()) => format!("resolve {whose}"),
                Err(error) => format!("reject {whose} {}", error.code.as_str()),
            }
        }
        Output::Shut { attempt, code, .. } => format!("shut {} with {}", attempt.0, code.get()),
        Output::Status { .. } => return None,
        Output::TokenRefreshed { .. } => "tell refreshed".into(),
        Output::TokenFetched { result: Ok(_) } => "tell token".into(),
        Output::TokenFetched { result: Err(_) } => "tell token failed".into(),
        Output::Transmit { frame, .. } => match frame {
            ClientFrame::Join { .. } => "send join".into(),
            ClientFrame::Leave { .. } => "send leave".into(),
            ClientFrame::Message { .. } => "send message".into(),
            ClientFrame::Ping => "send ping".into(),
            ClientFrame::Pong => "send pong".into(),
            ClientFrame::Publish { .. } => "send publish".into(),
            ClientFrame::Refresh { .. } => "send the new token".into(),
        },
    })
}

fn first_words(text: &str) -> String {
    text.trim_start_matches("🔌 ").split([':', '(']).next().unwrap().trim().to_owned()
}

/// The rows of the table, and which public state leads to which by what.
fn explore() -> (String, BTreeMap<(StateName, StateName), BTreeSet<&'static str>>) {
    let mut table = String::from(
        "Every state and every input. An input that is not listed under a state changes\nnothing that can be seen: what is sent before the connection waits for it.\n",
    );
    let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (name, scene) in SCENES {
        writeln!(table, "\n{name}").unwrap();
        for (input, feed) in INPUTS {
            let mut world = scene();
            let stage = world.stage();
            assert!(
                name.strip_prefix("plain ").unwrap_or(name).starts_with(&stage),
                "{name}: {stage}"
            );
            let (from, start) = (world.state(), world.said.len());

            feed(&mut world);

            let to = world.stage();
            let said: Vec<_> = world.said[start..].iter().filter_map(words).collect();
            if to == stage && said.is_empty() {
                continue;
            }
            let arrow = if to == stage { String::new() } else { format!(" -> {to}") };
            let row = format!("  {input:<20}{arrow:<29} {}", said.join(", "));
            writeln!(table, "{}", row.trim_end()).unwrap();
            if from != world.state() {
                edges.entry((from, world.state())).or_default().insert(*input);
            }
        }
    }
    (table, edges)
}

/// The diagram of the README: the seven states that a user sees.
fn diagram(edges: &BTreeMap<(StateName, StateName), BTreeSet<&'static str>>) -> String {
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> idle\n");
    for ((from, to), inputs) in edges {
        let inputs: Vec<_> = inputs.iter().copied().collect();
        let (from, to) = (from.as_str(), to.as_str());
        writeln!(text, "    {from} --> {to}: {}", inputs.join(", ")).unwrap();
    }
    text + "```\n"
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file with what it should be, or writes it where a person asked for that.
fn check(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI never rewrites a golden file");
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not what this run shows. Look at the difference after\n\
         UPDATE_GOLDEN=1 cargo test -p onesocket-core --test transitions",
        path.display()
    );
}

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    let (table, _) = explore();

    check(&root().join("crates/core/tests/transitions/table.txt"), &table);
}

#[test]
fn the_readme_shows_the_states_as_they_are() {
    const BEGIN: &str = "<!-- states: drawn by crates/core/tests/transitions -->\n";
    const END: &str = "<!-- /states -->";
    let (_, edges) = explore();
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has a place for the diagram");
    let (_, after) = rest.split_once(END).expect("the place for the diagram ends");

    check(&path, &format!("{before}{BEGIN}{}{END}{after}", diagram(&edges)));
}

#[test]
fn every_state_can_end_closed_and_can_begin_again() {
    for (name, scene) in SCENES {
        let mut world = scene();
        let close = world.close();
        while world.machine.deadline().is_some() {
            world.elapse();
        }
        assert_eq!(world.state(), StateName::Closed, "{name}");
        assert_eq!(world.answer_to(close), Some(Ok(())), "{name}");

        let mut world = scene();
        let connect = world.connect();
        while world.state() != StateName::Connected {
            match world.stage().as_str() {
                "connecting/fetching" => world.answer(token()),
                "connecting/opening" => world.opened(),
                "connecting/agreeing" => world.welcomed(),
                _ => drop(world.elapse()),
            }
        }
        assert_eq!(world.answer_to(connect), Some(Ok(())), "{name}");
    }
}
