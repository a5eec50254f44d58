//! The codec of native code, driven through the table of frames in `frames.txt`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod frame_table;

use std::fmt::Debug;

use frame_table::{Outcome, Row, Sender, rows};
use onesocket_protocol::{
    ClientFrame, DecodeError, Decoded, MessageId, ServerMessage, Token, decode_client_binary,
    decode_client_text, decode_server_text, encode_client_binary, encode_client_text,
    encode_server_text,
};

/// Checks a row against what the codec makes of it: the value, printed, and the value written again.
fn check(row: Row, decoded: Decoded<(impl Debug, String)>) {
    let Row { text, outcome, .. } = row;
    match (outcome, decoded) {
        (Outcome::Means(meaning), Ok((value, written))) => {
            assert_eq!(format!("{value:?}"), meaning);
            assert_eq!(written, text);
        }
        (Outcome::MeansInShort(meaning), Ok((value, written))) => {
            assert_eq!(format!("{value:?}"), meaning);
            assert_ne!(written, text);
        }
        (Outcome::Refused { id, because }, Err(error)) => {
            assert_eq!(error.id, id.map(MessageId), "{text}");
            assert!(error.to_string().contains(because), "{text}: {error}");
        }
        (outcome, decoded) => panic!("{text}: {decoded:?}, and not {outcome:?}"),
    }
}

#[test]
fn every_frame_is_read_and_written_as_the_table_says() {
    for row in rows() {
        match row.sender {
            Sender::Client => check(
                row,
                decode_client_text(row.text).map(|frame| {
                    let written = encode_client_text(&frame);
                    (frame.map(|data| data.get().to_owned()), written)
                }),
            ),
            Sender::Server => check(
                row,
                decode_server_text(row.text).map(|frame| {
                    let written = encode_server_text(&frame);
                    let owned = |ServerMessage { data, group, from }: ServerMessage<&_>| {
                        let data: &serde_json::value::RawValue = data;
                        ServerMessage { data: data.get().to_owned(), group, from }
                    };
                    (frame.map(owned), written)
                }),
            ),
        }
    }
}

#[test]
fn the_table_has_a_row_for_every_type_of_frame() {
    let meanings = |sender| {
        rows().filter(move |row| row.sender == sender).filter_map(|row| match row.outcome {
            Outcome::Means(meaning) => meaning.split([' ', '(']).next(),
            Outcome::MeansInShort(_) | Outcome::Refused { .. } => None,
        })
    };
    for (sender, types) in [
        (Sender::Client, &["Join", "Leave", "Message", "Ping", "Pong", "Publish", "Refresh"][..]),
        (Sender::Server, &["Ack", "Error", "Message", "Ping", "Pong", "Refreshed", "Welcome"]),
    ] {
        let mut found: Vec<_> = meanings(sender).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, types, "{sender:?}");
    }
}

#[test]
fn a_payload_is_passed_on_as_it_was_written() {
    let text = r#"{"type":"message","id":7,"data":{"a": [1,  null], "b":1e2}}"#;

    assert_eq!(encode_client_text(&decode_client_text(text).unwrap()), text);
}

#[test]
fn the_token_of_a_refresh_is_read() {
    let frame = decode_client_text(r#"{"type":"refresh","id":7,"token":"t"}"#).unwrap();

    let token = Token::new("t");
    assert!(matches!(frame, ClientFrame::Refresh { token: read, .. } if read == token));
}

#[test]
fn a_binary_message_begins_with_its_id() {
    let bytes = encode_client_binary(MessageId(258), b"\xff\x00");
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 1, 2, 0xff, 0]);
    let frame = ClientFrame::Message { id: MessageId(258), data: &b"\xff\x00"[..] };
    assert_eq!(decode_client_binary(&bytes), Ok(frame));
    for bad in [&b""[..], &[0; 7], &[0; 8], &[0xff; 9]] {
        let DecodeError { id, message } = decode_client_binary(bad).unwrap_err();
        assert!(id.is_none() && !message.is_empty(), "{bad:?}");
    }
}
