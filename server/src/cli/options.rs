//! The command line. Values are read here and not by clap, so that all faults are named at once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, Parser};
use onesocket_server::token::{MIN_SECRET_BYTES, Secret, SecretError};
use onesocket_server::{Config, Pattern, PublicKey};
use tracing::level_filters::LevelFilter;

/// Server of onesocket: one WebSocket connection per user.
///
/// Durations are written 500ms, 25s, 5m or 1h; sizes 512, 64KiB or 1MiB. Every option can also be
/// set by the environment variable beside it, or in the file that --config names; the command line
/// takes precedence, then the environment.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, mut_args(with_variable))]
pub(crate) struct Options {
    /// File with options, in TOML: listen = "0.0.0.0:8080". The command line and the environment take
    /// precedence
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Address to listen on for machines alone: /metrics, /publish, /disconnect and /remove are then not
    /// served at --listen
    #[arg(long, value_name = "HOST:PORT")]
    admin_listen: Option<String>,

    /// Directory of static files to serve
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,

    /// Echo messages to the server to their sender, and serve GET /echo, a WebSocket that needs no
    /// token and echoes every message. For tests
    #[arg(long)]
    echo: bool,

    /// File with the secret that signs tokens, at least 32 bytes; without it, $ONESOCKET_SECRET is
    /// used. Read again on SIGHUP
    #[arg(long, value_name = "FILE", help_heading = "Tokens")]
    secret_file: Option<PathBuf>,

    /// File with a second secret that is accepted while secrets are being rotated. Read again on
    /// SIGHUP
    #[arg(long, value_name = "FILE", help_heading = "Tokens")]
    previous_secret_file: Option<PathBuf>,

    /// File with public keys that verify tokens as well: PEM, a JWK or a JWK set; RSA is for RS256, P-256
    /// for ES256, Ed25519 for EdDSA. With it no secret is needed. Read again on SIGHUP
    #[arg(long, value_name = "FILE", help_heading = "Tokens")]
    public_key_file: Option<PathBuf>,

    /// Issue a token to anyone who asks: POST /token {"user":"ada"}. For demos: a real application
    /// signs tokens in its own back end. Without a secret, a random one is used
    #[arg(long, help_heading = "Tokens")]
    issue_tokens: bool,

    /// Audience of tokens, their claim `aud`
    #[arg(long, value_name = "NAME", default_value = "onesocket", help_heading = "Tokens")]
    audience: String,

    /// Maximum lifetime of a token
    #[arg(long, value_name = "TIME", default_value = "5m", help_heading = "Tokens")]
    token_life: String,

    /// Tolerated difference between the clock of this machine and of the one that signs tokens
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Tokens")]
    leeway: String,

    /// Time that a connection may outlive its token
    #[arg(long, value_name = "TIME", default_value = "25s", help_heading = "Tokens")]
    expiry_grace: String,

    /// Query parameter of /ws that may carry the token, for clients that cannot offer subprotocols.
    /// Proxies write queries into their logs
    #[arg(long, value_name = "NAME", help_heading = "Tokens")]
    token_query: Option<String>,

    /// Origin whose pages may connect, in addition to the server's own: https://app.example.org, with a *
    /// for one label (https://*.example.org), chrome-extension://ID; may be repeated (separated by commas
    /// in the variable)
    #[arg(
        long = "allow-origin",
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Access"
    )]
    allow_origins: Vec<String>,

    /// Groups that everybody who is signed in may join and publish to: a name, or its beginning and a *;
    /// may be repeated (separated by commas in the variable). For others the token needs a claim
    #[arg(
        long = "open-groups",
        value_name = "PATTERN",
        value_delimiter = ',',
        help_heading = "Access"
    )]
    open_groups: Vec<String>,

    /// File with the key of back ends that may POST /publish, at least 32 bytes
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    publish_key_file: Option<PathBuf>,

    /// Header in which a reverse proxy writes the host that its client has asked for, such as
    /// X-Forwarded-Host; without it, Host says which pages are the server's own. Use only behind a proxy
    /// that sets it
    #[arg(long, value_name = "NAME", help_heading = "Access")]
    host_header: Option<String>,

    /// Header in which a reverse proxy writes its client's address, such as X-Forwarded-For; the last
    /// address counts. Use only behind a proxy that sets it
    #[arg(long, value_name = "NAME", help_heading = "Access")]
    address_header: Option<String>,

    /// Interval of pings to each client
    #[arg(long, value_name = "TIME", default_value = "25s", help_heading = "Timeouts")]
    ping_every: String,

    /// Interval of the sweep that closes silent connections
    #[arg(long, value_name = "TIME", default_value = "30s", help_heading = "Timeouts")]
    sweep_every: String,

    /// Time without a frame from a client after which it is closed
    #[arg(long, value_name = "TIME", default_value = "2m", help_heading = "Timeouts")]
    stale_after: String,

    /// Time to receive the head of a request, from accept
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Timeouts")]
    handshake_time: String,

    /// Time for one write to a client
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Timeouts")]
    write_time: String,

    /// Maximum number of connections per user, one for each device; with one more the oldest is closed
    /// with 4409
    #[arg(long, value_name = "NUMBER", default_value = "1", help_heading = "Limits")]
    connections_per_user: String,

    /// Maximum number of tabs that share a connection, up to 64; 0 for none: then one speaks for all
    #[arg(long, value_name = "NUMBER", default_value = "64", help_heading = "Limits")]
    max_tabs: String,

    /// Maximum number of open connections; further ones get 503
    #[arg(long, value_name = "NUMBER", default_value = "20000", help_heading = "Limits")]
    max_connections: String,

    /// Maximum number of open connections per address, or IPv6 /64; 0 for no limit. Connections from
    /// this machine are not counted
    #[arg(long, value_name = "NUMBER", default_value = "500", help_heading = "Limits")]
    max_per_address: String,

    /// Maximum rate of upgrades and token requests per address, per second, with bursts of ten times
    /// that; 0 for no limit. Further ones get 429
    #[arg(long, value_name = "NUMBER", default_value = "50", help_heading = "Limits")]
    max_address_rate: String,

    /// Maximum rate of messages per connection, per second; 0 for no limit. A faster client is closed
    /// with 4529
    #[arg(long, value_name = "NUMBER", default_value = "100", help_heading = "Limits")]
    max_rate: String,

    /// Maximum burst of messages per connection
    #[arg(long, value_name = "NUMBER", default_value = "2000", help_heading = "Limits")]
    max_burst: String,

    /// Maximum size of a payload
    #[arg(long, value_name = "SIZE", default_value = "64KiB", help_heading = "Limits")]
    max_message: String,

    /// Maximum size of the outgoing queue per connection
    #[arg(long, value_name = "SIZE", default_value = "1MiB", help_heading = "Limits")]
    max_queue: String,

    /// Maximum size of the head of a request: a token of 16 KiB and as much again
    #[arg(long, value_name = "SIZE", default_value = "40KiB", help_heading = "Limits")]
    max_head: String,

    /// Format of the log on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Log")]
    log: String,

    /// Log level: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Log")]
    log_level: String,
}

/// Names an option's environment variable after it.
fn with_variable(arg: Arg) -> Arg {
    let Some(long) = arg.get_long() else { return arg };
    let variable = format!("ONESOCKET_{}", long.to_uppercase().replace('-', "_"));
    // Values are not shown in --help: one may be a private path.
    arg.env(variable).hide_env_values(true)
}

/// The options, parsed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) admin_listen: Option<String>,
    pub(crate) log: LogFormat,
    pub(crate) log_level: LevelFilter,
    /// Whether the secret in `config` is random.
    pub(crate) random_secret: bool,
    pub(crate) secrets: Secrets,
    pub(crate) public_keys: PublicKeys,
    pub(crate) config: Config,
}

/// Where the public keys come from.
#[derive(Clone, Debug)]
pub(crate) struct PublicKeys(Option<PathBuf>);

/// Where the secrets come from.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    file: Option<PathBuf>,
    previous_file: Option<PathBuf>,
    variable: Option<OsString>,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// What is wrong with the options, one sentence each.
pub(crate) type Faults = Vec<String>;

impl Options {
    /// Reads the values; `variable` is what $ONESOCKET_SECRET holds.
    ///
    /// # Errors
    ///
    /// Names all faults.
    pub(crate) fn into_settings(self, variable: Option<OsString>) -> Result<Settings, Faults> {
        let mut faults = Vec::new();
        let secrets =
            Secrets { file: self.secret_file, previous_file: self.previous_secret_file, variable };
        let has_keys = self.issue_tokens || self.public_key_file.is_some();
        let random_secret = has_keys && secrets.are_absent();
        let public_keys = PublicKeys(self.public_key_file);
        let placeholder = random_secret_of_ours().map_err(|fault| vec![fault])?;
        let (secret, previous) = if random_secret {
            (placeholder, None)
        } else {
            secrets.read().unwrap_or_else(|found| {
                faults.extend(found);
                (placeholder, None)
            })
        };
        let public = public_keys.read().unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        });
        let publish_key = self.publish_key_file.as_deref().and_then(|file| {
            let key = read_secret("publish-key-file", file);
            key.map_err(|fault| faults.push(fault)).ok()
        });
        let log = match self.log.as_str() {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            other => {
                faults.push(format!("--log {other:?} is neither text nor json"));
                LogFormat::Text
            }
        };
        let log_level = read_level(&self.log_level).unwrap_or_else(|| {
            faults.push(format!("--log-level {:?} is not a level", self.log_level));
            LevelFilter::INFO
        });
        if !is_address(&self.listen) {
            faults.push(format!("--listen {:?} is not HOST:PORT", self.listen));
        }

        if let Some(admin) = &self.admin_listen
            && !is_address(admin)
        {
            faults.push(format!("--admin-listen {admin:?} is not HOST:PORT"));
        }

        // What cannot be read stands at its default, so that the rest can be judged.
        let mut config = Config {
            previous_secret: previous,
            public_keys: public,
            audience: self.audience,
            issue_tokens: self.issue_tokens,
            token_query: self.token_query,
            admin: self.admin_listen.is_some(),
            publish_key,
            allow_origins: listed(&self.allow_origins),
            host_header: self.host_header,
            address_header: self.address_header,
            echo: self.echo,
            site: self.site,
            ..Config::new(secret)
        };
        let read_pattern = |text: &String| {
            let pattern = Pattern::new(text);
            pattern.map_err(|error| faults.push(format!("--open-groups {text:?}: {error}"))).ok()
        };
        config.open_groups = listed(&self.open_groups).iter().filter_map(read_pattern).collect();
        for (option, text, value) in [
            ("token-life", &self.token_life, &mut config.token_life),
            ("leeway", &self.leeway, &mut config.leeway),
            ("expiry-grace", &self.expiry_grace, &mut config.expiry_grace),
            ("ping-every", &self.ping_every, &mut config.ping_every),
            ("sweep-every", &self.sweep_every, &mut config.sweep_every),
            ("stale-after", &self.stale_after, &mut config.stale_after),
            ("handshake-time", &self.handshake_time, &mut config.handshake_time),
            ("write-time", &self.write_time, &mut config.write_time),
        ] {
            match read_time(text) {
                Some(time) => *value = time,
                None => {
                    faults.push(format!("--{option} {text:?} is not a duration such as 25s or 5m"))
                }
            }
        }
        for (option, text, value) in [
            ("max-message", &self.max_message, &mut config.max_message),
            ("max-queue", &self.max_queue, &mut config.max_queue),
            ("max-head", &self.max_head, &mut config.max_head),
        ] {
            match read_size(text) {
                Some(size) => *value = size,
                None => faults.push(format!("--{option} {text:?} is not a size such as 64KiB")),
            }
        }
        read_number("max-tabs", &self.max_tabs, &mut config.max_tabs, &mut faults);
        for (option, text, value) in [
            ("connections-per-user", &self.connections_per_user, &mut config.connections_per_user),
            ("max-connections", &self.max_connections, &mut config.max_connections),
            ("max-per-address", &self.max_per_address, &mut config.max_per_address),
        ] {
            read_number(option, text, value, &mut faults);
        }
        for (option, text, value) in [
            ("max-address-rate", &self.max_address_rate, &mut config.max_address_rate),
            ("max-rate", &self.max_rate, &mut config.max_rate),
            ("max-burst", &self.max_burst, &mut config.max_burst),
        ] {
            read_number(option, text, value, &mut faults);
        }
        faults.extend(config.faults().into_iter().map(|fault| format!("--{fault}")));
        if faults.is_empty() {
            Ok(Settings {
                listen: self.listen,
                admin_listen: self.admin_listen,
                log,
                log_level,
                random_secret,
                secrets,
                public_keys,
                config,
            })
        } else {
            Err(faults)
        }
    }
}

impl PublicKeys {
    /// Reads them; without a file there are none.
    ///
    /// # Errors
    ///
    /// Names the fault.
    pub(crate) fn read(&self) -> Result<Vec<PublicKey>, String> {
        let Some(file) = &self.0 else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("--public-key-file {file:?} cannot be read: {error}"))?;
        PublicKey::read(&text).map_err(|error| format!("--public-key-file {file:?}: {error}"))
    }

    /// Says whether they may change while the server runs.
    pub(crate) fn are_a_file(&self) -> bool {
        self.0.is_some()
    }
}

impl Secrets {
    /// Reads the secret that signs, and the second one if there is to be one.
    ///
    /// # Errors
    ///
    /// Names all faults.
    pub(crate) fn read(&self) -> Result<(Secret, Option<Secret>), Faults> {
        let secret = match (&self.file, &self.variable) {
            (Some(file), _) => read_secret("secret-file", file),
            (None, Some(value)) => {
                let secret = trimmed(value.as_encoded_bytes());
                secret.map_err(|error| format!("$ONESOCKET_SECRET: {error}"))
            }
            (None, None) => Err("there is no secret: give --secret-file or $ONESOCKET_SECRET, \
                                 --public-key-file, or --issue-tokens for a random one"
                .into()),
        };
        let previous = self.previous_file.as_deref();
        let previous = previous.map(|file| read_secret("previous-secret-file", file)).transpose();
        match (secret, previous) {
            (Ok(secret), Ok(previous)) => Ok((secret, previous)),
            (secret, previous) => {
                Err([secret.err(), previous.err()].into_iter().flatten().collect())
            }
        }
    }

    /// Says whether they may change while the server runs.
    pub(crate) fn are_files(&self) -> bool {
        self.file.is_some() || self.previous_file.is_some()
    }

    fn are_absent(&self) -> bool {
        self.variable.is_none() && !self.are_files()
    }
}

/// A list may have spaces around its commas, and one at its end.
fn listed(values: &[String]) -> Vec<String> {
    values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

fn read_secret(option: &str, file: &Path) -> Result<Secret, String> {
    let bytes = std::fs::read(file)
        .map_err(|error| format!("--{option} {file:?} cannot be read: {error}"))?;
    trimmed(&bytes).map_err(|error| format!("--{option} {file:?}: {error}"))
}

/// Takes bytes as a secret. An editor's newline at the end is not meant.
fn trimmed(bytes: &[u8]) -> Result<Secret, SecretError> {
    Secret::new(bytes.trim_ascii_end())
}

fn random_secret_of_ours() -> Result<Secret, String> {
    let mut bytes = [0; MIN_SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Secret::new(bytes).map_err(|error| error.to_string())
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn read_level(text: &str) -> Option<LevelFilter> {
    match text {
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        _ => None,
    }
}

fn read_number<T: FromStr>(option: &str, text: &str, value: &mut T, faults: &mut Faults) {
    match text.parse() {
        Ok(number) => *value = number,
        Err(_) => faults.push(format!("--{option} {text:?} is not a number such as 100")),
    }
}

fn read_time(text: &str) -> Option<Duration> {
    let (number, unit) = split_number(text)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

fn read_size(text: &str) -> Option<usize> {
    let (number, unit) = split_number(text)?;
    let unit_bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    usize::try_from(number.checked_mul(unit_bytes)?).ok()
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        for (text, time) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("25s", Some(Duration::from_secs(25))),
            ("5m", Some(Duration::from_mins(5))),
            ("1h", Some(Duration::from_hours(1))),
            ("5", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("5 m", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(read_time(text), time, "{text}");
        }
        for (text, size) in [
            ("512", Some(512)),
            ("64KiB", Some(65536)),
            ("1MiB", Some(1 << 20)),
            ("64KB", None),
            ("", None),
            ("18446744073709551615MiB", None),
        ] {
            assert_eq!(read_size(text), size, "{text}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let settings = read(&["--issue-tokens"], None).unwrap();

        let expected = Config { issue_tokens: true, ..Config::new(Secret::new([1; 32]).unwrap()) };
        assert_eq!(format!("{:?}", settings.config), format!("{expected:?}"));
        assert!(settings.random_secret);
    }

    #[test]
    fn a_secret_is_given_or_made_up_for_who_issues_tokens() {
        let long = Some("x".repeat(32));
        assert!(!read(&[], long.clone()).unwrap().random_secret);
        assert!(!read(&["--issue-tokens"], long).unwrap().random_secret);
        for (arguments, variable, fault) in [
            (&[][..], None, "there is no secret"),
            (&["--issue-tokens"][..], Some("short".into()), "at least 32 bytes, this one has 5"),
            (&["--secret-file", "/nowhere"][..], None, "cannot be read"),
        ] {
            let faults = read(arguments, variable).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:?}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let arguments = [
            "--listen=here",
            "--token-life=soon",
            "--ping-every=0s",
            "--max-queue=lots",
            "--max-rate=-1",
            "--max-connections=many",
            "--previous-secret-file=/nowhere",
            "--publish-key-file=/nowhere",
            "--log=xml",
            "--log-level=loud",
            "--allow-origin=*",
            "--site=/nowhere/at/all",
        ];

        let faults = read(&arguments, Some("short".into())).unwrap_err();

        for option in [
            "SECRET",
            "listen",
            "token-life",
            "ping-every",
            "max-queue",
            "max-rate",
            "max-connections",
            "previous-secret-file",
            "publish-key-file",
            "--log ",
            "log-level",
            "allow-origin",
            "site",
        ] {
            let naming = faults.iter().filter(|fault| fault.contains(option)).count();
            assert_eq!(naming, 1, "{option}: {faults:?}");
        }
        assert_eq!(faults.len(), 13);
    }

    #[test]
    fn every_option_has_a_variable_that_is_named_after_it() {
        let command = Options::command();
        let options: Vec<_> = command.get_arguments().collect();
        assert!(options.len() > 20);
        for option in options {
            let variable = option.get_env().unwrap().to_str().unwrap();
            let long = option.get_long().unwrap();
            assert_eq!(variable.to_lowercase().replace('_', "-"), format!("onesocket-{long}"));
        }
    }

    #[test]
    fn secrets_are_read_again_from_their_files() {
        let folder = std::env::temp_dir().join(format!("onesocket-secrets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let [file, previous_file] = ["secret", "previous"].map(|name| folder.join(name));
        std::fs::write(&file, "1".repeat(32) + "\n").unwrap();
        std::fs::write(&previous_file, "2".repeat(32)).unwrap();
        let secrets = Secrets {
            file: Some(file.clone()),
            previous_file: Some(previous_file),
            variable: None,
        };
        let ids = |secrets: &Secrets| {
            let (secret, previous) = secrets.read().unwrap();
            onesocket_server::token::KeyRing::new(&secret, previous.as_ref()).ids()
        };
        let id = |text: &str| Secret::new(text.repeat(32)).unwrap().id();

        assert_eq!(ids(&secrets), [id("1"), id("2")]);
        std::fs::write(&file, "3".repeat(32)).unwrap();
        assert_eq!(ids(&secrets), [id("3"), id("2")]);
        std::fs::write(&file, "short").unwrap();
        assert_eq!(secrets.read().unwrap_err().len(), 1);

        std::fs::remove_dir_all(folder).unwrap();
    }

    #[allow(clippy::unwrap_in_result)] // what clap refuses is no case of these tests
    fn read(arguments: &[&str], variable: Option<String>) -> Result<Settings, Faults> {
        let arguments = [&["onesocket-server"], arguments].concat();
        Options::try_parse_from(arguments).unwrap().into_settings(variable.map(OsString::from))
    }
}
