//! What the server does as time goes by: in memory, on a clock that only the test moves.

use std::time::Duration;

use futures_util::SinkExt;
use onesocket_server::Config;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, config, token};

/// More than a handshake and less than a queue.
const BUFFER: usize = 16 << 10;

const JOIN: &str = r#"{"type":"join","id":1,"group":"tea"}"#;

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays_until_the_grace_after_its_token() {
    let server = Server::start_in_memory(config(), BUFFER);
    let start = Instant::now();
    let mut client = server.connect("ada").await;

    let mut pings = Vec::new();
    let code = loop {
        match client.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(text, r#"{"type":"ping"}"#);
                pings.push(start.elapsed().as_secs());
                client.send(r#"{"type":"pong"}"#).await;
            }
            Message::Close(close) => break u16::from(close.unwrap().code),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(code, 4401);
    assert_eq!(pings, (1..=pings.len() as u64).map(|n| 25 * n).collect::<Vec<_>>());
    // Tokens count in whole seconds of the wall clock.
    assert!((323..=325).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_new_token_keeps_the_connection_and_its_groups_beyond_the_old_one() {
    // Before the old token runs out, and in the grace after it.
    for refreshed_after in [240, 310] {
        let server = Server::start_in_memory(config(), BUFFER);
        let start = Instant::now();
        let mut client = server.connect("ada").await;
        assert_eq!(client.ask(JOIN).await["type"], "ack");
        pong_until(&mut client, start + Duration::from_secs(refreshed_after)).await;

        assert_eq!(client.refresh(2, &token("ada")).await["type"], "refreshed");

        pong_until(&mut client, start + Duration::from_secs(390)).await;
        // Only a member may publish.
        let publish = r#"{"type":"publish","id":3,"group":"tea","data":1}"#;
        assert_eq!(client.ask(publish).await, json!({"type": "ack", "id": 3}));
        assert_eq!(server.count("ada").await, (1, 1));
        assert_eq!(pong_to_the_end(&mut client).await, 4401);
        // Tokens count in whole seconds of the wall clock.
        let ended_after = start.elapsed().as_secs() - refreshed_after;
        assert!((323..=325).contains(&ended_after), "{ended_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_runs_out_at_its_time_where_the_new_one_was_refused() {
    for new in [token("grace").as_str(), "garbage"] {
        let server = Server::start_in_memory(config(), BUFFER);
        let start = Instant::now();
        let mut client = server.connect("ada").await;
        pong_until(&mut client, start + Duration::from_secs(240)).await;

        assert_eq!(client.refresh(2, new).await["code"], "unauthorized");

        assert_eq!(pong_to_the_end(&mut client).await, 4401);
        assert!((323..=325).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_only_the_sockets_own_pings_is_swept() {
    let server = Server::start_in_memory(config(), BUFFER);
    let start = Instant::now();
    let mut client = server.connect("ada").await;

    let code = loop {
        match client.next().await.unwrap().unwrap() {
            Message::Text(_) => client.socket.send(Message::Pong("".into())).await.unwrap(),
            Message::Close(close) => break u16::from(close.unwrap().code),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!((code, start.elapsed().as_secs()), (4508, 120));
    assert_eq!(server.metric(r#"onesocket_closed_total{by="server",code="4508"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_closed_and_costs_the_others_nothing() {
    let server = Server::start_in_memory(Config { max_queue: 256 << 10, ..config() }, BUFFER);
    let mut slow = server.connect("slow").await;
    let mut quick = server.connect("quick").await;
    let mut publisher = server.connect("publisher").await;
    for client in [&mut slow, &mut quick, &mut publisher] {
        assert_eq!(client.ask(JOIN).await["type"], "ack");
    }

    let data = "x".repeat(60 << 10);
    publish(&mut publisher, &mut quick, &data, 20).await;

    let reason = "too much waits to be sent".to_owned();
    assert_eq!(slow.closed().await, (4513, reason));
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="queue"}"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_closed_for_many_small_frames_as_well() {
    let server = Server::start_in_memory(Config { max_rate: 0, ..config() }, 1 << 10);
    let mut slow = server.connect("slow").await;
    let mut quick = server.connect("quick").await;
    let mut publisher = server.connect("publisher").await;
    for client in [&mut slow, &mut quick, &mut publisher] {
        assert_eq!(client.ask(JOIN).await["type"], "ack");
    }

    // What a client sends at once that comes back costs nobody the connection.
    publish(&mut publisher, &mut quick, "x", 2000).await;
    assert_eq!(server.metric(r#"onesocket_closed_total{by="server",code="4513"}"#).await, 0);

    publish(&mut publisher, &mut quick, "x", 2500).await;

    let reason = "too much waits to be sent".to_owned();
    assert_eq!(slow.closed().await, (4513, reason));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_at_all_is_dropped_by_force() {
    let server = Server::start_in_memory(config(), 1 << 10);
    let mut silent = server.connect("ada").await;
    let mut quick = server.connect("quick").await;
    let mut publisher = server.connect("publisher").await;
    for client in [&mut silent, &mut quick, &mut publisher] {
        assert_eq!(client.ask(JOIN).await["type"], "ack");
    }
    // More than fits into the stream: the server is at a write that does not end.
    publish(&mut publisher, &mut quick, &"x".repeat(10 << 10), 1).await;

    let _newer = server.connect("ada").await;

    assert_eq!(server.count("ada").await, (2, 2));
    let start = Instant::now();
    while server.count("ada").await.0 > 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(start.elapsed().as_secs(), 2);
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_shake_hands_is_closed() {
    let server = Server::start_in_memory(config(), BUFFER);
    let start = Instant::now();
    let mut silent = server.open().await;

    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).await.unwrap();

    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_server_leaves_in_time_whatever_its_clients_do() {
    let server = Server::start_in_memory(config(), BUFFER);
    let silent = server.open().await;
    let mute = server.connect("mute").await;
    let mut reading = server.connect("reading").await;
    let start = Instant::now();

    let left = server.stop();

    assert_eq!(reading.closed().await.0, 1012);
    left.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    drop((silent, mute));
}

#[tokio::test(start_paused = true)]
async fn a_users_count_is_forgotten_ten_minutes_after_the_last_socket() {
    let server = Server::start_in_memory(config(), BUFFER);
    let mut client = server.connect("ada").await;
    client.socket.close(None).await.unwrap();
    while client.next().await.is_some() {}
    assert_eq!(server.count("ada").await, (0, 1));

    tokio::time::sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(server.count("ada").await, (0, 1));
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert_eq!(server.count("ada").await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_has_said_is_forgotten_ten_minutes_after_the_last_socket() {
    let server = Server::start_in_memory(Config { echo: true, ..config() }, BUFFER);
    let message = r#"{"type":"message","id":1,"data":1}"#;
    let mut remembered = Value::Null;
    for (minutes, known, echoes) in [(0, false, true), (9, true, false), (11, false, true)] {
        tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
        let (mut client, memory) = server.connect_as("ada", "a").await;
        assert_eq!(memory == remembered, known, "{minutes}");
        remembered = memory;

        let answer = client.ask(message).await;
        if echoes {
            assert_eq!(answer, json!({"type": "message", "data": 1}), "{minutes}");
            assert_eq!(client.json().await, json!({"type": "ack", "id": 1}));
        } else {
            assert_eq!(answer, json!({"type": "ack", "id": 1}), "{minutes}");
        }
        assert_eq!(client.ask(r#"{"type":"ping"}"#).await["type"], "pong");
        client.socket.close(None).await.unwrap();
        while client.next().await.is_some() {}
    }
}

/// Answers pings until `end`; nothing else may come.
async fn pong_until(client: &mut Client, end: Instant) {
    let pongs = async {
        loop {
            assert_eq!(client.json().await, json!({"type": "ping"}));
            client.send(r#"{"type":"pong"}"#).await;
        }
    };
    let Err(_) = timeout_at(end, pongs).await;
}

/// Answers pings until the connection is closed; returns the code.
async fn pong_to_the_end(client: &mut Client) -> u16 {
    loop {
        match client.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(text, r#"{"type":"ping"}"#);
                client.send(r#"{"type":"pong"}"#).await;
            }
            Message::Close(close) => return close.unwrap().code.into(),
            other => panic!("{other:?}"),
        }
    }
}

/// Publishes, one after the other; each has reached `quick` before the next.
async fn publish(publisher: &mut Client, quick: &mut Client, data: &str, times: usize) {
    let text = format!(r#"{{"type":"publish","id":2,"group":"tea","data":"{data}"}}"#);
    for _ in 0..times {
        assert_eq!(publisher.ask(&text).await, json!({"type": "ack", "id": 2}));
        assert_eq!(quick.json().await["data"], data);
    }
}
