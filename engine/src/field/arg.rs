//! `evt.arg.NAME`: the fields of the event's own page, and Falco's names for those that are called otherwise here.
//! Nothing is listed twice: what a page has is found on the page.

use nightjar_events::{EVENTS, Field, Kind, Type, event::*};

use super::fd;
use crate::{
    event::{Event, errno},
    value::{Text, Value, join},
};

/// A name that the page does not have, or that means something more exact to rules.
struct Alias {
    kind: Kind,
    name: &'static str,
    get: for<'e> fn(&'e Event) -> Value<'e>,
}

const fn alias(kind: Kind, name: &'static str, get: for<'e> fn(&'e Event) -> Value<'e>) -> Alias {
    Alias { kind, name, get }
}

static ALIASES: &[Alias] = &[
    alias(Kind::Exec, "res", |_| Value::Int(0)),
    alias(Kind::Exec, "tid", |e| Value::Uint(e.tid.into())),
    alias(Kind::Exec, "pid", |e| Value::Uint(e.process.pid.into())),
    alias(Kind::Exec, "trusted_exepath", |e| e.get(&exec::EXE)),
    alias(Kind::Fork, "res", |e| e.get(&fork::CHILD_PID)),
    alias(Kind::Exit, "status", |e| match (e.get(&exit::CODE), e.get(&exit::SIGNAL), e.get(&exit::CORE)) {
        (Value::Int(code), Value::Uint(signal), core) => {
            let core = if core == Value::Bool(true) { 0x80 } else { 0 };
            i64::try_from(signal).map_or(Value::Absent, |signal| Value::Int(code << 8 | core | signal))
        }
        _ => Value::Absent,
    }),
    // The name joined to the directory it is relative to: as given it is `fd.nameraw`.
    alias(Kind::Open, "name", fd::given_path),
    alias(Kind::Open, "fd", |e| e.get(&open::RESULT)),
    alias(Kind::Connect, "addr", fd::remote),
    alias(Kind::Connect, "tuple", fd::name),
    alias(Kind::ConnectResult, "addr", fd::remote),
    alias(Kind::ConnectResult, "tuple", fd::name),
];

/// Events that have an argument of that name.
pub fn kinds(name: &str) -> impl Iterator<Item = Kind> {
    EVENTS.iter().map(|event| event.kind).filter(move |kind| {
        ALIASES.iter().any(|alias| alias.kind == *kind && alias.name == name)
            || page_row(*kind, name).is_some()
    })
}

/// Every name that some event has an argument of, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    let page = EVENTS.iter().flat_map(|event| event.fields.iter().map(|field| field.name));
    page.chain(ALIASES.iter().map(|alias| alias.name))
}

fn page_row(kind: Kind, name: &str) -> Option<&'static Field> {
    kind.event().fields.iter().find(|field| field.name == name)
}

/// As text, the way `evt.arg` compares and prints: flags and error numbers by name, modes in octal.
pub(super) fn text<'e>(event: &'e Event, name: &str) -> Value<'e> {
    let kind = event.kind();
    let row = page_row(kind, name);
    let value = match ALIASES.iter().find(|alias| alias.kind == kind && alias.name == name) {
        Some(alias) => (alias.get)(event),
        None => row.map_or(Value::Absent, |row| event.get(row)),
    };
    let ty = row.map_or(&Type::Text, |row| &row.ty);
    render(value, ty).map_or(Value::Absent, Value::Text)
}

fn render<'e>(value: Value<'e>, ty: &Type) -> Option<Text<'e>> {
    let owned = |text: String| Some(Text::whole(text.into_bytes()));
    match (ty, value) {
        (Type::Mode, Value::Uint(mode)) => owned(format!("{mode:#05o}").replacen("0o", "0", 1)),
        (Type::Result, Value::Int(n)) if n < 0 => errno::name(n.unsigned_abs())
            .map_or_else(|| owned(n.to_string()), |name| Some(Text::whole(name.as_bytes()))),
        (_, value) => value.into_text(),
    }
}

/// As a number, where it is one: `evt.rawarg`.
pub(super) fn number<'e>(event: &'e Event, name: &str) -> Value<'e> {
    let kind = event.kind();
    let Some(row) = page_row(kind, name) else {
        let alias = ALIASES.iter().find(|alias| alias.kind == kind && alias.name == name);
        return alias.map_or(Value::Absent, |alias| as_int((alias.get)(event)));
    };
    match (&row.ty, event.get(row)) {
        (Type::Enum(names), Value::Text(text)) => {
            let found = names.iter().find(|(name, _)| name.as_bytes() == &*text.bytes);
            found.map_or(Value::Absent, |(_, n)| as_int(Value::Uint(*n)))
        }
        (_, value) => as_int(value),
    }
}

fn as_int(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bool(b) => Value::Int(b.into()),
        Value::Int(_) | Value::AtLeast(_) => value,
        Value::Uint(n) | Value::Flags(n, _) => i64::try_from(n).map_or(Value::Absent, Value::Int),
        Value::Absent | Value::Ip(_) | Value::Text(_) | Value::List(_) | Value::Any(_) => Value::Absent,
    }
}

/// `res=3 name=/etc/passwd flags=O_RDONLY`, in the page's order.
pub(super) fn all(event: &Event) -> Value<'_> {
    let args = event.kind().event().fields.iter().filter_map(|row| match text(event, row.name) {
        Value::Text(text) => {
            let mut arg = [row.name.as_bytes(), b"="].concat();
            arg.extend_from_slice(&text.bytes);
            Some(Text::cut(arg, text.cut))
        }
        _ => None,
    });
    Value::Text(mark_cut(args.collect()))
}

/// Joins; a part that is cut in the middle of the line leaves the line whole but for it, which is what `Back` says.
fn mark_cut(args: Vec<Text<'_>>) -> Text<'_> {
    let cut = args.iter().find_map(|arg| (arg.cut != super::Cut::None).then_some(super::Cut::Back));
    let whole = args.into_iter().map(|arg| Text::whole(arg.bytes));
    let line = join(whole, b' ');
    Text::cut(line.bytes, cut.unwrap_or_default())
}
