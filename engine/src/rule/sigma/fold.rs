//! Conditions of which a part is known at load: what a record's type decides is decided before the core sees it.

use crate::rule::lang::Expr;

#[derive(Clone, Debug)]
pub enum Cond {
    Const(bool),
    Expr(Expr),
}

impl Cond {
    pub fn all(parts: impl IntoIterator<Item = Cond>) -> Cond {
        Cond::chain(parts, true)
    }

    pub fn any(parts: impl IntoIterator<Item = Cond>) -> Cond {
        Cond::chain(parts, false)
    }

    /// `and`, where false settles it, or `or`, where true does.
    fn chain(parts: impl IntoIterator<Item = Cond>, and: bool) -> Cond {
        let mut rest = Vec::new();
        for part in parts {
            match part {
                Cond::Const(value) if value != and => return Cond::Const(value),
                Cond::Const(_) => {}
                Cond::Expr(Expr::And(parts)) if and => rest.extend(parts),
                Cond::Expr(Expr::Or(parts)) if !and => rest.extend(parts),
                Cond::Expr(expr) => rest.push(expr),
            }
        }
        match (rest.len(), rest.pop()) {
            (0, _) | (_, None) => Cond::Const(and),
            (1, Some(expr)) => Cond::Expr(expr),
            (_, Some(expr)) => {
                rest.push(expr);
                Cond::Expr(if and { Expr::And(rest) } else { Expr::Or(rest) })
            }
        }
    }

    pub fn not(self) -> Cond {
        match self {
            Cond::Const(value) => Cond::Const(!value),
            Cond::Expr(Expr::Not(inner)) => Cond::Expr(*inner),
            Cond::Expr(expr) => Cond::Expr(Expr::Not(Box::new(expr))),
        }
    }
}
