//! What the README tells a back end to sign tokens with: each program runs, and the server takes
//! what it signs.

use std::fs;
use std::path::Path;

use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use tokio::process::Command;

use crate::support::{Server, config};

const EXAMPLES: [(&str, &str); 2] = [("node", "sign.mjs"), ("python3", "sign.py")];

#[tokio::test]
async fn tokens_that_the_examples_sign_are_taken() {
    let server = Server::start(config()).await;
    for (program, file) in EXAMPLES {
        for user in ["ada", "ünï ☕ \"quoted\""] {
            let mut command = Command::new(program);
            command.arg(folder().join("examples").join(file)).arg(user);
            // As `support::secret`.
            command.env("ONESOCKET_SECRET", "\u{7}".repeat(32));
            let output =
                command.output().await.unwrap_or_else(|error| panic!("{program}: {error}"));
            let token = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

            let mut client = server.offer(&[SUBPROTOCOL, &token_subprotocol(token.trim())]).await;

            let welcome = client.json().await;
            assert_eq!(welcome["user"], user, "{file}: {welcome}");
        }
    }
}

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    for (_, file) in EXAMPLES {
        let text = fs::read_to_string(folder().join("examples").join(file)).unwrap();
        // All but the last paragraph, which makes a program of it.
        let (shown, _) = text.trim_end().rsplit_once("\n\n").unwrap();
        assert!(readme.contains(shown.trim_end()), "{file}");
    }
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
