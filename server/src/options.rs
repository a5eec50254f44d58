//! The command line. Values are read here and not by clap, so that all faults are named at once.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use onesocket_server::Config;
use onesocket_server::token::{MIN_SECRET_BYTES, Secret};
use tracing::level_filters::LevelFilter;

/// One WebSocket connection per user: the server.
///
/// Durations are written 500ms, 25s, 5m or 1h; sizes 512, 64KiB or 1MiB. The secret that tokens are
/// signed with comes from --secret-file or from $ONESOCKET_SECRET.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Give a token to whoever asks: POST /token {"user":"ada"}. For demos; a real application's
    /// own back end signs them
    #[arg(long)]
    issue_tokens: bool,

    /// The file with the secret, 32 bytes or more; a random secret with --issue-tokens
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// Whom tokens are for, their `aud`
    #[arg(long, value_name = "NAME", default_value = "onesocket")]
    audience: String,

    /// How long a token lives at most
    #[arg(long, value_name = "TIME", default_value = "5m")]
    token_life: String,

    /// How long a connection outlives its token
    #[arg(long, value_name = "TIME", default_value = "25s")]
    expiry_grace: String,

    /// How often each client is pinged
    #[arg(long, value_name = "TIME", default_value = "25s")]
    ping_every: String,

    /// How often the server looks for clients that have fallen silent
    #[arg(long, value_name = "TIME", default_value = "30s")]
    sweep_every: String,

    /// How long a client may be silent
    #[arg(long, value_name = "TIME", default_value = "2m")]
    stale_after: String,

    /// An origin whose pages may connect, beside the server's own; may be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origins: Vec<String>,

    /// The largest payload that is taken
    #[arg(long, value_name = "SIZE", default_value = "64KiB")]
    max_message: String,

    /// How much may wait to be sent to one client
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_queue: String,

    /// Send messages to the server back to their sender. For tests: also GET /echo, a WebSocket
    /// without a token that gets back what it sends
    #[arg(long)]
    echo: bool,

    /// A folder of files to serve
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,

    /// How the log, on standard error, is written: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: String,

    /// How much is logged: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

/// The options, understood.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) log: LogFormat,
    pub(crate) log_level: LevelFilter,
    /// The secret in `config` was made up.
    pub(crate) random_secret: bool,
    pub(crate) config: Config,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// What was wrong, one sentence each.
type Faults = Vec<String>;

impl Options {
    /// Reads the values; `variable` is what $ONESOCKET_SECRET holds.
    ///
    /// # Errors
    ///
    /// Names all faults.
    pub(crate) fn into_settings(self, variable: Option<OsString>) -> Result<Settings, Faults> {
        let mut faults = Vec::new();
        let secret = self.secret(variable).map_err(|fault| faults.push(fault)).ok();
        let random_secret = matches!(secret, Some(None));
        let secret = match secret.flatten() {
            Some(secret) => secret,
            None => random_secret_of_ours().map_err(|fault| vec![fault])?,
        };

        let mut time = |option, text: &str| {
            let fault = || faults.push(format!("--{option} {text:?} is no time such as 25s or 5m"));
            read_time(text).ok_or_else(fault).ok()
        };
        let token_life = time("token-life", &self.token_life);
        let expiry_grace = time("expiry-grace", &self.expiry_grace);
        let ping_every = time("ping-every", &self.ping_every);
        let sweep_every = time("sweep-every", &self.sweep_every);
        let stale_after = time("stale-after", &self.stale_after);
        let mut size = |option, text: &str| {
            let fault = || faults.push(format!("--{option} {text:?} is no size such as 64KiB"));
            read_size(text).ok_or_else(fault).ok()
        };
        let max_message = size("max-message", &self.max_message);
        let max_queue = size("max-queue", &self.max_queue);
        let log = match self.log.as_str() {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            other => {
                faults.push(format!("--log {other:?} is neither text nor json"));
                LogFormat::Text
            }
        };
        let log_level = read_level(&self.log_level).unwrap_or_else(|| {
            faults.push(format!("--log-level {:?} is no level", self.log_level));
            LevelFilter::INFO
        });
        if !is_address(&self.listen) {
            faults.push(format!("--listen {:?} is no HOST:PORT", self.listen));
        }

        // What could not be read stands at its default, so that the rest can be judged.
        let defaults = Config::new(secret.clone());
        let config = Config {
            secret,
            audience: self.audience,
            issue_tokens: self.issue_tokens,
            token_life: token_life.unwrap_or(defaults.token_life),
            expiry_grace: expiry_grace.unwrap_or(defaults.expiry_grace),
            ping_every: ping_every.unwrap_or(defaults.ping_every),
            sweep_every: sweep_every.unwrap_or(defaults.sweep_every),
            stale_after: stale_after.unwrap_or(defaults.stale_after),
            allow_origins: self.allow_origins,
            max_message: max_message.unwrap_or(defaults.max_message),
            max_queue: max_queue.unwrap_or(defaults.max_queue),
            echo: self.echo,
            site: self.site,
        };
        faults.extend(config.faults().into_iter().map(|fault| format!("--{fault}")));
        if faults.is_empty() {
            Ok(Settings { listen: self.listen, log, log_level, random_secret, config })
        } else {
            Err(faults)
        }
    }

    /// Returns the secret that was given; `None` if one is to be made up.
    fn secret(&self, variable: Option<OsString>) -> Result<Option<Secret>, String> {
        let (source, bytes) = match (&self.secret_file, variable) {
            (Some(file), _) => {
                let bytes = std::fs::read(file)
                    .map_err(|error| format!("--secret-file {file:?} cannot be read: {error}"))?;
                (format!("--secret-file {file:?}"), bytes)
            }
            (None, Some(value)) => ("$ONESOCKET_SECRET".into(), value.into_encoded_bytes()),
            (None, None) if self.issue_tokens => return Ok(None),
            (None, None) => {
                return Err("there is no secret: give --secret-file or $ONESOCKET_SECRET, \
                            or --issue-tokens for a random one"
                    .into());
            }
        };
        // An editor's newline at the end is not meant.
        let secret = Secret::new(bytes.trim_ascii_end());
        secret.map(Some).map_err(|error| format!("{source}: {error}"))
    }
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
            "--log ",
            "log-level",
            "allow-origin",
            "site",
        ] {
            let naming = faults.iter().filter(|fault| fault.contains(option)).count();
            assert_eq!(naming, 1, "{option}: {faults:?}");
        }
        assert_eq!(faults.len(), 9);
    }

    #[allow(clippy::unwrap_in_result)] // what clap refuses is no case of these tests
    fn read(arguments: &[&str], variable: Option<String>) -> Result<Settings, Faults> {
        let arguments = [&["onesocket-server"], arguments].concat();
        Options::try_parse_from(arguments).unwrap().into_settings(variable.map(OsString::from))
    }
}
