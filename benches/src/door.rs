//! The door: what it costs the server to let somebody in, by the kind of key, and into a group, by the
//! kind of right.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use serde_json::json;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};
use crate::crowd;
use crate::peer::{Peer, SECRET};
use crate::process::{Process, Programs};
use crate::stats::micros_each;

/// Reads a private key.
type ReadKey = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;

/// The algorithms with two keys, the options of `openssl genpkey` that make them, and what reads the
/// private one.
const KINDS: [(Algorithm, [&str; 4], ReadKey); 2] = [
    (
        Algorithm::RS256,
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        EncodingKey::from_rsa_pem,
    ),
    (
        Algorithm::ES256,
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        EncodingKey::from_ec_pem,
    ),
];

/// How many joins, each with its leave.
const JOINS: u64 = 20_000;

/// How many of them are on their way at once.
const WINDOW: u64 = 100;

/// How many other patterns the claim has, all before the one that counts.
const PATTERNS: usize = 99;

/// The server's processor time for each kind of token, and for each kind of right.
pub(crate) struct Door {
    pub(crate) connects: Vec<(String, f64)>,
    pub(crate) joins: [(&'static str, f64); 2],
}

/// Has `count` clients come in with tokens of each kind, and one join groups by each kind of right.
pub(crate) async fn measure(programs: &Programs, openssl: &Path, count: usize) -> Result<Door> {
    let folder = Folder::new()?;
    let mut keys = vec![(Algorithm::HS256, EncodingKey::from_secret(SECRET.as_bytes()))];
    let mut public = String::new();
    for (algorithm, options, read) in KINDS {
        let private = folder.0.join(format!("{algorithm:?}.pem"));
        run(Command::new(openssl).arg("genpkey").args(options).arg("-out").arg(&private))?;
        public += &run(Command::new(openssl).args(["pkey", "-pubout", "-in"]).arg(&private))?;
        keys.push((algorithm, read(&fs::read(&private)?)?));
    }
    let file = folder.0.join("public.pem");
    fs::write(&file, public)?;
    let mut programs = programs.clone();
    programs.server_options.extend(["--public-key-file".into(), file.display().to_string()]);
    programs.open_groups = "open-*";

    let mut connects = Vec::new();
    for (algorithm, key) in &keys {
        let offers = (0..count).map(|user| offer(*algorithm, key, user)).collect::<Result<_>>()?;
        connects.push((format!("{algorithm:?}"), connect_all(&programs, offers).await?));
    }
    let (algorithm, key) = &keys[0];
    let server = Process::start(Peer::Onesocket, &programs, None).await?;
    let mut client =
        Client::offering(Peer::Onesocket, server.address, 0, offer(*algorithm, key, 0)?).await?;
    // The first of each is not measured.
    let mut joins = [("open-", 0.0), ("claimed-", 0.0)];
    let mut id = 1;
    for round in 0..2 {
        for (prefix, micros) in &mut joins {
            let cpu = server.cpu()?;
            id = join_many(&mut client, prefix, id).await?;
            if round > 0 {
                *micros = micros_each(server.cpu()?.saturating_sub(cpu), JOINS as usize);
            }
        }
    }
    Ok(Door { connects, joins })
}

/// Returns the server's processor time for one of the clients with these offers, in microseconds.
async fn connect_all(programs: &Programs, offers: Vec<String>) -> Result<f64> {
    let server = Process::start(Peer::Onesocket, programs, None).await?;
    let (address, count, cpu) = (server.address, offers.len(), server.cpu()?);
    let offers = offers.into_iter().enumerate();
    let connects =
        offers.map(|(user, offer)| Client::offering(Peer::Onesocket, address, user, offer));
    let _clients = crowd::in_turn(connects).await?;
    Ok(micros_each(server.cpu()?.saturating_sub(cpu), count))
}

/// Joins and leaves many groups, some at a time; returns the next id.
async fn join_many(client: &mut Client, prefix: &str, first: u64) -> Result<u64> {
    let mut id = first;
    for window in 0..JOINS / WINDOW {
        for place in 0..WINDOW {
            let group = format!("{prefix}{}", window * WINDOW + place);
            for kind in ["join", "leave"] {
                client.send(format!(r#"{{"type":"{kind}","id":{id},"group":"{group}"}}"#)).await?;
                id += 1;
            }
        }
        let last = format!(r#""id":{}}}"#, id - 1);
        let answered = async {
            loop {
                let text = client.message().await?;
                ensure!(!text.contains("\"error\""), "{text}");
                if text.ends_with(&last) {
                    return Ok(());
                }
            }
        };
        timeout(PATIENCE, answered).await.context("no answer")??;
    }
    Ok(id)
}

/// Returns the subprotocols that a user offers whose token was signed so.
fn offer(algorithm: Algorithm, key: &EncodingKey, user: usize) -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut groups: Vec<String> = (0..PATTERNS).map(|number| format!("other-{number}-*")).collect();
    groups.push("claimed-*".into());
    let claims = json!({
        "sub": format!("user{user}"),
        "aud": "onesocket",
        "iat": now.as_secs(),
        "exp": (now + Duration::from_secs(300)).as_secs(),
        "jti": user.to_string(),
        "groups": groups,
    });
    let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, key)?;
    Ok(format!("{SUBPROTOCOL}, {}", token_subprotocol(&token)))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("onesocket-door-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody hears of it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
