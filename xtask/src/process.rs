//! Commands and the processes they become.
//!
//! Every child leads a process group of its own and is ended as a group, by its id: a test runner's
//! driver and browser go with the runner. That holds on every path, also when we are interrupted.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a child may take to end after it was asked to; the server promises 10 s.
const END_WITHIN: Duration = Duration::from_secs(12);

/// How long to read on after a child has ended. Somebody who outlives it may hold its output open.
const LINGER: Duration = Duration::from_secs(3);

/// The groups of all running children.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Whether Ctrl-C, SIGTERM or SIGHUP has come.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Says whether Ctrl-C, SIGTERM or SIGHUP has come.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Hands Ctrl-C, SIGTERM and SIGHUP on to the children; whoever waits for one then goes on, and
/// nothing new is started. A second signal ends them at once.
///
/// # Errors
///
/// Returns an error if the system does not let us handle signals.
pub(crate) fn end_children_when_interrupted() -> Result<()> {
    ctrlc::set_handler(|| {
        // Under the lock: what is being started now is either in the list or not yet begun.
        let groups = groups();
        let again = INTERRUPTED.swap(true, Ordering::SeqCst);
        let signal = if again { Signal::SIGKILL } else { Signal::SIGTERM };
        for &group in groups.iter() {
            send(group, signal);
        }
        if !again {
            thread::spawn(|| {
                thread::sleep(END_WITHIN);
                for &group in self::groups().iter() {
                    send(group, Signal::SIGKILL);
                }
            });
        }
    })
    .context("cannot handle signals")
}

/// A running child. Dropping it ends its whole group.
pub(crate) struct Running {
    child: Child,
    group: Pid,
    name: String,
}

impl Running {
    /// Starts a command. It reads nothing from the terminal.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be started, or if we have been interrupted.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = describe(command);
        let mut groups = groups();
        if interrupted() {
            bail!("interrupted");
        }
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        let group = Pid::from_raw(i32::try_from(child.id()).context("a process id is an i32")?);
        groups.push(group);
        Ok(Self { child, group, name })
    }

    /// Takes what the child writes to its standard output; the command must have piped it.
    ///
    /// # Errors
    ///
    /// Returns an error if it was taken before, or never piped.
    pub(crate) fn take_stdout(&mut self) -> Result<impl Read + Send + use<>> {
        self.child.stdout.take().context("the output was not piped")
    }

    /// Waits for the child to end, at most `limit`.
    ///
    /// # Errors
    ///
    /// Returns an error if it takes longer, in which case it is ended.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.child.try_wait().context("cannot wait for a child")? {
                return Ok(status);
            }
            if started.elapsed() > limit {
                bail!("`{}` took longer than {} s and was ended", self.name, limit.as_secs());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            send(self.group, Signal::SIGTERM);
            let _ = self.wait(END_WITHIN);
        }
        // The leader may be gone and leave others; a group lives as long as one of its members.
        send(self.group, Signal::SIGKILL);
        let _ = self.child.wait();
        groups().retain(|&group| group != self.group);
    }
}

/// Runs a command to its end; what it prints is seen.
///
/// # Errors
///
/// Returns an error if it cannot be started, fails, or takes longer than `limit`.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<()> {
    let mut running = Running::start(command)?;
    let status = running.wait(limit)?;
    succeeded(&running.name, status)
}

/// Runs a command to its end and returns what it wrote to its standard output. What it wrote
/// to either output is in the error, if it fails.
///
/// # Errors
///
/// Returns an error if it cannot be started, fails, or takes longer than `limit`.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String> {
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let stdout = collect(running.child.stdout.take());
    let stderr = collect(running.child.stderr.take());
    let status = running.wait(limit)?;
    let stdout = stdout.recv_timeout(LINGER).unwrap_or_default();
    if let Err(error) = succeeded(&running.name, status) {
        let stderr = stderr.recv_timeout(LINGER).unwrap_or_default();
        bail!("{error}\n{}", format!("{stdout}{stderr}").trim_end());
    }
    Ok(stdout)
}

/// Runs a command to its end, shows what it prints as it comes, and returns the lines of its
/// standard output with its status.
///
/// # Errors
///
/// Returns an error if it cannot be started or takes longer than `limit`.
pub(crate) fn watch(command: &mut Command, limit: Duration) -> Result<(ExitStatus, Vec<String>)> {
    let mut running = Running::start(command.stdout(Stdio::piped()))?;
    let stdout = running.take_stdout()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in lines(stdout) {
            println!("{line}");
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let status = running.wait(limit)?;
    let mut seen = Vec::new();
    while let Ok(line) = receiver.recv_timeout(LINGER) {
        seen.push(line);
    }
    Ok((status, seen))
}

/// Reads lines, whatever their encoding, until the end or an error.
pub(crate) fn lines(source: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(source)
        .split(b'\n')
        .map_while(Result::ok)
        .map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
}

/// Writes a command as a person would type it.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Turns a status that is no success into an error.
fn succeeded(name: &str, status: ExitStatus) -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Reads a pipe to its end in the background, so that a full pipe stops nobody.
fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Sends a signal to a group. That it is gone already is no error.
fn send(group: Pid, signal: Signal) {
    let _ = killpg(group, signal);
}

/// Locks the list of groups, which no panic can leave half changed.
fn groups() -> MutexGuard<'static, Vec<Pid>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn an_error_names_the_command_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), LIMIT);

        let text = format!("{:#}", error.unwrap_err());
        assert!(text.contains("why") && text.contains("exit status: 3"), "{text}");
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let started = Instant::now();

        let result = run(Command::new("sleep").arg("60"), Duration::from_millis(50));

        assert!(result.is_err());
        assert!(started.elapsed() < LIMIT);
    }

    #[test]
    fn a_dropped_child_takes_its_children_along() {
        let script = "sleep 60 & echo $!; wait";
        let command = &mut Command::new("sh");
        let mut running =
            Running::start(command.args(["-c", script]).stdout(Stdio::piped())).unwrap();
        let pid = lines(running.take_stdout().unwrap()).next().unwrap();

        drop(running);

        // The orphan is ended, when the system comes to it, and lies there until init reaps it: ask
        // only whether it still runs.
        let runs = || {
            let state = output(Command::new("ps").args(["-o", "stat=", "-p", &pid]), LIMIT);
            state.is_ok_and(|state| !state.trim().starts_with('Z'))
        };
        let started = Instant::now();
        while runs() {
            assert!(started.elapsed() < LIMIT, "it runs on");
        }
    }
}
