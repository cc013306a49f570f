//! For which event types a condition can hold. Worked out through `and`, `or` and `not`, once for what this version
//! produces and once as if it produced everything Falco does: the difference is what a rule lacks.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    arena::{Arena, Checked, Fixed, Node, NodeId},
    types::{self, TypeSet},
};

/// Event types for which a part can be true, and for which it can be false.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    pub yes: TypeSet,
    pub no: TypeSet,
}

impl Arena {
    pub(super) fn reach(&self, node: &Node, anywhere: bool) -> Reach {
        let of = |id: &NodeId| if anywhere { self.anywhere[id.0 as usize] } else { self.here[id.0 as usize] };
        self.joined(node, of, |checked| self.check_reach(checked, anywhere))
    }

    /// Event types for which a condition could be true if only `field` were not known.
    pub fn without(&self, root: NodeId, field: &str) -> TypeSet {
        let mut done = HashMap::new();
        self.reach_without(root, field, &mut done).yes
    }

    fn reach_without(&self, id: NodeId, field: &str, done: &mut HashMap<NodeId, Reach>) -> Reach {
        if let Some(reach) = done.get(&id) {
            return *reach;
        }
        let node = &self.nodes[id.0 as usize];
        match node {
            Node::Const(_) | Node::Check(_) => {}
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|part| {
                    self.reach_without(*part, field, done);
                });
            }
            Node::Not(inner) => {
                self.reach_without(*inner, field, done);
            }
        }
        let reach = self.joined(
            node,
            |id| done[id],
            |checked| {
                let lacks = checked.fixed == Fixed::Never
                    && self.fields_of_check(checked).any(|used| used.name == field);
                self.check_reach(checked, !lacks)
            },
        );
        done.insert(id, reach);
        reach
    }

    fn joined(&self, node: &Node, of: impl Fn(&NodeId) -> Reach, check: impl Fn(&Checked) -> Reach) -> Reach {
        let all = TypeSet::all();
        match node {
            Node::Const(true) => Reach { yes: all, no: TypeSet::NONE },
            Node::Const(false) => Reach { yes: TypeSet::NONE, no: all },
            Node::Check(id) => check(&self.checks[id.0 as usize]),
            Node::And(parts) => {
                parts.iter().map(&of).fold(Reach { yes: all, no: TypeSet::NONE }, |sum, part| Reach {
                    yes: sum.yes.and(part.yes),
                    no: sum.no.or(part.no),
                })
            }
            Node::Or(parts) => {
                parts.iter().map(&of).fold(Reach { yes: TypeSet::NONE, no: all }, |sum, part| Reach {
                    yes: sum.yes.or(part.yes),
                    no: sum.no.and(part.no),
                })
            }
            Node::Not(inner) => {
                let inner = of(inner);
                Reach { yes: inner.no, no: inner.yes }
            }
        }
    }

    fn check_reach(&self, checked: &Checked, anywhere: bool) -> Reach {
        let all = TypeSet::all();
        match checked.fixed {
            Fixed::Types(types) => Reach { yes: types, no: all.without(types) },
            Fixed::Always(true) => Reach { yes: all, no: TypeSet::NONE },
            Fixed::Always(false) => Reach { yes: TypeSet::NONE, no: all },
            Fixed::Never if !anywhere => Reach { yes: TypeSet::NONE, no: TypeSet::NONE },
            Fixed::No | Fixed::Never => {
                let has = self.has(&checked.compare);
                Reach { yes: if anywhere { has.or(elsewhere()) } else { has }, no: all }
            }
        }
    }
}

/// Event types that this version does not produce: nothing is known of their fields.
pub fn elsewhere() -> TypeSet {
    static ELSEWHERE: LazyLock<TypeSet> = LazyLock::new(|| {
        let ours: Vec<_> = types::produced().map(|(name, _, _)| name).collect();
        TypeSet::of(|name| !ours.contains(&name))
    });
    *ELSEWHERE
}
