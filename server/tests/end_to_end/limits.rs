//! What the limits do: on a clock that only the test moves, and from addresses that it makes up.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Io, Server, config, http, token, upgrade};

const BUFFER: usize = 16 << 10;

const PING: &str = r#"{"type":"ping"}"#;

const TOKEN: &str = r#"{"user":"ada"}"#;

#[tokio::test(start_paused = true)]
async fn who_says_too_much_is_closed_and_told_when_to_come_back() {
    for socket_ping in [false, true] {
        let server = server(Config { max_rate: 10, max_burst: 30, ..config() });
        let mut client = server.connect("ada").await;
        for _ in 0..30 {
            assert_eq!(client.ask(PING).await["type"], "pong");
        }
        // Each tenth of a second brings one more.
        sleep(Duration::from_secs(1)).await;
        for _ in 0..10 {
            assert_eq!(client.ask(PING).await["type"], "pong");
        }

        let message = if socket_ping { Message::Ping("".into()) } else { Message::text(PING) };
        client.socket.send(message).await.unwrap();

        assert_eq!(client.closed().await, (4529, "retry-after-ms=3000".to_owned()));
        assert_eq!(server.metric(r#"onesocket_refused_total{limit="rate"}"#).await, 1);
        assert_eq!(server.metric(r#"onesocket_closed_total{by="server",code="4529"}"#).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_the_sockets_own_pings_ends_its_connection_and_no_other() {
    let server = server(config());
    let mut other = server.connect("grace").await;
    let (mut sink, mut stream) = server.connect("ada").await.socket.split();
    let flood = async {
        for _ in 0..100_000 {
            if sink.send(Message::Ping("flood".into())).await.is_err() {
                break;
            }
        }
    };
    let end = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(close))) => break u16::from(close.unwrap().code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };

    let ((), code) = tokio::join!(flood, end);

    assert_eq!(code, 4529);
    assert_eq!(other.ask(PING).await["type"], "pong");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_may_say_at_once_what_has_waited() {
    let server = server(config());
    let mut client = server.connect("ada").await;
    for id in 1..=100 {
        let join = format!(r#"{{"type":"join","id":{id},"group":"{id}"}}"#);
        assert_eq!(client.ask(&join).await["type"], "ack");
    }

    for id in 101..=1100 {
        let publish = format!(r#"{{"type":"publish","id":{id},"group":"1","data":1}}"#);
        assert_eq!(client.ask(&publish).await["type"], "ack");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_above_its_limit_is_refused_and_counted() {
    let server = server(Config { echo: true, max_message: 10, ..config() });
    let mut client = server.connect("ada").await;
    let frame = |kind: &str, data: &str| format!(r#"{{{kind},"data":"{data}"}}"#);

    for (id, kind) in [(1, r#""type":"message""#), (2, r#""type":"publish","group":"tea""#)] {
        let refused = client.ask(&frame(&format!(r#"{kind},"id":{id}"#), "123456789")).await;
        assert_eq!((&refused["code"], &refused["id"]), (&json!("too-large"), &json!(id)));
        assert_eq!(server.metric(r#"onesocket_refused_total{limit="message"}"#).await, id);
    }
    // What is refused for another reason is no matter of this limit.
    client.ask(&frame(r#""type":"publish","group":"tea","id":3"#, "12345678")).await;
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="message"}"#).await, 2);
}

#[tokio::test(start_paused = true)]
async fn more_groups_than_one_connection_may_join_are_refused_and_counted() {
    let server = server(config());
    let mut client = server.connect("ada").await;
    let join = |n: u64| format!(r#"{{"type":"join","id":{n},"group":"{n}"}}"#);
    for n in 1..=100 {
        assert_eq!(client.ask(&join(n)).await["type"], "ack");
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="groups"}"#).await, 0);

    assert_eq!(client.ask(&join(101)).await["code"], "refused");
    assert_eq!(client.ask(&join(100)).await["type"], "ack");

    assert_eq!(server.metric(r#"onesocket_refused_total{limit="groups"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_all_places_are_taken_is_told_so_before_the_upgrade() {
    let server = server(Config { max_connections: 3, ..config() });
    let silent = server.open().await;
    let connected = [server.connect("ada").await, server.connect("grace").await];

    for (path, status) in [("/ws", 503), ("/token", 503), ("/", 503)] {
        let answer = server.http("GET", path, &[], "").await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
    // Who looks after the server is let in.
    assert_eq!(server.http("GET", "/healthz", &[], "").await.status, 200);
    assert_eq!(server.http("GET", "/readyz", &[], "").await.status, 503);
    assert!(server.metric(r#"onesocket_refused_total{limit="connections"}"#).await >= 5);
    assert_eq!(server.metric("onesocket_connections").await, 3);

    drop(silent);
    sleep(Duration::from_secs(1)).await;
    let _alan = server.connect("alan").await;
    drop(connected);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_gives_its_place_back() {
    let server = server(Config { max_connections: 2, ..config() });
    let _silent = [server.open().await, server.open().await];
    assert_eq!(server.http("GET", "/ws", &[], "").await.status, 503);

    // The handshake's time, and the time in which it is heard out.
    sleep(Duration::from_secs(8)).await;

    server.connect("ada").await;
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="handshake"}"#).await, 2);
}

#[tokio::test(start_paused = true)]
async fn more_than_can_be_turned_away_at_once_are_dropped() {
    let server = server(Config { max_connections: 1, ..config() });
    let _connected = server.connect("ada").await;
    let _waiting: Vec<_> = futures_util::future::join_all((0..256).map(|_| server.open())).await;
    sleep(Duration::from_millis(1)).await;

    let mut dropped = server.open().await;

    let mut nothing = Vec::new();
    let start = Instant::now();
    dropped.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty() && start.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn an_address_has_its_places_and_takes_those_of_no_other() {
    let server = server(Config { max_per_address: 2, ..config() });
    let here = "192.0.2.1";
    let silent = server.open_from(here);
    let mut ada = connect_from(&server, "ada", here).await;

    let refused = http(server.open_from(here), "GET", "/ws", &[], "").await;
    assert_eq!(refused.status, 503);
    for elsewhere in ["192.0.2.2", "2001:db8::1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "::1"] {
        assert_eq!(http(server.open_from(elsewhere), "GET", "/healthz", &[], "").await.status, 200);
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="per-address"}"#).await, 1);

    drop(silent);
    sleep(Duration::from_secs(1)).await;
    let _grace = connect_from(&server, "grace", here).await;
    assert_eq!(ada.ask(PING).await["type"], "pong");
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_it_is_the_client_that_has_the_places() {
    let address_header = Some("x-forwarded-for".to_owned());
    let server = server(Config { max_per_address: 1, address_header, ..config() });
    let mut clients = Vec::new();
    for n in 1..=3 {
        let from = format!("203.0.113.7, 192.0.2.{n}");
        clients.push(upgrade_as(server.open_from("10.0.0.1"), &format!("{n}"), &from).await);
    }

    let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    let headers = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        key,
        "X-Forwarded-For: 198.51.100.1, 192.0.2.2",
    ];
    let mut stream = server.open_from("10.0.0.1");
    let request = format!("GET /ws HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", headers.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();

    assert_eq!(&status, b"HTTP/1.1 503");
    clients.remove(1).socket.close(None).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    upgrade_as(server.open_from("10.0.0.1"), "4", "192.0.2.2").await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let server = server(Config { issue_tokens: true, max_address_rate: 1, ..config() });
    let ask = async |address| http(server.open_from(address), "POST", "/token", &[], TOKEN).await;
    for _ in 0..10 {
        assert_eq!(ask("192.0.2.1").await.status, 200);
    }

    let refused = ask("192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: 1\r\n"), "{refused:?}");
    let refused = http(server.open_from("192.0.2.1"), "GET", "/ws", &[], "").await;
    assert_eq!(refused.status, 429);
    assert_eq!(ask("192.0.2.2").await.status, 200);
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="address-rate"}"#).await, 2);

    sleep(Duration::from_secs(1)).await;
    assert_eq!(ask("192.0.2.1").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_drop_by_drop_has_its_time_from_accept() {
    let server = server(config());
    let start = Instant::now();
    let mut dripping = server.open().await;

    let mut ended = Vec::new();
    for drop in b"GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Filler: and so on and so on".chunks(1) {
        if dripping.write_all(drop).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let _ = dripping.read_to_end(&mut ended).await;

    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="handshake"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_drop_by_drop_has_its_time_as_well() {
    let server = server(Config { issue_tokens: true, ..config() });
    let start = Instant::now();
    let mut stream = server.open().await;
    let head = "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();

    let (mut reader, mut writer) = tokio::io::split(stream);
    let drip = async {
        while writer.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let mut answer = [0; 12];
    tokio::select! {
        () = drip => panic!("no answer"),
        read = reader.read_exact(&mut answer) => drop(read.unwrap()),
    }

    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="request"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_no_more_is_let_go_of_and_is_no_attack() {
    let server = server(config());
    let start = Instant::now();
    let mut stream = server.open().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();

    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="handshake"}"#).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_and_asks_ends_after_its_time() {
    let server = server(config());
    let start = Instant::now();
    let mut stream = server.open().await;

    let mut answer = [0; 4096];
    loop {
        if stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.is_err() {
            break;
        }
        if stream.read(&mut answer).await.unwrap() == 0 {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }

    assert!((60..=62).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_head_above_its_limit_is_refused_and_counted() {
    let server = server(config());
    let lines = format!("X-Filler: {}\r\n", "x".repeat(1000)).repeat(90);
    for header in [format!("X-Filler: {}", "x".repeat(80 << 10)), lines] {
        let mut stream = server.open().await;
        let request = format!("GET /ws HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n");
        let (mut reader, mut writer) = tokio::io::split(&mut stream);
        let write = async { _ = writer.write_all(request.as_bytes()).await };
        let mut answer = [0; 12];
        let (read, ()) = tokio::join!(reader.read_exact(&mut answer), write);
        read.unwrap();

        assert_eq!(&answer, b"HTTP/1.1 431");
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="head"}"#).await, 2);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_what_is_written_is_closed_after_the_write_time() {
    let server = Server::start_in_memory(config(), 1 << 10);
    let mut deaf = server.connect("deaf").await;
    let mut publisher = server.connect("publisher").await;
    let join = r#"{"type":"join","id":1,"group":"tea"}"#;
    for client in [&mut deaf, &mut publisher] {
        assert_eq!(client.ask(join).await["type"], "ack");
    }
    let data = "x".repeat(10 << 10);
    let start = Instant::now();
    let publish = format!(r#"{{"type":"publish","id":2,"group":"tea","data":"{data}"}}"#);
    assert_eq!(publisher.ask(&publish).await["type"], "ack");

    while server.count("deaf").await.0 > 0 {
        sleep(Duration::from_millis(100)).await;
    }

    // For the write, and for the close that cannot be written either.
    assert_eq!(start.elapsed().as_secs(), 5 + 2);
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="write"}"#).await, 1);
    assert_eq!(server.metric(r#"onesocket_closed_total{by="server",code="4513"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_takes_the_place_of_one_that_does_not_answer_need_not_wait_for_it() {
    let server = Server::start_in_memory(config(), 1 << 10);
    let mute = server.connect("ada").await;
    let start = Instant::now();

    let mut newer = server.connect("ada").await;

    assert_eq!(newer.ask(PING).await["type"], "pong");
    assert_eq!(start.elapsed(), Duration::ZERO);
    while server.count("ada").await.0 > 1 {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(start.elapsed().as_secs(), 2);
    drop(mute);
}

fn server(config: Config) -> Server {
    Server::start_in_memory(config, BUFFER)
}

async fn connect_from(server: &Server, user: &str, address: &str) -> Client {
    upgrade_as(server.open_from(address), user, "192.0.2.99").await
}

/// Connects a user by way of a proxy that names an address.
async fn upgrade_as(stream: Box<dyn Io>, user: &str, address: &str) -> Client {
    let offered = format!("{SUBPROTOCOL}, {}", token_subprotocol(&token(user)));
    let headers = [("sec-websocket-protocol", offered.as_str()), ("x-forwarded-for", address)];
    let mut client = upgrade(stream, &headers).await;
    assert_eq!(client.json().await["type"], "welcome");
    client
}
