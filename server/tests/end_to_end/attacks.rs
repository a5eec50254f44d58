//! What somebody does who means harm: it ends the attacker's connection and costs nobody else's.
//! Tokens that are forged are in `token.rs`, floods and drips in `limits.rs`, lies to the log in
//! `binary.rs`.

use std::time::Duration;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::support::{Client, Io, Server, config, token, token_issued_at};

const PING: &str = r#"{"type":"ping"}"#;

/// What a client's frames are masked with; with zeros they stay as they are.
const MASK: [u8; 4] = [0; 4];

#[tokio::test]
async fn a_token_that_is_none_is_refused_whatever_it_is() {
    let server = Server::start(config()).await;
    let good = token("ada");
    let parts: Vec<&str> = good.split('.').collect();
    let long = "x".repeat(8 << 10);
    let doubled = format!("{good}.{good}");
    let swapped = format!("{}.{}.{}", parts[1], parts[0], parts[2]);
    for bad in [
        "",
        ".",
        "..",
        "...",
        "null",
        "{}",
        "\u{0}",
        "ÄÖÜ",
        &good[..good.len() / 2],
        &good[..good.len() - 1],
        &good[1..],
        parts[1],
        &doubled,
        &swapped,
        &good.to_uppercase(),
        &format!(" {good}"),
        &format!("Bearer {good}"),
        &long,
    ] {
        let refused = server.offer(&[SUBPROTOCOL, &token_subprotocol(bad)]).await.closed().await;
        assert_eq!(refused.0, 4401, "{bad}");
    }
    let mut client = server.connect("ada").await;
    let huge = "x".repeat(60 << 10);
    assert_eq!(client.refresh(1, &huge).await["code"], "unauthorized");
}

#[tokio::test]
async fn the_leeway_is_five_seconds_on_the_wall_clock_too() {
    let server = Server::start(config()).await;
    let now = std::time::SystemTime::now();
    let life = Duration::from_mins(5);
    let second = Duration::from_secs(1);
    for (issued_at, may) in [
        (now - life - 7 * second, false),
        (now - life + 30 * second, true),
        (now + 30 * second, false),
    ] {
        let offered = token_subprotocol(&token_issued_at("ada", issued_at));
        let mut client = server.offer(&[SUBPROTOCOL, &offered]).await;
        if may {
            assert_eq!(client.json().await["type"], "welcome");
        } else {
            assert_eq!(client.closed().await.0, 4401);
        }
    }
}

#[tokio::test]
async fn a_header_of_20_megabytes_is_refused_at_its_beginning() {
    let server = Server::start(config()).await;
    let mut other = server.connect("grace").await;
    for name in ["X-Filler: ", "Sec-WebSocket-Protocol: onesocket.token."] {
        let mut stream = server.open().await;
        let head = format!("GET /ws HTTP/1.1\r\nHost: localhost:8080\r\n{name}");
        let filler = vec![b'x'; 48 << 10];

        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&filler).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();

        assert_eq!(&status, b"HTTP/1.1 431");
        // The rest is thrown away, or not even that.
        for _ in 0..400 {
            if stream.write_all(&filler).await.is_err() {
                break;
            }
        }
    }
    assert_eq!(other.ask(PING).await["type"], "pong");
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="head"}"#).await, 2);
}

#[tokio::test]
async fn a_frame_that_says_to_be_enormous_is_not_waited_for() {
    let server = Server::start(config()).await;
    let mut other = server.connect("grace").await;
    for length in [1_u64 << 63, u64::MAX, (1 << 63) - 1, 1 << 32, 1 << 20] {
        let mut client = server.connect("ada").await;

        let head = [&[0x82, 0xff][..], &length.to_be_bytes(), &MASK].concat();
        write(&mut client, &head).await;

        // The first bit has to be 0 (RFC 6455, section 5.2), else it is no length.
        let code = client.closed().await.0;
        assert!([1002, 4413].contains(&code), "{length}: {code}");
    }
    assert_eq!(other.ask(PING).await["type"], "pong");
}

#[tokio::test]
async fn a_million_empty_fragments_are_one_empty_message() {
    let server = Server::start(config()).await;
    let mut other = server.connect("grace").await;
    let mut client = server.connect("ada").await;
    let first = [&[0x01, 0x80][..], &MASK].concat();
    let more = [&[0x00, 0x80][..], &MASK].concat().repeat(1000);
    let last = [&[0x80, 0x80][..], &MASK].concat();

    write(&mut client, &first).await;
    for n in 0..1000 {
        write(&mut client, &more).await;
        if n % 250 == 0 {
            assert_eq!(other.ask(PING).await["type"], "pong");
        }
    }
    write(&mut client, &last).await;

    assert_eq!(client.json().await["code"], "invalid-message");
    assert_eq!(client.ask(PING).await["type"], "pong");
}

#[tokio::test]
async fn a_message_that_grows_by_fragments_ends_at_the_limit() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;
    let payload = vec![b'x'; 1 << 10];
    let fragment = |opcode| {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[opcode, 0xfe], &length[..], &MASK, &payload].concat()
    };

    write(&mut client, &fragment(0x01)).await;
    for _ in 0..70 {
        write(&mut client, &fragment(0x00)).await;
    }

    assert_eq!(client.closed().await.0, 4413);
}

#[tokio::test]
async fn a_frame_that_breaks_the_protocol_ends_its_connection_and_says_so() {
    let server = Server::start(config()).await;
    for (what, frame, code) in [
        ("not masked", vec![0x81, 0x02, b'{', b'}'], 1002),
        ("a reserved bit", [&[0xc1, 0x80][..], &MASK].concat(), 1002),
        ("a reserved opcode", [&[0x83, 0x80][..], &MASK].concat(), 1002),
        ("a continuation of nothing", [&[0x80, 0x80][..], &MASK].concat(), 1002),
        ("a ping in fragments", [&[0x09, 0x80][..], &MASK].concat(), 1002),
        ("a long ping", [&[0x89, 0xfe, 0, 126][..], &MASK, &[0; 126]].concat(), 1002),
        ("no UTF-8", [&[0x81, 0x82][..], &MASK, &[0xff, 0xfe]].concat(), 1007),
    ] {
        let mut client = server.connect("ada").await;

        write(&mut client, &frame).await;

        assert_eq!(client.closed().await.0, code, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_thousand_that_never_shake_hands_keep_nobody_out() {
    let server = Server::start_in_memory(config(), 4 << 10);
    let mut attackers = Vec::new();
    for n in 0..2000 {
        let mut stream = server.open().await;
        // Some say nothing, some a part, some all but the end.
        let part = ["", "GET ", "GET /ws HTTP/1.1\r\nHost: localhost:8080\r\n"][n % 3];
        stream.write_all(part.as_bytes()).await.unwrap();
        attackers.push(stream);
    }
    let start = Instant::now();

    let mut clients = Vec::new();
    for n in 0..50 {
        clients.push(server.connect(&n.to_string()).await);
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody had to wait for anything");

    // The time of the handshake, and of hearing them out.
    sleep(Duration::from_secs(8)).await;
    for stream in &mut attackers {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
    assert_eq!(server.metric("onesocket_clients").await, 50);
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="handshake"}"#).await, 2000);
    for client in &mut clients {
        assert_eq!(client.ask(PING).await["type"], "pong");
    }
}

#[tokio::test]
async fn names_of_groups_and_users_are_taken_as_they_are_or_not_at_all() {
    let server = Server::start(Config { issue_tokens: true, ..config() }).await;
    let mut ada = server.connect("ada").await;
    for (id, name) in
        (1..).zip(["\r\nSet-Cookie: a=b", "a\u{1b}[31mb", "a\u{0}b", "a\u{7f}", "\u{85}"])
    {
        let join = json!({"type": "join", "id": id, "group": name}).to_string();
        assert_eq!(ada.ask(&join).await["code"], "invalid-message", "{name:?}");
        let body = json!({"user": name}).to_string();
        assert_eq!(server.http("POST", "/token", &[], &body).await.status, 400, "{name:?}");
    }
    let name = "<script>alert(1)</script> \u{202e} '; DROP TABLE users; -- {}";
    let join = json!({"type": "join", "id": 9, "group": name}).to_string();
    assert_eq!(ada.ask(&join).await["type"], "ack");
    let mut other = server.connect(name).await;
    assert_eq!(other.ask(&join).await["type"], "ack");
    let publish = json!({"type": "publish", "id": 10, "group": name, "data": null}).to_string();
    assert_eq!(other.ask(&publish).await["type"], "ack");
    let heard = ada.json().await;
    assert_eq!((&heard["from"], &heard["group"]), (&json!(name), &json!(name)));
}

/// Writes bytes beneath the WebSocket.
async fn write(client: &mut Client, bytes: &[u8]) {
    let stream: &mut Box<dyn Io> = client.socket.get_mut();
    stream.write_all(bytes).await.unwrap();
}
