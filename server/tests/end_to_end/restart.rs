//! A restart as an operator does it, with clients of ours: the machine over real TCP.
//! `cargo xtask bench server -- --only restart` does it with thousands.

use std::time::{Duration, SystemTime};

use onesocket_core::protocol::{CloseCode, Token};
use onesocket_core::{Config, Error, TokenAnswer};
use onesocket_native::{Event, Options, stay_connected};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::binary::{command_at, listening, start, terminate};
use crate::support::token_issued_at;

const CLIENTS: usize = 200;

/// The machine may be busy with other things, and nobody reads the log: it would fill its pipe.
const OPTIONS: &[&str] = &["--handshake-time=1m", "--write-time=1m", "--log-level=error"];

#[tokio::test]
async fn all_our_clients_hear_of_a_restart_and_are_back_under_their_own_rules() {
    let (mut process, address) = start(OPTIONS).await;
    let (tell, mut told) = unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(connect(client, address.clone(), tell.clone()));
    }
    for event in each(&mut told).await {
        assert!(matches!(event, Event::Connected { .. }), "{event:?}");
    }

    terminate(&process);

    let lost = Event::Lost { code: CloseCode::SERVICE_RESTART };
    for event in each(&mut told).await {
        assert_eq!(event, lost);
    }
    assert_eq!(process.wait().await.unwrap().code(), Some(0));

    let (_process, again) = listening(command_at(&address, OPTIONS)).await;

    assert_eq!(again, address);
    for event in each(&mut told).await {
        let Event::Connected { attempt } = event else { panic!("{event:?}") };
        assert!((1..=config(0).reconnect.max_attempts).contains(&attempt), "{attempt}");
    }
}

/// Runs one client, until it fails.
async fn connect(client: usize, address: String, tell: UnboundedSender<(usize, Told)>) {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&client.to_be_bytes());
    let options =
        Options { server: address.parse().unwrap(), from: None, name, config: config(client) };
    let get_token = || {
        let token = token_issued_at(&client.to_string(), SystemTime::now());
        TokenAnswer::Token(Token::new(token), None)
    };
    let error =
        stay_connected(options, get_token, |event| tell.send((client, Ok(event))).unwrap()).await;
    tell.send((client, Err(error))).unwrap();
}

/// As an application has it that sets nothing, but for the patience.
fn config(client: usize) -> Config {
    let connect_timeout = Duration::from_mins(1);
    Config { connect_timeout: connect_timeout.into(), seed: client as u64, ..Config::default() }
}

type Told = Result<Event, Error>;

/// Returns what each client has to say next.
async fn each(told: &mut UnboundedReceiver<(usize, Told)>) -> Vec<Event> {
    let mut events = vec![None; CLIENTS];
    for _ in 0..CLIENTS {
        let (client, event) = told.recv().await.unwrap();
        let event = event.unwrap_or_else(|error| panic!("client {client} has failed: {error}"));
        assert_eq!(events[client].replace(event), None, "client {client} is ahead of others");
    }
    events.into_iter().flatten().collect()
}
