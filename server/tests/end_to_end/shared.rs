//! Several clients of a user share one connection: tabs of a browser.

use futures_util::SinkExt;
use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, config, frame, secret, token};

const TEA: &str = r#"{"type":"join","id":1,"group":"tea"}"#;

async fn attach(client: &mut Client, slot: u16, name: &str) -> Value {
    let attach = json!({"type": "attach", "id": 1, "client": name, "as": slot});
    let attached = client.ask(&attach.to_string()).await;
    assert_eq!((&attached["type"], &attached["as"]), (&json!("attached"), &json!(slot)));
    attached["epoch"].clone()
}

fn of(slot: u16, short: &str) -> String {
    let mut head: Value = serde_json::from_str(short).unwrap();
    head["as"] = json!(slot);
    head.to_string()
}

fn publish(id: u64, data: &str) -> String {
    json!({"type": "publish", "id": id, "group": "tea", "data": data}).to_string()
}

#[tokio::test]
async fn tabs_have_their_own_ids_answers_and_groups_and_hear_each_other_once() {
    let server = Server::start(config()).await;
    let mut ada = server.connect("ada").await;
    let mut grace = server.connect("grace").await;
    for slot in [1, 2, 3] {
        attach(&mut ada, slot, &format!("tab-{slot}")).await;
        assert_eq!(ada.ask(&of(slot, TEA)).await, json!({"as": slot, "type": "ack", "id": 1}));
    }
    grace.ask(TEA).await;

    // One frame is for all that hear it over this connection.
    grace.send(&publish(2, "from grace")).await;
    let heard = ada.json().await;
    let from_grace = json!({"as": [1, 2, 3], "type": "message", "group": "tea", "from": "grace",
        "data": "from grace"});
    assert_eq!(heard, from_grace);
    assert_eq!(grace.json().await, json!({"type": "ack", "id": 2}));

    // A tab hears its siblings, and not itself.
    ada.send(&of(2, &publish(2, "from 2"))).await;
    let (one, other) = (ada.json().await, ada.json().await);
    let [ack, heard] = if one["type"] == "ack" { [one, other] } else { [other, one] };
    assert_eq!(ack, json!({"as": 2, "type": "ack", "id": 2}));
    assert_eq!((&heard["as"], &heard["data"]), (&json!([1, 3]), &json!("from 2")));
    assert_eq!(grace.json().await["data"], "from 2");

    // A tab that leaves does not take the group from another.
    let leave = r#"{"type":"leave","id":3,"group":"tea"}"#;
    assert_eq!(ada.ask(&of(1, leave)).await["type"], "ack");
    ada.send(r#"{"type":"detach","id":4,"as":3}"#).await;
    assert_eq!(ada.json().await, json!({"as": 3, "type": "ack", "id": 4}));
    grace.ask(&publish(3, "again")).await;
    assert_eq!(ada.json().await["as"], json!(2));

    assert_eq!(server.count("ada").await, (1, 1));
    drop((ada, grace));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_tab_has_sent_over_a_lost_connection_is_not_delivered_again_over_the_next() {
    let server = Server::start(config()).await;
    let (mut first, _) = server.connect_as("ada", "link").await;
    let mut grace = server.connect("grace").await;
    grace.ask(TEA).await;
    let epoch = attach(&mut first, 1, "tab").await;
    first.ask(&of(1, TEA)).await;
    first.ask(&of(1, &publish(2, "one"))).await;
    assert_eq!(grace.json().await["data"], "one");

    // Another tab leads now, and gives it another number.
    let (mut second, _) = server.connect_as("ada", "link").await;
    assert_eq!(first.closed().await.0, 4410);
    assert_eq!(attach(&mut second, 7, "tab").await, epoch);
    second.ask(&of(7, TEA)).await;
    let again = second.ask(&of(7, &publish(2, "one"))).await;
    assert_eq!(again, json!({"as": 7, "type": "ack", "id": 2}));
    second.send(&of(7, &publish(3, "two"))).await;

    assert_eq!(grace.json().await["data"], "two");
    drop((second, grace));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_speaks_for_a_tab_that_is_not_attached_and_there_are_64_at_most() {
    let server = Server::start(Config { echo: true, ..Config::new(secret()) }).await;
    let mut ada = server.connect("ada").await;

    let refused = ada.ask(r#"{"type":"message","id":1,"as":5,"data":1}"#).await;
    assert_eq!((&refused["as"], &refused["code"]), (&json!(5), &json!("refused")));
    for attach in [
        r#"{"type":"attach","id":1,"client":"tab"}"#,
        r#"{"type":"attach","id":1,"client":"tab","as":65}"#,
        r#"{"type":"attach","id":1,"client":"no name","as":1}"#,
    ] {
        assert_eq!(ada.ask(attach).await["code"], "invalid-message", "{attach}");
    }
    for slot in 1..=64 {
        attach(&mut ada, slot, &slot.to_string()).await;
    }
    for slot in [1, 64] {
        ada.send(&of(slot, r#"{"type":"message","id":1,"data":1}"#)).await;
        let (one, other) = (ada.json().await, ada.json().await);
        assert_eq!((&one["as"], &other["as"]), (&json!(slot), &json!(slot)));
    }
    drop(ada);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_comes_in_one_go_is_answered_once_to_each_tab() {
    let server = Server::start(config()).await;
    let mut ada = server.connect("ada").await;
    for slot in [1, 2] {
        attach(&mut ada, slot, &slot.to_string()).await;
        ada.ask(&of(slot, r#"{"type":"join","id":1,"group":"tea"}"#)).await;
    }
    ada.send(r#"{"type":"detach","id":9,"as":2}"#).await;
    ada.json().await;
    attach(&mut ada, 2, "2").await;
    ada.ask(&of(2, r#"{"type":"join","id":2,"group":"milk"}"#)).await;

    for (slot, id) in [(1, 50), (2, 60), (1, 51)] {
        let group = if slot == 1 { "tea" } else { "milk" };
        let publish = json!({"type": "publish", "id": id, "group": group, "data": 1, "as": slot});
        ada.socket.feed(Message::text(frame(&publish.to_string()))).await.unwrap();
    }
    ada.socket.flush().await.unwrap();

    let mut newest = [0, 0];
    while newest != [51, 60] {
        let ack = ada.json().await;
        assert_eq!(ack["type"], "ack", "{ack}");
        newest[ack["as"].as_u64().unwrap() as usize - 1] = ack["id"].as_u64().unwrap();
    }
    drop(ada);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_welcome_says_how_many_tabs_may_share_the_connection() {
    let server = Server::start(config()).await;

    let token = token_subprotocol(&token("ada"));
    let mut ada = server.offer(&[SUBPROTOCOL, &token]).await;

    assert_eq!(ada.json().await["tabs"], 64);
    drop(ada);
    server.stop().await.unwrap();
}
