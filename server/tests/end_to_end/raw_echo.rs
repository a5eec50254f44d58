//! `GET /echo`: a WebSocket that gets back what it sends, for tests.

use std::time::Duration;

use futures_util::SinkExt;
use onesocket_server::Config;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, config, upgrade_at};

#[tokio::test]
async fn who_knows_nothing_of_the_protocol_gets_back_what_it_sends() {
    let server = Server::start(echo()).await;
    let mut client = open(&server, &[]).await;

    for message in [Message::text("{no JSON"), Message::text(""), Message::binary(vec![0; 60_000])]
    {
        client.socket.send(message.clone()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), message);
    }
    assert!(!client.response.headers().contains_key("sec-websocket-protocol"));
}

#[tokio::test]
async fn without_the_option_there_is_nothing_to_echo() {
    let server = Server::start(config()).await;

    assert_eq!(server.http("GET", "/echo", &[], "").await.status, 404);
}

#[tokio::test]
async fn what_no_upgrade_asks_for_is_refused_with_a_sentence() {
    let server = Server::start(echo()).await;

    let answer = server.http("GET", "/echo", &[], "").await;

    assert_eq!(answer.status, 400);
    assert!(answer.body.starts_with(r#"{"error":"#), "{}", answer.body);
}

#[tokio::test]
async fn the_echo_has_the_limits_of_a_peer() {
    let server = Server::start(echo()).await;
    let mut foreign = open(&server, &[("origin", "https://example.org")]).await;
    assert_eq!(foreign.closed().await.0, 4403);

    let mut large = open(&server, &[]).await;
    large.socket.send(Message::binary(vec![0; 70_000])).await.unwrap();
    assert_eq!(large.closed().await.0, 4413);

    let server = Server::start(Config { stale_after: Duration::from_millis(10), ..echo() }).await;
    assert_eq!(open(&server, &[]).await.closed().await.0, 4508);
}

#[tokio::test]
async fn a_server_that_leaves_says_so_to_an_echo_as_well() {
    let server = Server::start(echo()).await;
    let mut client = open(&server, &[]).await;

    let left = server.stop();

    assert_eq!(client.closed().await.0, 1012);
    left.await.unwrap();
}

async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Client {
    upgrade_at(server.open().await, "/echo", headers).await
}

fn echo() -> Config {
    Config { echo: true, ..config() }
}
