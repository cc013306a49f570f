//! Takes words off the front of a condition. What a word is depends on what is expected: `-1`, `/etc` and
//! `runc:[0:PARENT]` are all bare texts.

use crate::rule::source::{At, Complaint, Place, Text};

pub struct Scan<'t> {
    text: &'t Text,
    /// Where reading goes on.
    pub pos: usize,
}

/// What may not stand in a text without quotes.
pub fn ends_bare(b: u8) -> bool {
    is_blank(b) || matches!(b, b'(' | b')' | b'"' | b'\'' | b'=' | b',')
}

pub fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What may not stand in `[…]` without quotes.
pub fn ends_arg(b: u8) -> bool {
    is_blank(b) || matches!(b, b'[' | b']' | b'"' | b'\'')
}

impl<'t> Scan<'t> {
    pub fn new(text: &'t Text) -> Self {
        Scan { text, pos: 0 }
    }

    pub fn rest(&self) -> &'t str {
        &self.text.as_str()[self.pos..]
    }

    fn bytes(&self) -> &'t [u8] {
        &self.text.as_str().as_bytes()[self.pos..]
    }

    pub fn done(&self) -> bool {
        self.rest().is_empty()
    }

    pub fn place_from(&self, start: usize) -> Place {
        self.text.place(start..self.pos)
    }

    pub fn at_from(&self, start: usize) -> At {
        At(self.place_from(start))
    }

    /// The place of the next word, for messages.
    pub fn here(&self) -> Place {
        let bytes = self.rest().as_bytes();
        let len =
            bytes.iter().position(|&b| is_blank(b) || matches!(b, b'(' | b')' | b',')).unwrap_or(bytes.len());
        let len = (len.max(1)).min(bytes.len());
        self.text.place(self.pos..self.pos + len)
    }

    /// "expected X, found Y".
    pub fn expected(&self, what: &str) -> Complaint {
        let rest = self.rest();
        let word =
            rest.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',')).next().unwrap_or("");
        let found = match (word, rest.chars().next()) {
            (_, None) => "the end of the condition".to_owned(),
            ("", Some(c)) => format!("`{c}`"),
            (word, Some(_)) => format!("`{word}`"),
        };
        Complaint::new(self.here(), format!("expected {what}, found {found}"))
    }

    pub fn blanks(&mut self) {
        let len = self.rest().bytes().position(|b| !is_blank(b)).unwrap_or(self.rest().len());
        self.pos += len;
    }

    /// Takes `word` in just these bytes.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.pos += word.len();
        }
        found
    }

    /// Takes `word` when a blank or one of `also` follows it; leaves what follows.
    pub fn take_word(&mut self, word: &str, also: &[u8]) -> bool {
        let found = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|after| after.bytes().next().is_none_or(|b| is_blank(b) || also.contains(&b)));
        if found {
            self.pos += word.len();
        }
        found
    }

    /// `[a-zA-Z]+[a-zA-Z0-9_]*`; its length.
    fn identifier_len(text: &str) -> usize {
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return 0;
        }
        text.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(text.len())
    }

    pub fn identifier(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let len = Self::identifier_len(rest);
        self.pos += len;
        (len > 0).then(|| &rest[..len])
    }

    /// Identifiers with dots between: at least two.
    pub fn field_name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let mut len = Self::identifier_len(rest);
        let mut parts = usize::from(len > 0);
        while parts > 0 && rest[len..].starts_with('.') {
            let next = Self::identifier_len(&rest[len + 1..]);
            if next == 0 {
                break;
            }
            len += 1 + next;
            parts += 1;
        }
        if parts < 2 {
            return None;
        }
        self.pos += len;
        Some(&rest[..len])
    }

    pub fn bare(&mut self, ends: fn(u8) -> bool) -> Option<&'t str> {
        let rest = self.rest();
        let len = rest.bytes().position(ends).unwrap_or(rest.len());
        self.pos += len;
        (len > 0).then(|| &rest[..len])
    }

    /// `0x1f`, or decimal with sign, fraction and exponent.
    pub fn number(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            bytes[from..].iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len() - from)
        };
        let len = if matches!(bytes, [b'0', b'x' | b'X', d, ..] if d.is_ascii_hexdigit()) {
            2 + bytes[2..].iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(bytes.len() - 2)
        } else {
            let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
            let whole = digits(sign);
            if whole == 0 {
                return None;
            }
            let mut len = sign + whole;
            if bytes.get(len) == Some(&b'.') {
                len += 1 + digits(len + 1);
            }
            if let [b'e' | b'E', b'+' | b'-', d, ..] = &bytes[len..]
                && d.is_ascii_digit()
            {
                len += 2 + digits(len + 2);
            }
            len
        };
        self.pos += len;
        Some(&rest[..len])
    }

    /// A text in quotes, escapes resolved. `None`: there is no quote.
    pub fn quoted(&mut self) -> Result<Option<Vec<u8>>, Complaint> {
        let start = self.pos;
        let Some(&quote @ (b'"' | b'\'')) = self.bytes().first() else { return Ok(None) };
        self.pos += 1;
        let mut out = Vec::new();
        loop {
            match self.bytes() {
                [] => {
                    self.pos = start + 1;
                    return Err(Complaint::new(self.place_from(start), "this quote is never closed"));
                }
                [b, ..] if *b == quote => {
                    self.pos += 1;
                    return Ok(Some(out));
                }
                [b'\\', ..] => out.push(self.escape(quote)?),
                [b, ..] => {
                    out.push(*b);
                    self.pos += 1;
                }
            }
        }
    }

    fn escape(&mut self, quote: u8) -> Result<u8, Complaint> {
        let start = self.pos;
        let hex = |b: &u8| char::from(*b).to_digit(16);
        let (byte, len) = match &self.bytes()[1..] {
            [b'b', ..] => (0x08, 2),
            [b'f', ..] => (0x0c, 2),
            [b'n', ..] => (b'\n', 2),
            [b'r', ..] => (b'\r', 2),
            [b't', ..] => (b'\t', 2),
            [b @ (b'\\' | b'/'), ..] => (*b, 2),
            // Falco reads a backslash before a blank as the backslash alone; one of its own rules is written so.
            [b' ', ..] => (b'\\', 2),
            [b, ..] if *b == quote => (*b, 2),
            [b'x', high, low, ..] if hex(high).is_some() && hex(low).is_some() => {
                (hex(high).zip(hex(low)).map_or(0, |(h, l)| (h * 16 + l) as u8), 4)
            }
            _ => {
                let next = self.rest()[1..].chars().next();
                self.pos += 1 + next.map_or(0, char::len_utf8);
                let complaint = Complaint::new(self.place_from(start), "no such escape in a quoted text");
                let quote = char::from(quote);
                return Err(complaint.help(format!("known are \\b \\f \\n \\r \\t \\\\ \\/ \\{quote} \\xHH")));
            }
        };
        self.pos += len;
        Ok(byte)
    }
}
