//! A tree as text that reads back to the same tree.

use std::fmt::{self, Display, Formatter, Write};

use super::{
    scan::{ends_arg, ends_bare},
    tree::{Call, Check, Expr, FieldRef, Literal, Operand, Right},
};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::And(parts) => chain(f, parts, "and", |part| matches!(part, Expr::And(_) | Expr::Or(_))),
            Expr::Or(parts) => chain(f, parts, "or", |part| matches!(part, Expr::Or(_))),
            Expr::Not(inner) => {
                f.write_str("not ")?;
                wrapped(f, inner, matches!(**inner, Expr::And(_) | Expr::Or(_)))
            }
            Expr::Check(check) => check.fmt(f),
            Expr::Name { name, .. } => f.write_str(name),
            Expr::Macro { body, .. } => wrapped(f, &body.expr, true),
        }
    }
}

fn chain(f: &mut Formatter<'_>, parts: &[Expr], word: &str, wrap: fn(&Expr) -> bool) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            write!(f, " {word} ")?;
        }
        wrapped(f, part, wrap(part))?;
    }
    Ok(())
}

fn wrapped(f: &mut Formatter<'_>, expr: &Expr, wrap: bool) -> fmt::Result {
    if wrap { write!(f, "({expr})") } else { expr.fmt(f) }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.op.word())?;
        match &self.right {
            Right::None => Ok(()),
            Right::Value(literal) => write!(f, " {literal}"),
            Right::List(items) => list(f, items),
            Right::Quantified(quantifier, items) => {
                write!(f, " {}", quantifier.word())?;
                list(f, items)
            }
            Right::Operand(Operand::Field(field)) => write!(f, " val({field})"),
            Right::Operand(operand) => write!(f, " {operand}"),
        }
    }
}

fn list(f: &mut Formatter<'_>, items: &[Literal]) -> fmt::Result {
    f.write_str(" (")?;
    commas(f, items)?;
    f.write_char(')')
}

fn commas<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Field(field) => field.fmt(f),
            Operand::Call(call) => call.fmt(f),
            Operand::Literal(literal) => quoted(f, &literal.bytes),
            Operand::List(items) => {
                f.write_char('(')?;
                commas(f, items)?;
                f.write_char(')')
            }
            Operand::Lacking(noun) => f.write_str(noun),
        }
    }
}

impl Display for FieldRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        bracket(f, self.arg.as_deref())
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.transformer.word())?;
        commas(f, &self.args)?;
        f.write_char(')')?;
        bracket(f, self.bracket.as_deref())
    }
}

fn bracket(f: &mut Formatter<'_>, arg: Option<&str>) -> fmt::Result {
    match arg {
        Some(arg) if arg.is_empty() || arg.bytes().any(ends_arg) => {
            f.write_char('[')?;
            quoted(f, arg.as_bytes())?;
            f.write_char(']')
        }
        Some(arg) => write!(f, "[{arg}]"),
        None => Ok(()),
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if is_bare(text) => f.write_str(text),
            Ok(_) | Err(_) => quoted(f, &self.bytes),
        }
    }
}

/// Whether a text can stand without quotes and be read as itself.
pub fn is_bare(text: &str) -> bool {
    let plain = !text.is_empty() && !text.contains('\\') && !text.bytes().any(ends_bare);
    plain && !is_word(text)
}

/// `tolower` and the others are read as calls when a parenthesis follows; quotes leave no doubt.
fn is_word(text: &str) -> bool {
    use super::tree::{Quantifier, Transformer};
    text == "val" || Transformer::written(text).is_some() || Quantifier::of(text).is_some()
}

fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        for b in chunk.invalid() {
            write!(f, "\\x{b:02x}")?;
        }
    }
    f.write_char('"')
}
