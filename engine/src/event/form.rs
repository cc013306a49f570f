//! How a typed value is written in a case, and read back: the two are each other's inverse.
//!
//! Text is plain where it is UTF-8 and whole, else `{hex: …}` or `{text: …, cut: back}`; flags, enums and error
//! numbers go by name, modes are octal in quotes.

use std::net::IpAddr;

use nightjar_events::{Type, schema::Bit};

use super::{errno, node::Node};
use crate::value::{Cut, Text, Value, flags_text};

/// What a value should have been.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected(pub String);

fn expected<T>(what: impl Into<String>) -> Result<T, Expected> {
    Err(Expected(what.into()))
}

pub fn read(node: Node, ty: &Type) -> Result<Value<'static>, Expected> {
    match ty {
        Type::Bool => match node {
            Node::Bool(b) => Ok(Value::Bool(b)),
            _ => expected("true or false"),
        },
        Type::Int => int(&node).map_or_else(|| expected("a number"), |n| Ok(Value::Int(n))),
        Type::Result => result(&node),
        Type::Uint => uint(&node, u64::MAX, "a number"),
        Type::Port => uint(&node, u16::MAX.into(), "a port"),
        Type::Time => uint(&node, u64::MAX, "nanoseconds since the epoch"),
        Type::Duration => uint(&node, u64::MAX, "nanoseconds"),
        Type::Text | Type::Path => read_text(node).map(Value::Text),
        Type::List => read_list(node).map(Value::List),
        Type::Ip => match &node {
            Node::Text(text) => text
                .parse::<IpAddr>()
                .map_or_else(|_| expected("an IPv4 or IPv6 address"), |ip| Ok(Value::Ip(ip.to_canonical()))),
            _ => expected("an IPv4 or IPv6 address"),
        },
        Type::Flags(names) => read_flags(&node, names).map(|bits| Value::Flags(bits, names)),
        Type::Enum(names) => read_enum(&node, names),
        Type::Mode => match &node {
            // A bare 0644 is six hundred and forty-four to YAML 1.2.
            Node::Text(text) => u64::from_str_radix(text.trim_start_matches("0o"), 8).map_or_else(
                |_| expected("octal digits in quotes, such as \"0644\""),
                |mode| Ok(Value::Uint(mode)),
            ),
            _ => expected("octal digits in quotes, such as \"0644\""),
        },
    }
}

pub fn write(value: &Value<'_>, ty: &Type) -> Node {
    match (value, ty) {
        (Value::Absent, _) => Node::Null,
        (Value::Bool(b), _) => Node::Bool(*b),
        (Value::Int(n), Type::Result) if *n < 0 => {
            errno::name(n.unsigned_abs()).map_or(Node::Int(*n), |name| Node::Text(name.to_owned()))
        }
        (Value::Int(n), _) => Node::Int(*n),
        (Value::AtLeast(n), _) => Node::Text(format!("{AT_LEAST}{n}")),
        (Value::Uint(mode), Type::Mode) => Node::Text(format!("0{mode:o}")),
        (Value::Uint(n), _) => Node::Uint(*n),
        (Value::Ip(ip), _) => Node::Text(ip.to_string()),
        (Value::Flags(bits, names), _) => Node::Text(flags_text(*bits, names)),
        (Value::Text(text), _) => write_text(text),
        (Value::List(list), _) => write_list(list),
        (Value::Any(values), _) => Node::List(values.iter().map(|value| write(value, ty)).collect()),
    }
}

fn int(node: &Node) -> Option<i64> {
    match node {
        Node::Int(n) => Some(*n),
        Node::Uint(n) => i64::try_from(*n).ok(),
        _ => None,
    }
}

fn uint(node: &Node, max: u64, what: &str) -> Result<Value<'static>, Expected> {
    match node {
        Node::Uint(n) if *n <= max => Ok(Value::Uint(*n)),
        _ => expected(what),
    }
}

/// Before a number of which only this bound is known.
const AT_LEAST: &str = ">=";

fn result(node: &Node) -> Result<Value<'static>, Expected> {
    if let Node::Text(text) = node
        && let Some(Ok(least)) = text.strip_prefix(AT_LEAST).map(str::parse)
    {
        return Ok(Value::AtLeast(least));
    }
    let number = match node {
        Node::Text(name) if name == "SUCCESS" => Some(0),
        Node::Text(name) => errno::number(name.trim_start_matches('-')).map(|n| -n),
        node => int(node),
    };
    number.map_or_else(|| expected("a number, or the name of an error such as ENOENT"), |n| Ok(Value::Int(n)))
}

/// A text as it stands; `None` when it is no text.
fn plain(node: &Node) -> Option<Vec<u8>> {
    match node {
        Node::Text(text) => Some(text.clone().into_bytes()),
        // `args: [sleep, 10]` is what people write.
        Node::Uint(n) => Some(n.to_string().into_bytes()),
        Node::Int(n) => Some(n.to_string().into_bytes()),
        Node::Bool(b) => Some(b.to_string().into_bytes()),
        Node::Null | Node::List(_) | Node::Map(_) => None,
    }
}

pub fn read_text(node: Node) -> Result<Text<'static>, Expected> {
    const WHAT: &str = "text, or `{text: …, hex: …, cut: front or back}`";
    if let Some(text) = plain(&node) {
        return Ok(Text::whole(text));
    }
    let Node::Map(entries) = node else { return expected(WHAT) };
    let (mut bytes, mut cut) = (None, Cut::None);
    for (key, value) in entries {
        match (key.as_str(), &value) {
            ("text", value) => bytes = plain(value),
            ("hex", Node::Text(hex)) => bytes = unhex(hex),
            ("cut", Node::Text(end)) if end == "front" => cut = Cut::Front,
            ("cut", Node::Text(end)) if end == "back" => cut = Cut::Back,
            _ => return expected(WHAT),
        }
    }
    bytes.map_or_else(|| expected(WHAT), |bytes: Vec<u8>| Ok(Text::cut(bytes, cut)))
}

pub fn write_text(text: &Text<'_>) -> Node {
    let (key, body) = match std::str::from_utf8(&text.bytes) {
        Ok(text) => ("text", Node::Text(text.to_owned())),
        Err(_) => ("hex", Node::Text(text.bytes.iter().map(|b| format!("{b:02x}")).collect())),
    };
    let cut = match text.cut {
        Cut::None if key == "text" => return body,
        Cut::None => None,
        Cut::Front => Some("front"),
        Cut::Back => Some("back"),
    };
    let cut = cut.map(|end| ("cut".to_owned(), Node::Text(end.to_owned())));
    Node::Map([(key.to_owned(), body)].into_iter().chain(cut).collect())
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// A cut list ends in a cut text.
fn read_list(node: Node) -> Result<Vec<Text<'static>>, Expected> {
    match node {
        Node::List(list) => list.into_iter().map(read_text).collect(),
        _ => expected("a list of texts"),
    }
}

fn write_list(list: &[Text<'_>]) -> Node {
    Node::List(list.iter().map(write_text).collect())
}

/// `A|B`, `[A, B]`, a number, and any mix of them.
pub fn read_flags(node: &Node, names: &[Bit]) -> Result<u64, Expected> {
    match node {
        Node::Uint(bits) => Ok(*bits),
        Node::List(list) => list.iter().try_fold(0, |bits, node| Ok(bits | read_flags(node, names)?)),
        Node::Text(text) => text.split('|').try_fold(0, |bits, name| Ok(bits | flag(name.trim(), names)?)),
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Map(_) => expected("names of flags, such as `A|B`"),
    }
}

fn flag(name: &str, names: &[Bit]) -> Result<u64, Expected> {
    let hex = || name.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let named = names.iter().find(|bit| bit.name == name).map(|bit| bit.value);
    named
        .or_else(hex)
        .or_else(|| name.parse().ok())
        .map_or_else(|| expected(one_of("a flag", name, names.iter().map(|bit| bit.name))), Ok)
}

fn read_enum(node: &Node, names: &'static [(&'static str, u64)]) -> Result<Value<'static>, Expected> {
    match node {
        Node::Text(text) => match names.iter().find(|(name, _)| name == text) {
            Some((name, _)) => Ok(Value::text(*name)),
            None => expected(one_of("a name", text, names.iter().map(|(name, _)| *name))),
        },
        Node::Uint(n) => {
            Ok(names.iter().find(|(_, v)| v == n).map_or(Value::Uint(*n), |(name, _)| Value::text(*name)))
        }
        _ => expected(one_of("a name", "", names.iter().map(|(name, _)| *name))),
    }
}

/// `a name of ipv4, ipv6; did you mean ipv4?`
fn one_of(what: &str, given: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    let list = known.clone().collect::<Vec<_>>().join(", ");
    let hint = closest(given, known).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{what} of {list}{hint}")
}

/// The known name that the given one was most likely meant to be.
pub fn closest<'n>(given: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = |name: &&str| strsim::damerau_levenshtein(given, name) <= (given.len().max(3) / 3);
    known.filter(near).min_by_key(|name| strsim::damerau_levenshtein(given, name))
}
