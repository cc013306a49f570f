//! One field of a selection as comparisons of the core.

use std::net::IpAddr;

use super::{
    compile::Scope,
    detection::{Item, Value},
    fold::Cond,
    logsource::{ARGUMENTS, Answer},
    modifier::Method,
    pattern::{Form, Pattern},
};
use crate::{
    field::Type,
    rule::{
        check::types,
        lang::{Call, Check, Expr, FieldRef, Literal, Operand, Operator, Right, Transformer, parse},
        run::pattern::full_regex,
        source::{At, Complaint, Place, Text},
    },
};

impl Scope<'_, '_> {
    /// What a selection's item asks in this view.
    pub fn item(&mut self, item: &Item) -> Cond {
        let Some(name) = &item.field else { return self.keyword(item) };
        let answer = self.answer(name, item.place);
        let cond = self.asked(name, answer, item);
        if item.modifiers.negated { cond.not() } else { cond }
    }

    /// A keyword is found anywhere in the record.
    fn keyword(&mut self, item: &Item) -> Cond {
        let fields = self.view.map_or(&[][..], |view| view.text);
        if fields.is_empty() {
            return self.lacking(self.noun.clone(), item.place);
        }
        let each = item.values.iter().map(|value| {
            let one = [Value { text: value.text.clone(), place: value.place }];
            Cond::any(
                fields
                    .iter()
                    .map(|name| {
                        let answer = self.answer(name, item.place);
                        let Answer::Field(field) = answer else { return Cond::Const(false) };
                        let patterns = self.patterns(item, &one, true, true);
                        self.texts(field, &patterns, item)
                    })
                    .collect::<Vec<_>>(),
            )
        });
        let each: Vec<_> = each.collect();
        if item.modifiers.all { Cond::all(each) } else { Cond::any(each) }
    }

    fn asked(&mut self, name: &str, answer: Answer, item: &Item) -> Cond {
        match answer {
            Answer::Field(field) => self.field(field, false, item),
            Answer::Directory(field) => self.field(field, true, item),
            Answer::Text(text) => self.known(text, item),
            Answer::When(rows) => {
                let held = rows.iter().map(|(text, condition)| (self.known(text, item), condition));
                let held: Vec<_> = held.collect();
                Cond::any(held.into_iter().map(|(known, condition)| match known {
                    Cond::Const(true) => written(condition),
                    Cond::Const(false) | Cond::Expr(_) => Cond::Const(false),
                }))
            }
            Answer::Argument(place) => self.argument(name, place, item),
            Answer::Own => self.field(name, false, item),
            Answer::Absent => {
                let absent = |value: &Value| match item.modifiers.method {
                    Method::Exists => value.text.as_deref() == Some("false"),
                    Method::Text { .. } | Method::Regex | Method::Cidr | Method::FieldRef { .. } => {
                        value.text.is_none()
                    }
                    Method::Order(_) => false,
                };
                Cond::Const(linked(item, item.values.iter().map(absent)))
            }
            Answer::Lacking => self.lacking(format!("field {name}"), item.place),
        }
    }

    /// A text that is known at load.
    fn known(&mut self, text: &str, item: &Item) -> Cond {
        let answers: Vec<bool> = match item.modifiers.method {
            Method::Text { front, back } => item
                .values
                .iter()
                .map(|value| {
                    let one = [Value { text: value.text.clone(), place: value.place }];
                    self.patterns(item, &one, front, back).iter().any(|(pattern, _)| pattern.takes(text))
                })
                .collect(),
            Method::Regex => {
                let regexes = item.values.iter().map(|value| regex(item, value));
                regexes
                    .map(|regex| full_regex(&regex).is_ok_and(|regex| regex.is_match(text.as_bytes())))
                    .collect()
            }
            Method::Exists => item.values.iter().map(|value| value.text.as_deref() == Some("true")).collect(),
            Method::Cidr | Method::FieldRef { .. } | Method::Order(_) => vec![false],
        };
        Cond::Const(linked(item, answers.into_iter()))
    }

    fn field(&mut self, name: &str, directory: bool, item: &Item) -> Cond {
        let field = reference(name, item.place);
        let ty = match self.table.find(&field) {
            Ok(found) => found.ty,
            Err(complaint) => {
                self.errors.push(complaint);
                return Cond::Const(false);
            }
        };
        let plain = Operand::Field(field.clone());
        match item.modifiers.method {
            Method::Text { front, back } => {
                let mut patterns = self.patterns(item, &item.values, front, back);
                if directory {
                    let more: Vec<_> = patterns
                        .iter()
                        .map(|(pattern, place)| (pattern.clone().then(b"/"), *place))
                        .collect();
                    patterns.extend(more.into_iter().filter(|_| !back && !item.modifiers.all));
                }
                let nulls = item.values.iter().filter(|value| value.text.is_none());
                let nulls: Vec<_> = nulls.map(|_| self.exists(&plain, item.place).not()).collect();
                let texts = self.texts(name, &patterns, item);
                match (nulls.is_empty(), patterns.is_empty()) {
                    (true, _) => texts,
                    (false, true) => Cond::any(nulls),
                    (false, false) if item.modifiers.all => Cond::all(nulls.into_iter().chain([texts])),
                    (false, false) => Cond::any(nulls.into_iter().chain([texts])),
                }
            }
            Method::Regex => {
                let operand = if is_text(ty) { plain } else { called(Transformer::Text, plain, item.place) };
                self.linked(item, |scope, value| {
                    // By itself first: `a)(b` is wrong, though it would fit into what is made of it.
                    if let Err(why) = full_regex(value.text.as_deref().unwrap_or("")) {
                        scope.errors.push(Complaint::new(value.place, why));
                        return Cond::Const(false);
                    }
                    let source = regex(item, value);
                    scope.check(operand.clone(), Operator::Regex, literal(source, value.place), item.place)
                })
            }
            Method::Cidr if matches!(ty, Type::Ip | Type::Net) => self.linked(item, |scope, value| {
                let net = value.text.clone().unwrap_or_default();
                scope.check(plain.clone(), Operator::Eq, literal(net, value.place), item.place)
            }),
            Method::Cidr => {
                let message = format!("`cidr` wants an address, and `{name}` is none");
                self.errors.push(Complaint::new(item.place, message));
                Cond::Const(false)
            }
            Method::Exists => self.linked(item, |scope, value| match value.text.as_deref() {
                Some("true" | "yes" | "True") => scope.exists(&plain, item.place),
                Some("false" | "no" | "False") => scope.exists(&plain, item.place).not(),
                Some(_) | None => {
                    scope.errors.push(Complaint::new(value.place, "`exists` takes true or false"));
                    Cond::Const(false)
                }
            }),
            Method::Order(op) => self.linked(item, |scope, value| {
                let number = value.text.clone().unwrap_or_default();
                scope.check(plain.clone(), op, literal(number, value.place), item.place)
            }),
            Method::FieldRef { front, back } => {
                self.linked(item, |scope, value| scope.other(&plain, ty, (front, back), item, value))
            }
        }
    }

    /// Another field of the same record.
    fn other(&mut self, left: &Operand, ty: Type, open: (bool, bool), item: &Item, value: &Value) -> Cond {
        let name = value.text.clone().unwrap_or_default();
        let field = match self.answer(&name, value.place) {
            Answer::Field(field) | Answer::Directory(field) => field.to_owned(),
            Answer::Own => name,
            Answer::Absent => return Cond::Const(false),
            Answer::Lacking | Answer::Text(_) | Answer::When(_) | Answer::Argument(_) => {
                return self.lacking(format!("field {name}"), value.place);
            }
        };
        let right = reference(&field, value.place);
        let other = match self.table.find(&right) {
            Ok(found) => found.ty,
            Err(complaint) => {
                self.errors.push(complaint);
                return Cond::Const(false);
            }
        };
        let op = match open {
            (true, true) => Operator::Contains,
            (false, true) => Operator::Startswith,
            (true, false) => Operator::Endswith,
            (false, false) => Operator::Eq,
        };
        let right = Operand::Field(right);
        let (left, right) = if ty == other && !is_text(ty) && op == Operator::Eq {
            (left.clone(), right)
        } else {
            let text = |operand: Operand, ty: Type| match (is_text(ty), item.modifiers.cased) {
                (true, true) => operand,
                (true, false) => called(Transformer::Tolower, operand, item.place),
                (false, _) => called(Transformer::Text, operand, item.place),
            };
            (text(left.clone(), ty), text(right, other))
        };
        self.push(left, op, Right::Operand(right), item.place)
    }

    /// `a0` of a system call: of some calls it is a field.
    fn argument(&mut self, name: &str, place: usize, item: &Item) -> Cond {
        let lacking = |scope: &mut Self| scope.lacking(format!("argument {name} of that call"), item.place);
        let Method::Text { front: false, back: false } = item.modifiers.method else { return lacking(self) };
        let named = |call: &str| self.calls.is_empty() || self.calls.iter().any(|one| one == call);
        let rows = ARGUMENTS.iter().filter(|(call, at, _)| *at == place && named(call));
        let rows: Vec<_> = rows.collect();
        self.linked(item, |scope, value| {
            let text = value.text.as_deref().unwrap_or("");
            let Ok(number) = u64::from_str_radix(text, 16) else { return Cond::Const(false) };
            let mut parts = Vec::new();
            for (call, _, field) in &rows {
                let operand = Operand::Field(reference(field, item.place));
                let is =
                    scope.check(operand, Operator::Eq, literal(number.to_string(), value.place), item.place);
                parts.push(Cond::all([written(&format!("evt.type = {call}")), is]));
            }
            if scope.calls.is_empty() || scope.calls.len() > rows.len() {
                let others = rows.iter().map(|(call, _, _)| written(&format!("not evt.type = {call}")));
                let others = Cond::all(others);
                parts.push(Cond::all([others, lacking(scope)]));
            }
            Cond::any(parts)
        })
    }

    fn linked(&mut self, item: &Item, mut each: impl FnMut(&mut Self, &Value) -> Cond) -> Cond {
        let parts: Vec<_> = item.values.iter().map(|value| each(self, value)).collect();
        if item.modifiers.all { Cond::all(parts) } else { Cond::any(parts) }
    }

    /// What the values of an item stand for.
    fn patterns(&mut self, item: &Item, values: &[Value], front: bool, back: bool) -> Vec<(Pattern, Place)> {
        let mut out = Vec::new();
        for value in values {
            let Some(text) = &value.text else { continue };
            match item.modifiers.encoded(Pattern::parse(text)) {
                Ok(patterns) => {
                    out.extend(patterns.into_iter().map(|pattern| (pattern.open(front, back), value.place)));
                }
                Err(why) => self.errors.push(Complaint::new(value.place, why)),
            }
        }
        out
    }

    /// Patterns of a field; those that are whole values become one comparison.
    fn texts(&mut self, name: &str, patterns: &[(Pattern, Place)], item: &Item) -> Cond {
        let field = reference(name, item.place);
        let Ok(found) = self.table.find(&field) else { return Cond::Const(false) };
        let plain = Operand::Field(field);
        let event_type = matches!(name, "evt.type" | "syscall.type");
        let operand = match (is_text(found.ty), item.modifiers.cased || event_type) {
            (true, true) => plain.clone(),
            (true, false) => called(Transformer::Tolower, plain.clone(), item.place),
            (false, _) => called(Transformer::Text, plain.clone(), item.place),
        };
        let (mut whole, mut typed, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for (pattern, place) in patterns {
            let pattern = if item.modifiers.cased { pattern.clone() } else { pattern.lower() };
            if let Some(value) = pattern.text().and_then(|text| fitting(found.ty, text)) {
                typed.push(literal(value, *place));
                continue;
            }
            parts.push(match pattern.form() {
                Form::Equal(text)
                    if event_type && types::index(&String::from_utf8_lossy(&text)).is_none() =>
                {
                    self.lacking(format!("event type {}", String::from_utf8_lossy(&text)), *place)
                }
                Form::Equal(text) => {
                    whole.push(literal(text, *place));
                    continue;
                }
                Form::Present => self.exists(&plain, item.place),
                Form::Starts(text) => self.text(&operand, Operator::Startswith, text, *place, item),
                Form::Ends(text) => self.text(&operand, Operator::Endswith, text, *place, item),
                Form::Contains(text) => self.text(&operand, Operator::Contains, text, *place, item),
                Form::Glob { glob, holds } => {
                    // By the text in it, the rule is found without asking the pattern.
                    let found = self.text(&operand, Operator::Contains, holds, *place, item);
                    Cond::all([found, self.text(&operand, Operator::Glob, glob, *place, item)])
                }
            });
        }
        for (operand, values) in [(&operand, whole), (&plain, typed)] {
            if item.modifiers.all {
                parts.extend(
                    values.into_iter().map(|value| {
                        self.push(operand.clone(), Operator::Eq, Right::Value(value), item.place)
                    }),
                );
            } else if !values.is_empty() {
                parts.push(self.equal(operand, values, item));
            }
        }
        if item.modifiers.all { Cond::all(parts) } else { Cond::any(parts) }
    }

    fn equal(&mut self, operand: &Operand, mut values: Vec<Literal>, item: &Item) -> Cond {
        let (op, right) = match (values.len(), values.pop()) {
            (1, Some(only)) => (Operator::Eq, Right::Value(only)),
            (_, last) => {
                values.extend(last);
                (Operator::In, Right::List(values))
            }
        };
        self.push(operand.clone(), op, right, item.place)
    }

    fn text(&mut self, operand: &Operand, op: Operator, text: Vec<u8>, place: Place, item: &Item) -> Cond {
        self.push(operand.clone(), op, Right::Value(literal(text, place)), item.place)
    }

    fn check(&mut self, left: Operand, op: Operator, right: Literal, at: Place) -> Cond {
        self.push(left, op, Right::Value(right), at)
    }

    fn exists(&mut self, operand: &Operand, at: Place) -> Cond {
        self.push(operand.clone(), Operator::Exists, Right::None, at)
    }

    /// Never decided, and told as what is missing.
    pub fn lacking(&mut self, noun: String, at: Place) -> Cond {
        let noun = if self.view.is_some() { noun } else { self.noun.clone() };
        self.push(Operand::Lacking(noun), Operator::Exists, Right::None, at)
    }

    fn push(&mut self, left: Operand, op: Operator, right: Right, at: Place) -> Cond {
        self.parts += 1;
        let (at, op_at) = (At(at), At(at));
        Cond::Expr(Expr::Check(Box::new(Check { left, op, right, at, op_at })))
    }
}

fn linked(item: &Item, mut answers: impl Iterator<Item = bool>) -> bool {
    if item.modifiers.all { answers.all(|yes| yes) } else { answers.any(|yes| yes) }
}

fn is_text(ty: Type) -> bool {
    matches!(ty, Type::Text | Type::List | Type::Flags)
}

/// A value as one of the field's own type, when it is one: then it is compared as such.
fn fitting(ty: Type, text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let fits = match ty {
        Type::Text | Type::List | Type::Flags => false,
        Type::Bool => matches!(text, "true" | "false"),
        Type::Ip | Type::Net => text.parse::<IpAddr>().is_ok(),
        Type::Port => text.parse::<u16>().is_ok(),
        Type::Int | Type::Uint | Type::Time | Type::Duration => text.parse::<i64>().is_ok(),
    };
    fits.then(|| text.to_owned())
}

/// Found anywhere in the value, as Sigma's `re` is; the core's `regex` is about all of it.
fn regex(item: &Item, value: &Value) -> String {
    let (flags, source) = (&item.modifiers.flags, value.text.as_deref().unwrap_or(""));
    if flags.is_empty() {
        format!("(?s:.*)(?:{source})(?s:.*)")
    } else {
        format!("(?s:.*)(?{flags}:{source})(?s:.*)")
    }
}

fn literal(bytes: impl Into<Vec<u8>>, place: Place) -> Literal {
    Literal { bytes: bytes.into(), at: At(place) }
}

/// `proc.args[0]` as the tree has it.
pub fn reference(name: &str, place: Place) -> FieldRef {
    let (name, arg) = match name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((name, arg)) => (name, Some(arg.to_owned())),
        None => (name, None),
    };
    FieldRef { name: name.to_owned(), arg, at: At(place) }
}

fn called(transformer: Transformer, operand: Operand, place: Place) -> Operand {
    Operand::Call(Call { transformer, args: vec![operand], bracket: None, at: At(place) })
}

/// A condition of the tables of this module; a test reads all of them.
pub fn written(condition: &str) -> Cond {
    let mut text = Text::default();
    text.push_for(condition, Place::default());
    parse::condition(&text).map_or(Cond::Const(false), Cond::Expr)
}
