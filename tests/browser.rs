//! The browser shell in headless Chrome, as a Rust front end uses it, against the real server:
//! `cargo xtask test browser` starts one and says where it is. Sockets are counted at the server.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../crates/protocol/tests/frame_table/mod.rs"]
mod frame_table;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use frame_table::{Outcome, Row, Sender, rows};
use futures_channel::oneshot;
use js_sys::{Promise, Reflect, Uint8Array};
use onesocket_protocol::{
    ClientFrame, Group, MessageId, Payload, ServerMessage, Wire, decode_client, decode_server,
};
use onesocket_web::core::{Error, ErrorCode, LogEvent, Role, StateName, Token, TokenAnswer};
use onesocket_web::{Client, Options};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Where the server is; `xtask` says so when it compiles this.
const SERVER: &str = env!("ONESOCKET_TEST_SERVER");

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch(url: &str, init: &JsValue) -> Result<Promise, JsValue>;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Greeting {
    text: String,
    to: Option<String>,
    times: u32,
}

#[derive(Debug, PartialEq)]
struct Count {
    open: u32,
    opened: u32,
}

/// Asks the server over HTTP; `init` is JSON.
async fn ask(path: &str, init: &str) -> JsValue {
    let init = js_sys::JSON::parse(init).unwrap();
    let response = JsFuture::from(fetch(&format!("{SERVER}{path}"), &init).unwrap()).await.unwrap();
    let json = Reflect::get(&response, &"json".into()).unwrap();
    let json: js_sys::Function = json.dyn_into().unwrap();
    let body: Promise = json.call0(&response).unwrap().dyn_into().unwrap();
    JsFuture::from(body).await.unwrap()
}

async fn token(user: &str) -> String {
    let init = format!(
        r#"{{"method":"POST","headers":{{"content-type":"application/json"}},"body":"{{\"user\":\"{user}\"}}"}}"#
    );
    Reflect::get(&ask("/token", &init).await, &"token".into()).unwrap().as_string().unwrap()
}

/// What the server counts of a user's sockets.
async fn count(user: &str) -> Count {
    let init = format!(r#"{{"headers":{{"authorization":"Bearer {}"}}}}"#, token(user).await);
    let body = ask("/connections", &init).await;
    let number = |name: &str| Reflect::get(&body, &name.into()).unwrap().as_f64().unwrap() as u32;
    Count { open: number("open"), opened: number("opened") }
}

fn options(user: &'static str) -> Options {
    Options::new(format!("{}/ws", SERVER.replacen("http", "ws", 1))).token_source(
        move || async move { TokenAnswer::Token(Token::new(token(user).await), None) },
    )
}

fn client(user: &'static str) -> Client {
    Client::new(options(user))
}

fn tea() -> Group {
    Group::new("tea").unwrap()
}

/// Makes something that happens once, and what waits for it.
fn once<T: 'static>() -> (impl Fn(T), oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let resolve = move |value| {
        if let Some(sender) = sender.borrow_mut().take() {
            let _ = sender.send(value);
        }
    };
    (resolve, receiver)
}

/// Waits until the server's count of a user's open sockets is `open`; bounded by the server.
async fn count_when_open_is(user: &str, open: u32) -> Count {
    loop {
        let now = count(user).await;
        if now.open == open {
            return now;
        }
    }
}

#[wasm_bindgen_test]
async fn a_typed_message_reaches_the_other_members_of_a_group() {
    let (ada, bob) = (client("browser-ada"), client("browser-bob"));
    ada.connect().await.unwrap();
    bob.connect().await.unwrap();
    ada.join(tea()).await.unwrap();
    bob.join(tea()).await.unwrap();
    let (resolve, received) = once();
    let _listening = bob.on_message(move |message| {
        resolve((message.decode::<Greeting>(), message.group(), message.from()));
    });

    let greeting = Greeting { text: "milk \"or\" lemon?".into(), to: None, times: 2 };
    ada.publish(tea(), &greeting).await.unwrap();

    let (decoded, group, from) = received.await.unwrap();
    assert_eq!(decoded.unwrap(), greeting);
    assert_eq!(group.as_deref(), Some("tea"));
    assert_eq!(from.as_deref(), Some("browser-ada"));
}

#[wasm_bindgen_test]
async fn a_message_of_another_type_is_a_typed_error() {
    let client = client("browser-untyped");
    client.connect().await.unwrap();
    let (resolve, received) = once();
    let _listening = client.on_message(move |message| resolve(message.decode::<Greeting>()));

    client.send(&[1, 2, 3]).unwrap();

    assert_eq!(received.await.unwrap().unwrap_err().code, ErrorCode::InvalidMessage);
}

#[wasm_bindgen_test]
async fn text_and_bytes_are_echoed_unchanged() {
    let client = client("browser-echo");
    let echoes = Rc::new(RefCell::new(Vec::new()));
    let (resolve, received) = once();
    let kept = echoes.clone();
    let _listening = client.on_message(move |message| {
        let data = message.data();
        let text = data.as_string();
        let bytes = text.is_none().then(|| Uint8Array::new(&data).to_vec());
        kept.borrow_mut().push((text, bytes));
        if kept.borrow().len() == 3 {
            resolve(());
        }
    });
    // Before the connection: they wait for it, in order.
    client.send_text("ünïcode \u{1f50c} \"quoted\"").unwrap();
    client.send_bytes(&[0, 255, 7]).unwrap();
    client.connect().await.unwrap();
    client.send_text("after").unwrap();
    received.await.unwrap();

    assert_eq!(
        *echoes.borrow(),
        [
            (Some("ünïcode \u{1f50c} \"quoted\"".to_owned()), None),
            (None, Some(vec![0, 255, 7])),
            (Some("after".to_owned()), None),
        ]
    );
}

#[wasm_bindgen_test]
async fn a_hundred_connects_in_one_tick_make_one_socket() {
    let client = client("browser-hundred");
    let connects: Vec<_> = (0..100).map(|_| client.connect()).collect();
    for connect in connects {
        connect.await.unwrap();
    }

    assert_eq!(count("browser-hundred").await, Count { open: 1, opened: 1 });
}

#[wasm_bindgen_test]
async fn connect_after_connect_reuses_the_connection() {
    let client = client("browser-reuse");
    let reused = Rc::new(Cell::new(0));
    let counter = reused.clone();
    let _listening = client.on_log(move |note| {
        if *note == LogEvent::Reusing {
            counter.set(counter.get() + 1);
        }
    });
    client.connect().await.unwrap();
    client.connect().await.unwrap();

    assert_eq!(reused.get(), 1);
    assert_eq!(count("browser-reuse").await, Count { open: 1, opened: 1 });
}

#[wasm_bindgen_test]
async fn close_then_connect_waits_for_the_close() {
    let client = client("browser-again");
    for opened in 1..=5 {
        client.connect().await.unwrap();
        assert_eq!(count("browser-again").await, Count { open: 1, opened });
        client.close().await;
        assert_eq!(client.status().state, StateName::Closed);
    }
}

#[wasm_bindgen_test]
async fn a_token_is_refreshed_over_the_connection() {
    let client = client("browser-refreshed");
    let planned = Rc::new(Cell::new(0));
    let counter = planned.clone();
    let _listening = client.on_log(move |note| {
        if let LogEvent::SchedulingRefresh { .. } = note {
            counter.set(counter.get() + 1);
        }
    });
    client.connect().await.unwrap();
    assert_eq!(planned.get(), 1);

    client.refresh_token().await.unwrap();

    assert_eq!(planned.get(), 2);
    assert_eq!(count("browser-refreshed").await, Count { open: 1, opened: 1 });
}

#[wasm_bindgen_test]
async fn a_token_of_another_user_is_refused_and_the_connection_stays() {
    let asked = Cell::new(0);
    let changing = options("browser-same").token_source(move || {
        asked.set(asked.get() + 1);
        let user = if asked.get() == 1 { "browser-same" } else { "browser-other" };
        async move { TokenAnswer::Token(Token::new(token(user).await), None) }
    });
    let client = Client::new(changing);
    client.connect().await.unwrap();

    let refused = client.refresh_token().await.unwrap_err();

    assert_eq!(refused.code, ErrorCode::Unauthorized);
    assert_eq!(client.status().state, StateName::Connected);
}

#[wasm_bindgen_test]
async fn a_dropped_client_leaves_no_socket() {
    let client = client("browser-dropped");
    client.connect().await.unwrap();

    drop(client);

    assert_eq!(count_when_open_is("browser-dropped", 0).await.opened, 1);
}

#[wasm_bindgen_test]
async fn clients_with_the_same_key_share_one_connection_which_outlives_the_leader() {
    let user = "browser-sharing";
    let [first, second] = [(); 2].map(|()| Client::new(options(user).share(user)));
    for client in [&first, &second] {
        client.connect().await.unwrap();
        client.join(tea()).await.unwrap();
    }
    assert_eq!((first.role(), second.role()), (Role::Leader, Role::Follower));
    assert_eq!(first.alone_reason(), None);
    assert_eq!(count(user).await, Count { open: 1, opened: 1 });
    let (resolve, heard) = once();
    let _listening = first.on_message(move |message| resolve(message.decode::<String>()));
    second.publish(tea(), "from a follower").await.unwrap();
    assert_eq!(heard.await.unwrap().unwrap(), "from a follower");
    second.refresh_token().await.unwrap();
    assert_eq!((first.stats().refreshes, second.stats().refreshes), (1, 1));
    let (resolve, leads) = once();
    let told = Rc::new(second);
    let listener = Rc::downgrade(&told);
    let _watching = told.on_status(move |status| {
        let role = listener.upgrade().map(|client| client.role());
        if status.state == StateName::Connected && role == Some(Role::Leader) {
            resolve(());
        }
    });

    drop(first);
    leads.await.unwrap();

    told.publish(tea(), "from the leader").await.unwrap();
    assert_eq!(count(user).await.open, 1);
    told.close().await;
    assert_eq!((told.role(), count_when_open_is(user, 0).await.open), (Role::None, 0));
}

#[wasm_bindgen_test]
async fn a_held_connection_is_closed_after_the_last_release() {
    let mut quick = options("browser-held");
    quick =
        quick.configure(|config| config.release_after = std::time::Duration::from_millis(5).into());
    let client = Client::new(quick);
    let (resolve_closed, closed) = once();
    let (resolve_connected, connected) = once();
    let _listening = client.on_status(move |status| match status.state {
        StateName::Connected => resolve_connected(()),
        StateName::Closed => resolve_closed(()),
        StateName::Idle
        | StateName::Connecting
        | StateName::Waiting
        | StateName::Closing
        | StateName::Failed => {}
    });

    let (first, second) = (client.hold(), client.hold());
    drop(first);
    connected.await.unwrap();
    drop(second);
    closed.await.unwrap();

    assert_eq!(count("browser-held").await, Count { open: 0, opened: 1 });
}

#[wasm_bindgen_test]
async fn the_same_user_elsewhere_replaces_the_connection_which_does_not_come_back() {
    let (first, second) = (client("browser-twice"), client("browser-twice"));
    first.connect().await.unwrap();
    let (resolve, failed) = once();
    let _listening = first.on_status(move |status| {
        if let Some(error) = &status.error {
            resolve(error.code);
        }
    });

    second.connect().await.unwrap();

    assert_eq!(failed.await.unwrap(), ErrorCode::Replaced);
    let _held = first.hold();
    assert_eq!(first.status().state, StateName::Failed);
    assert_eq!(count_when_open_is("browser-twice", 1).await.opened, 2);
}

async fn failure_of(options: Options) -> Error {
    let client = Client::new(options.configure(|config| config.reconnect.max_attempts = 0));
    client.connect().await.unwrap_err()
}

#[wasm_bindgen_test]
async fn failures_have_a_code_and_a_sentence() {
    // Port 9 is the discard service: nobody listens there, and browsers refuse to try.
    let nobody = failure_of(Options::new("ws://127.0.0.1:9/ws")).await;
    assert!(
        matches!(nobody.code, ErrorCode::AttemptsExhausted | ErrorCode::InvalidOptions),
        "{nobody:?}"
    );

    let malformed = failure_of(Options::new("ws://127.0.0.1:99999/")).await;
    assert_eq!(malformed.code, ErrorCode::InvalidOptions);
    assert!(malformed.to_string().contains("SyntaxError"), "{malformed}");

    let refused = options("browser-refused")
        .token_source(|| async { TokenAnswer::Token(Token::new("no token"), None) });
    assert_eq!(failure_of(refused).await.code, ErrorCode::Unauthorized);

    let nobody_signed_in =
        options("browser-none").token_source(|| async { TokenAnswer::NoSession });
    assert_eq!(failure_of(nobody_signed_in).await.code, ErrorCode::Unauthorized);

    let failing = options("browser-failing")
        .token_source(|| async { TokenAnswer::Failed("getToken: 500".to_owned()) });
    let failing = failure_of(failing).await;
    assert_eq!(failing.code, ErrorCode::AttemptsExhausted);
    assert!(failing.to_string().contains("getToken: 500"), "{failing}");
}

#[wasm_bindgen_test]
async fn a_listener_may_call_anything_and_sees_the_effect_at_once() {
    let client = Rc::new(client("browser-reentry"));
    let (resolve, result) = once();
    let (inner, closed) = (client.clone(), Cell::new(false));
    let _listening = client.on_status(move |status| {
        if status.state == StateName::Connected && !closed.replace(true) {
            let sent = inner.send_text("from a listener");
            drop(inner.close());
            let closing = inner.status().state;
            drop(inner.connect());
            resolve((sent, closing, inner.status().state));
        }
    });

    // It was connected before the listener closed it.
    client.connect().await.unwrap();

    let result = result.await.unwrap();
    assert_eq!(result, (Ok(()), StateName::Closing, StateName::Connecting));
    client.connect().await.unwrap();
    assert_eq!(count("browser-reentry").await, Count { open: 1, opened: 2 });
}

/// What a WebSocket hands over.
fn on_wire(row: &Row) -> JsValue {
    let text = row.text();
    if row.is_binary { Uint8Array::from(text.as_bytes()).buffer().into() } else { text.into() }
}

/// A value as JSON writes it; bytes as Rust prints them.
fn shown(value: &JsValue) -> String {
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => format!("{:?}", bytes.to_vec()),
        None => js_sys::JSON::stringify(value).unwrap().into(),
    }
}

/// A frame of the server as the browser's codec reads it.
fn read_by_browser(row: &Row) -> String {
    let frame = onesocket_web::decode(on_wire(row)).unwrap().map(|message| {
        let field = |name: &str| Reflect::get(&message, &name.into()).unwrap();
        ServerMessage {
            data: shown(&field("data")),
            group: field("group").as_string().map(|name| Group::new(name).unwrap()),
            from: field("from").as_string(),
        }
    });
    format!("{frame:?}")
}

/// The same frame as the codec of native code reads it, which is compared with the table elsewhere.
fn read_natively(text: &str, is_binary: bool) -> String {
    let wire = if is_binary { Wire::Binary(text.as_bytes()) } else { Wire::Text(text) };
    let frame = decode_server(wire).unwrap().map(|ServerMessage { data, group, from }| {
        let data = match data {
            Payload::Binary(bytes) => format!("{bytes:?}"),
            Payload::Json(text) => shown(&js_sys::JSON::parse(text).unwrap()),
            Payload::Text(text) => shown(&text.into()),
        };
        ServerMessage { data, group, from }
    });
    format!("{frame:?}")
}

/// A payload as JavaScript keeps it.
fn kept(payload: Payload<'_>) -> JsValue {
    match payload {
        Payload::Binary(bytes) => Uint8Array::from(bytes).into(),
        Payload::Json(text) => {
            let json = js_sys::Object::new();
            Reflect::set(&json, &"json".into(), &text.into()).unwrap();
            json.into()
        }
        Payload::Text(text) => text.into(),
    }
}

#[wasm_bindgen_test]
fn the_browsers_codec_reads_and_writes_every_frame_as_the_table_says() {
    for row in rows() {
        let text = row.text();
        match (row.sender, row.outcome) {
            (Sender::Server, Outcome::Means(_) | Outcome::MeansInShort(_)) => {
                assert_eq!(read_by_browser(&row), read_natively(&text, row.is_binary), "{text}");
            }
            (Sender::Server, Outcome::Refused { .. }) => {
                assert!(onesocket_web::decode(on_wire(&row)).is_err(), "{text}");
            }
            (Sender::Client, Outcome::Means(_)) => {
                let bytes = text.as_bytes();
                let wire = if row.is_binary { Wire::Binary(bytes) } else { Wire::Text(&text) };
                let written = onesocket_web::encode(&decode_client(wire).unwrap().map(kept));
                match written.dyn_ref::<Uint8Array>() {
                    Some(written) => assert!(row.is_binary && written.to_vec() == bytes, "{text}"),
                    None => assert_eq!(written.as_string().as_deref(), Some(&*text)),
                }
            }
            // The browser does not read frames of clients.
            (Sender::Client, Outcome::MeansInShort(_) | Outcome::Refused { .. }) => {}
        }
    }
}

#[wasm_bindgen_test]
fn bytes_are_copied_once_more_only_where_there_is_no_room_for_a_head_before_them() {
    let head = "{\"type\":\"message\",\"id\":7}\n";
    for room in [0, head.len() - 1, head.len(), head.len() + 9] {
        let buffer = Uint8Array::from("x".repeat(room + 3).as_bytes());
        let payload = buffer.subarray(room as u32, buffer.length());

        for _ in 0..2 {
            let data = JsValue::from(&payload);
            let frame = ClientFrame::Message { id: MessageId(7), data };
            let written: Uint8Array = onesocket_web::encode(&frame).unchecked_into();

            assert_eq!(written.to_vec(), format!("{head}xxx").as_bytes(), "{room}");
            assert_eq!(written.buffer() == payload.buffer(), room >= head.len(), "{room}");
        }
    }
}

#[wasm_bindgen_test]
fn what_is_wrong_with_a_frame_is_told_as_what_it_is() {
    let binary = |text: &str| Uint8Array::from(text.as_bytes()).buffer().into();
    for (frame, sentence) in [
        ("{".into(), "The server sent a text that is no JSON."),
        (binary("{"), "The server sent a text that is no JSON."),
        ("[".into(), "The server sent a text that is no JSON."),
        ("null".into(), "The server sent JSON that is no object."),
        ("{}".into(), "The server sent a frame without a type."),
        ("{\"type\":1}".into(), "The server sent a frame without a type."),
        ("{\"type\":\"shout\"}".into(), "The server sent a frame of an unknown type \"shout\"."),
        ("{\"type\":\"toString\"}".into(), "The server sent a frame whose type is none of ours."),
        (
            "{\"type\":\"ack\",\"id\":-1}".into(),
            "The server sent a frame of type \"ack\" that lacks a field.",
        ),
        ("{\"type\":\"message\"}".into(), "The server sent a message without a payload."),
        (
            "{\"type\":\"message\"}\n{no".into(),
            "The server sent a message whose payload is no JSON.",
        ),
        (
            "{\"type\":\"message\",\"format\":\"x\"}\n1".into(),
            "The server sent a message of a format that is none of ours.",
        ),
    ] {
        let shown = format!("{frame:?}");
        let problem = onesocket_web::decode(frame).unwrap_err();
        assert_eq!(problem.to_string(), sentence, "{shown}");
    }
}
