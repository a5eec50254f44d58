//! What README.md and the types of the npm package say of the machine is what the machine says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../protocol/tests/golden/mod.rs"]
mod golden;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use onesocket_core::{Config, ErrorCode, Reconnect, Sentence, Stats, WhenFailed};

/// Reads a file of the repository.
fn read(path: &str) -> String {
    std::fs::read_to_string(golden::file(path)).unwrap()
}

/// The options that are numbers, with their defaults.
fn options() -> impl Iterator<Item = (&'static str, f64)> {
    let defaults = Config::default();
    Config::OPTIONS.iter().enumerate().map(move |(at, name)| (*name, defaults.get(at).unwrap()))
}

/// Writes a number for people: thousands of five digits and more are set apart.
fn for_people(number: f64) -> String {
    let text = number.to_string();
    if number < 10_000.0 {
        return text;
    }
    let digits = text.as_bytes().rchunks(3).rev();
    digits.map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(" ")
}

/// Returns what stands in a text between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).expect("the text has the first mark");
    rest.split_once(to).expect("the text has the second mark").0
}

/// Returns the words that a text puts in a pair of these quotes.
fn quoted(text: &str, quote: char) -> BTreeSet<&str> {
    text.split(quote).skip(1).step_by(2).collect()
}

fn codes() -> BTreeSet<&'static str> {
    ErrorCode::ALL.iter().map(|code| code.as_str()).collect()
}

#[test]
fn the_readme_lists_every_error_code() {
    let readme = read("README.md");
    let list = between(&readme, "a sentence that names the fix:", "\n\n");

    let listed: BTreeSet<_> =
        quoted(list, '`').into_iter().filter(|word| !word.contains('(')).collect();
    assert_eq!(listed, codes(), "README.md, \"Close codes, and errors\"");
}

#[test]
fn javascript_has_the_error_codes_of_the_machine() {
    // Reserved: nothing fails with it yet.
    let reserved = ["timeout"];
    let mut text = String::from(
        "// Drawn from `ErrorCode` of crates/core by its test `documents`: change it there.\n\n\
         /** What went wrong, for programs. The names are stable. */\n\
         export type ErrorCode =",
    );
    for code in codes().into_iter().chain(reserved).collect::<BTreeSet<_>>() {
        write!(text, "\n  | \"{code}\"").unwrap();
    }
    text += ";\n";

    golden::compare("js/error_code.ts", &text, "cargo test -p onesocket-core --test documents");
}

#[test]
fn javascript_has_the_defaults_of_the_machine() {
    let mut text = String::from(
        "// Drawn from `Config` of crates/core by its test `documents`: change it there.\n\n\
         /** The options that are numbers, with their defaults. */\n\
         export const DEFAULTS = {\n",
    );
    for (name, default) in options() {
        let quote = if name.contains('.') { "\"" } else { "" };
        let digits = for_people(default).replace(' ', "_");
        writeln!(text, "  {quote}{name}{quote}: {digits},").unwrap();
    }
    let forever = Config { reconnect: Reconnect::FOREVER, ..Config::default() };
    text += "} as const satisfies Readonly<Record<string, number>>;\n\n\
             /** What `reconnect: \"forever\"` stands for. */\n\
             export const FOREVER = {\n";
    for (at, name) in Config::OPTIONS.iter().enumerate() {
        let (Some(name), Some(value)) = (name.strip_prefix("reconnect."), forever.get(at)) else {
            continue;
        };
        let endless = value == f64::from(Reconnect::WITHOUT_END);
        let digits = if endless { "Infinity".into() } else { for_people(value).replace(' ', "_") };
        writeln!(text, "  {name}: {digits},").unwrap();
    }
    text += "} as const;\n\n\
             /** The name of an option that is a number. */\n\
             export type OptionName = keyof typeof DEFAULTS;\n";

    golden::compare("js/defaults.ts", &text, "cargo test -p onesocket-core --test documents");
}

#[test]
fn javascript_has_the_sentences_of_the_machine() {
    let mut text = String::from(
        "// Drawn from `Sentence` of crates/core by its test `documents`: change it there.\n\n\
         /** What is said to people, by number; see `Sentence` for the places in it. */\n\
         export const SENTENCES: readonly string[] = [\n",
    );
    for (at, sentence) in Sentence::ALL.iter().enumerate() {
        assert_eq!(sentence.number(), u32::try_from(at).unwrap());
        // The last ones are only Rust's.
        if sentence.number() < Sentence::NotExpressible.number() {
            writeln!(text, "  {:?},", sentence.words()).unwrap();
        }
    }
    text += "];\n";

    golden::compare("js/sentences.ts", &text, "cargo test -p onesocket-core --test documents");
}

#[test]
fn the_readme_and_the_types_say_the_defaults_of_the_machine() {
    let readme = read("README.md");
    let types = read("js/options.ts");
    let types = between(&types, "import ", "/** The options, checked. */");
    for (name, default) in options() {
        let word = (name == "queue.whenFailed").then(|| WhenFailed::WORDS[default as usize]);
        let default = word.map_or_else(|| for_people(default), |word| format!("`\"{word}\"`"));
        let row = format!("| `{name}` | {default} |");
        assert!(readme.contains(&row), "README.md, \"Options\", needs a row {row}");

        let (group, field) = name.split_once('.').unwrap_or(("client", name));
        let parameter = if group == "client" { "<T = unknown>" } else { "" };
        let interface =
            format!("{}{}Options{parameter} {{", group[..1].to_uppercase(), &group[1..]);
        let interface = between(types, &format!("export interface {interface}"), "\n}");
        let (docs, _) = interface.split_once(&format!("readonly {field}?: ")).unwrap();
        let docs = docs.rsplit("/**").next().unwrap();
        let words: Vec<_> = docs.split(['*', '\n', ' ']).filter(|word| !word.is_empty()).collect();
        let said = words.join(" ");
        let expected = format!("Default: {default}");
        let good = said
            .split(&expected)
            .nth(1)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(good, "js/options.ts: the docs of {name} need \"{expected}\": {said}");
    }
    let words = format!("{:?} satisfies WhenFailed[]", WhenFailed::WORDS);
    assert!(read("js/options.ts").contains(&words), "js/options.ts needs {words}");
}

#[test]
fn the_npm_package_names_the_counters_in_the_order_in_which_the_machine_tells_them() {
    let types = read("js/stats.ts");
    let names = between(&types, "const NAMES = [", "]");

    let listed: Vec<_> = names.split('"').skip(1).step_by(2).collect();
    assert_eq!(listed, Stats::NAMES, "js/stats.ts, NAMES");
}
