//! What a back end has for clients: `POST /publish`.

use onesocket_server::token::Secret;
use onesocket_server::{Config, Group, Payload, Target, TooLarge};
use serde_json::{Value, json};

use crate::support::{Answer, Server, binary_of_server, config, token};

const KEY: &str = "a key of 32 bytes, or rather more";

const JOIN: &str = r#"{"type":"join","id":1,"group":"tea"}"#;

#[tokio::test]
async fn a_back_end_reaches_a_group_a_user_and_all() {
    let server = server().await;
    let mut ada = server.connect("ada").await;
    let mut grace = server.connect("grace").await;
    assert_eq!(ada.ask(JOIN).await["type"], "ack");

    for (to, delivered) in [
        (json!({"group": "tea"}), 1),
        (json!({"user": "grace"}), 1),
        (json!("all"), 2),
        (json!({"group": "coffee"}), 0),
        (json!({"user": "nobody"}), 0),
    ] {
        let answer = publish(&server, &json!({"to": to, "data": to}).to_string()).await;
        assert_eq!((answer.status, body(&answer)), (200, json!({"delivered": delivered})));
    }

    let all = json!({"type": "message", "data": "all"});
    let group = json!({"group": "tea"});
    let heard = json!({"type": "message", "group": "tea", "data": group});
    assert_eq!([ada.json().await, ada.json().await], [heard, all.clone()]);
    let heard = json!({"type": "message", "data": {"user": "grace"}});
    assert_eq!([grace.json().await, grace.json().await], [heard, all]);
    assert_eq!(server.metric("onesocket_published_total").await, 5);
}

#[tokio::test]
async fn the_program_itself_reaches_them_without_http() {
    let library = onesocket_server::Server::new(config()).unwrap();
    let publisher = library.publisher();
    let tea = || Target::Group(Group::new("tea").unwrap());
    let json = Payload::json(&json!({"any": "JSON"})).unwrap();
    assert_eq!(publisher.publish(Target::All, &json), Ok(0), "it does not serve yet");
    let server = Server::start_library(library).await;
    let mut ada = server.connect("ada").await;
    let mut grace = server.connect("grace").await;
    assert_eq!(ada.ask(JOIN).await["type"], "ack");

    assert_eq!(publisher.publish(tea(), &json), Ok(1));
    assert_eq!(publisher.publish(Target::User("grace".into()), &json), Ok(1));
    assert_eq!(publisher.publish(Target::User("nobody".into()), &json), Ok(0));
    assert_eq!(publisher.publish(Target::All, &Payload::Binary("1234".into())), Ok(2));

    let data = json!({"any": "JSON"});
    let heard = json!({"type": "message", "group": "tea", "data": data});
    assert_eq!(ada.json().await, heard);
    assert_eq!(grace.json().await, json!({"type": "message", "data": data}));
    for client in [&mut ada, &mut grace] {
        assert_eq!(client.next().await.unwrap().unwrap(), binary_of_server(b"1234"));
    }
    assert_eq!(server.metric("onesocket_published_total").await, 5);
    drop((ada, grace));
    server.stop().await.unwrap();
    assert_eq!(publisher.publish(Target::All, &json), Ok(0), "there is no server any more");
}

#[tokio::test]
async fn what_the_program_sends_has_the_same_limit() {
    let library = onesocket_server::Server::new(config()).unwrap();
    let publisher = library.publisher();
    let server = Server::start_library(library).await;
    let mut ada = server.connect("ada").await;

    let large = Payload::Binary(vec![0; (64 << 10) + 1].into());
    let refused = TooLarge { bytes: (64 << 10) + 1, limit: 64 << 10 };
    assert_eq!(publisher.publish(Target::All, &large), Err(refused));
    let largest = Payload::Binary(vec![0; 64 << 10].into());
    assert_eq!(publisher.publish(Target::All, &largest), Ok(1));

    let frame = ada.next().await.unwrap().unwrap();
    assert_eq!(frame, binary_of_server(&vec![0; 64 << 10]));
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="message"}"#).await, 1);
}

#[tokio::test]
async fn data_goes_out_as_it_was_written() {
    let server = server().await;
    let mut ada = server.connect("ada").await;
    let data = r#"{"n":123456789012345678901234567890.0,"s":"\u0041"}"#;

    publish(&server, &format!(r#"{{"data": {data}, "to": "all"}}"#)).await;

    let frame = ada.next().await.unwrap().unwrap();
    assert_eq!(frame.to_text().unwrap(), format!("{{\"type\":\"message\"}}\n{data}"));
}

#[tokio::test]
async fn nobody_publishes_without_the_key() {
    let server = server().await;
    let mut ada = server.connect("ada").await;
    let message = r#"{"to":"all","data":1}"#;
    let ours = format!("Authorization: Bearer {}", token("ada"));

    for authorization in [
        "X-Nothing: at all",
        "Authorization: Bearer ",
        "Authorization: Basic YTpi",
        "Authorization: Bearer a key of 32 bytes, or rather mor",
        "Authorization: Bearer a key of 32 bytes, or rather more!",
        "Authorization: Bearer A key of 32 bytes, or rather more",
        &ours,
    ] {
        let answer = server.http("POST", "/publish", &[authorization], message).await;
        assert_eq!(answer.status, 401, "{authorization}");
    }

    publish(&server, r#"{"to":"all","data":"the first"}"#).await;
    assert_eq!(ada.json().await["data"], "the first");
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_with_a_sentence() {
    let server = server().await;
    let name = "x".repeat(129);
    let long = format!(r#"{{"to":{{"group":"{name}"}},"data":1}}"#);
    let large = "x".repeat(64 << 10);
    for (message, status) in [
        ("", 400),
        ("[]", 400),
        ("{}", 400),
        (r#"{"to":"all"}"#, 400),
        (r#"{"data":1}"#, 400),
        (r#"{"to":"everybody","data":1}"#, 400),
        (r#"{"to":{"group":"tea","user":"ada"},"data":1}"#, 400),
        (r#"{"to":{"group":7},"data":1}"#, 400),
        (r#"{"to":{"group":""},"data":1}"#, 400),
        (r#"{"to":"all","data":1,"from":"ada"}"#, 400),
        (r#"{"to":"all","data":1}{"#, 400),
        (long.as_str(), 400),
        (&format!(r#"{{"to":"all","data":"{large}"}}"#), 413),
        (&format!(r#"{{"to":"all","data":"{large}{large}"}}"#), 413),
    ] {
        let answer = publish(&server, message).await;
        assert_eq!(answer.status, status, "{message}: {answer:?}");
        assert!(body(&answer)["error"].as_str().unwrap().len() > 9, "{answer:?}");
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="message"}"#).await, 2);
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_publish_to() {
    let server = Server::start(config()).await;

    assert_eq!(publish(&server, r#"{"to":"all","data":1}"#).await.status, 404);
}

async fn server() -> Server {
    let publish_key = Some(Secret::new(KEY).unwrap());
    Server::start(Config { publish_key, ..config() }).await
}

async fn publish(server: &Server, message: &str) -> Answer {
    let key = format!("Authorization: Bearer {KEY}");
    server.http("POST", "/publish", &[&key], message).await
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_back_end_ends_connections_and_memberships() {
    let server = server().await;
    let mut ada = server.connect("ada").await;
    let mut eve = server.connect("eve").await;
    for client in [&mut ada, &mut eve] {
        assert_eq!(client.ask(JOIN).await["type"], "ack");
    }
    let bearer = format!("Authorization: Bearer {KEY}");
    let post = async |path: &str, headers: &[&str], body: &str| {
        let answer = server.http("POST", path, headers, body).await;
        (answer.status, answer.body)
    };

    for path in ["/disconnect", "/remove"] {
        assert_eq!(post(path, &[], "{}").await.0, 401, "{path}");
        assert_eq!(post(path, &[&bearer], "{}").await.0, 400, "{path}");
    }
    let removed = post("/remove", &[&bearer], r#"{"user":"eve","group":"tea"}"#).await;
    assert_eq!(removed, (200, r#"{"removed":1}"#.to_owned()));
    assert_eq!(eve.json().await["code"], "refused");
    let publish = r#"{"type":"publish","id":2,"group":"tea","data":1}"#;
    assert_eq!(eve.ask(publish).await["code"], "refused");

    let ended = post("/disconnect", &[&bearer], r#"{"user":"ada"}"#).await;
    assert_eq!(ended, (200, r#"{"closed":1}"#.to_owned()));
    let reason = "the application has ended this user's connections".to_owned();
    assert_eq!(ada.closed().await, (4403, reason));
    assert_eq!(server.metric("onesocket_clients").await, 1);
}
