//! The server over real TCP, with a client that is not ours.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use futures_util::SinkExt;
use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{
    Server, binary, binary_of_server, config, frame, token, token_issued_at, upgrade, upgrade_at,
};

#[tokio::test]
async fn a_client_is_welcomed_and_its_token_is_not_echoed() {
    let server = Server::start(config()).await;
    let mut client = server.offer(&[SUBPROTOCOL, &token_subprotocol(&token("ada"))]).await;

    let mut welcome = client.json().await;

    let life = welcome["tokenExpiresInMs"].take().as_u64().unwrap();
    assert!((295_000..=300_000).contains(&life), "{life}");
    let expected = json!({
        "type": "welcome", "connectionId": "c1", "user": "ada", "tokenExpiresInMs": null,
        "pingIntervalMs": 25000, "maxMessageBytes": 65536, "tabs": 64,
    });
    assert_eq!(welcome, expected);
    let echoed: Vec<_> =
        client.response.headers().get_all("sec-websocket-protocol").iter().collect();
    assert_eq!(echoed, [SUBPROTOCOL]);
}

#[tokio::test]
async fn who_may_not_connect_is_accepted_and_told_why() {
    let server = Server::start(config()).await;
    let expired = token_issued_at("ada", SystemTime::now() - Duration::from_mins(6));
    let good = token_subprotocol(&token("ada"));
    for (offered, code, reason) in [
        (vec![SUBPROTOCOL], 4401, "no token"),
        (vec![SUBPROTOCOL, &token_subprotocol(&expired)], 4401, "the token has expired"),
        (vec![SUBPROTOCOL, &token_subprotocol("nonsense")], 4401, "the token is not valid"),
        (vec![SUBPROTOCOL, "onesocket.token.!"], 4401, "no token"),
        (vec!["other", &good], 4400, "offer the subprotocol onesocket.v1"),
    ] {
        let refused = match offered[0] {
            SUBPROTOCOL => server.offer(&offered).await.closed().await,
            // A client has to refuse an answer without a subprotocol it offered; this one offers
            // none, as a program would that does not know of them.
            _ => upgrade(server.open().await, &[]).await.closed().await,
        };
        assert_eq!(refused, (code, reason.to_owned()), "{offered:?}");
    }
    assert_eq!(server.count("ada").await, (0, 0));
}

#[tokio::test]
async fn a_token_stands_in_a_query_only_where_that_is_wanted() {
    let token = token("ada");
    for (token_query, path, code) in [
        (None, format!("/ws?access_token={token}"), Some(4401)),
        (Some("access_token"), format!("/ws?access_token={token}"), None),
        (Some("access_token"), format!("/ws?a=b&access%5Ftoken={token}&c"), None),
        (Some("access_token"), format!("/ws?token={token}"), Some(4401)),
        (Some("access_token"), "/ws?access_token=garbage".into(), Some(4401)),
        (Some("access_token"), "/ws?access_token".into(), Some(4401)),
        (Some("access_token"), "/ws".into(), Some(4401)),
    ] {
        let token_query = token_query.map(str::to_owned);
        let server = Server::start(Config { token_query, ..config() }).await;
        let offered = [("sec-websocket-protocol", SUBPROTOCOL)];

        let mut client = upgrade_at(server.open().await, &path, &offered).await;

        match code {
            Some(code) => assert_eq!(client.closed().await.0, code, "{path}"),
            None => assert_eq!(client.json().await["user"], "ada", "{path}"),
        }
    }
}

#[tokio::test]
async fn a_token_that_is_offered_counts_before_one_in_the_query() {
    let token_query = Some("token".to_owned());
    let server = Server::start(Config { token_query, ..config() }).await;
    let offered = format!("{SUBPROTOCOL}, {}", token_subprotocol(&token("grace")));
    let path = format!("/ws?token={}", token("ada"));

    let headers = [("sec-websocket-protocol", offered.as_str())];
    let mut client = upgrade_at(server.open().await, &path, &headers).await;

    assert_eq!(client.json().await["user"], "grace");
}

#[tokio::test]
async fn a_ping_is_answered_and_one_that_came_first_is_answered_first() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;

    client.send(r#"{"type":"ping"}"#).await;
    client.send(r#"{"type":"join","id":1,"group":"tea"}"#).await;

    assert_eq!(client.json().await, json!({"type": "pong"}));
    assert_eq!(client.json().await, json!({"type": "ack", "id": 1}));
}

#[tokio::test]
async fn a_new_token_is_taken_if_it_is_good_and_the_same_users() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;
    assert_eq!(client.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");
    let expired = token_issued_at("ada", SystemTime::now() - Duration::from_mins(6));
    let early = token_issued_at("ada", SystemTime::now() + Duration::from_mins(1));

    for (id, token, message) in [
        (2, token("grace").as_str(), "the token is another user's"),
        (3, &expired, "the token has expired"),
        (4, &early, "the token was issued in the future, or is not to be used yet"),
        (5, "garbage", "the token is no JWT"),
        (6, "", "the token is no JWT"),
    ] {
        let expected =
            json!({"type": "error", "id": id, "code": "unauthorized", "message": message});
        assert_eq!(client.refresh(id, token).await, expected);
    }
    for id in 7..20 {
        let mut refreshed = client.refresh(id, &token("ada")).await;
        let life = refreshed["tokenExpiresInMs"].take().as_u64().unwrap();
        assert!((295_000..=300_000).contains(&life), "{life}");
        assert_eq!(refreshed, json!({"type": "refreshed", "id": id, "tokenExpiresInMs": null}));
    }

    // Only a member may publish.
    let publish = r#"{"type":"publish","id":20,"group":"tea","data":1}"#;
    assert_eq!(client.ask(publish).await, json!({"type": "ack", "id": 20}));
    assert_eq!(server.count("ada").await, (1, 1));
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect_unless_they_are_named() {
    let allow_origins = vec!["https://app.example.org".to_owned()];
    let server = Server::start(Config { allow_origins, ..config() }).await;
    let offered = format!("{SUBPROTOCOL}, {}", token_subprotocol(&token("ada")));
    for (origin, may) in [
        ("http://localhost:8080", true),
        ("https://app.example.org", true),
        ("https://evil.example.org", false),
        ("null", false),
    ] {
        let headers = [("sec-websocket-protocol", offered.as_str()), ("origin", origin)];
        let mut client = upgrade(server.open().await, &headers).await;
        if may {
            assert_eq!(client.json().await["type"], "welcome", "{origin}");
        } else {
            let reason =
                "pages of this origin may not connect: the server needs --allow-origin with it"
                    .to_owned();
            assert_eq!(client.closed().await, (4403, reason), "{origin}");
        }
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="origin"}"#).await, 2);
}

#[tokio::test]
async fn a_user_has_as_many_devices_as_the_server_allows_and_they_hear_each_other() {
    let server = Server::start(Config { connections_per_user: 2, ..config() }).await;
    let mut phone = server.connect("ada").await;
    let mut laptop = server.connect("ada").await;
    assert_eq!(server.count("ada").await, (2, 2));
    let join = r#"{"type":"join","id":1,"group":"tea"}"#;
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.ask(join).await["type"], "ack");
    }
    let publish = r#"{"type":"publish","id":2,"group":"tea","data":"hi"}"#;
    assert_eq!(phone.ask(publish).await["type"], "ack");
    assert_eq!(laptop.json().await["data"], "hi");

    let _tablet = server.connect("ada").await;

    let reason = "the same user has connected elsewhere".to_owned();
    assert_eq!(phone.closed().await, (4409, reason));
    assert_eq!(server.metric("onesocket_clients").await, 2);
}

#[tokio::test]
async fn a_user_who_connects_again_replaces_the_older_connection() {
    let server = Server::start(config()).await;
    let mut older = server.connect("ada").await;
    let mut other = server.connect("grace").await;

    let mut newer = server.connect("ada").await;

    let reason = "the same user has connected elsewhere".to_owned();
    assert_eq!(older.closed().await, (4409, reason));
    assert_eq!(server.count("ada").await, (1, 2));
    assert_eq!(newer.ask(r#"{"type":"join","id":1,"group":"a"}"#).await["type"], "ack");
    assert_eq!(other.ask(r#"{"type":"join","id":1,"group":"a"}"#).await["type"], "ack");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_connections_at_once_exactly_the_newest_is_left() {
    let server = std::sync::Arc::new(Server::start(config()).await);
    let mut clients = JoinSet::new();
    for _ in 0..50 {
        let server = std::sync::Arc::clone(&server);
        clients.spawn(async move {
            let mut client = server.offer(&[SUBPROTOCOL, &token_subprotocol(&token("ada"))]).await;
            // One that is replaced before its welcome was written gets none.
            let mut number = None;
            loop {
                match client.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] == "ack" {
                            return (number, None);
                        }
                        number = Some(frame["connectionId"].as_str().unwrap().to_owned());
                        // All others wait for their close.
                        if number.as_deref() == Some("c50") {
                            client.send(r#"{"type":"join","id":1,"group":"a"}"#).await;
                        }
                    }
                    Some(Ok(Message::Close(Some(close)))) => {
                        return (number, Some(u16::from(close.code)));
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
    }

    let ends = clients.join_all().await;

    let left: Vec<_> = ends.iter().filter(|(_, code)| code.is_none()).collect();
    assert_eq!(left, [&(Some("c50".to_owned()), None)]);
    let replaced = ends.iter().filter(|(_, code)| *code == Some(4409)).count();
    assert_eq!(replaced, 49);
    assert_eq!(server.count("ada").await.1, 50);
}

#[tokio::test]
async fn members_of_a_group_hear_what_others_publish() {
    let server = Server::start(config()).await;
    let mut ada = server.connect("ada").await;
    let mut grace = server.connect("grace").await;
    let join = r#"{"type":"join","id":1,"group":"tea"}"#;
    let publish = r#"{"type":"publish","id":2,"group":"tea","data":{"hot":true}}"#;

    let refused = ada.ask(publish).await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!("refused"), &json!(2)));

    assert_eq!(ada.ask(join).await, json!({"type": "ack", "id": 1}));
    assert_eq!(grace.ask(join).await, json!({"type": "ack", "id": 1}));
    assert_eq!(ada.ask(publish).await, json!({"type": "ack", "id": 2}));
    let heard = json!({"type": "message", "group": "tea", "from": "ada", "data": {"hot": true}});
    assert_eq!(grace.json().await, heard);

    // The next thing that Grace hears is the answer to her leaving: no message came twice.
    let leave = r#"{"type":"leave","id":3,"group":"tea"}"#;
    assert_eq!(grace.ask(leave).await, json!({"type": "ack", "id": 3}));
    assert_eq!(ada.ask(publish).await, json!({"type": "ack", "id": 2}));
    assert_eq!(grace.ask(leave).await, json!({"type": "ack", "id": 3}));
}

#[tokio::test]
async fn what_was_published_before_a_loss_and_is_again_after_it_is_heard_once() {
    for lost in [true, false] {
        let server = Server::start(config()).await;
        let mut grace = server.connect("grace").await;
        assert_eq!(grace.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");
        let heard = |data| json!({"type": "message", "group": "tea", "from": "ada", "data": data});
        let publish = r#"{"type":"publish","id":2,"group":"tea","data":"once"}"#;

        let (mut ada, remembered) = server.connect_as("ada", "a").await;
        assert!(remembered.is_string());
        assert_eq!(ada.ask(r#"{"type":"join","id":1,"group":"tea"}"#).await["type"], "ack");
        ada.send(publish).await;
        assert_eq!(grace.json().await, heard("once"));
        // The ack is not read. Either the socket is gone, or the server does not know it yet.
        let mut older = Some(ada).filter(|_| !lost);

        let (mut ada, epoch) = server.connect_as("ada", "a").await;
        assert_eq!(epoch, remembered);
        if let Some(older) = &mut older {
            let late = r#"{"type":"publish","id":3,"group":"tea","data":"late"}"#;
            let _ = older.socket.send(Message::text(frame(late))).await;
        }
        assert_eq!(ada.ask(r#"{"type":"join","id":4,"group":"tea"}"#).await["type"], "ack");
        assert_eq!(ada.ask(publish).await, json!({"type": "ack", "id": 2}));
        let next = r#"{"type":"publish","id":5,"group":"tea","data":"next"}"#;
        assert_eq!(ada.ask(next).await, json!({"type": "ack", "id": 5}));

        assert_eq!(grace.json().await, heard("next"));
    }
}

#[tokio::test]
async fn a_client_is_known_by_its_name_and_its_user() {
    let server = Server::start(config()).await;
    let mut epochs = HashMap::new();

    for (user, name, known) in [
        ("ada", "a", false),
        ("ada", "b", false),
        ("grace", "a", false),
        ("ada", "a", true),
        ("ada", "b", true),
        ("grace", "a", true),
    ] {
        let (client, epoch) = server.connect_as(user, name).await;

        let before = epochs.insert((user, name), epoch.clone());
        assert_eq!(before, known.then(|| epoch.clone()), "{user} {name:?}");
        let holders = epochs.values().filter(|other| **other == epoch);
        assert!(epoch.is_string() && holders.count() == 1, "{user} {name:?}: {epoch}");
        let echoed: Vec<_> =
            client.response.headers().get_all("sec-websocket-protocol").iter().collect();
        assert_eq!(echoed, [SUBPROTOCOL]);
    }
    let (_nameless, epoch) = server.connect_as("ada", "").await;
    assert_eq!(epoch, Value::Null);
}

#[tokio::test]
async fn what_another_server_remembers_has_another_name() {
    let mut epochs = Vec::new();

    for _ in 0..2 {
        let server = Server::start(config()).await;
        epochs.push(server.connect_as("ada", "a").await.1);
    }

    assert_ne!(epochs[0], epochs[1]);
}

#[tokio::test]
async fn what_was_refused_before_a_loss_is_refused_again_after_it() {
    let server = Server::start(config()).await;
    let large = "x".repeat(64 << 10);
    let frames = [
        r#"{"type":"message","id":1,"data":1}"#,
        r#"{"type":"publish","id":2,"group":"tea","data":2}"#,
        &format!(r#"{{"type":"publish","id":3,"group":"tea","data":"{large}"}}"#),
    ];
    let (mut client, _) = server.connect_as("ada", "a").await;
    let mut refusals = Vec::new();
    for (frame, code) in frames.iter().zip(["no-handler", "refused", "too-large"]) {
        let refusal = client.ask(frame).await;
        assert_eq!(refusal["code"], code);
        refusals.push(refusal);
    }
    drop(client);

    let (mut client, _) = server.connect_as("ada", "a").await;
    assert_eq!(client.ask(r#"{"type":"join","id":4,"group":"tea"}"#).await["type"], "ack");

    for (frame, refusal) in frames.iter().zip(refusals) {
        assert_eq!(client.ask(frame).await, refusal);
    }
    let publish = r#"{"type":"publish","id":5,"group":"tea","data":5}"#;
    assert_eq!(client.ask(publish).await, json!({"type": "ack", "id": 5}));
}

#[tokio::test]
async fn what_comes_again_after_a_loss_is_echoed_once() {
    let server = Server::start(Config { echo: true, ..config() }).await;
    let text = Message::text(frame(r#"{"type":"message","id":1,"data":"once"}"#));
    let binary = binary(2, b"once");
    let (mut client, _) = server.connect_as("ada", "a").await;
    for (id, frame) in [(1, &text), (2, &binary)] {
        client.socket.send(frame.clone()).await.unwrap();
        assert!(client.next().await.unwrap().is_ok());
        assert_eq!(client.json().await, json!({"type": "ack", "id": id}));
    }
    drop(client);

    let (mut client, _) = server.connect_as("ada", "a").await;

    for (id, frame) in [(1, text), (2, binary)] {
        client.socket.send(frame).await.unwrap();
        assert_eq!(client.json().await, json!({"type": "ack", "id": id}));
    }
    let next = client.ask(r#"{"type":"message","id":3,"data":"next"}"#).await;
    assert_eq!(next, json!({"type": "message", "data": "next"}));
    assert_eq!(client.json().await, json!({"type": "ack", "id": 3}));
}

#[tokio::test]
async fn messages_come_back_from_a_server_that_echoes() {
    let server = Server::start(Config { echo: true, ..config() }).await;
    let mut client = server.connect("ada").await;

    let echo = client.ask(r#"{"type":"message","id":1,"data":"ünï"}"#).await;
    assert_eq!(echo, json!({"type": "message", "data": "ünï"}));
    assert_eq!(client.json().await, json!({"type": "ack", "id": 1}));

    let payload = vec![0xff; 65536];
    client.socket.send(binary(2, &payload)).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), binary_of_server(&payload));
    assert_eq!(client.json().await, json!({"type": "ack", "id": 2}));
}

#[tokio::test]
async fn a_server_that_does_not_echo_has_no_use_for_messages() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;

    let error = client.ask(r#"{"type":"message","id":1,"data":"hello"}"#).await;

    assert_eq!((&error["code"], &error["id"]), (&json!("no-handler"), &json!(1)));
}

#[tokio::test]
async fn a_giant_frame_ends_its_connection_and_no_other() {
    let server = Server::start(config()).await;
    let mut other = server.connect("grace").await;
    for size in [(64 << 10) + 1025, 8 << 20] {
        let mut client = server.connect("ada").await;

        client.socket.send(Message::binary(vec![0; size])).await.unwrap();

        let reason = "the frame is too large".to_owned();
        assert_eq!(client.closed().await, (4413, reason), "{size}");
    }
    assert_eq!(server.metric(r#"onesocket_refused_total{limit="message"}"#).await, 2);
    assert_eq!(other.ask(r#"{"type":"join","id":1,"group":"a"}"#).await["type"], "ack");
}

#[tokio::test]
async fn a_payload_above_the_limit_in_a_frame_below_it_is_refused() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;
    let payload = "x".repeat(64 << 10);

    let error = client.ask(&format!(r#"{{"type":"message","id":1,"data":"{payload}"}}"#)).await;

    assert_eq!((&error["code"], &error["id"]), (&json!("too-large"), &json!(1)));
}

#[tokio::test]
async fn bad_frames_are_answered_until_the_tenth_ends_the_connection() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;

    for bad in ["", "[]", "{}", "\u{0}", r#"{"type":"dance"}"#, r#"{"type":"join","id":1}"#] {
        assert_eq!(client.ask(bad).await["code"], "invalid-message", "{bad}");
    }
    for _ in 0..4 {
        client.socket.send(Message::binary(vec![1])).await.unwrap();
    }

    assert_eq!(client.closed().await.0, 4400);
}

#[tokio::test]
async fn a_close_is_echoed_and_the_server_ends_the_stream() {
    let server = Server::start(config()).await;
    let mut client = server.connect("ada").await;

    let close = CloseFrame { code: CloseCode::Library(3001), reason: "done".into() };
    client.socket.close(Some(close)).await.unwrap();

    assert_eq!(client.closed().await.0, 3001);
    assert_eq!(server.count("ada").await, (0, 1));
}

#[tokio::test]
async fn a_server_that_leaves_tells_all_and_ends() {
    let server = Server::start(config()).await;
    let mut clients = Vec::new();
    for n in 0..20 {
        clients.push(server.connect(&format!("user {n}")).await);
    }
    let door = server.door.clone();

    let left = server.stop();

    for client in &mut clients {
        let reason = "the server is restarting and will be back".to_owned();
        assert_eq!(client.closed().await, (1012, reason));
    }
    left.await.unwrap();
    assert!(door.open().await.is_err(), "no new connections");
}

#[tokio::test]
async fn a_token_is_issued_to_who_asks_where_that_is_wanted() {
    let server = Server::start(Config { issue_tokens: true, ..config() }).await;

    let answer = server.http("POST", "/token", &[], r#"{"user":"ada"}"#).await;

    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["expiresInMs"], 300_000);
    let token = token_subprotocol(body["token"].as_str().unwrap());
    let mut client = server.offer(&[SUBPROTOCOL, &token]).await;
    assert_eq!(client.json().await["user"], "ada");
}

#[tokio::test]
async fn what_http_refuses_it_refuses_with_a_sentence() {
    let issuing = Server::start(Config { issue_tokens: true, ..config() }).await;
    let bare = Server::start(config()).await;
    let long = format!(r#"{{"user":"{}"}}"#, "x".repeat(5000));
    let evil = ["Origin: https://evil.example.org"];
    for (server, method, path, headers, body, status) in [
        (&issuing, "POST", "/token", &[][..], "", 400),
        (&issuing, "POST", "/token", &[], r#"{"user":""}"#, 400),
        (&issuing, "POST", "/token", &[], r#"{"user":"a\nb"}"#, 400),
        (&issuing, "POST", "/token", &[], &long, 413),
        (&issuing, "POST", "/token", &evil[..], r#"{"user":"ada"}"#, 403),
        (&issuing, "GET", "/token", &[], "", 405),
        (&bare, "POST", "/token", &[], r#"{"user":"ada"}"#, 404),
        (&bare, "GET", "/", &[], "", 404),
        (&bare, "GET", "/connections", &[], "", 401),
        (&bare, "GET", "/connections", &["Authorization: Bearer nonsense"], "", 401),
        (&bare, "GET", "/ws", &[], "", 400),
    ] {
        let answer = server.http(method, path, headers, body).await;

        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(error["error"].as_str().unwrap().len() > 9, "{error}");
    }
}

#[tokio::test]
async fn pages_of_named_origins_may_ask_for_tokens() {
    let allow_origins = vec!["https://app.example.org".to_owned()];
    let config = Config { allow_origins, issue_tokens: true, ..config() };
    let server = Server::start(config).await;
    let origin = "Origin: https://app.example.org";
    let preflight = [
        origin,
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
    ];

    let allowed = server.http("OPTIONS", "/token", &preflight, "").await;
    let answer = server.http("POST", "/token", &[origin], r#"{"user":"ada"}"#).await;

    let header = "access-control-allow-origin: https://app.example.org";
    assert!(allowed.status == 200 && allowed.head.contains(header), "{allowed:?}");
    assert!(answer.status == 200 && answer.head.contains(header), "{answer:?}");
}

#[tokio::test]
async fn a_folder_is_served_and_nothing_above_it() {
    let folder = std::env::temp_dir().join(format!("onesocket-site-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("site/assets")).unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    std::fs::write(folder.join("site/index.html"), "<h1>tea</h1>").unwrap();
    std::fs::write(folder.join("site/assets/a.wasm"), "\0asm").unwrap();
    let server = Server::start(Config { site: Some(folder.join("site")), ..config() }).await;

    for (path, status, part) in [
        ("/", 200, "<h1>tea</h1>"),
        ("/index.html", 200, "<h1>tea</h1>"),
        ("/assets/a.wasm", 200, "asm"),
        ("/nothing", 404, r#"{"error":"#),
        ("/../secret.txt", 404, "error"),
        ("/%2e%2e/secret.txt", 404, "error"),
    ] {
        let answer = server.http("GET", path, &[], "").await;
        assert!(answer.status == status && answer.body.contains(part), "{path}: {answer:?}");
    }
    let wasm = server.http("GET", "/assets/a.wasm", &[], "").await;
    assert!(wasm.head.contains("content-type: application/wasm"), "{}", wasm.head);
    std::fs::remove_dir_all(folder).unwrap();
}
