//! A log of JSON that shows no more than one of text: what the text escapes is escaped in it too.

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes lines of JSON. A separator of lines or a mark that turns the direction of the text
/// stands in them as `\u2028`, as it does in a log of text: JSON allows both as they are, but a
/// terminal shows them.
pub(crate) struct EscapedJson<W>(pub(crate) W);

impl<W: Write> Write for EscapedJson<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Whole lines come, which are UTF-8.
        let text = String::from_utf8_lossy(line);
        self.0.write_all(escape(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Escapes in a text of JSON what cannot be printed. Outside of its strings there is only ASCII.
fn escape(json: &str) -> Cow<'_, str> {
    let is_bad = |c: char| !c.is_ascii() && c.escape_debug().len() > 1;
    if !json.contains(is_bad) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_bad(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_escaped_and_still_the_same_json() {
        let user = "ünï ☕ 中 \"a\\b\" \u{2028}\u{202e}\u{9b}\u{e0001}\u{feff}\n";
        let json = serde_json::to_string(user).unwrap();
        let mut written = Vec::new();

        EscapedJson(&mut written).write_all(json.as_bytes()).unwrap();

        let written = String::from_utf8(written).unwrap();
        let shown = r#""ünï ☕ 中 \"a\\b\" \u2028\u202e\u009b\udb40\udc01\ufeff\n""#;
        assert_eq!(written, shown);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), user);
    }
}
