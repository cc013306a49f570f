//! A value as rules see it. `events::Raw` is how a record holds it; here paths are joined and sets named.

use std::{borrow::Cow, net::IpAddr};

pub use nightjar_events::Cut;
use nightjar_events::{Raw, Type, schema::Bit, wire::join_path};

#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value<'a> {
    /// The event has no such value; every comparison with it is false.
    #[default]
    Absent,
    Bool(bool),
    Int(i64),
    /// A number of which only this bound is known.
    AtLeast(i64),
    Uint(u64),
    Ip(IpAddr),
    /// A bit set and the names of its bits.
    Flags(u64, &'static [Bit]),
    Text(Text<'a>),
    List(Vec<Text<'a>>),
    /// Several answers to one question, such as both ends of a socket or the names of all ancestors. A comparison
    /// holds when it holds for any of them, `!=` when it holds for all. Never empty, never nested.
    Any(Vec<Value<'a>>),
}

/// Bytes, and which end of them is missing. Not always UTF-8: the kernel does not care.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Text<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub cut: Cut,
}

impl<'a> Text<'a> {
    pub fn whole(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Text { bytes: bytes.into(), cut: Cut::None }
    }

    pub fn cut(bytes: impl Into<Cow<'a, [u8]>>, cut: Cut) -> Self {
        Text { bytes: bytes.into(), cut }
    }

    pub fn reborrow(&self) -> Text<'_> {
        Text { bytes: Cow::Borrowed(&self.bytes), cut: self.cut }
    }

    pub fn into_owned(self) -> Text<'static> {
        Text { bytes: Cow::Owned(self.bytes.into_owned()), cut: self.cut }
    }
}

impl<'a> Value<'a> {
    pub fn text(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Value::Text(Text::whole(bytes.as_ref()))
    }

    pub fn owned(bytes: impl Into<Vec<u8>>) -> Self {
        Value::Text(Text::whole(bytes.into()))
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }

    /// The values that are there: none is `Absent`, more than one is `Any`.
    pub fn any(values: impl IntoIterator<Item = Value<'a>>) -> Self {
        let mut values: Vec<_> = values.into_iter().filter(|value| !value.is_absent()).collect();
        match values.len() {
            0 => Value::Absent,
            1 => values.swap_remove(0),
            _ => Value::Any(values),
        }
    }

    /// The same value, without a copy.
    pub fn reborrow(&self) -> Value<'_> {
        match self {
            Value::Absent => Value::Absent,
            Value::Bool(b) => Value::Bool(*b),
            Value::Int(n) => Value::Int(*n),
            Value::AtLeast(n) => Value::AtLeast(*n),
            Value::Uint(n) => Value::Uint(*n),
            Value::Ip(ip) => Value::Ip(*ip),
            Value::Flags(bits, names) => Value::Flags(*bits, names),
            Value::Text(text) => Value::Text(text.reborrow()),
            Value::List(list) => Value::List(list.iter().map(Text::reborrow).collect()),
            Value::Any(values) => Value::Any(values.iter().map(Value::reborrow).collect()),
        }
    }

    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Absent => Value::Absent,
            Value::Bool(b) => Value::Bool(b),
            Value::Int(n) => Value::Int(n),
            Value::AtLeast(n) => Value::AtLeast(n),
            Value::Uint(n) => Value::Uint(n),
            Value::Ip(ip) => Value::Ip(ip),
            Value::Flags(bits, names) => Value::Flags(bits, names),
            Value::Text(text) => Value::Text(text.into_owned()),
            Value::List(list) => Value::List(list.into_iter().map(Text::into_owned).collect()),
            Value::Any(values) => Value::Any(values.into_iter().map(Value::into_owned).collect()),
        }
    }

    /// As outputs print it: flags by name, lists with blanks, several answers with commas. Of a number that is not known
    /// all digits are missing.
    pub fn into_text(self) -> Option<Text<'a>> {
        let plain = |text: String| Some(Text::whole(text.into_bytes()));
        match self {
            Value::Absent => None,
            Value::Bool(b) => plain(b.to_string()),
            Value::Int(n) => plain(n.to_string()),
            Value::AtLeast(_) => Some(Text::cut(&b""[..], Cut::Back)),
            Value::Uint(n) => plain(n.to_string()),
            Value::Ip(ip) => plain(ip.to_string()),
            Value::Flags(bits, names) => plain(flags_text(bits, names)),
            Value::Text(text) => Some(text),
            Value::List(list) => Some(join(list, b' ')),
            Value::Any(values) => Some(join(values.into_iter().filter_map(Value::into_text), b',')),
        }
    }

    /// Makes a record's value into one that rules can compare. `ty` is the type of the record's field.
    pub fn from_raw(raw: Raw<'a>, ty: &Type) -> Self {
        match raw {
            Raw::Absent => Value::Absent,
            Raw::Bool(b) => Value::Bool(b),
            Raw::Int(n) => Value::Int(n),
            Raw::AtLeast(n) => Value::AtLeast(n),
            Raw::Uint(n) => match ty {
                Type::Enum(names) => {
                    names.iter().find(|(_, v)| *v == n).map_or(Value::Uint(n), |(name, _)| Value::text(*name))
                }
                _ => Value::Uint(n),
            },
            Raw::Flags(bits) => match ty {
                Type::Flags(names) => Value::Flags(bits, names),
                _ => Value::Uint(bits),
            },
            // An IPv4 address that came through an IPv6 socket is that IPv4 address to every rule.
            Raw::Ip(ip) => Value::Ip(ip.to_canonical()),
            Raw::Text(bytes, cut) => Value::Text(Text::cut(bytes, cut)),
            Raw::List(bytes, cut) => Value::List(split(bytes, cut)),
            Raw::Path(parts, cut) => Value::Text(Text::cut(path(parts, cut), cut)),
        }
    }
}

/// The strings of a NUL-ended list; only the last can be cut.
pub fn split(bytes: &[u8], cut: Cut) -> Vec<Text<'_>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let body = if cut == Cut::None { bytes.strip_suffix(&[0]).unwrap_or(bytes) } else { bytes };
    let mut list: Vec<_> = body.split(|&b| b == 0).map(Text::whole).collect();
    if let Some(last) = list.last_mut() {
        last.cut = cut;
    }
    list
}

/// A path seen from a directory: absolute, `.` and `..` worked out, without a slash at the end. Links stay.
pub fn absolute(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let directory = if name.starts_with(b"/") { &[][..] } else { directory };
    let mut path = Vec::with_capacity(directory.len() + name.len() + 2);
    for part in directory.split(|&b| b == b'/').chain(name.split(|&b| b == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => path.truncate(path.iter().rposition(|&b| b == b'/').unwrap_or(0)),
            part => {
                path.push(b'/');
                path.extend_from_slice(part);
            }
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

/// A path of leaf-first components, root first.
pub fn path(parts: &[u8], cut: Cut) -> Vec<u8> {
    let mut out = vec![0; parts.len() + 1];
    let len = join_path(parts, cut, &mut out).map_or(0, <[u8]>::len);
    out.truncate(len);
    out
}

/// Texts with a byte between them. It is cut where its first or last part is; a part cut elsewhere ends it there.
pub fn join<'a>(parts: impl IntoIterator<Item = Text<'a>>, between: u8) -> Text<'a> {
    let mut out = Vec::new();
    let mut cut = Cut::None;
    for (n, part) in parts.into_iter().enumerate() {
        if n > 0 {
            out.push(between);
        }
        out.extend_from_slice(&part.bytes);
        match part.cut {
            Cut::None => {}
            Cut::Front if n == 0 => cut = Cut::Front,
            Cut::Front | Cut::Back => return Text::cut(out, Cut::Back),
        }
    }
    Text::cut(out, cut)
}

/// `O_RDWR|O_CREAT`; bits without a name follow in hex, no bit at all is `0`.
pub fn flags_text(bits: u64, names: &'static [Bit]) -> String {
    let mut out = String::new();
    let mut rest = bits;
    for name in names.iter().filter(|bit| bits & bit.mask == bit.value) {
        rest &= !name.value;
        if !out.is_empty() {
            out.push('|');
        }
        out.push_str(name.name);
    }
    if rest != 0 || out.is_empty() {
        if !out.is_empty() {
            out.push('|');
        }
        out.push_str(&if rest == 0 { "0".to_owned() } else { format!("{rest:#x}") });
    }
    out
}

/// Names of the bits that are set, most significant table row last.
pub fn flag_names(bits: u64, names: &'static [Bit]) -> impl Iterator<Item = &'static str> {
    names.iter().filter(move |bit| bits & bit.mask == bit.value).map(|bit| bit.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: &[Bit] = &[
        Bit { name: "READ", mask: 3, value: 0 },
        Bit { name: "WRITE", mask: 3, value: 1 },
        Bit { name: "CREATE", mask: 4, value: 4 },
    ];

    #[test]
    fn flags_keep_bits_that_have_no_name() {
        assert_eq!(flags_text(0, BITS), "READ");
        assert_eq!(flags_text(5, BITS), "WRITE|CREATE");
        assert_eq!(flags_text(0x15, BITS), "WRITE|CREATE|0x10");
        assert_eq!(flags_text(3, BITS), "0x3");
        assert_eq!(flags_text(0, &[]), "0");
    }

    #[test]
    fn a_joined_text_is_cut_where_its_parts_are() {
        let part = |text: &'static str, cut| Text::cut(text.as_bytes(), cut);
        let joined = |parts: [Text<'static>; 2]| join(parts, b' ');
        assert_eq!(joined([part("a", Cut::None), part("b", Cut::None)]), part("a b", Cut::None));
        assert_eq!(joined([part("a", Cut::None), part("b", Cut::Back)]), part("a b", Cut::Back));
        assert_eq!(joined([part("a", Cut::Front), part("b", Cut::None)]), part("a b", Cut::Front));
        // What follows a gap is not where it seems to be.
        assert_eq!(joined([part("a", Cut::Back), part("b", Cut::None)]), part("a", Cut::Back));
        assert_eq!(join([], b' '), Text::default());
    }

    #[test]
    fn several_answers_are_never_empty_and_never_one() {
        assert_eq!(Value::any([Value::Absent]), Value::Absent);
        assert_eq!(Value::any([Value::Absent, Value::Uint(1)]), Value::Uint(1));
        let two = Value::any([Value::Uint(1), Value::Uint(2)]);
        assert_eq!(two, Value::Any(vec![Value::Uint(1), Value::Uint(2)]));
        assert_eq!(two.into_text(), Some(Text::whole(&b"1,2"[..])));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_that_address() {
        let mapped = "::ffff:10.0.0.1".parse().expect("an address");
        assert_eq!(
            Value::from_raw(Raw::Ip(mapped), &Type::Ip),
            Value::Ip("10.0.0.1".parse().expect("an address"))
        );
    }
}
