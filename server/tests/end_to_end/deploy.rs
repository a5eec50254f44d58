//! The files of `server/deploy` say what the server knows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::binary::{listening, terminate};
use crate::support::{Server, config, http};

fn file(name: &str) -> String {
    let path = format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("onesocket_")).collect()
}

#[tokio::test]
async fn the_dashboard_shows_every_metric_and_no_other() {
    let server = Server::start(Config { max_message: 1, ..config() }).await;
    // Some are shown once they have counted.
    let mut ada = server.connect("ada").await;
    assert_eq!(ada.ask(r#"{"type":"message","id":1,"data":"xx"}"#).await["code"], "too-large");
    let garbage = [SUBPROTOCOL, &token_subprotocol("garbage")];
    assert_eq!(server.offer(&garbage).await.closed().await.0, 4401);
    let shown = server.http("GET", "/metrics", &[], "").await.body;
    let known: BTreeSet<&str> =
        shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    drop(ada);
    server.stop().await.unwrap();

    let dashboard = file("grafana.json");
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let asked: String = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let asked: BTreeSet<&str> = metrics(&asked)
        .into_iter()
        .map(|name| name.strip_suffix("_total").unwrap_or(name))
        .collect();

    assert!(known.len() >= 10, "{known:?}");
    assert_eq!(asked, known);
}

#[tokio::test]
async fn the_server_starts_with_the_options_of_its_files() {
    let folder = std::env::temp_dir().join(format!("onesocket-deploy-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for secret in ["secret", "publish-key"] {
        fs::write(folder.join(secret), [b'x'; 32]).unwrap();
    }
    // Where they are on this machine, and on ports that are free.
    let options = file("onesocket.toml")
        .replace("/etc/onesocket", folder.to_str().unwrap())
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9090", "127.0.0.1:0");
    let path = folder.join("onesocket.toml");
    fs::write(&path, options).unwrap();
    let unit = file("onesocket-server.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let arguments: Vec<&str> = line.split(' ').skip(1).collect();
    let [option, _] = arguments[..] else { panic!("{line}") };

    let mut command = Command::new(env!("CARGO_BIN_EXE_onesocket-server"));
    command.arg(option).arg(&path).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let (process, address) = listening(command).await;

    // What is for machines has a listener of its own.
    let stream = Box::new(TcpStream::connect(&address).await.unwrap());
    let answer = http(stream, "GET", "/metrics", &[], "").await;
    assert_eq!(answer.status, 404);
    terminate(&process);
    fs::remove_dir_all(folder).unwrap();
}
