//! Whatever comes, as frames, as bodies and as bytes that are neither: nothing panics, each is
//! answered as it has to be, and the next client is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onesocket_protocol::Slot;
use onesocket_server::hub::{Command, Delivery, Hub, Key};
use onesocket_server::session::{Messages, Output, Session};
use onesocket_server::token::{Identity, Secret, TokenError};
use onesocket_server::{Config, Outgoing, Rights};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::support::{Server, binary, config, frame};

const KEY: &str = "a key of 32 bytes, or rather more";

const BUFFER: usize = 64 << 10;

/// What comes from a client.
#[derive(Clone, Debug)]
enum Frame {
    Binary(Vec<u8>),
    Text(String),
}

#[test]
fn whatever_frames_come_a_session_answers_each_once_and_ends_once() {
    let lives = vec((frames(), 0..40_u64), 0..60);
    check(500, &(lives, any::<bool>()), |(life, echo)| {
        let config = Arc::new(Config { echo, max_message: 200, ..config() });
        let mut now = Instant::now();
        let mut hub = Hub::default();
        let key = Key(1);
        let connect = Command::Connect { key, user: "ada".into(), client: Some("a".into()) };
        hub.handle(connect, now);
        let rights = Rights::default();
        let identity = Identity { user: "ada".into(), expires_in: Duration::from_mins(5), rights };
        let messages = if echo { Messages::Echoed } else { Messages::Refused };
        let mut session = Session::new(
            key,
            identity,
            None,
            messages,
            onesocket_server::DecidedBy::Token,
            config,
            now,
        );
        let (mut ended, mut last) = (false, key);
        prop_assert_eq!(carry_out(&mut session, &mut hub, &mut last, now)?, (1, false));
        for (frame, secs) in life {
            now += Duration::from_secs(secs);
            session.handle_elapsed(now);
            let (_, closed) = carry_out(&mut session, &mut hub, &mut last, now)?;
            prop_assert!(!(ended && closed), "it ended twice");
            ended |= closed;
            match &frame {
                Frame::Binary(bytes) => session.handle_binary(&bytes.clone().into(), now),
                Frame::Text(text) => session.handle_text(text, now),
            }
            let (answers, closed) = carry_out(&mut session, &mut hub, &mut last, now)?;
            prop_assert!(!(ended && (closed || answers > 0)), "something came after the end");
            // An echo comes beside the answer, and what is published to the other clients of the connection;
            // a pong is not answered at all.
            let most = 2 + usize::from(Slot::MAX.0);
            prop_assert!(answers <= most, "{} answers to {:?}", answers, frame);
            let is_pong = matches!(&frame, Frame::Text(text) if text.contains("pong"));
            prop_assert!(ended || answers > 0 || is_pong, "no answer to {:?}", frame);
            ended |= closed;
            prop_assert_eq!(session.deadline().is_none(), ended);
        }
        Ok(())
    });
}

#[test]
fn whatever_body_comes_is_answered_with_json() {
    let runtime = runtime();
    let server = runtime.block_on(async { server() });
    let key = format!("Authorization: Bearer {KEY}");
    check(500, &(bodies(), any::<bool>()), |(body, publish)| {
        let (path, headers): (_, &[&str]) =
            if publish { ("/publish", &[&key]) } else { ("/token", &[]) };

        let answer = runtime.block_on(server.http("POST", path, headers, &body));

        let said: Value = serde_json::from_str(&answer.body)
            .map_err(|error| TestCaseError::fail(format!("{answer:?}: {error}")))?;
        match answer.status {
            200 if publish => prop_assert!(said["delivered"].is_u64(), "{said}"),
            200 => prop_assert!(said["token"].is_string(), "{said}"),
            400 | 413 => prop_assert!(said["error"].is_string(), "{said}"),
            other => prop_assert!(false, "{other}: {said}"),
        }
        Ok(())
    });
    let mut client = runtime.block_on(server.connect("ada"));
    assert_eq!(runtime.block_on(client.ask(r#"{"type":"ping"}"#))["type"], "pong");
}

#[test]
fn whatever_bytes_come_the_next_client_is_served() {
    let runtime = runtime();
    let server = runtime.block_on(async { server() });
    let line = "(GET|POST|PUT|OPTIONS|get|\\PC{0,5}) (/ws|/token|/publish|/metrics|\\PC{0,20}) \
                HTTP/[0-3]\\.[0-2]";
    let header = "(Upgrade|Connection|Sec-WebSocket-Key|Sec-WebSocket-Protocol|Content-Length|\
                  Transfer-Encoding|Origin|Host|\\PC{0,10}): ?(websocket|Upgrade|chunked|-1|\
                  99999999999999999999|onesocket\\.v1|onesocket\\.token\\.|\\PC{0,20})";
    let requests = (line, vec(header, 0..6), vec(any::<u8>(), 0..50));
    let requests = requests.prop_map(|(line, headers, rest)| {
        let head = [vec![line], headers].concat().join("\r\n") + "\r\n\r\n";
        [head.into_bytes(), rest].concat()
    });
    let bytes = prop_oneof![4 => requests, 1 => vec(any::<u8>(), 0..300)];
    check(500, &bytes, |bytes| {
        runtime.block_on(async {
            let (mut reader, mut writer) = tokio::io::split(server.open().await);
            let write = async {
                // It may have ended before all was written.
                let _ = writer.write_all(&bytes).await;
                let _ = writer.shutdown().await;
            };
            let mut answer = Vec::new();
            let (_, read) = tokio::join!(write, reader.read_to_end(&mut answer));
            prop_assert!(read.is_ok());
            let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.");
            prop_assert!(is_http, "{:?}", String::from_utf8_lossy(&answer));
            Ok(())
        })
    });
    let mut client = runtime.block_on(server.connect("ada"));
    assert_eq!(runtime.block_on(client.ask(r#"{"type":"ping"}"#))["type"], "pong");
}

/// Does what a session says; returns how many frames the client gets, and whether it was closed.
fn carry_out(
    session: &mut Session,
    hub: &mut Hub,
    last: &mut Key,
    now: Instant,
) -> Result<(usize, bool), TestCaseError> {
    let (mut answers, mut closed) = (0, false);
    while let Some(output) = session.poll() {
        prop_assert!(!closed, "{:?} after a close", output);
        match output {
            Output::Attach { id, slot, client } => {
                let key = Key(last.0 + 1);
                *last = key;
                let name = client.clone();
                hub.handle(Command::Attach { key, carrier: Key(1), slot, client: name }, now);
                session.handle_attached(id, slot, client, Some((key, key.epoch(1))));
            }
            Output::Close(cause) => {
                prop_assert!(cause.code().get() >= 1000 && cause.reason().len() <= 123);
                closed = true;
            }
            Output::Decide { .. } => prop_assert!(false, "the token decides"),
            Output::Handle { .. } => prop_assert!(false, "there is no handler"),
            Output::LimitReached(_) => {}
            Output::Send(frame) => {
                // What time brings is no answer.
                answers += usize::from(is_sound(&frame)? != "ping");
            }
            Output::Tell(command) => {
                for delivery in hub.handle(command, now) {
                    if let Delivery::LimitReached(_) = delivery {
                        continue;
                    }
                    let Delivery::Send { to, frame } = delivery else {
                        return Err(TestCaseError::fail(format!("{delivery:?}")));
                    };
                    prop_assert_eq!(hub.route(to).0, Key(1));
                    is_sound(&frame)?;
                    answers += 1;
                }
            }
            Output::Validate { id, .. } => {
                session.handle_validated(id, Err(TokenError::Shape), now);
            }
        }
    }
    Ok((answers, closed))
}

/// Returns the type of a frame, which has to be one of ours.
fn is_sound(frame: &Outgoing) -> Result<String, TestCaseError> {
    prop_assert!(frame.len() < 2000, "{:?}", frame);
    let (head, _) = match frame {
        Outgoing::Accepted { .. } => return Ok("ack".into()),
        Outgoing::Binary(_) => return Ok("message".into()),
        Outgoing::Text(text) => text.split_once('\n').unwrap_or((text, "")),
    };
    let json: Value =
        serde_json::from_str(head).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let kind = json["type"].as_str().unwrap_or_default().to_owned();
    let kinds = ["ack", "attached", "error", "message", "ping", "pong", "refreshed", "welcome"];
    prop_assert!(kinds.contains(&kind.as_str()), "{}", json);
    Ok(kind)
}

fn frames() -> impl Strategy<Value = Frame> {
    let valid = prop_oneof![
        Just(r#"{"type":"ping"}"#.to_owned()),
        Just(r#"{"type":"pong"}"#.to_owned()),
        ("(join|leave)", 0..4_u64, "[a-c]").prop_map(|(kind, id, group)| format!(
            r#"{{"type":"{kind}","id":{id},"group":"{group}"}}"#
        )),
        (0..6_u64, "[a-c]", json()).prop_map(|(id, group, data)| format!(
            r#"{{"type":"publish","id":{id},"group":"{group}","data":{data}}}"#
        )),
        (0..6_u64, json())
            .prop_map(|(id, data)| format!(r#"{{"type":"message","id":{id},"data":{data}}}"#)),
        (1..6_u64).prop_map(|id| format!(r#"{{"type":"refresh","id":{id},"token":"t"}}"#)),
        (1..6_u64, 0..4_u16, "[a-c]").prop_map(|(id, slot, client)| format!(
            r#"{{"type":"attach","id":{id},"as":{slot},"client":"{client}"}}"#
        )),
        (1..6_u64, 0..4_u16)
            .prop_map(|(id, slot)| format!(r#"{{"type":"detach","id":{id},"as":{slot}}}"#)),
        (0..6_u64, 1..4_u16, "(join|leave|message|publish)", "[a-c]").prop_map(
            |(id, slot, kind, group)| format!(
                r#"{{"type":"{kind}","id":{id},"as":{slot},"group":"{group}","data":1}}"#
            )
        ),
    ];
    let broken = (valid.clone(), any::<prop::sample::Index>(), any::<char>()).prop_map(
        |(text, at, with)| {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            chars[at] = with;
            chars.into_iter().collect()
        },
    );
    prop_oneof![
        6 => valid.prop_map(|short| Frame::Text(frame(&short))),
        1 => broken.prop_map(|short: String| Frame::Text(frame(&short))),
        1 => "\\PC{0,40}".prop_map(Frame::Text),
        1 => vec(any::<u8>(), 0..20).prop_map(Frame::Binary),
        2 => (0..6_u64, vec(any::<u8>(), 0..300))
            .prop_map(|(id, data)| Frame::Binary(binary(id, &data).into_data().into())),
    ]
}

fn bodies() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        ("user|to|data|group", json()).prop_map(|(key, value)| format!(r#""{key}":{value}"#)),
        Just(r#""to":"all""#.to_owned()),
        "\\PC{0,9}".prop_map(|name| format!(r#""to":{}"#, serde_json::json!({"group": name}))),
        "\\PC{0,9}".prop_map(|name| format!(r#""user":{}"#, serde_json::json!(name))),
        json().prop_map(|data| format!(r#""data":{data}"#)),
    ];
    prop_oneof![
        4 => vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        1 => json(),
        1 => "\\PC{0,40}",
        1 => (1000..100_000_usize).prop_map(|n| "[".repeat(n)),
    ]
}

/// Returns any JSON, small.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        ".{0,9}".prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("\\PC{0,5}", inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    });
    nested.prop_map(|value| value.to_string())
}

fn server() -> Server {
    let publish_key = Some(Secret::new(KEY).unwrap());
    let config = Config { issue_tokens: true, publish_key, ..config() };
    Server::start_in_memory(config, BUFFER)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let path = "tests/end_to_end/properties.regressions";
    let rules = ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(path))),
        ..ProptestConfig::default()
    };
    let rules = match rules.rng_seed {
        // The same in every run, but where PROPTEST_RNG_SEED asks for others.
        RngSeed::Random => ProptestConfig { rng_seed: RngSeed::Fixed(1), ..rules },
        RngSeed::Fixed(_) => rules,
    };
    TestRunner::new(rules).run(strategy, test).unwrap_or_else(|error| panic!("{error}"));
}
