//! The binary: reads the options, starts the log, serves, and handles signals.

mod cli;

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use onesocket_server::token::KeyRing;
use onesocket_server::{Config, Server};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::escaped::EscapedJson;
use crate::cli::file;
use crate::cli::options::{LogFormat, Options, PublicKeys, Secrets, Settings};

/// The backlog of the listening socket, where the system allows it. After a restart all clients
/// reconnect at once; a client that finds no room retries after 1 s, then 3 s, then 7 s.
const BACKLOG: u32 = 4096;

/// The exit code of clap for invalid options.
const BAD_OPTIONS: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let secret = std::env::var_os("ONESOCKET_SECRET");
    let settings = match settings(secret) {
        Ok(settings) => settings,
        Err(faults) => {
            for fault in faults {
                eprintln!("error: {fault}");
            }
            return ExitCode::from(BAD_OPTIONS);
        }
    };
    start_log(settings.log, settings.log_level);
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line, the environment, and the file that they may name.
fn settings(secret: Option<OsString>) -> Result<Settings, Vec<String>> {
    let arguments = file::with_file(&Options::command(), std::env::args_os().collect())?;
    Options::parse_from(arguments).into_settings(secret)
}

async fn serve(settings: Settings) -> io::Result<()> {
    let open = what_is_open(&settings.config);
    let server = Server::new(settings.config)?;
    let listener = listen(&settings.listen).await?;
    let admin = match &settings.admin_listen {
        Some(admin) => Some(listen(admin).await?),
        None => None,
    };
    let address = listener.local_addr()?;
    // Before the line: whoever reads it may stop the server at once.
    let told_to_stop = told_to_stop()?;
    // The server works even if nobody reads this.
    let _ = writeln!(io::stdout(), "listening on http://{address}");
    info!(%address, "Listening");
    if let Some(admin) = &admin {
        info!(address = %admin.local_addr()?, "Listening for machines");
    }
    info!("{open}");
    if settings.random_secret && !settings.public_keys.are_a_file() {
        warn!("The secret is a random one: tokens end with this process, and no other signs them");
    }
    info!(ids = ?server.keys().ids(), "Keys");
    let reread = reread_when_told(settings.secrets, settings.public_keys, server.keys())?;
    let serving = async {
        match admin {
            Some(admin) => server.serve_with_admin(listener, admin, told_to_stop).await,
            None => server.serve(listener, told_to_stop).await,
        }
    };
    tokio::select! {
        () = serving => Ok(()),
        never = reread => match never {},
    }
}

/// Says in one sentence who may come in, and where.
fn what_is_open(config: &Config) -> String {
    let tokens =
        if config.issue_tokens { "Everybody gets a token" } else { "Tokens are signed elsewhere" };
    let groups: Vec<String> = config.open_groups.iter().map(ToString::to_string).collect();
    let groups = if groups.is_empty() {
        "no group is open: a token names those of its user".to_owned()
    } else {
        format!("open to all who are signed in: {}", groups.join(", "))
    };
    let origins = if config.allow_origins.is_empty() {
        "pages of this host may connect".to_owned()
    } else {
        format!("pages of this host and of {} may connect", config.allow_origins.join(", "))
    };
    format!("{tokens}; {groups}; {origins}")
}

/// Listens at `host`; an error names it.
async fn listen(host: &str) -> io::Result<TcpListener> {
    bind(host)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {host}: {error}")))
}

/// Listens on the first address of `host` that is free.
async fn bind(host: &str) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "there is no such address");
    for address in lookup_host(host).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // After a restart, what is left of old connections still has the port.
        socket.set_reuseaddr(cfg!(unix))?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Reads the secrets again on each SIGHUP; connections stay. If they cannot be read, the old ones
/// stay in force.
#[cfg(unix)]
fn reread_when_told(
    secrets: Secrets,
    public_keys: PublicKeys,
    keys: KeyRing,
) -> io::Result<impl Future<Output = Infallible>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            if hangup.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            if !secrets.are_files() && !public_keys.are_a_file() {
                warn!("SIGHUP: there is no file to read a secret from");
                continue;
            }
            match public_keys.read() {
                Ok(read) => keys.replace_public(read),
                Err(fault) => error!(fault, "SIGHUP: the public keys are as they were"),
            }
            if secrets.are_files() {
                match secrets.read() {
                    Ok((secret, previous)) => keys.replace(&secret, previous.as_ref()),
                    Err(faults) => error!(?faults, "SIGHUP: the secrets are as they were"),
                }
            }
            info!(ids = ?keys.ids(), "Keys");
        }
    })
}

/// There is no SIGHUP.
#[cfg(windows)]
fn reread_when_told(
    _secrets: Secrets,
    _public_keys: PublicKeys,
    _keys: KeyRing,
) -> io::Result<impl Future<Output = Infallible>> {
    Ok(std::future::pending())
}

/// Listens for SIGTERM and ctrl-c from now on; the future resolves at the first of them.
#[cfg(unix)]
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Listens for ctrl-c from now on.
#[cfg(windows)]
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Logs to standard error, and only the lines of this crate: libraries may log bytes with a token
/// in them.
fn start_log(format: LogFormat, level: LevelFilter) {
    let layer = match format {
        LogFormat::Json => {
            let layer = fmt::layer().with_writer(|| EscapedJson(io::stderr()));
            layer.json().flatten_event(true).boxed()
        }
        LogFormat::Text => {
            let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
            fmt::layer().with_writer(io::stderr).with_ansi(is_terminal).boxed()
        }
    };
    let ours = Targets::new().with_target("onesocket_server", level);
    tracing_subscriber::registry().with(layer.with_filter(ours)).init();
}
