//! The codec of native code, driven through the table of frames in `frames.txt`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod frame_table;

use std::fmt::Debug;

use frame_table::{Outcome, Row, Sender, rows};
use onesocket_protocol::{
    ClientFrame, Decoded, Encoded, MessageId, Payload, ServerFrame, ServerMessage, SharedFrame,
    Slot, Token, Wire, decode_client, decode_server, decode_shared, encode_client, encode_server,
};

/// Checks a row against what the codec makes of it: the value, printed, and the value written again.
fn check(row: Row, text: &str, decoded: Decoded<(String, Encoded)>) {
    let same = match row.is_binary {
        true => Encoded::Binary(text.as_bytes().to_vec()),
        false => Encoded::Text(text.to_owned()),
    };
    match (row.outcome, decoded) {
        (Outcome::Means(meaning), Ok((value, written))) => {
            assert_eq!(value, meaning);
            assert_eq!(written, same);
        }
        (Outcome::MeansInShort(meaning), Ok((value, written))) => {
            assert_eq!(value, meaning);
            assert_ne!(written, same);
        }
        (Outcome::Refused { id, because }, Err(error)) => {
            assert_eq!(error.id, id.map(MessageId), "{text}");
            assert!(error.to_string().contains(because), "{text}: {error}");
        }
        (outcome, decoded) => panic!("{text}: {decoded:?}, and not {outcome:?}"),
    }
}

fn printed(value: &impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn every_frame_is_read_and_written_as_the_table_says() {
    for row in rows() {
        let text = row.text();
        let wire = if row.is_binary { Wire::Binary(text.as_bytes()) } else { Wire::Text(&text) };
        let decoded = match row.sender {
            Sender::Client => {
                decode_client(wire).map(|frame| (printed(&frame), encode_client(&frame)))
            }
            Sender::Server => {
                decode_server(wire).map(|frame| (printed(&frame), encode_server(&frame)))
            }
        };
        check(row, &text, decoded);
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
fn the_token_of_a_refresh_is_read() {
    let frame = decode_client(Wire::Text(r#"{"type":"refresh","id":7,"token":"t"}"#)).unwrap();

    let token = Token::new("t");
    assert!(matches!(frame, ClientFrame::Refresh { token: read, .. } if read == token));
}

#[test]
fn bytes_are_passed_on_as_they_are_and_need_not_be_utf8() {
    let data = Payload::Binary(b"\xff\n\x00");
    let message = ServerMessage { data, group: None, from: None };

    let encoded = encode_server(&ServerFrame::Message(message.clone()));

    assert_eq!(encoded, Encoded::Binary(b"{\"type\":\"message\"}\n\xff\n\x00".to_vec()));
    assert_eq!(decode_server(encoded.as_wire()), Ok(ServerFrame::Message(message)));
}

#[test]
fn a_head_that_is_not_utf8_is_no_frame() {
    let error = decode_client(Wire::Binary(b"{\"type\":\"\xff\"}\n")).unwrap_err();

    assert!(error.to_string().starts_with("no frame: "), "{error}");
}

#[test]
fn a_frame_says_which_client_of_a_shared_connection_sends_it() {
    let id = MessageId(7);
    let attach = |client: &str| SharedFrame::Attach { id, client: client.into() };
    for (text, frame) in [
        (r#"{"type":"attach","id":7,"client":"a-Z_9","as":64}"#, (Slot(64), attach("a-Z_9"))),
        (r#"{"type":"detach","id":7,"as":1}"#, (Slot(1), SharedFrame::Detach { id })),
        (r#"{"type":"pong"}"#, (Slot::OWN, SharedFrame::Frame(ClientFrame::Pong))),
        (
            "{\"as\":3,\"type\":\"message\",\"id\":7}\n1",
            (Slot(3), SharedFrame::Frame(ClientFrame::Message { id, data: Payload::Json("1") })),
        ),
    ] {
        assert_eq!(decode_shared(Wire::Text(text)), Ok(frame), "{text}");
    }
    for (text, slot, because) in [
        (r#"{"type":"attach","id":7,"client":"a"}"#, 0, r#"needs "as""#),
        (r#"{"type":"attach","id":7,"client":"a","as":0}"#, 0, r#""as" is 1 to 64"#),
        (r#"{"type":"attach","id":7,"client":"a","as":65}"#, 0, r#""as" is 1 to 64"#),
        (r#"{"type":"attach","id":7,"client":"a","as":[1]}"#, 0, r#""as" is 1 to 64"#),
        (r#"{"type":"attach","id":7,"client":"a b","as":2}"#, 2, "no name of a client"),
        (r#"{"type":"attach","id":7,"client":"","as":2}"#, 2, "no name of a client"),
        (r#"{"type":"attach","id":7,"as":2}"#, 2, r#"needs "client""#),
        (r#"{"type":"detach","as":2}"#, 2, r#"needs "id""#),
        (r#"{"type":"join","id":7,"as":2}"#, 2, r#"needs "group""#),
    ] {
        let error = decode_shared(Wire::Text(text)).unwrap_err();
        assert_eq!(error.slot, Slot(slot), "{text}");
        assert!(error.to_string().contains(because), "{text}: {error}");
    }
}
