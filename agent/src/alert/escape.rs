//! Text that cannot lie. Bytes from the kernel become text without loss, and text becomes safe for a terminal:
//! no argument vector can start a line, move the cursor or reverse what is read.

use std::{borrow::Cow, fmt::Write};

/// Bytes as text, without loss: a byte that is not part of UTF-8 becomes `\xHH`, and so does a backslash that would
/// make ordinary text look like such an escape. To go back, replace each `\xHH` by its byte and nothing else.
pub fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains("\\x")
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid();
        for (at, c) in text.char_indices() {
            if c == '\\' && looks_like_escape(&text.as_bytes()[at..]) {
                out.push_str("\\x5c");
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            push_byte(&mut out, *byte);
        }
    }
    Cow::Owned(out)
}

fn looks_like_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

fn push_byte(out: &mut String, byte: u8) {
    write!(out, "\\x{byte:02x}").expect("writing to a string cannot fail");
}

/// Whether a character acts on the reader instead of being read: controls (ESC, newline, C1's CSI), marks that
/// change direction, line separators and what has no width.
pub fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text for a terminal: each hazard is spelled out (`\n`, `\x1b`, `\u{202e}`).
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hazard) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !is_hazard(c) => out.push(c),
            c if c.is_ascii() => push_byte(&mut out, c as u8),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn undo(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            if looks_like_escape(&bytes[at..]) {
                out.push(u8::from_str_radix(&text[at + 2..at + 4], 16).unwrap());
                at += 4;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        out
    }

    #[test]
    fn ordinary_text_is_left_as_it_is() {
        assert_eq!(lossless("grep -E '\\d+' /etc/päss".as_bytes()), "grep -E '\\d+' /etc/päss");
        assert_eq!(terminal("naïve 日本語"), "naïve 日本語");
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_spelled_and_cannot_be_confused_with_the_same_letters() {
        assert_eq!(lossless(b"a\xffb"), "a\\xffb");
        assert_eq!(lossless(b"a\\xffb"), "a\\x5cxffb");
    }

    #[test]
    fn what_acts_on_a_terminal_is_spelled_out() {
        assert_eq!(
            terminal("a\nb\t\x1b[31m\u{9b}2J\u{202e}txt\u{2028}"),
            "a\\nb\\t\\x1b[31m\\u{9b}2J\\u{202e}txt\\u{2028}"
        );
    }

    proptest! {
        #[test]
        fn every_bytes_can_be_had_back(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(b'x'), Just(b'f')], 0..64)) {
            prop_assert_eq!(undo(&lossless(&bytes)), bytes);
        }

        #[test]
        fn no_hazard_survives(text in any::<String>()) {
            prop_assert!(!terminal(&text).contains(is_hazard));
        }
    }
}
