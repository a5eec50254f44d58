//! The binary as a process: what it prints, what it logs, how it ends.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onesocket_protocol::{CLIENT_PREFIX, SUBPROTOCOL, token_subprotocol};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{Client, http, token, token_issued_at, token_of, upgrade, upgrade_at};

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
        let options = ["--issue-tokens", &log, "--log-level=debug", "--token-query=token"];
        let (mut process, address) = start(&options).await;
        let ours = token("ada");
        let refreshed = token_issued_at("ada", SystemTime::now() - Duration::from_mins(1));
        let canary = "canary.canary.canary";
        let body = r#"{"user":"grace"}"#;
        let issued = http(open(&address).await, "POST", "/token", &[], body).await;
        let issued: Value = serde_json::from_str(&issued.body).unwrap();
        let issued = issued["token"].as_str().unwrap();

        let mut first = connect(&address, &ours).await;
        assert_eq!(first.json().await["type"], "welcome");
        let mut second = connect(&address, &ours).await;
        assert_eq!(second.json().await["type"], "welcome");
        assert_eq!(first.closed().await.0, 4410);
        assert_eq!(connect(&address, issued).await.json().await["type"], "welcome");
        assert_eq!(connect(&address, canary).await.closed().await.0, 4401);
        assert_eq!(second.refresh(1, &refreshed).await["type"], "refreshed");
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
        for token in [&ours, canary] {
            let path = format!("/ws?token={token}");
            let offered = [("sec-websocket-protocol", SUBPROTOCOL)];
            assert!(upgrade_at(open(&address).await, &path, &offered).await.next().await.is_some());
        }
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
        for token in [&ours, &refreshed, issued, canary] {
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
async fn secrets_are_changed_without_a_disconnect() {
    let folder = std::env::temp_dir().join(format!("onesocket-rotation-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let [file, previous] = ["secret", "previous"].map(|name| folder.join(name));
    let [old, new] = [b"1", b"2"].map(|byte| byte.repeat(32));
    std::fs::write(&file, &old).unwrap();
    std::fs::write(&previous, &old).unwrap();
    let files = [&file, &previous].map(|file| file.to_str().unwrap());
    let mut command = command(&[]);
    command.env("ONESOCKET_SECRET_FILE", files[0]);
    command.env("ONESOCKET_PREVIOUS_SECRET_FILE", files[1]);
    let (mut process, address) = listening(command).await;
    let mut log = lines(&mut process);
    // The keys that it begins with, so that those which it reads later are told from them.
    log.until("Keys").await;
    let mut ada = connect(&address, &token_of(&old, "ada")).await;
    assert_eq!(ada.json().await["type"], "welcome");
    assert_eq!(connect(&address, &token_of(&new, "new")).await.closed().await.0, 4401);

    // The new one is known everywhere before anything is signed with it.
    std::fs::write(&file, &new).unwrap();
    signal(&process, "HUP");
    log.until("Keys").await;
    for secret in [&new, &old] {
        let mut client = connect(&address, &token_of(secret, "grace")).await;
        assert_eq!(client.json().await["type"], "welcome");
    }

    // A mistake changes nothing.
    std::fs::write(&file, "short").unwrap();
    signal(&process, "HUP");
    log.until("the secrets are as they were").await;
    log.until("Keys").await;
    let mut client = connect(&address, &token_of(&new, "grace")).await;
    assert_eq!(client.json().await["type"], "welcome");

    // Once nothing is signed with the old one any more, it goes.
    std::fs::write(&file, &new).unwrap();
    std::fs::write(&previous, &new).unwrap();
    signal(&process, "HUP");
    log.until("Keys").await;
    assert_eq!(connect(&address, &token_of(&old, "grace")).await.closed().await.0, 4401);
    assert_eq!(ada.ask(r#"{"type":"ping"}"#).await["type"], "pong");
    assert_eq!(ada.refresh(1, &token_of(&new, "ada")).await["type"], "refreshed");

    std::fs::remove_dir_all(folder).unwrap();
}

/// Pairs of Ed25519, private and public, that were made for this test and for nothing else.
const PAIRS: [[&str; 2]; 2] = [
    [
        "MC4CAQAwBQYDK2VwBCIEIKLpjMPaUUF57clf36qZGqWzNbAtaPd3s3+Njur2CLLc",
        "MCowBQYDK2VwAyEA9TBikq4EogdX03WYsZ5NAOozGn1jRTySH5GGs4gWRUI=",
    ],
    [
        "MC4CAQAwBQYDK2VwBCIEIIfmBlHA3G5ge75npWeIVWYiPrKTw1PpYFNIZr8+P2Jt",
        "MCowBQYDK2VwAyEAw+rV7i7wURyVXGMUhhD+dCeezHHgP6TwC9aHqtqDHhM=",
    ],
];

#[tokio::test]
async fn public_keys_are_changed_without_a_disconnect() {
    let pem = |kind: &str, base64: &str| {
        format!("-----BEGIN {kind} KEY-----\n{base64}\n-----END {kind} KEY-----\n")
    };
    let [old, new] = PAIRS.map(|[private, _]| pem("PRIVATE", private));
    let [old_public, new_public] = PAIRS.map(|[_, public]| pem("PUBLIC", public));
    let signed = |private: &str, user: &str| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let claims = serde_json::json!({
            "sub": user, "aud": "onesocket", "jti": "1", "iat": now, "exp": now + 300,
        });
        let key = EncodingKey::from_ed_pem(private.as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
    };
    let folder = std::env::temp_dir().join(format!("onesocket-public-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("keys");
    std::fs::write(&file, &old_public).unwrap();
    let (mut process, address) = start(&["--public-key-file", file.to_str().unwrap()]).await;
    let mut log = lines(&mut process);
    log.until("Keys").await;
    let mut ada = connect(&address, &signed(&old, "ada")).await;
    assert_eq!(ada.json().await["type"], "welcome");
    assert_eq!(connect(&address, &signed(&new, "new")).await.closed().await.0, 4401);

    // Both, while those who sign change theirs.
    std::fs::write(&file, format!("{old_public}{new_public}")).unwrap();
    signal(&process, "HUP");
    log.until("Keys").await;
    for private in [&new, &old] {
        let mut client = connect(&address, &signed(private, "grace")).await;
        assert_eq!(client.json().await["type"], "welcome");
    }

    // A mistake changes nothing, and a private key is one.
    for mistake in ["", &old, "no key"] {
        std::fs::write(&file, mistake).unwrap();
        signal(&process, "HUP");
        log.until("the public keys are as they were").await;
        log.until("Keys").await;
        let mut client = connect(&address, &signed(&new, "grace")).await;
        assert_eq!(client.json().await["type"], "welcome");
    }

    std::fs::write(&file, &new_public).unwrap();
    signal(&process, "HUP");
    log.until("Keys").await;
    assert_eq!(connect(&address, &signed(&old, "grace")).await.closed().await.0, 4401);
    assert_eq!(ada.ask(r#"{"type":"ping"}"#).await["type"], "pong");
    assert_eq!(ada.refresh(1, &signed(&new, "ada")).await["type"], "refreshed");

    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn options_may_be_variables() {
    let mut command = command(&["--max-queue=2MiB"]);
    command.env("ONESOCKET_ECHO", "true").env("ONESOCKET_ISSUE_TOKENS", "false");
    command.env("ONESOCKET_MAX_MESSAGE", "1KiB");
    command.env("ONESOCKET_MAX_QUEUE", "nothing that counts");
    let (_process, address) = listening(command).await;

    let mut client = connect(&address, &token("ada")).await;
    assert_eq!(client.json().await["maxMessageBytes"], 1024);
    assert_eq!(client.ask(r#"{"type":"message","id":1,"data":1}"#).await["data"], 1);
    let answer = http(open(&address).await, "POST", "/token", &[], r#"{"user":"ada"}"#).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn its_help_fits_a_terminal_and_tells_every_default() {
    let output = command(&["--help"]).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();

    assert_eq!(output.status.code(), Some(0));
    for heading in ["Tokens:", "Access:", "Timeouts:", "Limits:", "Log:"] {
        assert!(help.lines().any(|line| line == heading), "{heading}");
    }
    for line in help.lines() {
        assert!(line.len() <= 100, "{line}");
    }
    assert!(help.contains("[default: 64KiB]") && help.contains("[env: ONESOCKET_MAX_QUEUE]"));
}

#[tokio::test]
async fn what_a_stranger_says_forges_no_line_of_the_log() {
    for format in ["text", "json"] {
        let log = format!("--log={format}");
        let (mut process, address) = start(&["--issue-tokens", &log, "--log-level=debug"]).await;
        let forged = "\u{1b}[31m ERROR forged";
        for user in ["a\\nforged", "a\\u001b[31mforged", "a\\u009b31mforged", "a\\u2028forged"] {
            let body = format!(r#"{{"user":"{user}"}}"#);
            http(open(&address).await, "POST", "/token", &[], &body).await;
        }
        let long = "x".repeat(5000);
        for origin in ["http://a\"forged", &long, "http://a\tforged", "http://\u{9b}31mforged"] {
            let headers = [format!("Origin: {origin}")];
            http(open(&address).await, "POST", "/token", &[&headers[0]], "").await;
        }
        let name = "a\u{202e}forged \u{2028} \"quoted\" ü";
        let mut client = connect(&address, &token(name)).await;
        assert_eq!(client.json().await["type"], "welcome");
        client.send(&format!(r#"{{"type":"{forged}"}}"#)).await;
        client
            .socket
            .close(Some(CloseFrame { code: 3000.into(), reason: forged.into() }))
            .await
            .unwrap();
        while client.next().await.is_some() {}
        terminate(&process);

        let mut log = String::new();
        process.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();

        assert!(log.contains("Origin not allowed") && log.contains("Client connected"), "{log}");
        if format == "json" {
            // Who reads it has the name as it is.
            let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            assert!(lines.into_iter().any(|line| line["user"] == name), "{log}");
        }
        for line in log.lines() {
            assert!(line.len() < 1000, "{line}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(!line.contains(['\u{2028}', '\u{202e}']), "{line:?}");
            // Each line is one of ours, from its beginning.
            assert!(line.starts_with("20") || line.starts_with(r#"{"timestamp":"20"#), "{line:?}");
        }
    }
}

#[tokio::test]
async fn after_it_was_killed_it_starts_again_at_the_same_address_at_once() {
    let (mut process, address) = start(&[]).await;
    let mut clients = Vec::new();
    for n in 0..20 {
        let mut client = connect(&address, &token(&n.to_string())).await;
        assert_eq!(client.json().await["type"], "welcome");
        clients.push(client);
    }

    process.kill().await.unwrap();
    let (_process, again) = listening(command_at(&address, &[])).await;

    assert_eq!(again, address);
    for (n, mut old) in clients.into_iter().enumerate() {
        assert!(!matches!(old.next().await, Some(Ok(_))), "no close was said");
        let mut client = connect(&address, &token(&n.to_string())).await;
        assert_eq!(client.json().await["type"], "welcome");
    }
}

#[tokio::test]
async fn without_descriptors_it_waits_for_them_and_goes_on() {
    // The machine may be busy with other things.
    let command = command(&["--handshake-time=1m", "--write-time=1m"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -n 128 && exec "$0" "$@""#]);
    limited.arg(command.as_std().get_program()).args(command.as_std().get_args());
    limited.env("ONESOCKET_SECRET", std::str::from_utf8(SECRET).unwrap());
    limited.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (mut process, address) = listening(limited).await;
    let stderr = process.stderr.take().unwrap();
    let (exhausted, is_exhausted) = watch::channel(false);
    let failures = tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        let mut failures = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Accepting failed") {
                failures += 1;
                exhausted.send_replace(true);
            }
        }
        failures
    });

    let mut clients = JoinSet::new();
    for n in 0..300 {
        let (address, mut is_exhausted) = (address.clone(), is_exhausted.clone());
        clients.spawn(async move {
            let mut client = connect(&address, &token(&n.to_string())).await;
            assert_eq!(client.json().await["type"], "welcome");
            // Nobody leaves before there is no room.
            is_exhausted.wait_for(|exhausted| *exhausted).await.unwrap();
            client.socket.close(None).await.unwrap();
            while client.next().await.is_some() {}
        });
    }

    assert_eq!(clients.join_all().await.len(), 300);
    let mut client = connect(&address, &token("ada")).await;
    assert_eq!(client.json().await["type"], "welcome");
    terminate(&process);
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    // One for each second that it had to wait; one that spins has thousands.
    let failures = failures.await.unwrap();
    assert!((1..100).contains(&failures), "{failures}");
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
    command_at("127.0.0.1:0", arguments)
}

pub(crate) fn command_at(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onesocket-server"));
    command
        .args(["--listen", address])
        .args(arguments)
        .env("ONESOCKET_SECRET", std::str::from_utf8(SECRET).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn start(arguments: &[&str]) -> (Child, String) {
    listening(command(arguments)).await
}

pub(crate) async fn listening(mut command: Command) -> (Child, String) {
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let address = line.strip_prefix("listening on http://").expect("the first line");
    let address = address.strip_suffix('\n').unwrap().to_owned();
    (process, address)
}

pub(crate) fn terminate(process: &Child) {
    signal(process, "TERM");
}

fn signal(process: &Child, name: &str) {
    let id = process.id().unwrap().to_string();
    let status = std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap();
    assert!(status.success());
}

/// The log of a process, line by line.
struct Log(Lines<BufReader<ChildStderr>>);

impl Log {
    /// Reads up to a line that has this in it.
    async fn until(&mut self, part: &str) {
        while let Some(line) = self.0.next_line().await.unwrap() {
            if line.contains(part) {
                return;
            }
        }
        panic!("the log ends without {part:?}");
    }
}

fn lines(process: &mut Child) -> Log {
    Log(BufReader::new(process.stderr.take().unwrap()).lines())
}

async fn open(address: &str) -> Box<TcpStream> {
    Box::new(TcpStream::connect(address).await.unwrap())
}

async fn connect(address: &str, token: &str) -> Client {
    let token = token_subprotocol(token);
    let offered = format!("{SUBPROTOCOL}, {token}, {CLIENT_PREFIX}{CLIENT}");
    upgrade(open(address).await, &[("sec-websocket-protocol", &offered)]).await
}
