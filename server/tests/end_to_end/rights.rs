//! Who may be in which group: by the token, and by what is open to all.

use std::sync::Arc;
use std::time::Duration;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::{
    Answer, Config, Deciding, Decision, GroupRequest, Handler, Handling, Incoming, Pattern,
};
use serde_json::{Value, json};

use crate::support::{Client, Server, config, secret};

/// A server that issues tokens with rights, and on which `lobby` is open.
async fn server() -> Server {
    let open_groups = [Pattern::new("lobby").unwrap()].into();
    let config = Config { open_groups, issue_tokens: true, ..Config::new(secret()) };
    Server::start(config).await
}

async fn token(server: &Server, user: &str, groups: Value) -> String {
    let body = json!({"user": user, "groups": groups}).to_string();
    let answer = server.http("POST", "/token", &[], &body).await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

async fn connect(server: &Server, user: &str, groups: Value) -> Client {
    let token = token(server, user, groups).await;
    let mut client = server.offer(&[SUBPROTOCOL, &token_subprotocol(&token)]).await;
    assert_eq!(client.json().await["type"], "welcome");
    client
}

fn join(id: u64, group: &str) -> String {
    json!({"type": "join", "id": id, "group": group}).to_string()
}

fn publish(id: u64, group: &str) -> String {
    json!({"type": "publish", "id": id, "group": group, "data": 1}).to_string()
}

#[tokio::test]
async fn nobody_is_in_a_group_without_a_right() {
    let server = server().await;
    let mut ada = connect(&server, "ada", json!(["board-of-ada"])).await;
    let mut eve = connect(&server, "eve", json!([])).await;

    assert_eq!(ada.ask(&join(1, "board-of-ada")).await, json!({"type": "ack", "id": 1}));
    let refusal = eve.ask(&join(1, "board-of-ada")).await;
    // A group that nobody is in is refused in the same words.
    assert_eq!(refusal["code"], "refused");
    let other = eve.ask(&join(1, "board-of-bob")).await;
    let words = |answer: &Value| answer["message"].as_str().unwrap().replace("bob", "ada");
    assert_eq!(words(&refusal), words(&other));

    // What is open needs no right.
    assert_eq!(eve.ask(&join(2, "lobby")).await["type"], "ack");
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="rights"}"#).await, 2);
    drop((ada, eve));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn who_may_join_may_not_therefore_publish() {
    let server = server().await;
    let mut ada = connect(&server, "ada", json!({"join": ["room-*"], "publish": ["room-1"]})).await;
    for (id, room) in [(1, "room-1"), (2, "room-2")] {
        assert_eq!(ada.ask(&join(id, room)).await["type"], "ack");
    }

    assert_eq!(ada.ask(&publish(3, "room-1")).await["type"], "ack");
    let refusal = ada.ask(&publish(4, "room-2")).await;
    assert_eq!((&refusal["id"], &refusal["code"]), (&json!(4), &json!("refused")));
    drop(ada);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_that_allows_less_ends_memberships_and_says_which() {
    let server = server().await;
    let mut ada = connect(&server, "ada", json!(["room-*", "tea"])).await;
    let mut eve = connect(&server, "eve", json!(["room-*", "tea"])).await;
    for (id, group) in [(1, "room-1"), (2, "tea"), (3, "lobby")] {
        assert_eq!(ada.ask(&join(id, group)).await["type"], "ack");
        assert_eq!(eve.ask(&join(id, group)).await["type"], "ack");
    }

    let narrow = token(&server, "ada", json!(["tea"])).await;
    assert_eq!(ada.refresh(4, &narrow).await["type"], "refreshed");
    let notice = ada.json().await;
    assert_eq!((&notice["type"], &notice["code"]), (&json!("error"), &json!("refused")));
    assert!(notice["message"].as_str().unwrap().contains("room-1"), "{notice}");
    // What is published there does not reach it any more; elsewhere it does.
    for (id, group) in [(4, "room-1"), (5, "lobby"), (6, "tea")] {
        assert_eq!(eve.ask(&publish(id, group)).await["type"], "ack");
    }
    assert_eq!(ada.json().await["group"], "lobby");
    assert_eq!(ada.json().await["group"], "tea");
    assert_eq!(ada.ask(&join(7, "room-1")).await["code"], "refused");
    drop((ada, eve));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_claim_that_is_none_is_named_and_the_token_is_not_taken() {
    let server = server().await;
    for bad in [json!("tea"), json!([7]), json!(["a*b"]), json!(["**"]), json!(vec!["t"; 1001])] {
        let body = json!({"user": "ada", "groups": bad}).to_string();
        let answer = server.http("POST", "/token", &[], &body).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
    server.stop().await.unwrap();
}

/// Decides by the name of the group, and of what is published by who has joined.
struct Doorkeeper;

impl Handler for Doorkeeper {
    fn handle(self: Arc<Self>, _: Incoming) -> Handling {
        Box::pin(async { Answer::Accept })
    }

    fn decides(&self) -> bool {
        true
    }

    fn may_join(self: Arc<Self>, request: GroupRequest) -> Deciding {
        Box::pin(async move {
            match request.group.as_str() {
                "slow" => std::future::pending().await,
                "panic" => panic!("as it was told"),
                // As a look into a database takes its time.
                "board" | "news" => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if request.user == "ada" { Decision::Allow } else { Decision::Refuse }
                }
                _ => Decision::ByToken,
            }
        })
    }

    fn may_publish(self: Arc<Self>, request: GroupRequest) -> Deciding {
        let decision =
            if request.group.as_str() == "news" { Decision::Refuse } else { Decision::Allow };
        Box::pin(std::future::ready(decision))
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_decides_who_may_join_and_publish() {
    let config = || Config { open_groups: [Pattern::new("lobby").unwrap()].into(), ..config() };
    let server = onesocket_server::Server::with_handler(config(), Arc::new(Doorkeeper)).unwrap();
    let server = Server::start_library_in_memory(server, 16 << 10);
    let mut ada = server.connect("ada").await;
    let mut eve = server.connect("eve").await;
    let refused = |answer: Value| (answer["code"].clone(), answer["id"].clone());

    assert_eq!(ada.ask(&join(1, "board")).await["type"], "ack");
    assert_eq!(ada.ask(&join(2, "news")).await["type"], "ack");
    assert_eq!(refused(eve.ask(&join(1, "board")).await), (json!("refused"), json!(1)));
    // By the token, which says nothing here, and by what is open.
    assert_eq!(eve.ask(&join(2, "lobby")).await["type"], "ack");
    assert_eq!(refused(eve.ask(&join(3, "other")).await), (json!("refused"), json!(3)));
    // What the application does not answer is refused, and the connection stays.
    assert_eq!(refused(eve.ask(&join(4, "slow")).await), (json!("refused"), json!(4)));
    assert_eq!(refused(eve.ask(&join(5, "panic")).await), (json!("refused"), json!(5)));

    assert_eq!(ada.ask(&publish(3, "board")).await["type"], "ack");
    assert_eq!(refused(ada.ask(&publish(4, "news")).await), (json!("refused"), json!(4)));
    // Nobody publishes where they are not, whatever the application says.
    assert_eq!(refused(eve.ask(&publish(6, "board")).await), (json!("refused"), json!(6)));
}
