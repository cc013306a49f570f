//! Condition text to tree. The first thing that does not fit ends the parse: what follows it has no safe reading.

use super::{
    scan::{Scan, ends_arg, ends_bare, is_blank},
    tree::{
        Call, Check, DEPTH_MAX, Expr, FieldRef, Literal, Operand, Operator, Quantifier, Right, Transformer,
    },
};
use crate::rule::source::{Complaint, Text, nearest};

/// Reads a whole condition.
pub fn condition(text: &Text) -> Result<Expr, Complaint> {
    let mut parser = Parser { scan: Scan::new(text), depth: 0 };
    parser.scan.blanks();
    let expr = parser.or()?;
    parser.scan.blanks();
    if parser.scan.done() { Ok(expr) } else { Err(parser.trailing()) }
}

/// Reads an operand off the front of a scan: a field or a transformer's call. Output templates use it.
pub fn operand(scan: Scan<'_>) -> (Result<Option<Operand>, Complaint>, usize) {
    let mut parser = Parser { scan, depth: 0 };
    let found = parser.operand();
    (found, parser.scan.pos)
}

/// Reads an operand and nothing else.
pub fn only_operand(text: &Text) -> Result<Operand, Complaint> {
    let mut parser = Parser { scan: Scan::new(text), depth: 0 };
    parser.scan.blanks();
    let found = parser.operand()?;
    parser.scan.blanks();
    match found {
        Some(operand) if parser.scan.done() => Ok(operand),
        Some(_) => Err(parser.scan.expected("one field alone")),
        None => Err(parser.scan.expected("a field")),
    }
}

struct Parser<'t> {
    scan: Scan<'t>,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Expr, Complaint> {
        self.chain("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Expr, Complaint> {
        self.chain("and", Self::not, Expr::And)
    }

    fn chain(
        &mut self,
        word: &str,
        next: fn(&mut Self) -> Result<Expr, Complaint>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr, Complaint> {
        let first = next(self)?;
        let mut parts = vec![first];
        loop {
            self.scan.blanks();
            if !self.scan.take_word(word, b"(") {
                break;
            }
            self.scan.blanks();
            parts.push(next(self)?);
        }
        let single = if parts.len() == 1 { parts.pop() } else { None };
        Ok(single.unwrap_or_else(|| join(parts)))
    }

    fn not(&mut self) -> Result<Expr, Complaint> {
        let mut count = 0;
        while self.scan.take_word("not", b"(") {
            self.scan.blanks();
            count += 1;
            if self.depth + count > DEPTH_MAX {
                return Err(self.too_deep());
            }
        }
        let mut expr = self.check()?;
        for _ in 0..count {
            expr = Expr::Not(Box::new(expr));
        }
        Ok(expr)
    }

    fn too_deep(&self) -> Complaint {
        Complaint::new(self.scan.here(), format!("nested deeper than {DEPTH_MAX} levels"))
    }

    fn check(&mut self) -> Result<Expr, Complaint> {
        let start = self.scan.pos;
        if self.scan.take("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(self.too_deep());
            }
            self.scan.blanks();
            let expr = self.or()?;
            self.scan.blanks();
            if !self.scan.take(")") {
                let complaint = self.trailing();
                return Err(if self.scan.done() { self.scan.expected("`)`") } else { complaint });
            }
            self.depth -= 1;
            return Ok(expr);
        }
        if let Some(left) = self.operand()? {
            return self.comparison(left, start);
        }
        match self.scan.identifier() {
            Some(name) if self.scan.rest().starts_with('(') => {
                let known = Transformer::ALL.iter().map(|transformer| transformer.word());
                let known = known.filter(|word| Transformer::written(word).is_some());
                let complaint =
                    Complaint::new(self.scan.place_from(start), format!("unknown transformer `{name}`"));
                Err(complaint.did_you_mean(name, known))
            }
            Some(name) => {
                let at = self.scan.at_from(start);
                Ok(Expr::Name { name: name.to_owned(), at })
            }
            None => Err(self.scan.expected("a comparison, a macro or `(`")),
        }
    }

    /// What is left over behind a complete expression.
    fn trailing(&self) -> Complaint {
        let complaint = self.scan.expected("`and`, `or` or the end of the expression");
        let word = self.scan.rest().split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
        let (lower, names) = (word.to_lowercase(), ["and", "or"]);
        match nearest(word, names) {
            _ if names.contains(&word) => complaint.help(format!("`{word}` wants a blank or `(` behind it")),
            Some(name) => complaint.help(format!("did you mean `{name}`?")),
            None if names.contains(&lower.as_str()) => complaint.help(format!("did you mean `{lower}`?")),
            None if Operator::of(word).is_some() => {
                complaint.help("an operator follows a field; a field's name has a dot, as in `proc.name`")
            }
            None => complaint,
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, Complaint> {
        if let Some(call) = self.call()? {
            return Ok(Some(Operand::Call(call)));
        }
        Ok(self.field()?.map(Operand::Field))
    }

    fn field(&mut self) -> Result<Option<FieldRef>, Complaint> {
        let start = self.scan.pos;
        let Some(name) = self.scan.field_name() else { return Ok(None) };
        let arg = self.bracket()?;
        Ok(Some(FieldRef { name: name.to_owned(), arg, at: self.scan.at_from(start) }))
    }

    fn bracket(&mut self) -> Result<Option<String>, Complaint> {
        if !self.scan.take("[") {
            return Ok(None);
        }
        let start = self.scan.pos;
        let arg = match self.scan.quoted()? {
            Some(bytes) => String::from_utf8(bytes).map_err(|_| {
                Complaint::new(self.scan.place_from(start), "an argument in brackets must be UTF-8")
            })?,
            None => match self.scan.bare(ends_arg) {
                Some(arg) => arg.to_owned(),
                None => return Err(self.scan.expected("an argument")),
            },
        };
        if self.scan.take("]") { Ok(Some(arg)) } else { Err(self.scan.expected("`]`")) }
    }

    fn call(&mut self) -> Result<Option<Call>, Complaint> {
        let start = self.scan.pos;
        let Some(name) = self.scan.identifier() else { return Ok(None) };
        let Some(transformer) = Transformer::written(name).filter(|_| self.scan.take("(")) else {
            self.scan.pos = start;
            return Ok(None);
        };
        let args = self.arguments()?;
        let bracket = self.bracket()?;
        Ok(Some(Call { transformer, args, bracket, at: self.scan.at_from(start) }))
    }

    /// Up to and with the closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<Operand>, Complaint> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.too_deep());
        }
        let mut args = Vec::new();
        self.scan.blanks();
        if !self.scan.take(")") {
            loop {
                args.push(self.argument()?);
                self.scan.blanks();
                if self.scan.take(")") {
                    break;
                }
                if !self.scan.take(",") {
                    return Err(self.scan.expected("`,` or `)`"));
                }
                self.scan.blanks();
            }
        }
        self.depth -= 1;
        Ok(args)
    }

    fn argument(&mut self) -> Result<Operand, Complaint> {
        let start = self.scan.pos;
        if self.scan.take("(") {
            return Ok(Operand::List(self.arguments()?));
        }
        if let Some(operand) = self.operand()? {
            return Ok(operand);
        }
        let bytes = match self.scan.quoted()? {
            Some(bytes) => bytes,
            None => match self.scan.number() {
                Some(number) => number.as_bytes().to_vec(),
                None => {
                    return Err(self.scan.expected("a field, a transformer, a text in quotes or a number"));
                }
            },
        };
        Ok(Operand::Literal(Literal { bytes, at: self.scan.at_from(start) }))
    }

    fn comparison(&mut self, left: Operand, start: usize) -> Result<Expr, Complaint> {
        self.scan.blanks();
        let op_start = self.scan.pos;
        let op = self.operator()?;
        let op_at = self.scan.at_from(op_start);
        let right = if op == Operator::Exists {
            Right::None
        } else {
            self.scan.blanks();
            self.right(op)?
        };
        let at = self.scan.at_from(start);
        Ok(Expr::Check(Box::new(Check { left, op, right, at, op_at })))
    }

    fn operator(&mut self) -> Result<Operator, Complaint> {
        // Longest first: `<=` before `<`.
        let symbols = [
            ("==", Operator::Eq),
            ("=", Operator::Eq),
            ("!=", Operator::Ne),
            ("<=", Operator::Le),
            (">=", Operator::Ge),
            ("<", Operator::Lt),
            (">", Operator::Gt),
        ];
        if let Some((_, op)) = symbols.into_iter().find(|(symbol, _)| self.scan.take(symbol)) {
            return Ok(op);
        }
        let rest = self.scan.rest();
        let word =
            &rest[..rest.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(rest.len())];
        let op = Operator::of(word);
        let after = rest.as_bytes().get(word.len()).copied();
        let ended = match op {
            Some(Operator::Exists) => after.is_none_or(|b| is_blank(b) || b == b')'),
            Some(op) if op.takes_list() => after.is_none_or(|b| is_blank(b) || b == b'('),
            Some(_) => after.is_none_or(is_blank),
            None => false,
        };
        match op {
            Some(op) if ended => {
                self.scan.pos += word.len();
                Ok(op)
            }
            Some(op) => Err(self
                .scan
                .expected("an operator")
                .help(format!("`{}` wants a blank behind it", op.word()))),
            None => {
                let words = Operator::ALL.iter().map(|op| op.word());
                Err(self
                    .scan
                    .expected("an operator")
                    .did_you_mean(word, words.filter(|w| w.len() > 2 || word.len() < 3)))
            }
        }
    }

    fn right(&mut self, op: Operator) -> Result<Right, Complaint> {
        if let Some(operand) = self.right_operand()? {
            return Ok(Right::Operand(operand));
        }
        if op.takes_list() {
            return self.list().map(Right::List);
        }
        let start = self.scan.pos;
        if op.orders() {
            return match self.scan.number() {
                Some(number) => {
                    let bytes = number.as_bytes().to_vec();
                    Ok(Right::Value(Literal { bytes, at: self.scan.at_from(start) }))
                }
                None => Err(self.scan.expected("a number")),
            };
        }
        for quantifier in Quantifier::ALL {
            // A program may be called `anyof`: only with a list behind it is it the word of the language.
            if self.scan.take_word(quantifier.word(), b"(") {
                self.scan.blanks();
                if self.scan.rest().starts_with('(') {
                    return Ok(Right::Quantified(*quantifier, self.list()?));
                }
                self.scan.pos = start;
            }
        }
        match self.literal()? {
            Some(literal) => Ok(Right::Value(literal)),
            None => Err(self.scan.expected("a text")),
        }
    }

    /// `val(field)` or a transformer.
    fn right_operand(&mut self) -> Result<Option<Operand>, Complaint> {
        if self.scan.take("val(") {
            self.scan.blanks();
            let Some(field) = self.field()? else { return Err(self.scan.expected("a field")) };
            self.scan.blanks();
            return if self.scan.take(")") {
                Ok(Some(Operand::Field(field)))
            } else {
                Err(self.scan.expected("`)`"))
            };
        }
        Ok(self.call()?.map(Operand::Call))
    }

    fn literal(&mut self) -> Result<Option<Literal>, Complaint> {
        let start = self.scan.pos;
        let bytes = match self.scan.quoted()? {
            Some(bytes) => Some(bytes),
            None => self.scan.bare(ends_bare).map(|text| text.as_bytes().to_vec()),
        };
        Ok(bytes.map(|bytes| Literal { bytes, at: self.scan.at_from(start) }))
    }

    fn list(&mut self) -> Result<Vec<Literal>, Complaint> {
        if !self.scan.take("(") {
            let start = self.scan.pos;
            return match self.scan.identifier() {
                Some(name) => Ok(vec![Literal { bytes: name.into(), at: self.scan.at_from(start) }]),
                None => Err(self.scan.expected("a list in parentheses")),
            };
        }
        let mut items = Vec::new();
        self.scan.blanks();
        if self.scan.take(")") {
            return Ok(items);
        }
        loop {
            self.scan.blanks();
            match self.literal()? {
                Some(literal) => items.push(literal),
                None => return Err(self.scan.expected("a list item")),
            }
            self.scan.blanks();
            if self.scan.take(")") {
                return Ok(items);
            }
            if !self.scan.take(",") {
                return Err(self.scan.expected("`,` or `)`"));
            }
        }
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
