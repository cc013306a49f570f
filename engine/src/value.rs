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
    Uint(u64),
    Ip(IpAddr),
    /// A bit set and the names of its bits.
    Flags(u64, &'static [Bit]),
    Text(Text<'a>),
    List(Vec<Text<'a>>),
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

    /// Makes a record's value into one that rules can compare. `ty` is the type of the record's field.
    pub fn from_raw(raw: Raw<'a>, ty: &Type) -> Self {
        match raw {
            Raw::Absent => Value::Absent,
            Raw::Bool(b) => Value::Bool(b),
            Raw::Int(n) => Value::Int(n),
            Raw::Uint(n) => match ty {
                Type::Enum(names) => names.iter().find(|(_, v)| *v == n).map_or(Value::Uint(n), |(name, _)| Value::text(*name)),
                _ => Value::Uint(n),
            },
            Raw::Flags(bits) => match ty {
                Type::Flags(names) => Value::Flags(bits, names),
                _ => Value::Uint(bits),
            },
            Raw::Ip(ip) => Value::Ip(ip),
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

/// A path of leaf-first components, root first.
pub fn path(parts: &[u8], cut: Cut) -> Vec<u8> {
    let mut out = vec![0; parts.len() + 1];
    let len = join_path(parts, cut, &mut out).map_or(0, <[u8]>::len);
    out.truncate(len);
    out
}

/// Names of the bits that are set, most significant table row last.
pub fn flag_names(bits: u64, names: &'static [Bit]) -> impl Iterator<Item = &'static str> {
    names.iter().filter(move |bit| bits & bit.mask == bit.value).map(|bit| bit.name)
}
