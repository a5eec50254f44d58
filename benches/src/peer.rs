//! The servers that are measured, and how each is spoken to.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use onesocket_protocol::{SUBPROTOCOL, token_subprotocol};
use onesocket_server::token::{Secret, Tokens};

/// What tokens are signed with: nobody but this machine ever hears of this server.
pub(crate) const SECRET: &str = "the secret of a server that lives for a minute";

/// How long a token lives, as a server has it that was told nothing else.
const LIFE: Duration = Duration::from_mins(5);

/// What a payload begins with that tells when it was sent.
pub(crate) const STAMP: &str = "t=";

/// A server that is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// Ours.
    Onesocket,
    /// Ours, without the protocol: what its stack costs by itself.
    OnesocketRaw,
    /// A minimal server on the same crates.
    Axum,
    /// Node's `ws`.
    NodeWs,
    /// socket.io on Node.
    SocketIo,
}

/// What a text from a server is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard<'a> {
    /// A payload of ours; what follows the stamp.
    Payload(&'a str),
    /// Has to be answered with this.
    Ping(&'static str),
    /// The answer to a join, or a welcome.
    Done,
    /// Nothing to us.
    Other,
}

impl Peer {
    /// All that have a place in the tables.
    pub(crate) const ALL: [Self; 4] = [Self::Onesocket, Self::Axum, Self::NodeWs, Self::SocketIo];

    /// Returns the name as a reader knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Onesocket => "onesocket-server",
            Self::OnesocketRaw => "its raw /echo",
            Self::Axum => "bare axum",
            Self::NodeWs => "Node ws",
            Self::SocketIo => "socket.io",
        }
    }

    /// Returns where its WebSocket is.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Onesocket => "/ws",
            Self::OnesocketRaw => "/echo",
            Self::Axum | Self::NodeWs => "/",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// Returns the subprotocols that a user offers.
    pub(crate) fn offer(self, user: &str) -> Result<Option<String>> {
        Ok(match self {
            Self::Onesocket => Some(format!("{SUBPROTOCOL}, {}", token_subprotocol(&token(user)?))),
            Self::OnesocketRaw | Self::Axum | Self::NodeWs | Self::SocketIo => None,
        })
    }

    /// Says whether the server speaks first, once the upgrade is through.
    pub(crate) fn greets(self) -> bool {
        match self {
            Self::Onesocket | Self::SocketIo => true,
            Self::OnesocketRaw | Self::Axum | Self::NodeWs => false,
        }
    }

    /// Writes what joins the group.
    pub(crate) fn join(self) -> &'static str {
        match self {
            Self::Onesocket => r#"{"type":"join","id":1,"group":"group"}"#,
            Self::OnesocketRaw | Self::Axum | Self::NodeWs => "join",
            Self::SocketIo => r#"42["join"]"#,
        }
    }

    /// Writes what publishes a payload to the group.
    pub(crate) fn publish(self, id: u64, payload: &str) -> String {
        match self {
            Self::Onesocket => {
                let head =
                    format!(r#"{{"type":"publish","id":{id},"group":"group","format":"text"}}"#);
                format!("{head}\n{payload}")
            }
            Self::OnesocketRaw | Self::Axum | Self::NodeWs => format!("publish {payload}"),
            Self::SocketIo => format!(r#"42["publish","{payload}"]"#),
        }
    }

    /// Writes what is echoed.
    pub(crate) fn echo(self, id: u64, payload: &str) -> String {
        match self {
            Self::Onesocket => {
                format!("{{\"type\":\"message\",\"id\":{id},\"format\":\"text\"}}\n{payload}")
            }
            Self::OnesocketRaw | Self::Axum | Self::NodeWs => payload.to_owned(),
            Self::SocketIo => format!(r#"42["echo","{payload}"]"#),
        }
    }

    /// Says what a text from the server is.
    pub(crate) fn hear(self, text: &str) -> Heard<'_> {
        if let Some(at) = text.find(STAMP) {
            return Heard::Payload(&text[at + STAMP.len()..]);
        }
        match self {
            Self::Onesocket if text.starts_with(r#"{"type":"ping""#) => {
                Heard::Ping(r#"{"type":"pong"}"#)
            }
            Self::Onesocket
                if text.starts_with(r#"{"type":"ack""#)
                    || text.starts_with(r#"{"type":"welcome""#) =>
            {
                Heard::Done
            }
            // Engine.IO: 0 opens, 2 pings, 4 is a message; socket.io: 40 connects, 42 is an event.
            Self::SocketIo if text == "2" => Heard::Ping("3"),
            Self::SocketIo if text.starts_with('0') => Heard::Ping("40"),
            Self::SocketIo if text.starts_with("40") || text.contains("joined") => Heard::Done,
            Self::OnesocketRaw | Self::Axum | Self::NodeWs if text == "joined" => Heard::Done,
            Self::Onesocket | Self::OnesocketRaw | Self::Axum | Self::NodeWs | Self::SocketIo => {
                Heard::Other
            }
        }
    }
}

/// Signs a token for a user.
pub(crate) fn token(user: &str) -> Result<String> {
    let secret = Secret::new(SECRET).map_err(|_| anyhow::anyhow!("a short secret"))?;
    let tokens = Tokens::new(&secret, "onesocket", LIFE);
    tokens.issue(user, "bench", SystemTime::now()).map_err(|error| anyhow::anyhow!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_understood() {
        for (peer, text, heard) in [
            (Peer::Onesocket, "{\"type\":\"message\"}\nt=12 x", Heard::Payload("12 x")),
            (Peer::Onesocket, r#"{"type":"ping"}"#, Heard::Ping(r#"{"type":"pong"}"#)),
            (Peer::Onesocket, r#"{"type":"ack","id":1}"#, Heard::Done),
            (Peer::Axum, "joined", Heard::Done),
            (Peer::Axum, "publish t=12 x", Heard::Payload("12 x")),
            (Peer::SocketIo, r#"0{"sid":"a"}"#, Heard::Ping("40")),
            (Peer::SocketIo, r#"40{"sid":"a"}"#, Heard::Done),
            (Peer::SocketIo, r#"42["joined"]"#, Heard::Done),
            (Peer::SocketIo, "2", Heard::Ping("3")),
        ] {
            assert_eq!(peer.hear(text), heard, "{text}");
        }
    }
}
