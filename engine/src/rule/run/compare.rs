//! One comparison: a value, an operator and what it is compared with.

use std::net::IpAddr;

use foldhash::HashSet;
use ipnet::IpNet;
use nightjar_events::{Cut, schema::Bit};

use super::{
    pattern::{Glob, Prefixes},
    read::Got,
    text::{self, TextTest},
    truth::Truth::{self, False, True, Undecided},
};
use crate::{
    rule::{
        check::{ReadId, literal::decode_hex},
        lang::{Operator, Quantifier},
    },
    value::{Text, Value, flag_names, flags_text},
};

/// A comparison with everything that can be known at load.
#[derive(Debug)]
pub struct Compare {
    pub read: ReadId,
    /// `!=`: the opposite, for a value that is there.
    pub negated: bool,
    pub test: Test,
    /// How a list answers.
    pub list: ListMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMode {
    /// When one of its elements does.
    Any,
    /// When all of its elements do.
    All,
}

#[derive(Debug)]
pub enum Test {
    Exists,
    Bool(HashSet<bool>),
    Order(Operator, i128),
    Numbers(HashSet<i128>),
    Net(NetSet),
    Text(TextTest),
    Quantified(Quantifier, Vec<Test>),
    Not(Box<Test>),
    Right(Operator, ReadId),
}

/// Addresses and networks.
#[derive(Debug, Default)]
pub struct NetSet {
    hosts: HashSet<IpAddr>,
    nets: Vec<IpNet>,
}

impl NetSet {
    pub fn new(all: impl IntoIterator<Item = IpNet>) -> NetSet {
        let mut set = NetSet::default();
        for net in all {
            if net.prefix_len() == net.max_prefix_len() {
                set.hosts.insert(net.addr());
            } else if !set.nets.contains(&net) {
                set.nets.push(net);
            }
        }
        set
    }

    /// An IPv4 address in IPv6 form is the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let plain = ip.to_canonical();
        let has = |ip| self.hosts.contains(&ip) || self.nets.iter().any(|net| net.contains(&ip));
        has(plain) || (plain != ip && has(ip))
    }
}

impl Compare {
    /// `right` is the value of `Test::Right`.
    pub fn truth(&self, left: &Got<'_>, right: Option<&Got<'_>>) -> Truth {
        let value = match left {
            Got::Unknown => return Undecided,
            Got::Known(Value::Absent) => return False,
            Got::Known(value) => value,
        };
        let truth = match (&self.test, right) {
            (Test::Exists, _) => return True,
            (Test::Right(op, _), Some(right)) => match right {
                Got::Unknown => return Undecided,
                Got::Known(Value::Absent) => return False,
                Got::Known(right) => against(*op, value, right, self.list),
            },
            (test, _) => elements(value, self.list, &|value| test.truth(value)),
        };
        if self.negated { truth.not() } else { truth }
    }
}

/// Asks each element of a list; of another value, the value. Of several answers one is enough.
fn elements(value: &Value<'_>, mode: ListMode, ask: &dyn Fn(&Value<'_>) -> Truth) -> Truth {
    let items = match value {
        Value::List(items) => items,
        Value::Any(values) => {
            return values.iter().fold(False, |sum, value| sum.or(elements(value, mode, ask)));
        }
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::AtLeast(_)
        | Value::Uint(_)
        | Value::Ip(_)
        | Value::Flags(_, _)
        | Value::Text(_) => return ask(value),
    };
    let ask = |text: &Text<'_>| ask(&Value::Text(text.reborrow()));
    // A list without elements is one empty text: `proc.args = ""`.
    let empty = [Text::default()];
    let items = if items.is_empty() { &empty[..] } else { items };
    // Behind a cut element others may be missing.
    let rest = if items.last().is_some_and(|last| last.cut != Cut::None) { Undecided } else { False };
    match mode {
        ListMode::Any => items.iter().map(ask).fold(rest, Truth::or),
        ListMode::All => items.iter().map(ask).fold(rest.not(), Truth::and),
    }
}

impl Test {
    fn truth(&self, value: &Value<'_>) -> Truth {
        match self {
            Test::Exists => True,
            Test::Bool(allowed) => match value {
                Value::Bool(b) => allowed.contains(b).into(),
                _ => False,
            },
            Test::Order(op, n) => number(value).map_or(False, |value| value.ordered(*op, *n)),
            Test::Numbers(set) => number(value).map_or(False, |value| value.any_of(set)),
            Test::Net(set) => match value {
                Value::Ip(ip) => set.contains(*ip).into(),
                _ => False,
            },
            Test::Text(test) => match value {
                Value::Text(text) => test.test(&text.bytes, text.cut),
                Value::Flags(bits, names) => flags(test, *bits, names),
                value => {
                    let text = as_text(value);
                    test.test(&text.bytes, text.cut)
                }
            },
            Test::Quantified(quantifier, tests) => {
                quantified(*quantifier, tests.iter().map(|test| test.truth(value)))
            }
            Test::Not(test) => test.truth(value).not(),
            // Answered by `Compare`, which has the other value.
            Test::Right(_, _) => Undecided,
        }
    }
}

fn quantified(quantifier: Quantifier, truths: impl ExactSizeIterator<Item = Truth>) -> Truth {
    if truths.len() == 0 {
        return False;
    }
    match quantifier {
        Quantifier::Any => truths.fold(False, Truth::or),
        Quantifier::All => truths.fold(True, Truth::and),
        Quantifier::One => {
            let (mut sure, mut maybe) = (0, 0);
            for truth in truths {
                sure += usize::from(truth == True);
                maybe += usize::from(truth == Undecided);
            }
            match (sure, maybe) {
                (2.., _) | (0, 0) => False,
                (1, 0) => True,
                (_, _) => Undecided,
            }
        }
    }
}

/// `contains` asks for a flag, by its name or a part of one; other operators see all names joined.
fn flags(test: &TextTest, bits: u64, names: &'static [Bit]) -> Truth {
    match test {
        TextTest::Contains(finder) => {
            let exact = names.iter().any(|bit| bit.name.as_bytes() == finder.needle());
            let has = |name: &str| {
                if exact {
                    name.as_bytes() == finder.needle()
                } else {
                    finder.find(name.as_bytes()).is_some()
                }
            };
            flag_names(bits, names).any(has).into()
        }
        TextTest::Icontains(needle) => {
            flag_names(bits, names).any(|name| text::contains_folded(name.as_bytes(), needle)).into()
        }
        TextTest::Eq(_)
        | TextTest::In(_)
        | TextTest::Startswith(_)
        | TextTest::Endswith(_)
        | TextTest::Glob(_)
        | TextTest::Regex(_)
        | TextTest::Pmatch(_) => test.test(flags_text(bits, names).as_bytes(), Cut::None),
    }
}

/// A number as far as it is known.
#[derive(Clone, Copy)]
enum Number {
    Is(i128),
    AtLeast(i128),
}

impl Number {
    fn ordered(self, op: Operator, other: i128) -> Truth {
        match (self, op) {
            (Number::Is(n), _) => ordered(op, n, other).into(),
            (Number::AtLeast(least), Operator::Ge) if least >= other => True,
            (Number::AtLeast(least), Operator::Gt) if least > other => True,
            (Number::AtLeast(least), Operator::Lt) if least >= other => False,
            (Number::AtLeast(least), Operator::Le | Operator::Eq) if least > other => False,
            (Number::AtLeast(_), _) => Undecided,
        }
    }

    fn any_of(self, set: &HashSet<i128>) -> Truth {
        match self {
            Number::Is(n) => set.contains(&n).into(),
            Number::AtLeast(_) => set.iter().fold(False, |sum, n| sum.or(self.ordered(Operator::Eq, *n))),
        }
    }

    fn against(self, op: Operator, other: Number) -> Truth {
        match (self, other) {
            (_, Number::Is(other)) => self.ordered(op, other),
            (Number::Is(n), Number::AtLeast(_)) => other.ordered(turned(op), n),
            (Number::AtLeast(_), Number::AtLeast(_)) => Undecided,
        }
    }
}

/// What `b` must be to `a` for `a` to be this to `b`.
fn turned(op: Operator) -> Operator {
    match op {
        Operator::Lt => Operator::Gt,
        Operator::Le => Operator::Ge,
        Operator::Gt => Operator::Lt,
        Operator::Ge => Operator::Le,
        _ => Operator::Eq,
    }
}

fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Int(n) => Some(Number::Is((*n).into())),
        Value::AtLeast(n) => Some(Number::AtLeast((*n).into())),
        Value::Uint(n) | Value::Flags(n, _) => Some(Number::Is((*n).into())),
        Value::Bool(b) => Some(Number::Is((*b).into())),
        Value::Text(text) if text.cut == Cut::None => {
            std::str::from_utf8(&text.bytes).ok()?.parse().ok().map(Number::Is)
        }
        Value::Absent | Value::Ip(_) | Value::Text(_) | Value::List(_) | Value::Any(_) => None,
    }
}

pub fn ordered(op: Operator, a: i128, b: i128) -> bool {
    match op {
        Operator::Lt => a < b,
        Operator::Le => a <= b,
        Operator::Gt => a > b,
        Operator::Ge => a >= b,
        _ => a == b,
    }
}

/// A value as its text form; nothing for one that is absent.
pub fn as_text<'v>(value: &'v Value<'_>) -> Text<'v> {
    value.reborrow().into_text().unwrap_or_default()
}

/// Two values against each other.
fn against(op: Operator, left: &Value<'_>, right: &Value<'_>, mode: ListMode) -> Truth {
    elements(left, mode, &|left| elements(right, ListMode::Any, &|right| pair(op, left, right)))
}

fn pair(op: Operator, left: &Value<'_>, right: &Value<'_>) -> Truth {
    let equality = matches!(op, Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects);
    match (left, right) {
        _ if op.orders() => match (number(left), number(right)) {
            (Some(a), Some(b)) => a.against(op, b),
            (_, _) => False,
        },
        (Value::Ip(a), Value::Ip(b)) => (a.to_canonical() == b.to_canonical()).into(),
        (Value::Int(_) | Value::AtLeast(_) | Value::Uint(_) | Value::Bool(_), _) if equality => {
            match (number(left), number(right)) {
                (Some(a), Some(b)) => a.against(Operator::Eq, b),
                (_, _) => False,
            }
        }
        (_, _) => {
            let (left, right) = (as_text(left), as_text(right));
            if right.cut == Cut::None { textual(op, &left, &right.bytes) } else { Undecided }
        }
    }
}

fn textual(op: Operator, left: &Text<'_>, right: &[u8]) -> Truth {
    let hex = || decode_hex(right).filter(|bytes| !bytes.is_empty());
    let test = match op {
        Operator::Contains => Some(TextTest::contains(right)),
        Operator::Icontains => Some(TextTest::Icontains(right.to_ascii_lowercase())),
        Operator::Bcontains => hex().map(|bytes| TextTest::contains(&bytes)),
        Operator::Startswith => Some(TextTest::Startswith(right.to_vec())),
        Operator::Bstartswith => hex().map(TextTest::Startswith),
        Operator::Endswith => Some(TextTest::Endswith(right.to_vec())),
        Operator::Glob => Glob::new(right, false).ok().map(TextTest::Glob),
        Operator::Iglob => Glob::new(right, true).ok().map(TextTest::Glob),
        Operator::Pmatch => Prefixes::new([right]).ok().map(TextTest::Pmatch),
        Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects => {
            return text::equal(&left.bytes, right, left.cut);
        }
        // Refused at load.
        Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge | Operator::Regex | Operator::Exists => {
            None
        }
    };
    // What is no pattern and no hexadecimal matches nothing.
    test.map_or(False, |test| test.test(&left.bytes, left.cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_decides_what_every_number_above_it_would() {
        let bound = Value::AtLeast(0);
        let order = |op, n| Test::Order(op, n).truth(&bound);
        for (op, below, at, above) in [
            (Operator::Ge, True, True, Undecided),
            (Operator::Gt, True, Undecided, Undecided),
            (Operator::Lt, False, False, Undecided),
            (Operator::Le, False, Undecided, Undecided),
        ] {
            assert_eq!([-1, 0, 1].map(|n| order(op, n)), [below, at, above], "{op:?}");
            // From the other side.
            let turned = [-1, 0, 1].map(|n| pair(turned(op), &Value::Int(n), &bound));
            assert_eq!(turned, [below, at, above], "{op:?}");
        }
        let one_of = |set: &[i128]| Test::Numbers(set.iter().copied().collect()).truth(&bound);
        assert_eq!((one_of(&[-1, -2]), one_of(&[-1, 0]), one_of(&[7])), (False, Undecided, Undecided));
        assert_eq!(Test::Not(Box::new(Test::Order(Operator::Gt, 3))).truth(&bound), Undecided);
        assert_eq!(pair(Operator::Eq, &bound, &bound), Undecided);
        assert_eq!(Test::Text(TextTest::Eq(b"5".to_vec())).truth(&bound), Undecided);
    }
}
