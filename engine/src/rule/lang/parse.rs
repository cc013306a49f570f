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
        if self.scan.rest().starts_with('(') {
            let words: Vec<_> = Transformer::ALL.iter().map(|transformer| transformer.word()).collect();
            return complaint.help(format!("a call is one of {}", words.join(", ")));
        }
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
            Some(bytes) => String::from_utf8(bytes)
                .map_err(|_| Complaint::new(self.scan.place_from(start), "an argument in brackets must be UTF-8"))?,
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
        let Some(transformer) = Transformer::of(name).filter(|_| self.scan.take("(")) else {
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
                None => return Err(self.scan.expected("a field, a transformer, a text in quotes or a number")),
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
        let word = &rest[..rest.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(rest.len())];
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
            Some(op) => Err(self.scan.expected("an operator").help(format!("`{}` wants a blank behind it", op.word()))),
            None => {
                let words = Operator::ALL.iter().map(|op| op.word());
                Err(self.scan.expected("an operator").did_you_mean(word, words.filter(|w| w.len() > 2 || word.len() < 3)))
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
            return if self.scan.take(")") { Ok(Some(Operand::Field(field))) } else { Err(self.scan.expected("`)`")) };
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rule::source::{At, Place};

    fn text(source: &str) -> Text {
        let mut text = Text::default();
        text.push_verbatim(source, Place { file: 0, start: 0, end: source.len() as u32 });
        text
    }

    fn parsed(source: &str) -> Expr {
        condition(&text(source)).unwrap_or_else(|error| panic!("{source}: {error:?}"))
    }

    fn refused(source: &str) -> Complaint {
        condition(&text(source)).unwrap_err()
    }

    #[test]
    fn not_binds_closer_than_and_and_and_than_or() {
        assert_eq!(parsed("a or not b and c").to_string(), "a or not b and c");
        assert_eq!(parsed("a or not b and c"), parsed("(a) or ((not (b)) and c)"));
        assert_ne!(parsed("(a or b) and c"), parsed("a or b and c"));
        assert_eq!(parsed("not not a"), parsed("not(not(a))"));
        assert_eq!(parsed("a and(b)or(c)"), parsed("a and b or c"));
    }

    #[test]
    fn every_production_of_the_grammar_is_read() {
        for source in [
            "proc.name exists",
            "proc.name = cat",
            "proc.name==cat",
            "proc.name!=cat",
            "fd.num >= -1",
            "fd.num<0x1f",
            "fd.num <= 1.5e+3",
            "evt.dir = <",
            "evt.dir=<",
            "proc.name in (a, 'b c', \"d\\\"\", runc:[0:PARENT])",
            "proc.name in(a)",
            "proc.name in ()",
            "proc.name in shells",
            "fd.name pmatch (/etc, /usr/*)",
            "proc.args intersects (\"-V\", -l)",
            "proc.cmdline contains oneof (a, b)",
            "proc.cmdline startswith anyof(a)",
            "proc.name != allof (a, b)",
            "proc.name = anyof",
            "proc.name regex \"[a-z]+\"",
            "evt.buffer bcontains cafebabe",
            "evt.buffer bstartswith ca",
            "fd.name glob '/home/*/.ssh/*'",
            "fd.name iglob A*",
            "proc.aname[2] icontains X",
            "container.mount.dest[/proc*] in (x)",
            "container.mount.dest[\"a b\"] = y",
            "tolower(proc.name) = toupper(proc.pname)",
            "len(proc.args) > 3",
            "concat(proc.name, \"-\", toupper(proc.pname)) = x",
            "join(\",\", (proc.name, proc.pname)) contains x",
            "getopt(proc.args, \"ab:\")[b] = x",
            "proc.name = val(proc.pname)",
            "proc.name in val( proc.aname )",
            "fd.num > len(proc.name)",
            "basename(fd.name)=b64(fd.name)",
            "my_macro",
            "not(my_macro)",
            "proc.name = \"\\b\\f\\n\\r\\t\\\\\\/\\x41\"",
        ] {
            let tree = parsed(source);
            assert_eq!(parsed(&tree.to_string()), tree, "{source} prints as {tree}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        for (source, message, at) in [
            ("", "expected a comparison, a macro or `(`, found the end of the condition", 0),
            ("proc.name", "expected an operator, found the end of the condition", 9),
            ("proc.name = ", "expected a text, found the end of the condition", 12),
            ("proc.name =)", "expected a text, found `)`", 11),
            ("(a and b", "expected `)`, found the end of the condition", 8),
            ("a b", "expected `and`, `or` or the end of the expression, found `b`", 2),
            ("fd.num > x", "expected a number, found `x`", 9),
            ("proc.name in (a b)", "expected `,` or `)`, found `b`", 16),
            ("proc.name in (a, )", "expected a list item, found `)`", 17),
            ("proc.name = \"x", "this quote is never closed", 12),
            ("proc.name = \"\\q\"", "no such escape in a quoted text", 13),
            ("proc.name contains\"x\"", "expected an operator, found `contains\"x\"`", 10),
            ("proc.name[] = x", "expected an argument, found `]`", 10),
        ] {
            let complaint = refused(source);
            assert_eq!((complaint.message.as_str(), complaint.place.start), (message, at), "{source}");
        }
        let help = |source| refused(source).help.unwrap_or_default();
        assert_eq!(help("proc.name contians x"), "did you mean `contains`?");
        assert_eq!(help("a AND b"), "did you mean `and`?");
        assert_eq!(help("proc contains x"), "an operator follows a field; a field's name has a dot, as in `proc.name`");
    }

    #[test]
    fn depth_is_limited_and_not_by_the_stack() {
        for (open, close) in [("(", ")"), ("not ", ""), ("not (", ")")] {
            let source = format!("{}a{}", open.repeat(100_000), close.repeat(100_000));
            assert!(refused(&source).message.starts_with("nested deeper"), "{open}");
        }
        let source = format!("{}a{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX));
        parsed(&source);
        let call = format!("{}proc.name{} = x", "tolower(".repeat(100_000), ")".repeat(100_000));
        assert!(refused(&call).message.starts_with("nested deeper"));
    }

    fn literals() -> impl Strategy<Value = Literal> {
        prop_oneof!["[ -~]{0,8}".prop_map(String::into_bytes), any::<String>().prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..6)]
            .prop_map(|bytes| Literal { bytes, at: At::default() })
    }

    fn fields() -> impl Strategy<Value = FieldRef> {
        ("[a-z][a-z0-9_]{0,3}(\\.[a-z][a-z0-9_]{0,3}){1,2}", proptest::option::of("[ -~]{0,5}"))
            .prop_map(|(name, arg)| FieldRef { name, arg, at: At::default() })
    }

    fn operands() -> impl Strategy<Value = Operand> {
        let leaf = prop_oneof![fields().prop_map(Operand::Field)];
        let transformer = || proptest::sample::select(Transformer::ALL);
        leaf.prop_recursive(2, 8, 3, move |inner| {
            let args = prop_oneof![
                3 => inner,
                1 => literals().prop_map(Operand::Literal),
                1 => proptest::collection::vec(literals().prop_map(Operand::Literal), 0..3).prop_map(Operand::List),
            ];
            (transformer(), proptest::collection::vec(args, 0..3), proptest::option::of("[a-z]"))
                .prop_map(|(transformer, args, bracket)| {
                    Operand::Call(Call { transformer, args, bracket, at: At::default() })
                })
        })
    }

    fn checks() -> impl Strategy<Value = Expr> {
        let op = proptest::sample::select(Operator::ALL);
        let items = || proptest::collection::vec(literals(), 0..4);
        (operands(), op, literals(), items(), operands(), any::<u32>(), 0..4u8)
            .prop_map(|(left, op, literal, items, operand, number, form)| {
                let right = match (op, form) {
                    (Operator::Exists, _) => Right::None,
                    (_, 0) => Right::Operand(operand),
                    (op, _) if op.takes_list() => Right::List(items),
                    (op, _) if op.orders() => {
                        Right::Value(Literal { bytes: number.to_string().into(), at: At::default() })
                    }
                    (_, 1) => Right::Quantified(Quantifier::AnyOf, items),
                    (_, _) => Right::Value(literal),
                };
                Expr::Check(Box::new(Check { left, op, right, at: At::default(), op_at: At::default() }))
            })
    }

    fn exprs() -> impl Strategy<Value = Expr> {
        let leaf = prop_oneof![
            checks(),
            "m[a-z0-9_]{2,5}".prop_map(|name| Expr::Name { name, at: At::default() }),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let parts = || proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                parts().prop_map(Expr::And),
                parts().prop_map(Expr::Or),
                inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(source in any::<String>()) {
            let _: Result<Expr, Complaint> = condition(&text(&source));
        }

        #[test]
        fn no_text_made_of_its_words_makes_the_parser_panic(
            words in proptest::collection::vec(proptest::sample::select(vec![
                "and", "or", "not", "(", ")", "proc.name", "=", "in", "'", "\"", "\\", "x", ",", "[", "]", " ", "é",
                "tolower(", "val(", "anyof", "exists", "<=", "-1", "0x", "\n", "not(",
            ]), 0..30)
        ) {
            let _: Result<Expr, Complaint> = condition(&text(&words.concat()));
        }

        #[test]
        fn what_is_printed_reads_back_to_the_same_tree(tree in exprs()) {
            let printed = tree.to_string();
            let read = condition(&text(&printed));
            prop_assert_eq!(read.as_ref(), Ok(&tree), "{}", printed);
        }
    }
}
