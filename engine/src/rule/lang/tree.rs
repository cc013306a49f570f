//! The tree of a condition.

use std::sync::Arc;

use crate::rule::source::At;

/// Deepest nesting of a condition, macros included. Falco allows 1000; a hand-written condition stays below 20, and
/// walking the tree must never exhaust a thread's stack.
pub const DEPTH_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Check(Box<Check>),
    /// Name of a macro, not yet replaced.
    Name { name: String, at: At },
    /// What a macro stands for.
    Macro { name: String, body: Arc<Expr> },
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    pub left: Operand,
    pub op: Operator,
    pub right: Right,
    pub at: At,
    pub op_at: At,
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    Field(FieldRef),
    Call(Call),
    /// Only as an argument of a transformer.
    Literal(Literal),
    /// Only as an argument of a transformer.
    List(Vec<Operand>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    pub name: String,
    pub arg: Option<String>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub transformer: Transformer,
    pub args: Vec<Operand>,
    pub bracket: Option<String>,
    pub at: At,
}

/// A value as written, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Literal {
    pub bytes: Vec<u8>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// `exists` has none.
    None,
    Value(Literal),
    List(Vec<Literal>),
    /// `oneof (…)` and the others.
    Quantified(Quantifier, Vec<Literal>),
    /// `val(field)` or a transformer.
    Operand(Operand),
}

/// Declares an enum of words with its table.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $word:literal)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),*];

            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            pub fn of(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// `==` is read as `=`.
    Operator {
        Eq "="
        Ne "!="
        Lt "<"
        Le "<="
        Gt ">"
        Ge ">="
        Contains "contains"
        Icontains "icontains"
        Bcontains "bcontains"
        Startswith "startswith"
        Bstartswith "bstartswith"
        Endswith "endswith"
        Glob "glob"
        Iglob "iglob"
        Regex "regex"
        In "in"
        Intersects "intersects"
        Pmatch "pmatch"
        Exists "exists"
    }
}

words! {
    /// `oneof` wants exactly one.
    Quantifier {
        OneOf "oneof"
        AnyOf "anyof"
        AllOf "allof"
    }
}

words! {
    /// `b64` decodes.
    Transformer {
        Tolower "tolower"
        Toupper "toupper"
        B64 "b64"
        Basename "basename"
        Len "len"
        Join "join"
        Concat "concat"
        Getopt "getopt"
    }
}

impl Operator {
    /// `<` and the others that order numbers.
    pub fn orders(self) -> bool {
        matches!(self, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge)
    }

    pub fn takes_list(self) -> bool {
        matches!(self, Operator::In | Operator::Intersects | Operator::Pmatch)
    }
}

impl Expr {
    pub fn depth(&self) -> usize {
        1 + match self {
            Expr::And(parts) | Expr::Or(parts) => parts.iter().map(Expr::depth).max().unwrap_or(0),
            Expr::Not(inner) => inner.depth(),
            Expr::Macro { body, .. } => body.depth(),
            Expr::Check(_) | Expr::Name { .. } => 0,
        }
    }
}
