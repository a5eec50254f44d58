//! The tables of PROTOCOL.md and README.md, drawn from the tables of the code, and the frames that
//! PROTOCOL.md shows.
//!
//! `UPDATE_GOLDEN=1 cargo test -p onesocket-protocol --test documents` writes the tables anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod golden;

use std::fmt::Write as _;

use onesocket_protocol::{
    CloseCode, FrameErrorCode, NamedCloseCode, Retry, Wire, decode_server, decode_shared,
};

const COMMAND: &str = "cargo test -p onesocket-protocol --test documents";

/// The codes with which the application's own range ends the connection for good.
const FINAL: std::ops::RangeInclusive<u16> = 4400..=4499;

/// What a client does after a close with this code.
fn reaction(code: CloseCode) -> &'static str {
    match code.retry() {
        Retry::Never => "fails",
        Retry::WithFreshToken => "tries once with a fresh token, then fails",
        Retry::Soon if code == CloseCode::TOO_MANY_REQUESTS => "reconnects, not before that delay",
        Retry::Soon => "reconnects",
    }
}

/// Every code that is final and has no name; all of them are in [`FINAL`].
fn nameless_final_codes() -> Vec<u16> {
    let named: Vec<_> = CloseCode::NAMED.iter().map(|named| named.code.get()).collect();
    let is_final = |code: &u16| CloseCode::seen(*code).retry() != Retry::Soon;
    (0..=u16::MAX).filter(is_final).filter(|code| !named.contains(code)).collect()
}

/// Lists numbers as "1, 2, 5–9": three in a row or more are a range.
fn ranges(numbers: &[u16]) -> String {
    let runs = numbers.chunk_by(|left, right| left + 1 == *right);
    let texts = runs.flat_map(|run| match run {
        [first, .., last] if run.len() > 2 => vec![format!("{first}–{last}")],
        few => few.iter().map(u16::to_string).collect(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_protocol_lists_every_close_code() {
    let mut table =
        String::from("| code | name | meaning | on receipt, the client | `error.code` |\n");
    table += "| --- | --- | --- | --- | --- |\n";
    for &NamedCloseCode { code, name, meaning, error } in CloseCode::NAMED {
        let error = error.map(|error| format!("`{error}`")).unwrap_or_default();
        let (number, reaction) = (code.get(), reaction(code));
        writeln!(table, "| {number} | {name} | {meaning} | {reaction} | {error} |").unwrap();
    }
    assert!(nameless_final_codes().iter().all(|code| FINAL.contains(code)));
    let (first, last) = (FINAL.start(), FINAL.end());
    let rest = "| | the client must not reconnect by itself | fails | `refused` |";
    writeln!(table, "| {first}–{last}, the rest {rest}").unwrap();
    table += "| every other | | the server or the network had to go | reconnects | |\n";

    golden::compare_part("PROTOCOL.md", "close codes", &table, COMMAND);
}

#[test]
fn the_readme_lists_the_close_codes_that_an_application_meets() {
    let mut refused = Vec::new();
    let mut rows = Vec::new();
    for &NamedCloseCode { code, meaning, error, .. } in CloseCode::NAMED {
        match error {
            Some("refused") if !FINAL.contains(&code.get()) => refused.push(code.get()),
            Some("refused") | None if code != CloseCode::TOO_MANY_REQUESTS => {}
            error => {
                let error = error.map(|error| format!("`{error}`")).unwrap_or_default();
                let (number, reaction) = (code.get(), reaction(code));
                rows.push(format!("| {number} | {meaning} | {reaction} | {error} |\n"));
            }
        }
    }
    let mut table = String::from("| code | meaning | on receipt, the client | `error.code` |\n");
    table += "| --- | --- | --- | --- |\n";
    let refused = ranges(&refused);
    let done = "the server is done with this client, or a frame breaks RFC 6455";
    writeln!(table, "| {refused} | {done} | fails | `refused` |").unwrap();
    table += &rows.concat();
    let (first, last) = (FINAL.start(), FINAL.end());
    let rest = "the client must not reconnect by itself | fails | `refused` |";
    writeln!(table, "| {first}–{last}, the rest | {rest}").unwrap();
    table += "| every other | the server or the network had to go | reconnects | |\n";

    golden::compare_part("README.md", "close codes", &table, COMMAND);
}

#[test]
fn the_protocol_lists_every_code_of_an_error_frame() {
    let mut table = String::from("| code | meaning |\n| --- | --- |\n");
    for code in FrameErrorCode::ALL {
        writeln!(table, "| `{}` | {} |", code.as_str(), code.meaning()).unwrap();
    }

    golden::compare_part("PROTOCOL.md", "error codes", &table, COMMAND);
}

#[test]
fn every_frame_that_the_protocol_shows_is_one() {
    let document = std::fs::read_to_string(golden::file("PROTOCOL.md")).unwrap();
    let blocks = |fence: &str| -> Vec<String> {
        let fence = format!("```{fence}\n");
        let blocks = document.split(&fence).skip(1);
        blocks.map(|block| block.split_once("\n```").unwrap().0.to_owned()).collect()
    };
    // A head that is too long for one line goes on below.
    let heads = blocks("json").join("\n").replace("\n ", "");
    let frames: Vec<_> = heads.lines().map(str::to_owned).chain(blocks("frame")).collect();
    for frame in &frames {
        let by_server = decode_server(Wire::Text(frame)).map(drop);
        let by_client = decode_shared(Wire::Text(frame)).map(drop);
        assert!(by_server.is_ok() || by_client.is_ok(), "{frame}: {by_server:?} {by_client:?}");
    }
    assert!(frames.len() >= 12, "PROTOCOL.md shows only {} frames", frames.len());
}
