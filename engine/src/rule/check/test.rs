//! From a comparison as written to one that can be asked: does the operator fit the field, and the value the type?

use super::{
    arena::ReadId,
    literal,
    operand::{Info, Operands, Special, is_number, is_text, type_noun},
    table::Table,
    types,
};
use crate::{
    field::Type,
    rule::{
        lang::{Check, Literal, Operator, Right},
        run::{
            compare::{Compare, ListMode, NetSet, Test},
            pattern::{Glob, Prefixes, full_regex},
            text::TextTest,
        },
        source::Complaint,
    },
};

/// All that is wrong with a check, or what it asks.
pub fn compare(check: &Check, operands: &mut Operands, table: &Table<'_>) -> Result<Compare, Vec<Complaint>> {
    let read = operands.add(&check.left, table).map_err(|complaint| vec![complaint])?;
    let info = operands.info(read).clone();
    fits(check, &info).map_err(|complaint| vec![complaint])?;
    let list = match check.op {
        Operator::In if !info.any => ListMode::All,
        _ => ListMode::Any,
    };
    let test = match &check.right {
        Right::None => Ok(Test::Exists),
        Right::Value(literal) => values(check.op, std::slice::from_ref(literal), &info),
        Right::List(items) => values(check.op, items, &info),
        Right::Quantified(quantifier, items) => {
            let tests = items.iter().map(|item| values(check.op, std::slice::from_ref(item), &info));
            let tests = tests.map(|test| Ok(opposite(check.op, test?)));
            all(tests).map(|tests| Test::Quantified(*quantifier, tests))
        }
        Right::Operand(operand) => {
            let right = operands.add(operand, table).map_err(|complaint| vec![complaint])?;
            against(check, &info, operands.info(right), right).map_err(|complaint| vec![complaint])
        }
    }?;
    if let (Some(Special::Type), Right::Value(_) | Right::List(_) | Right::Quantified(_, _)) =
        (info.special, &check.right)
    {
        event_types(check)?;
    }
    // Within a quantifier each item is negated by itself.
    let negated = check.op == Operator::Ne && !matches!(check.right, Right::Quantified(_, _));
    // `!=` on a list asks for an element that differs: all being equal is its opposite.
    let list = if negated && list == ListMode::Any { ListMode::All } else { list };
    Ok(Compare { read, negated, test, list })
}

/// For `!= anyof (…)`: the test of one item turned around.
fn opposite(op: Operator, test: Test) -> Test {
    if op == Operator::Ne { Test::Not(Box::new(test)) } else { test }
}

fn fits(check: &Check, info: &Info) -> Result<(), Complaint> {
    let ty = info.ty;
    let fits = match check.op {
        Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects | Operator::Exists => true,
        Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => is_number(ty),
        Operator::Contains
        | Operator::Icontains
        | Operator::Bcontains
        | Operator::Startswith
        | Operator::Bstartswith
        | Operator::Endswith
        | Operator::Glob
        | Operator::Iglob
        | Operator::Regex
        | Operator::Pmatch => is_text(ty),
    };
    if fits {
        return Ok(());
    }
    let usable = Operator::ALL.iter().filter(|op| {
        matches!(op, Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects | Operator::Exists)
            || (op.orders() && is_number(ty))
            || (!op.orders() && is_text(ty))
    });
    let usable = usable.map(|op| format!("`{}`", op.word())).collect::<Vec<_>>().join(", ");
    let message =
        format!("`{}` does not apply to `{}`, which is {}", check.op.word(), info.shown, type_noun(ty));
    Err(Complaint::new(check.op_at.0, message).help(format!("{usable} do")))
}

fn all<T>(results: impl Iterator<Item = Result<T, Vec<Complaint>>>) -> Result<Vec<T>, Vec<Complaint>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(complaints) => bad.extend(complaints),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

fn read_all<T>(
    items: &[Literal],
    read: impl Fn(&Literal) -> Result<T, Complaint>,
) -> Result<Vec<T>, Vec<Complaint>> {
    all(items.iter().map(|item| read(item).map_err(|complaint| vec![complaint])))
}

/// Written values. One of them for most operators, any number for those that take a list.
fn values(op: Operator, items: &[Literal], info: &Info) -> Result<Test, Vec<Complaint>> {
    let ty = info.ty;
    match ty {
        Type::Bool => Ok(Test::Bool(read_all(items, literal::boolean)?.into_iter().collect())),
        Type::Ip | Type::Net => Ok(Test::Net(NetSet::new(read_all(items, literal::net)?))),
        Type::Int | Type::Uint | Type::Port | Type::Time | Type::Duration => {
            let numbers = read_all(items, |item| literal::number(item, ty))?;
            match (op.orders(), numbers.first()) {
                (true, Some(first)) => Ok(Test::Order(op, *first)),
                (_, _) => Ok(Test::Numbers(numbers.into_iter().collect())),
            }
        }
        Type::Text | Type::List | Type::Flags => text(op, items).map(Test::Text),
    }
}

fn text(op: Operator, items: &[Literal]) -> Result<TextTest, Vec<Complaint>> {
    let at = items.first().map(|item| item.at.0).unwrap_or_default();
    let one = || items.first().map_or(Vec::new(), |item| item.bytes.clone());
    let hex = || items.first().map_or(Ok(Vec::new()), literal::hex).map_err(|complaint| vec![complaint]);
    let pattern = |error: String| vec![Complaint::new(at, error)];
    Ok(match op {
        Operator::Eq | Operator::Ne => TextTest::Eq(one()),
        Operator::In | Operator::Intersects => {
            TextTest::In(items.iter().map(|item| item.bytes.clone()).collect())
        }
        Operator::Contains => TextTest::contains(&one()),
        Operator::Icontains => TextTest::Icontains(one().to_ascii_lowercase()),
        Operator::Bcontains => TextTest::contains(&hex()?),
        Operator::Startswith => TextTest::Startswith(one()),
        Operator::Bstartswith => TextTest::Startswith(hex()?),
        Operator::Endswith => TextTest::Endswith(one()),
        Operator::Glob => TextTest::Glob(Glob::new(&one(), false).map_err(pattern)?),
        Operator::Iglob => TextTest::Glob(Glob::new(&one(), true).map_err(pattern)?),
        Operator::Regex => {
            let source =
                String::from_utf8(one()).map_err(|_| pattern("a regular expression must be UTF-8".into()))?;
            TextTest::Regex(full_regex(&source).map_err(pattern)?)
        }
        Operator::Pmatch => {
            TextTest::Pmatch(Prefixes::new(items.iter().map(|item| item.bytes.as_slice())).map_err(pattern)?)
        }
        // `fits` keeps the first four from texts; `exists` has no value.
        Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge | Operator::Exists => {
            return Err(pattern(format!("`{}` does not compare texts", op.word())));
        }
    })
}

/// Another value of the event on the right.
fn against(check: &Check, left: &Info, right: &Info, id: ReadId) -> Result<Test, Complaint> {
    let same = (is_text(left.ty) && is_text(right.ty))
        || (is_number(left.ty) && is_number(right.ty))
        || (left.ty == Type::Bool && right.ty == Type::Bool)
        || (matches!(left.ty, Type::Ip | Type::Net) && right.ty == Type::Ip);
    if !same {
        let (a, b) = (type_noun(left.ty), type_noun(right.ty));
        let message = format!("`{}` is {a}, but `{}` is {b}", left.shown, right.shown);
        return Err(Complaint::new(check.at.0, message).help("only values of one type can be compared"));
    }
    if check.op == Operator::Regex {
        return Err(Complaint::new(check.op_at.0, "`regex` wants its expression written out"));
    }
    Ok(Test::Right(check.op, id))
}

/// Each type that a rule names must be one.
fn event_types(check: &Check) -> Result<(), Vec<Complaint>> {
    let items = match (&check.right, check.op) {
        (Right::Value(item), Operator::Eq | Operator::Ne) => std::slice::from_ref(item),
        (Right::List(items), Operator::In | Operator::Intersects) => items,
        (Right::Quantified(_, items), Operator::Eq | Operator::Ne) => items,
        (_, _) => &[],
    };
    let known = read_all(items, |item| {
        let name = String::from_utf8_lossy(&item.bytes);
        match types::index(&name) {
            Some(_) => Ok(()),
            None => Err(Complaint::new(item.at.0, format!("unknown event type `{name}`"))
                .did_you_mean(&name, types::names().iter().copied())),
        }
    });
    known.map(|_| ())
}
