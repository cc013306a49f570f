//! The grammar, production by production, and what holds for any text.

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
    assert_eq!(help("a and tolwer(proc.name) = x"), "did you mean `tolower`?");
    assert_eq!(
        help("proc contains x"),
        "an operator follows a field; a field's name has a dot, as in `proc.name`"
    );
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
    prop_oneof![
        "[ -~]{0,8}".prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..6)
    ]
    .prop_map(|bytes| Literal { bytes, at: At::default() })
}

fn fields() -> impl Strategy<Value = FieldRef> {
    ("[a-z][a-z0-9_]{0,3}(\\.[a-z][a-z0-9_]{0,3}){1,2}", proptest::option::of("[ -~]{0,5}"))
        .prop_map(|(name, arg)| FieldRef { name, arg, at: At::default() })
}

fn operands() -> impl Strategy<Value = Operand> {
    let leaf = prop_oneof![fields().prop_map(Operand::Field)];
    let written = Transformer::ALL.iter().filter_map(|transformer| Transformer::written(transformer.word()));
    let written: Vec<_> = written.collect();
    let transformer = move || proptest::sample::select(written.clone());
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
    (operands(), op, literals(), items(), operands(), any::<u32>(), 0..4u8).prop_map(
        |(left, op, literal, items, operand, number, form)| {
            let right = match (op, form) {
                (Operator::Exists, _) => Right::None,
                (_, 0) => Right::Operand(operand),
                (op, _) if op.takes_list() => Right::List(items),
                (op, _) if op.orders() => {
                    Right::Value(Literal { bytes: number.to_string().into(), at: At::default() })
                }
                (_, 1) => Right::Quantified(Quantifier::Any, items),
                (_, _) => Right::Value(literal),
            };
            Expr::Check(Box::new(Check { left, op, right, at: At::default(), op_at: At::default() }))
        },
    )
}

fn exprs() -> impl Strategy<Value = Expr> {
    let leaf =
        prop_oneof![checks(), "m[a-z0-9_]{2,5}".prop_map(|name| Expr::Name { name, at: At::default() }),];
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
