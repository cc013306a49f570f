//! Conditions as one graph: a comparison or a part that several rules share is there once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    operand::{Operands, Special, Used},
    reach::{Reach, elsewhere},
    table::Table,
    test,
    types::TypeSet,
};
use crate::{
    rule::{
        lang::{Check, Expr, Operator, Right},
        run::{
            compare::{Compare, Test, ordered},
            read::Got,
            truth::Truth,
        },
        source::Complaint,
    },
    value::Value,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReadId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    Const(bool),
    Check(CheckId),
    And(Vec<NodeId>),
    Or(Vec<NodeId>),
    Not(NodeId),
}

/// A comparison and what is known of it at load.
pub struct Checked {
    pub compare: Compare,
    pub shown: String,
    pub fixed: Fixed,
    /// Whether it holds for few values, so that the value it held for says something.
    pub telling: bool,
}

/// Whether an answer depends on more than the event's type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fixed {
    No,
    /// True for these event types.
    Types(TypeSet),
    Always(bool),
    /// Asks for what this version does not produce: never decided.
    Never,
}

#[derive(Default)]
pub struct Arena {
    pub operands: Operands,
    pub checks: Vec<Checked>,
    pub nodes: Vec<Node>,
    /// By node: with what this version produces, and as if it produced everything.
    pub here: Vec<Reach>,
    pub anywhere: Vec<Reach>,
    check_index: HashMap<Check, CheckId>,
    node_index: HashMap<Node, NodeId>,
    /// Macro bodies by address; the loader keeps them alive meanwhile.
    bodies: HashMap<usize, Option<NodeId>>,
}

impl Arena {
    /// Adds a condition. `None` when something is wrong with it, which `errors` or what resolved it says.
    pub fn add(&mut self, expr: &Expr, table: &Table<'_>, errors: &mut Vec<Complaint>) -> Option<NodeId> {
        let node = match expr {
            Expr::And(parts) => Node::And(self.parts(parts, true, table, errors)?),
            Expr::Or(parts) => Node::Or(self.parts(parts, false, table, errors)?),
            Expr::Not(inner) => Node::Not(self.add(inner, table, errors)?),
            Expr::Check(check) => self.check(check, table, errors)?,
            Expr::Macro { body, .. } => {
                let address = Arc::as_ptr(body) as usize;
                if let Some(known) = self.bodies.get(&address) {
                    return *known;
                }
                let id = self.add(&body.expr, table, errors);
                self.bodies.insert(address, id);
                return id;
            }
            // Only where a macro could not be put in, which has been reported.
            Expr::Name { .. } => return None,
        };
        Some(self.intern(node))
    }

    /// Forgets the addresses of macro bodies: they may be freed after this.
    pub fn seal(&mut self) {
        self.bodies.clear();
    }

    /// Nested chains of one kind become one.
    fn parts(
        &mut self,
        parts: &[Expr],
        and: bool,
        table: &Table<'_>,
        errors: &mut Vec<Complaint>,
    ) -> Option<Vec<NodeId>> {
        let ids: Vec<_> = parts.iter().map(|part| self.add(part, table, errors)).collect();
        let mut out = Vec::with_capacity(ids.len());
        for id in ids.into_iter().collect::<Option<Vec<_>>>()? {
            match &self.nodes[id.0 as usize] {
                Node::And(inner) if and => out.extend(inner.iter().copied()),
                Node::Or(inner) if !and => out.extend(inner.iter().copied()),
                Node::Const(_) | Node::Check(_) | Node::And(_) | Node::Or(_) | Node::Not(_) => out.push(id),
            }
        }
        let mut seen = BTreeSet::new();
        out.retain(|id| seen.insert(*id));
        Some(out)
    }

    fn check(&mut self, check: &Check, table: &Table<'_>, errors: &mut Vec<Complaint>) -> Option<Node> {
        // A wrong check is looked at again: each place it stands at is reported.
        if let Some(id) = self.check_index.get(check) {
            return Some(self.check_node(*id));
        }
        let compare = match test::compare(check, &mut self.operands, table) {
            Ok(compare) => compare,
            Err(complaints) => {
                errors.extend(complaints);
                return None;
            }
        };
        let fixed = self.fixed(&compare);
        let id = CheckId(self.checks.len() as u32);
        self.checks.push(Checked { compare, shown: shown(check), fixed, telling: check.op.picks() });
        self.check_index.insert(check.clone(), id);
        Some(self.check_node(id))
    }

    fn check_node(&self, id: CheckId) -> Node {
        match self.checks[id.0 as usize].fixed {
            Fixed::Always(value) => Node::Const(value),
            Fixed::No | Fixed::Types(_) | Fixed::Never => Node::Check(id),
        }
    }

    fn fixed(&self, compare: &Compare) -> Fixed {
        let info = self.operands.info(compare.read);
        let right = match &compare.test {
            Test::Right(_, right) => Some(self.operands.info(*right)),
            _ => None,
        };
        let answer = |word: &str| compare.truth(&Got::Known(Value::text(word)), None) == Truth::True;
        match info.special {
            Some(Special::Type) if right.is_none() => {
                return Fixed::Types(TypeSet::of(answer).and(info.has.or(elsewhere())));
            }
            Some(Special::Direction) if right.is_none() => return Fixed::Always(answer("<")),
            Some(Special::Number) => {
                if let Some(value) = from_one(compare) {
                    return Fixed::Always(value);
                }
            }
            Some(Special::Type | Special::Direction) | None => {}
        }
        if info.unproduced() || right.is_some_and(|right| right.unproduced()) {
            Fixed::Never
        } else {
            Fixed::No
        }
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.node_index.get(&node) {
            return *id;
        }
        let id = NodeId(self.nodes.len() as u32);
        let here = self.reach(&node, false);
        let anywhere = self.reach(&node, true);
        self.here.push(here);
        self.anywhere.push(anywhere);
        self.node_index.insert(node.clone(), id);
        self.nodes.push(node);
        id
    }

    /// Event types that have every value a comparison wants.
    pub fn has(&self, compare: &Compare) -> TypeSet {
        let left = self.operands.info(compare.read).has;
        match &compare.test {
            Test::Right(_, right) => left.and(self.operands.info(*right).has),
            _ => left,
        }
    }

    /// Checks of a condition, in the order in which they stand.
    pub fn checks_of(&self, root: NodeId) -> Vec<CheckId> {
        let (mut out, mut seen) = (Vec::new(), BTreeSet::new());
        self.walk(root, &mut |id| {
            if seen.insert(id) {
                out.push(id);
            }
        });
        out
    }

    fn walk(&self, id: NodeId, visit: &mut impl FnMut(CheckId)) {
        match &self.nodes[id.0 as usize] {
            Node::Const(_) => {}
            Node::Check(id) => visit(*id),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| self.walk(*part, visit)),
            Node::Not(inner) => self.walk(*inner, visit),
        }
    }

    /// Fields of a condition.
    pub fn fields_of(&self, root: NodeId) -> Vec<Used> {
        let mut out: Vec<Used> = Vec::new();
        for id in self.checks_of(root) {
            for field in self.fields_of_check(&self.checks[id.0 as usize]) {
                if !out.iter().any(|used| used.name == field.name) {
                    out.push(field.clone());
                }
            }
        }
        out
    }

    pub(super) fn fields_of_check(&self, checked: &Checked) -> impl Iterator<Item = &Used> {
        let right = match &checked.compare.test {
            Test::Right(_, right) => Some(*right),
            _ => None,
        };
        let reads = [Some(checked.compare.read), right].into_iter().flatten();
        reads.flat_map(|read| &self.operands.info(read).fields)
    }
}

/// Most items of a list that a reason repeats.
const SHOWN_MAX: usize = 8;

/// A comparison as an alert shows it: a long list is not repeated whole.
fn shown(check: &Check) -> String {
    match &check.right {
        Right::List(items) if items.len() > SHOWN_MAX => {
            let first = items[..SHOWN_MAX].iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("{} {} ({first}, … {} in all)", check.left, check.op.word(), items.len())
        }
        Right::None | Right::Value(_) | Right::List(_) | Right::Quantified(_, _) | Right::Operand(_) => {
            check.to_string()
        }
    }
}

/// The answer about a number of which only is known that it is at least 1.
fn from_one(compare: &Compare) -> Option<bool> {
    let truth = match &compare.test {
        Test::Exists => return Some(true),
        Test::Order(op, n) => {
            let (at_one, at_most) = (ordered(*op, 1, *n), ordered(*op, i128::from(u64::MAX), *n));
            let ends_agree =
                at_one == at_most && matches!(op, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge);
            ends_agree.then_some(at_one)
        }
        Test::Numbers(numbers) if numbers.iter().all(|n| *n < 1) => Some(false),
        _ => None,
    };
    truth.map(|truth| truth != compare.negated)
}
