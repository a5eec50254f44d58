//! What an application does with the messages to the server, and what becomes of them when
//! connections come and go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::SinkExt;
use onesocket_server::{Answer, Handler, Handling, Incoming, Payload};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::support::{Server, binary, binary_of_server, config};

const BUFFER: usize = 16 << 10;

/// Does what a message says, and notes it.
struct Obedient {
    seen: Mutex<Vec<String>>,
    running: AtomicUsize,
    /// Who is told to wait does so for one of these.
    go: Semaphore,
}

impl Handler for Obedient {
    fn handle(self: Arc<Self>, message: Incoming) -> Handling {
        Box::pin(async move {
            assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "two of one user at once");
            let answer = self.answer(message).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }
}

impl Obedient {
    fn new() -> Arc<Self> {
        let go = Semaphore::new(0);
        Arc::new(Self { seen: Mutex::default(), running: AtomicUsize::default(), go })
    }

    async fn answer(&self, message: Incoming) -> Answer {
        let said = match &message.payload {
            Payload::Binary(bytes) => format!("{} bytes", bytes.len()),
            Payload::Json(json) => json.decode().unwrap(),
            Payload::Text(text) => text.clone(),
        };
        self.seen.lock().unwrap().push(format!("{} {}: {said}", message.user, message.id.0));
        match said.as_str() {
            "reply" => {
                Answer::Reply(Payload::json(&json!({"connection": message.connection.0})).unwrap())
            }
            "shout" => Answer::Reply(Payload::json(&"x".repeat(70 << 10)).unwrap()),
            "refuse" => Answer::Refuse("not today".into()),
            "wait" => {
                self.go.acquire().await.unwrap().forget();
                Answer::Accept
            }
            "hang" => std::future::pending().await,
            "panic" => {
                self.running.fetch_sub(1, Ordering::SeqCst);
                panic!("as it was told")
            }
            _ => match message.payload {
                Payload::Binary(bytes) => Answer::Reply(Payload::Binary(bytes)),
                Payload::Json(_) | Payload::Text(_) => Answer::Accept,
            },
        }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_accepts_replies_and_refuses() {
    let handler = Obedient::new();
    let server = server(&handler);
    let mut ada = server.connect("ada").await;

    assert_eq!(ada.ask(&said(1, "hello")).await, json!({"type": "ack", "id": 1}));
    let reply = ada.ask(&said(2, "reply")).await;
    assert_eq!(reply, json!({"type": "message", "data": {"connection": "c1"}}));
    assert_eq!(ada.json().await, json!({"type": "ack", "id": 2}));
    assert_eq!(ada.ask(&said(3, "refuse")).await, refused(3, "not today"));
    ada.socket.send(binary(4, b"1234")).await.unwrap();
    assert_eq!(ada.next().await.unwrap().unwrap(), binary_of_server(b"1234"));
    assert_eq!(ada.json().await, json!({"type": "ack", "id": 4}));

    assert_eq!(handler.seen(), ["ada 1: hello", "ada 2: reply", "ada 3: refuse", "ada 4: 4 bytes"]);
}

#[tokio::test(start_paused = true)]
async fn messages_are_handled_one_at_a_time_and_in_order() {
    let handler = Obedient::new();
    let server = server(&handler);
    let mut ada = server.connect("ada").await;
    for (id, what) in [(1, "wait"), (2, "a"), (3, "wait"), (4, "b")] {
        ada.send(&said(id, what)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(handler.seen(), ["ada 1: wait"]);

    handler.go.add_permits(2);

    // The first is answered at once, the others together.
    for id in [1, 4] {
        assert_eq!(ada.json().await, json!({"type": "ack", "id": id}));
    }
    assert_eq!(handler.seen(), ["ada 1: wait", "ada 2: a", "ada 3: wait", "ada 4: b"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_comes_at_once_and_what_follows_within_a_millisecond_has_one() {
    let handler = Obedient::new();
    let server = server(&handler);
    let mut ada = server.connect("ada").await;

    let start = Instant::now();
    assert_eq!(ada.ask(&said(1, "a")).await["id"], 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
    for id in 2..=12 {
        ada.send(&said(id, "b")).await;
        // The message was read, and the answer to something else does not bring its own.
        assert_eq!(ada.ask(r#"{"type":"ping"}"#).await["type"], "pong");
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(ada.json().await, json!({"type": "ack", "id": 12}));
    assert_eq!(start.elapsed(), Duration::from_millis(1));

    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(ada.ask(&said(13, "c")).await["id"], 13);
    assert_eq!(start.elapsed(), Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_is_not_for_the_next_tab_of_that_number() {
    let handler = Obedient::new();
    let server = server(&handler);
    let mut ada = server.connect("ada").await;
    let attach = |name| json!({"type": "attach", "id": 1, "client": name, "as": 3}).to_string();
    let say = |id| json!({"type": "message", "id": id, "data": "x", "as": 3}).to_string();
    assert_eq!(ada.ask(&attach("old")).await["type"], "attached");
    assert_eq!(ada.ask(&say(6)).await["id"], 6);
    // Its answer waits for a millisecond.
    ada.send(&say(7)).await;
    let detached = ada.ask(r#"{"type":"detach","id":9007199254740991,"as":3}"#).await;
    assert_eq!(detached["id"], 9_007_199_254_740_991_u64);
    assert_eq!(ada.ask(&attach("new")).await["type"], "attached");

    assert_eq!(ada.ask(&say(2)).await, json!({"as": 3, "type": "ack", "id": 2}));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_brought_to_its_end_and_not_begun_again() {
    for lost in [true, false] {
        let handler = Obedient::new();
        let server = server(&handler);
        let (mut older, remembered) = server.connect_as("ada", "a").await;
        older.send(&said(1, "wait")).await;
        while handler.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        let older = Some(older).filter(|_| !lost);

        let (mut newer, memory) = server.connect_as("ada", "a").await;
        assert_eq!(memory, remembered);
        newer.send(&said(1, "wait")).await;
        newer.send(&said(2, "next")).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(handler.seen(), ["ada 1: wait"]);
        handler.go.add_permits(1);

        assert_eq!(newer.json().await, json!({"type": "ack", "id": 1}));
        assert_eq!(newer.json().await, json!({"type": "ack", "id": 2}));
        assert_eq!(handler.seen(), ["ada 1: wait", "ada 2: next"]);
        drop(older);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_hangs_or_shouts_costs_its_message_and_nothing_else() {
    let handler = Obedient::new();
    let server = server(&handler);
    let mut ada = server.connect("ada").await;

    let panicked = ada.ask(&said(1, "panic")).await;
    assert_eq!(panicked, refused(1, "the server could not handle this"));
    let shouted = ada.ask(&said(2, "shout")).await;
    assert_eq!(shouted, refused(2, "the server's reply was too large to be sent"));
    assert_eq!(ada.ask(&said(3, "hello")).await, json!({"type": "ack", "id": 3}));

    let start = Instant::now();
    let hung = ada.ask(&said(4, "hang")).await;
    assert_eq!(hung, refused(4, "the server took too long to handle this"));
    assert_eq!(start.elapsed().as_secs(), 10);
}

fn server(handler: &Arc<Obedient>) -> Server {
    let handler: Arc<dyn Handler> = handler.clone();
    let server = onesocket_server::Server::with_handler(config(), handler).unwrap();
    Server::start_library_in_memory(server, BUFFER)
}

fn said(id: u64, what: &str) -> String {
    json!({"type": "message", "id": id, "data": what}).to_string()
}

fn refused(id: u64, message: &str) -> serde_json::Value {
    json!({"type": "error", "id": id, "code": "refused", "message": message})
}
