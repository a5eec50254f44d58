//! The binary as a process: what it prints, what it logs, how it ends.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use onesocket_protocol::{CLIENT_PREFIX, SUBPROTOCOL, token_subprotocol};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::{Client, http, token, token_issued_at, upgrade};

/// As `support::secret`.
const SECRET: &[u8; 32] = &[7; 32];

/// What the client calls itself.
const CLIENT: &str = "a-name_of-22-characters";

#[tokio::test]
async fn it_says_where_it_listens_and_leaves_when_told_to() {
    let (mut process, address) = start(&["--issue-tokens"]).await;
    let mut client = connect(&address, &token("ada")).await;
    assert_eq!(client.json().await["type"], "welcome");

    terminate(&process);

    assert_eq!(client.closed().await.0, 1012);
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn it_may_be_told_to_leave_as_soon_as_it_says_where_it_listens() {
    for _ in 0..20 {
        let (mut process, _) = start(&[]).await;
        terminate(&process);
        assert_eq!(process.wait().await.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn it_logs_what_happens_and_never_a_token_or_a_clients_name() {
    for format in ["text", "json"] {
        let log = format!("--log={format}");
        let (mut process, address) = start(&["--issue-tokens", &log, "--log-level=debug"]).await;
        let ours = token("ada");
        let renewed = token_issued_at("ada", SystemTime::now() - Duration::from_mins(1));
        let canary = "canary.canary.canary";
        let body = r#"{"user":"grace"}"#;
        let issued = http(open(&address).await, "POST", "/token", &[], body).await;
        let issued: Value = serde_json::from_str(&issued.body).unwrap();
        let issued = issued["token"].as_str().unwrap();

        let mut first = connect(&address, &ours).await;
        assert_eq!(first.json().await["type"], "welcome");
        let mut second = connect(&address, &ours).await;
        assert_eq!(second.json().await["type"], "welcome");
        assert_eq!(first.closed().await.0, 4409);
        assert_eq!(connect(&address, issued).await.json().await["type"], "welcome");
        assert_eq!(connect(&address, canary).await.closed().await.0, 4401);
        assert_eq!(second.refresh(1, &renewed).await["type"], "refreshed");
        for refused in [issued, canary] {
            let error = second.refresh(2, refused).await;
            assert_eq!(error["code"], "unauthorized");
            assert!(!error.to_string().contains(refused), "{error}");
        }
        for broken in [
            format!(r#"{{"type":"refresh","token":"{canary}"}}"#),
            format!(r#"{{"type":"refresh","id":3,"token":["{canary}"]}}"#),
            format!(r#"{{"type":"refresh","id":3,"token":"{canary}"#),
        ] {
            assert_eq!(second.ask(&broken).await["code"], "invalid-message");
        }
        for token in [&ours, canary] {
            let bearer = format!("Authorization: Bearer {token}");
            http(open(&address).await, "GET", "/connections", &[&bearer], "").await;
        }
        http(open(&address).await, "GET", &format!("/?token={canary}"), &[], "").await;
        drop((first, second));
        terminate(&process);

        let mut log = String::new();
        process.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        for said in [
            "Token validation",
            "Closing existing connection",
            "Total clients: 1",
            "Total clients: 2",
            "accepted",
            "refused",
            "another user's",
            "Leaving",
        ] {
            assert!(log.contains(said), "{said}: {log}");
        }
        for token in [&ours, &renewed, issued, canary] {
            assert!(!log.contains(&token_subprotocol(token)), "{log}");
            for part in token.split('.') {
                assert!(!log.contains(part), "{part}: {log}");
            }
        }
        assert!(!log.contains(CLIENT), "{log}");
        if format == "json" {
            for line in log.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn a_random_secret_is_mentioned_and_not_shown() {
    let mut command = command(&["--issue-tokens"]);
    command.env_remove("ONESOCKET_SECRET");
    let (mut process, _) = listening(command).await;
    terminate(&process);

    let mut log = String::new();
    process.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();

    assert!(log.contains("The secret is a random one"), "{log}");
}

#[tokio::test]
async fn bad_options_are_refused_all_at_once() {
    let mut command = command(&["--ping-every=0s", "--max-message=big", "--allow-origin=here"]);
    let output = command.env("ONESOCKET_SECRET", "short").output().await.unwrap();

    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    for option in ["ONESOCKET_SECRET", "--ping-every", "--max-message", "--allow-origin"] {
        assert!(said.contains(option), "{said}");
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onesocket-server"));
    command
        .args(["--listen=127.0.0.1:0"])
        .args(arguments)
        .env("ONESOCKET_SECRET", std::str::from_utf8(SECRET).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn start(arguments: &[&str]) -> (Child, String) {
    listening(command(arguments)).await
}

async fn listening(mut command: Command) -> (Child, String) {
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let address = line.strip_prefix("listening on http://").expect("the first line");
    let address = address.strip_suffix('\n').unwrap().to_owned();
    (process, address)
}

fn terminate(process: &Child) {
    let id = process.id().unwrap().to_string();
    let status = std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(status.success());
}

async fn open(address: &str) -> Box<TcpStream> {
    Box::new(TcpStream::connect(address).await.unwrap())
}

async fn connect(address: &str, token: &str) -> Client {
    let token = token_subprotocol(token);
    let offered = format!("{SUBPROTOCOL}, {token}, {CLIENT_PREFIX}{CLIENT}");
    upgrade(open(address).await, &[("sec-websocket-protocol", &offered)]).await
}
