//! What the server says of itself: health, readiness, metrics; and how it leaves.

use std::time::Duration;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::Config;
use onesocket_server::token::Secret;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{Server, config, http, token};

const BUFFER: usize = 16 << 10;

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted() {
    let server = Server::start_in_memory(Config { echo: true, ..config() }, BUFFER);
    let mut ada = server.connect("ada").await;
    let mut newer = server.connect("ada").await;
    assert_eq!(ada.closed().await.0, 4409);
    assert_eq!(newer.ask(r#"{"type":"message","id":1,"data":"x"}"#).await["data"], "x");
    assert_eq!(newer.json().await["type"], "ack");
    let mut grace = server.connect("grace").await;
    assert_eq!(newer.refresh(2, &token("grace")).await["code"], "unauthorized");
    let garbage = [SUBPROTOCOL, &token_subprotocol("garbage")];
    assert_eq!(server.offer(&garbage).await.closed().await.0, 4401);
    grace.socket.close(None).await.unwrap();
    while grace.next().await.is_some() {}

    for (metric, expected) in [
        ("onesocket_clients", 1),
        ("onesocket_opened_total", 3),
        (r#"onesocket_closed_total{by="server",code="4409"}"#, 1),
        (r#"onesocket_closed_total{by="server",code="4401"}"#, 1),
        (r#"onesocket_closed_total{by="client",code="1005"}"#, 1),
        (r#"onesocket_tokens_total{outcome="accepted"}"#, 3),
        (r#"onesocket_tokens_total{outcome="other-user"}"#, 1),
        (r#"onesocket_tokens_total{outcome="shape"}"#, 1),
        (r#"onesocket_messages_total{direction="in"}"#, 2),
        // Three welcomes, an acknowledgement, an echo and an error.
        (r#"onesocket_messages_total{direction="out"}"#, 6),
        // The first is at the start.
        ("onesocket_sweeps_total", 1),
    ] {
        assert_eq!(server.metric(metric).await, expected, "{metric}");
    }
    assert!(server.metric(r#"onesocket_bytes_total{direction="in"}"#).await > 100);
    assert!(server.metric(r#"onesocket_bytes_total{direction="out"}"#).await > 300);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_what_prometheus_reads_and_name_nobody() {
    let server = Server::start_in_memory(config(), BUFFER);
    let _ada = server.connect("ada").await;

    let answer = server.http("GET", "/metrics", &[], "").await;

    assert!(answer.head.contains("content-type: application/openmetrics-text"), "{answer:?}");
    assert!(answer.body.ends_with("# EOF\n") && !answer.body.contains("ada"), "{answer:?}");
    for line in answer.body.lines() {
        assert!(line.starts_with("# ") || line.starts_with("onesocket_"), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_is_healthy_and_not_ready_and_takes_nobody() {
    let server = Server::start_in_memory(config(), BUFFER);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.http("GET", path, &[], "").await.status, 200, "{path}");
    }
    // It has two seconds to answer the close.
    let mute = server.connect("mute").await;
    let door = server.door.clone();

    let left = server.stop();
    tokio::task::yield_now().await;

    for (path, status) in [("/healthz", 200), ("/readyz", 503), ("/ws", 503)] {
        let answer = http(door.open().await.unwrap(), "GET", path, &[], "").await;
        assert_eq!(answer.status, status, "{path}");
    }
    left.await.unwrap();
    assert!(door.open().await.is_err());
    drop(mute);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_are_told_that_the_server_leaves_within_its_time() {
    let server = Server::start_in_memory(config(), 4 << 10);
    let mut clients = Vec::new();
    for n in 0..5000 {
        clients.push(server.connect(&n.to_string()).await);
    }
    let start = Instant::now();
    let left = server.stop();

    // Every tenth does not answer.
    for (n, client) in clients.iter_mut().enumerate() {
        if n % 10 > 0 {
            assert_eq!(client.closed().await.0, 1012, "{n}");
        }
    }

    left.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_is_for_machines_is_served_by_the_admin_listener_alone() {
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (public, admin) = (bind().await, bind().await);
    let addresses = [public.local_addr().unwrap(), admin.local_addr().unwrap()];
    let publish_key = Some(Secret::new([9; 32]).unwrap());
    let config = Config { admin: true, publish_key, max_connections: 20, ..config() };
    let server = onesocket_server::Server::new(config).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve_with_admin(public, admin, async {
        let _ = stopped.await;
    }));
    let ask = async |at: usize, method: &str, path: &str| {
        let stream = Box::new(TcpStream::connect(addresses[at]).await.unwrap());
        http(stream, method, path, &[], "").await.status
    };

    for (method, path, at_public, at_admin) in [
        ("GET", "/metrics", 404, 200),
        ("POST", "/publish", 404, 401),
        ("POST", "/disconnect", 404, 401),
        ("POST", "/remove", 404, 401),
        ("GET", "/publish", 404, 405),
        ("GET", "/healthz", 200, 200),
        ("GET", "/readyz", 200, 200),
        ("GET", "/ws", 400, 404),
        ("GET", "/connections", 401, 404),
    ] {
        assert_eq!(ask(0, method, path).await, at_public, "{method} {path}");
        assert_eq!(ask(1, method, path).await, at_admin, "{method} {path}");
    }
    // When all slots are taken: machines need none.
    let mut taken = Vec::new();
    while ask(0, "GET", "/ws").await != 503 {
        taken.push(TcpStream::connect(addresses[0]).await.unwrap());
    }
    assert_eq!(ask(1, "GET", "/metrics").await, 200);
    drop(taken);
    stop.send(()).unwrap();
    serving.await.unwrap();
}
