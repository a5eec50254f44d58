//! The answers to messages: one serves for all that were read in one go, and none to what is published is held
//! back; see `handler.rs` for messages to the server.

use std::time::Duration;

use futures_util::SinkExt;
use onesocket_server::Config;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, config, frame};

/// Takes all of 100 messages in one go.
const BUFFER: usize = 64 << 10;

async fn publish_at_once(client: &mut Client, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        let publish = format!(r#"{{"type":"publish","id":{id},"group":"tea","data":{id}}}"#);
        client.socket.feed(Message::text(frame(&publish))).await.unwrap();
    }
    client.socket.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hundred_messages_that_come_in_one_go_get_few_answers_and_the_last_names_the_last() {
    let server = Server::start_in_memory(config(), BUFFER);
    let mut ada = server.connect("ada").await;
    assert_eq!(ada.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");

    publish_at_once(&mut ada, 2..=101).await;

    let mut answers = 0;
    let mut answered = 1;
    while answered < 101 {
        let answer = ada.json().await;
        assert_eq!(answer["type"], "ack");
        let id = answer["id"].as_u64().unwrap();
        assert!(id > answered, "{answered}, then {id}");
        answered = id;
        answers += 1;
    }
    assert_eq!(answered, 101);
    assert!(answers <= 10, "{answers} answers");
}

#[tokio::test(start_paused = true)]
async fn whoever_publishes_and_waits_for_the_answer_gets_each_at_once() {
    let server = Server::start_in_memory(config(), BUFFER);
    let mut ada = server.connect("ada").await;
    assert_eq!(ada.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");

    let start = Instant::now();
    for id in 2..=11 {
        let publish = format!(r#"{{"type":"publish","id":{id},"group":"tea","data":{id}}}"#);
        assert_eq!(ada.ask(&publish).await["id"], id);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_before_an_answer_that_serves_for_later_messages() {
    let server = Server::start_in_memory(Config { max_message: 4, ..config() }, BUFFER);
    let mut ada = server.connect("ada").await;
    assert_eq!(ada.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");

    for short in [
        r#"{"type":"publish","id":2,"group":"tea","data":1}"#,
        r#"{"type":"publish","id":3,"group":"tea","data":"too long"}"#,
        r#"{"type":"publish","id":4,"group":"tea","data":1}"#,
        r#"{"type":"join","id":5,"group":"milk"}"#,
    ] {
        ada.socket.feed(Message::text(frame(short))).await.unwrap();
    }
    ada.socket.flush().await.unwrap();

    let mut refused = false;
    for _ in 0..3 {
        let answer = ada.json().await;
        match answer["id"].as_u64().unwrap() {
            3 => refused = answer["code"] == "too-large",
            4 => assert!(refused, "{answer} before the refusal"),
            id => assert_eq!((id, &answer["type"]), (5, &json!("ack"))),
        }
    }
    assert!(refused);
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_answered_before_the_server_closes() {
    let server = Server::start_in_memory(Config { max_rate: 1, max_burst: 4, ..config() }, BUFFER);
    let mut ada = server.connect("ada").await;
    assert_eq!(ada.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");

    publish_at_once(&mut ada, 2..=9).await;

    let mut answered = 0;
    let code = loop {
        match ada.next().await.unwrap().unwrap() {
            Message::Close(close) => break u16::from(close.unwrap().code),
            Message::Text(text) => {
                let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(answer["type"], "ack");
                answered = answer["id"].as_u64().unwrap();
            }
            other => panic!("{other:?}"),
        }
    };
    // The join and three messages are the burst.
    assert_eq!((answered, code), (4, 4529));
}
