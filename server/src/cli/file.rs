//! Options in a file: TOML, each by its name without the dashes.
//!
//! ```toml
//! listen = "0.0.0.0:8080"
//! allow-origin = ["https://app.example.org"]
//! issue-tokens = false
//! ```
//!
//! The command line counts before the environment, and that before the file.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};
use toml::{Table, Value};

/// The option that names the file.
pub(crate) const OPTION: &str = "config";

/// Returns the arguments, and behind them what a file says that they name: of each option that neither
/// they nor the environment have.
///
/// # Errors
///
/// Names all faults of the file.
pub(crate) fn with_file(
    command: &Command,
    mut arguments: Vec<OsString>,
) -> Result<Vec<OsString>, Vec<String>> {
    // What is wrong with the arguments themselves is said when they are parsed for good.
    let Ok(matches) = command.clone().try_get_matches_from(&arguments) else {
        return Ok(arguments);
    };
    let Some(file) = matches.get_one::<PathBuf>(OPTION) else { return Ok(arguments) };
    let more = fs::read_to_string(file)
        .map_err(|error| vec![error.to_string()])
        .and_then(|text| read(command, &matches, &text));
    match more {
        Ok(more) => arguments.extend(more),
        Err(mut faults) => {
            for fault in &mut faults {
                *fault = format!("--{OPTION} {}: {fault}", file.display());
            }
            return Err(faults);
        }
    }
    Ok(arguments)
}

fn read(command: &Command, matches: &ArgMatches, text: &str) -> Result<Vec<OsString>, Vec<String>> {
    // Its own words quote the line, where a secret may be.
    let table: Table = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        vec![format!("line {line} is no TOML")]
    })?;
    let (mut arguments, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in &table {
        match option(command, name, value) {
            Ok((id, values)) if !is_set(matches, &id) => arguments.extend(values),
            Ok(_) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(arguments) } else { Err(faults) }
}

/// Returns an option by the name by which clap knows it, and its arguments.
fn option(command: &Command, name: &str, value: &Value) -> Result<(String, Vec<OsString>), String> {
    let known = |arg: &&clap::Arg| arg.get_long() == Some(name) && name != OPTION;
    let arg = command.get_arguments().find(known);
    let arg = arg.ok_or_else(|| format!("there is no option {name:?}"))?;
    let argument = |value: String| OsString::from(format!("--{name}={value}"));
    let arguments = match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(true)) => vec![format!("--{name}").into()],
        (ArgAction::SetTrue, Value::Boolean(false)) => Vec::new(),
        (ArgAction::SetTrue, _) => return Err(format!("{name} is true or false")),
        (ArgAction::Append, Value::Array(values)) => values
            .iter()
            .map(|value| single(name, value).map(argument))
            .collect::<Result<_, _>>()?,
        (_, value) => vec![argument(single(name, value)?)],
    };
    Ok((arg.get_id().to_string(), arguments))
}

fn single(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Array(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => {
            Err(format!("{name} is a string or a number"))
        }
    }
}

fn is_set(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::options::Options;

    fn arguments_of(text: &str, given: &[&str]) -> Result<Vec<OsString>, Vec<String>> {
        let command = Options::command();
        let given = ["onesocket-server"].iter().chain(given);
        let matches = command.clone().get_matches_from(given);
        read(&command, &matches, text)
    }

    #[test]
    fn a_file_has_the_options_by_their_names() {
        let text = "listen = \"0.0.0.0:80\"\nmax-rate = 20\nissue-tokens = true\necho = false\n\
                    allow-origin = [\"https://a.example\", \"https://b.example\"]\n\
                    open-groups = \"lobby\"\n";

        let mut arguments = arguments_of(text, &[]).unwrap();
        arguments.sort();
        let expected = [
            "--allow-origin=https://a.example",
            "--allow-origin=https://b.example",
            "--issue-tokens",
            "--listen=0.0.0.0:80",
            "--max-rate=20",
            "--open-groups=lobby",
        ];
        assert_eq!(arguments, expected);
        let all = ["onesocket-server".into()].into_iter().chain(arguments);
        assert!(Options::try_parse_from(all).is_ok());
    }

    #[test]
    fn the_command_line_counts_before_the_file() {
        let text = "listen = \"0.0.0.0:80\"\nmax-rate = 20";

        let arguments = arguments_of(text, &["--listen=127.0.0.1:0"]).unwrap();

        assert_eq!(arguments, ["--max-rate=20"]);
    }

    #[test]
    fn every_fault_of_a_file_is_named_and_no_line_of_it_is_quoted() {
        let text = "secret = \"s3cret\"\nconfig = \"x\"\necho = \"yes\"\nlisten = true\n\
                    max-rate = [1]\nallow-origin = [true]\n";

        let faults = arguments_of(text, &[]).unwrap_err();

        assert_eq!(faults.len(), 6, "{faults:?}");
        assert!(!faults.concat().contains("s3cret"));
        let faults = arguments_of("listen = \"a\"\nsecret = s3cret\n", &[]).unwrap_err();
        assert_eq!(faults, ["line 2 is no TOML"]);
        // Also where a line begins so.
        let faults = arguments_of("listen = \"ü\"\n= 1\n", &[]).unwrap_err();
        assert_eq!(faults, ["line 2 is no TOML"]);
    }
}
