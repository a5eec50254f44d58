//! What happens at the same time: many rounds, on several threads.

use std::sync::Arc;
use std::time::Duration;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Server, config, token};

const BUFFER: usize = 4 << 10;

const ROUNDS: u64 = 200;

/// How many connect at once.
const AT_ONCE: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_at_once_the_last_registered_is_left_in_every_round() {
    let server = Arc::new(Server::start_in_memory(patient(), BUFFER));
    let offered = token_subprotocol(&token("ada"));
    let mut left = None;
    for round in 1..=ROUNDS {
        let mut clients = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (server, offered) = (Arc::clone(&server), offered.clone());
            clients.spawn(async move {
                let mut client = server.offer(&[SUBPROTOCOL, &offered]).await;
                // One that is replaced before its welcome was written gets none.
                match client.next().await.unwrap().unwrap() {
                    Message::Text(welcome) => (Some((client, welcome.to_string())), None),
                    Message::Close(close) => (None, close.map(|close| u16::from(close.code))),
                    other => panic!("{other:?}"),
                }
            });
        }

        let newest = format!(r#""connectionId":"c{}""#, round * AT_ONCE);
        let mut survivors = Vec::new();
        for (client, code) in clients.join_all().await {
            match client {
                Some((client, welcome)) if welcome.contains(&newest) => survivors.push(client),
                Some((mut client, _)) => assert_eq!(client.closed().await.0, 4409),
                None => assert_eq!(code, Some(4409)),
            }
        }

        assert_eq!(survivors.len(), 1, "in round {round}");
        if let Some(mut before) = left.replace(survivors.remove(0)) {
            assert_eq!(before.closed().await.0, 4409);
        }
    }
    assert_eq!(server.count("ada").await, (1, ROUNDS * AT_ONCE));
    assert_eq!(server.metric("onesocket_clients").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_close_at_the_time_of_a_connect_takes_nothing_from_it() {
    let server = Server::start_in_memory(patient(), BUFFER);
    let join = r#"{"type":"join","id":1,"group":"tea"}"#;
    let mut grace = server.connect("grace").await;
    assert_eq!(grace.ask(join).await["type"], "ack");
    let mut current = server.connect("ada").await;
    for round in 1..=ROUNDS {
        let (_, mut newer) = tokio::join!(current.socket.close(None), server.connect("ada"));
        while current.next().await.is_some_and(|next| next.is_ok()) {}

        assert_eq!(newer.ask(join).await["type"], "ack", "in round {round}");
        let publish = format!(r#"{{"type":"publish","id":{},"group":"tea","data":1}}"#, round + 1);
        assert_eq!(grace.ask(&publish).await["type"], "ack");
        assert_eq!(newer.json().await["from"], "grace", "in round {round}");
        current = newer;
    }
    drop(current);
    // Once it is noticed that nobody is there.
    while server.count("ada").await.0 > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.metric("onesocket_clients").await, 1);
}

/// Returns a configuration for a machine that is busy with other things.
fn patient() -> Config {
    let minute = Duration::from_mins(1);
    Config { handshake_time: minute, write_time: minute, ..config() }
}
