//! The configuration of a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use onesocket_protocol::Slot;

use crate::auth::origin::AllowedOrigin;
use crate::auth::public_key::PublicKey;
use crate::auth::rights::Pattern;
use crate::auth::token::Secret;

/// How much larger than its payload a frame may be, in bytes.
const AROUND_PAYLOAD: usize = 1 << 10;

/// The configuration of a server. The fields have the names of the binary's options.
#[derive(Clone, Debug)]
pub struct Config {
    /// The secret that signs tokens.
    pub secret: Secret,
    /// A second secret that is accepted while secrets are being rotated.
    pub previous_secret: Option<Secret>,
    /// Public keys that verify tokens beside the secrets: of an identity provider, say.
    pub public_keys: Vec<PublicKey>,
    /// The audience of tokens: their claim `aud`.
    pub audience: String,
    /// Whether `POST /token` issues a token to anyone who asks.
    pub issue_tokens: bool,
    /// The maximum lifetime of a token.
    pub token_life: Duration,
    /// The tolerated difference between the clocks of this machine and of the one that signs tokens.
    pub leeway: Duration,
    /// A query parameter that may carry the token, in addition to the subprotocol.
    pub token_query: Option<String>,
    /// How long a connection may outlive its token.
    pub expiry_grace: Duration,
    /// The groups that are open to everybody who is signed in; for others the token needs a right.
    pub open_groups: Arc<[Pattern]>,
    /// Whether what is for machines (`/metrics`, `/publish`, `/disconnect`, `/remove`) is served by the
    /// admin listener alone: see [`Server::serve_with_admin`](crate::Server::serve_with_admin).
    pub admin: bool,
    /// The key for `POST /publish`; without it the path does not exist.
    pub publish_key: Option<Secret>,
    /// Origins that may connect in addition to the server's own, such as `https://example.org:8443`,
    /// `chrome-extension://abcdef`, or `https://*.example.org` for one label in place of the `*`.
    pub allow_origins: Vec<String>,
    /// The header in which a reverse proxy writes the host that its client has asked for, such as
    /// `x-forwarded-host`; without it, `Host` says so.
    pub host_header: Option<String>,
    /// The header in which a reverse proxy writes its client's address, such as `x-forwarded-for`.
    pub address_header: Option<String>,
    /// The interval of pings to each client.
    pub ping_every: Duration,
    /// The interval of the sweep that closes silent connections.
    pub sweep_every: Duration,
    /// The time without a frame after which a client is closed.
    pub stale_after: Duration,
    /// The time to receive the head of a request, from accept or from the last answer.
    pub handshake_time: Duration,
    /// The time for one write to a client.
    pub write_time: Duration,
    /// How many connections a user may have, one for each device or client; with one more the oldest is
    /// closed with 4409.
    pub connections_per_user: usize,
    /// How many tabs may share a connection, at most 64; 0 for none: then one tab speaks for all.
    pub max_tabs: u16,
    /// The maximum number of open connections.
    pub max_connections: usize,
    /// The maximum number of open connections per address; 0 for no limit.
    pub max_per_address: usize,
    /// The maximum rate of upgrades and token requests per address, per second; 0 for no limit.
    pub max_address_rate: u32,
    /// The maximum rate of messages per connection, per second; 0 for no limit.
    pub max_rate: u32,
    /// The maximum burst of messages per connection.
    pub max_burst: u32,
    /// The maximum size of a payload, in bytes.
    pub max_message: usize,
    /// The maximum size of the outgoing queue per connection, in bytes.
    pub max_queue: usize,
    /// The maximum size of the head of a request, in bytes.
    pub max_head: usize,
    /// Whether messages to the server are echoed to their sender.
    pub echo: bool,
    /// A directory of static files to serve.
    pub site: Option<PathBuf>,
}

impl Config {
    /// Returns the defaults, with a secret, which has none.
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            previous_secret: None,
            public_keys: Vec::new(),
            audience: "onesocket".into(),
            issue_tokens: false,
            token_life: Duration::from_mins(5),
            leeway: Duration::from_secs(5),
            token_query: None,
            expiry_grace: Duration::from_secs(25),
            open_groups: Arc::default(),
            admin: false,
            publish_key: None,
            allow_origins: Vec::new(),
            host_header: None,
            address_header: None,
            // Proxies drop connections that are idle for 60 s, and some for 30 s.
            ping_every: Duration::from_secs(25),
            sweep_every: Duration::from_secs(30),
            stale_after: Duration::from_mins(2),
            handshake_time: Duration::from_secs(5),
            write_time: Duration::from_secs(5),
            connections_per_user: 1,
            max_tabs: Slot::MAX.0,
            max_connections: 20_000,
            // An office may have as many people behind one address.
            max_per_address: 500,
            max_address_rate: 50,
            max_rate: 100,
            // A client that reconnects sends at once its groups and up to 1000 waiting messages.
            max_burst: 2000,
            max_message: 64 << 10,
            max_queue: 1 << 20,
            // A token of 16 KiB is 22 KiB in base64url, and cookies stand beside it.
            max_head: 40 << 10,
            echo: false,
            site: None,
        }
    }

    /// Lists everything that is wrong with it, one sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (option, value, least) in [
            // Tokens count in whole seconds.
            ("token-life", self.token_life, Duration::from_secs(1)),
            ("ping-every", self.ping_every, Duration::from_millis(10)),
            ("sweep-every", self.sweep_every, Duration::from_millis(10)),
            ("stale-after", self.stale_after, Duration::from_millis(10)),
            ("leeway", self.leeway, Duration::ZERO),
            ("expiry-grace", self.expiry_grace, Duration::ZERO),
            ("handshake-time", self.handshake_time, Duration::from_millis(10)),
            ("write-time", self.write_time, Duration::from_millis(10)),
        ] {
            // Beyond it a browser's timer would fire at once.
            let most = Duration::from_hours(24);
            if !(least..=most).contains(&value) {
                faults.push(format!("{option} is {value:?}; it may be {least:?} to {most:?}"));
            }
        }
        if self.audience.is_empty() {
            faults.push("audience is empty".into());
        }
        if self.token_query.as_ref().is_some_and(String::is_empty) {
            faults.push("token-query is empty".into());
        }
        for (option, header) in
            [("host-header", &self.host_header), ("address-header", &self.address_header)]
        {
            if let Some(header) = header
                && HeaderName::try_from(header).is_err()
            {
                faults.push(format!("{option} {header:?} is not the name of a header"));
            }
        }
        if self.connections_per_user == 0 {
            faults.push("connections-per-user is 0".into());
        }
        if self.max_tabs > Slot::MAX.0 {
            faults.push(format!("max-tabs may be 0 to {}", Slot::MAX.0));
        }
        if self.max_connections == 0 {
            faults.push("max-connections is 0".into());
        }
        if self.max_burst < self.max_rate.max(1) {
            faults.push("max-burst is 0, or smaller than max-rate".into());
        }
        // Below the least the library panics.
        if !(8 << 10..=1 << 20).contains(&self.max_head) {
            faults.push("max-head may be 8 KiB to 1 MiB".into());
        }
        if !(1..=16 << 20).contains(&self.max_message) {
            faults.push("max-message may be 1 byte to 16 MiB".into());
        }
        if self.max_queue < self.max_message {
            faults.push("max-queue is smaller than max-message".into());
        }
        for origin in &self.allow_origins {
            if origin.parse::<AllowedOrigin>().is_err() {
                faults.push(format!(
                    "allow-origin {origin:?} is not an origin such as \"https://example.org\" or \
                     \"https://*.example.org\""
                ));
            }
        }
        if let Some(site) = &self.site
            && !site.is_dir()
        {
            faults.push(format!("site {site:?} is not a directory"));
        }
        faults
    }

    /// Returns the maximum size of a frame: a payload, and some room around it.
    pub(crate) fn max_frame(&self) -> usize {
        self.max_message + AROUND_PAYLOAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_faults() {
        assert_eq!(config().faults(), Vec::<String>::new());
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let config = Config {
            token_life: Duration::ZERO,
            sweep_every: Duration::ZERO,
            audience: String::new(),
            max_message: 0,
            token_query: Some(String::new()),
            host_header: Some("nor this".into()),
            address_header: Some("not a header".into()),
            connections_per_user: 0,
            max_tabs: 65,
            max_connections: 0,
            max_burst: 99,
            max_head: 1,
            allow_origins: vec!["example.org".into()],
            site: Some("/nowhere/at/all".into()),
            ..config()
        };

        let faults = config.faults();

        for (fault, name) in faults.iter().zip([
            "token-life",
            "sweep-every",
            "audience",
            "token-query",
            "host-header",
            "address-header",
            "connections-per-user",
            "max-tabs",
            "max-connections",
            "max-burst",
            "max-head",
            "max-message",
            "allow-origin",
            "site",
        ]) {
            assert!(fault.starts_with(name), "{fault}");
        }
        assert_eq!(faults.len(), 14);
    }

    fn config() -> Config {
        Config::new(Secret::new([1; 32]).unwrap())
    }
}
