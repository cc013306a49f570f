//! `field|contains|all`: what stands behind a field's name, and what it makes of values.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::pattern::Pattern;
use crate::rule::{
    lang::Operator,
    source::{Complaint, Place},
};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As a text with wildcards, open at its front and at its back.
    Text {
        front: bool,
        back: bool,
    },
    /// As a regular expression, with the letters of its flags.
    Regex,
    Cidr,
    Exists,
    FieldRef {
        front: bool,
        back: bool,
    },
    Order(Operator),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modifiers {
    pub method: Method,
    /// Every value, not any of them.
    pub all: bool,
    pub cased: bool,
    pub negated: bool,
    /// Letters of a regular expression's flags.
    pub flags: String,
    encodings: Vec<Encoding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Windash,
    Utf16Le,
    Utf16Be,
    Utf16,
    Base64,
    Base64Offset,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Place(bool, bool),
    Method(Method),
    Encode(Encoding),
    All,
    Cased,
    Neq,
    Flag(char),
    /// In the language, but not here: why.
    Not(&'static str),
}

const PIPELINE: &str = "its values come from a pipeline, and there is none here";
const CLOCK: &str = "no field of an event here is a written time";

/// Every modifier of Sigma 2.1.
static WORDS: &[(&str, Word)] = &[
    ("contains", Word::Place(true, true)),
    ("startswith", Word::Place(false, true)),
    ("endswith", Word::Place(true, false)),
    ("all", Word::All),
    ("cased", Word::Cased),
    ("neq", Word::Neq),
    ("re", Word::Method(Method::Regex)),
    ("i", Word::Flag('i')),
    ("m", Word::Flag('m')),
    ("s", Word::Flag('s')),
    ("ignorecase", Word::Flag('i')),
    ("multiline", Word::Flag('m')),
    ("dotall", Word::Flag('s')),
    ("cidr", Word::Method(Method::Cidr)),
    ("exists", Word::Method(Method::Exists)),
    ("fieldref", Word::Method(Method::FieldRef { front: false, back: false })),
    ("lt", Word::Method(Method::Order(Operator::Lt))),
    ("lte", Word::Method(Method::Order(Operator::Le))),
    ("gt", Word::Method(Method::Order(Operator::Gt))),
    ("gte", Word::Method(Method::Order(Operator::Ge))),
    ("windash", Word::Encode(Encoding::Windash)),
    ("wide", Word::Encode(Encoding::Utf16Le)),
    ("utf16le", Word::Encode(Encoding::Utf16Le)),
    ("utf16be", Word::Encode(Encoding::Utf16Be)),
    ("utf16", Word::Encode(Encoding::Utf16)),
    ("base64", Word::Encode(Encoding::Base64)),
    ("base64offset", Word::Encode(Encoding::Base64Offset)),
    ("expand", Word::Not(PIPELINE)),
    ("minute", Word::Not(CLOCK)),
    ("hour", Word::Not(CLOCK)),
    ("day", Word::Not(CLOCK)),
    ("week", Word::Not(CLOCK)),
    ("month", Word::Not(CLOCK)),
    ("year", Word::Not(CLOCK)),
];

/// Words that do something here.
pub fn supported() -> impl Iterator<Item = &'static str> {
    WORDS.iter().filter(|(_, word)| !matches!(word, Word::Not(_))).map(|(name, _)| *name)
}

impl Modifiers {
    pub fn plain(method: Method) -> Modifiers {
        let (all, cased, negated) = (false, false, false);
        Modifiers { method, all, cased, negated, flags: String::new(), encodings: Vec::new() }
    }

    /// Reads the words behind a field's name, each with its place.
    pub fn read(words: &[(&str, Place)]) -> Result<Modifiers, Complaint> {
        let mut out = Modifiers::plain(Method::Text { front: false, back: false });
        for (name, place) in words {
            let wrong = |message: String| Complaint::new(*place, message);
            let Some((_, word)) = WORDS.iter().find(|(known, _)| known == name) else {
                let complaint = wrong(format!("unknown modifier `{name}`"));
                return Err(complaint.did_you_mean(name, WORDS.iter().map(|(known, _)| *known)));
            };
            let plain = out.method == Method::Text { front: false, back: false };
            match (*word, out.method) {
                (Word::All, _) => out.all = true,
                (Word::Cased, _) => out.cased = true,
                (Word::Neq, _) => out.negated = true,
                (Word::Place(front, back), Method::Text { .. }) if plain => {
                    out.method = Method::Text { front, back };
                }
                (Word::Place(front, back), Method::FieldRef { front: false, back: false }) => {
                    out.method = Method::FieldRef { front, back };
                }
                (Word::Method(Method::FieldRef { .. }), Method::Text { front, back })
                    if out.encodings.is_empty() =>
                {
                    out.method = Method::FieldRef { front, back };
                }
                (Word::Method(method), _) if plain && out.encodings.is_empty() => out.method = method,
                (Word::Flag(letter), Method::Regex) => out.flags.push(letter),
                (Word::Flag(_), _) => return Err(wrong(format!("`{name}` is a flag of `re`"))),
                (Word::Encode(encoding), Method::Text { .. }) => out.encodings.push(encoding),
                (Word::Not(why), _) => return Err(wrong(format!("`{name}` cannot be used: {why}"))),
                (Word::Place(_, _) | Word::Method(_) | Word::Encode(_), _) => {
                    return Err(wrong(format!("`{name}` does not go with the modifiers before it")));
                }
            }
        }
        Ok(out)
    }

    /// The patterns that a value stands for once it is encoded.
    pub fn encoded(&self, value: Pattern) -> Result<Vec<Pattern>, &'static str> {
        let mut patterns = vec![value];
        for encoding in &self.encodings {
            let mut out = Vec::new();
            for pattern in patterns {
                encode(*encoding, &pattern, &mut out)?;
            }
            patterns = out;
        }
        Ok(patterns)
    }
}

fn encode(encoding: Encoding, pattern: &Pattern, out: &mut Vec<Pattern>) -> Result<(), &'static str> {
    let units = |text: &[u8]| String::from_utf8_lossy(text).encode_utf16().collect::<Vec<u16>>();
    let little = |text: &[u8]| units(text).into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let plain = || pattern.text().ok_or("a value with wildcards has no base64 form");
    match encoding {
        Encoding::Windash => {
            for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
                let dashed = pattern.map(|text| dashes(text, dash));
                if !out.contains(&dashed) {
                    out.push(dashed);
                }
            }
        }
        Encoding::Utf16Le => out.push(pattern.map(little)),
        Encoding::Utf16Be => {
            out.push(pattern.map(|text| units(text).into_iter().flat_map(u16::to_be_bytes).collect()));
        }
        Encoding::Utf16 => out.push(pattern.map(|text| [&[0xff, 0xfe], little(text).as_slice()].concat())),
        Encoding::Base64 => {
            let text = base64::engine::general_purpose::STANDARD.encode(plain()?);
            out.push(Pattern::plain(text));
        }
        // Inside a longer text the value may begin at the first, second or third byte of a group. The characters at
        // both ends that hold bits of its neighbours are left out.
        Encoding::Base64Offset => {
            let text = plain()?;
            for offset in 0..3 {
                let whole = [&vec![0; offset], text].concat();
                let encoded = STANDARD_NO_PAD.encode(&whole);
                let first = (offset * 8).div_ceil(6);
                let last = whole.len() * 8 / 6;
                if first < last {
                    out.push(Pattern::plain(&encoded.as_bytes()[first..last]));
                }
            }
        }
    }
    Ok(())
}

/// Every dash or slash that begins an option, written with another sign.
fn dashes(text: &[u8], dash: &str) -> Vec<u8> {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80);
    let mut out = Vec::with_capacity(text.len());
    for (at, b) in text.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        if matches!(b, b'-' | b'/') && !word(before) && word(text.get(at + 1)) {
            out.extend_from_slice(dash.as_bytes());
        } else {
            out.push(*b);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Modifiers, Complaint> {
        Modifiers::read(&words.iter().map(|word| (*word, Place::default())).collect::<Vec<_>>())
    }

    fn encoded(words: &[&str], value: &str) -> Vec<String> {
        let patterns = read(words).unwrap().encoded(Pattern::parse(value)).unwrap();
        let text = |pattern: &Pattern| String::from_utf8_lossy(pattern.text().unwrap()).into_owned();
        patterns.iter().map(text).collect()
    }

    #[test]
    fn modifiers_that_exclude_each_other_are_refused() {
        for words in
            [&["contains", "startswith"][..], &["re", "contains"], &["i"], &["base64", "re"], &["hour"]]
        {
            assert!(read(words).is_err(), "{words:?}");
        }
        let help = read(&["startwith"]).unwrap_err().help;
        assert_eq!(help.as_deref(), Some("did you mean `startswith`?"));
    }

    #[test]
    fn a_base64_value_is_found_at_each_offset() {
        let found = encoded(&["base64offset", "contains"], "/bin/sh");
        for before in ["", "a", "ab", "abc"] {
            let whole = base64::engine::general_purpose::STANDARD.encode(format!("{before}/bin/sh -i"));
            assert!(found.iter().any(|piece| whole.contains(piece.as_str())), "{whole} {found:?}");
        }
        assert_eq!(found.len(), 3);
        assert_eq!(encoded(&["base64"], "foo"), ["Zm9v"]);
        assert_eq!(encoded(&["wide", "base64"], "foo"), ["ZgBvAG8A"]);
    }

    #[test]
    fn a_dash_of_an_option_is_every_dash() {
        assert_eq!(
            encoded(&["windash", "contains"], " -n foo-bar"),
            [" -n foo-bar", " /n foo-bar", " –n foo-bar", " —n foo-bar", " ―n foo-bar"]
        );
    }
}
