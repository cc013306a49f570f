//! The tree of a condition.

use std::sync::Arc;

use crate::rule::source::At;

/// Deepest nesting of a condition, macros included. Falco allows 1000; a hand-written condition stays below 20, and
/// walking the tree must never exhaust a thread's stack.
pub const DEPTH_MAX: usize = 200;

/// Most parts of a condition with its macros written out: a few macros that name each other twice could make
/// more of them than there is memory.
pub const PARTS_MAX: usize = 200_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Check(Box<Check>),
    /// Name of a macro, not yet replaced.
    Name {
        name: String,
        at: At,
    },
    /// What a macro stands for.
    Macro {
        name: String,
        body: Arc<Body>,
    },
}

/// A macro's tree, and how large it is when written out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    pub expr: Expr,
    pub size: Size,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    pub depth: usize,
    pub parts: usize,
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
    /// What another language asks for and no event here has, as a noun: `field key`, `log of sshd`.
    Lacking(String),
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
        One "oneof"
        Any "anyof"
        All "allof"
    }
}

words! {
    /// `b64` decodes. `text`, a value as it is printed, is not Falco's: conditions cannot write it.
    Transformer {
        Tolower "tolower"
        Toupper "toupper"
        B64 "b64"
        Basename "basename"
        Len "len"
        Join "join"
        Concat "concat"
        Getopt "getopt"
        Text "text"
    }
}

impl Operator {
    /// `<` and the others that order numbers.
    pub fn orders(self) -> bool {
        matches!(self, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge)
    }

    /// Whether it holds for few values of many.
    pub fn picks(self) -> bool {
        !self.orders() && !matches!(self, Operator::Ne | Operator::Exists)
    }

    pub fn takes_list(self) -> bool {
        matches!(self, Operator::In | Operator::Intersects | Operator::Pmatch)
    }
}

impl Transformer {
    /// The one that a condition calls by this word.
    pub fn written(word: &str) -> Option<Self> {
        Transformer::of(word).filter(|transformer| *transformer != Transformer::Text)
    }
}

impl Expr {
    /// With macros written out; each is measured once.
    pub fn size(&self) -> Size {
        let inner = match self {
            Expr::And(parts) | Expr::Or(parts) => {
                parts.iter().map(Expr::size).fold(Size::default(), Size::beside)
            }
            Expr::Not(inner) => inner.size(),
            Expr::Macro { body, .. } => body.size,
            Expr::Check(_) | Expr::Name { .. } => Size::default(),
        };
        Size { depth: inner.depth.saturating_add(1), parts: inner.parts.saturating_add(1) }
    }
}

impl Size {
    fn beside(self, other: Size) -> Size {
        Size { depth: self.depth.max(other.depth), parts: self.parts.saturating_add(other.parts) }
    }

    /// What is wrong with it, if it is too large.
    pub fn too_large(self) -> Option<String> {
        if self.depth > DEPTH_MAX {
            return Some(format!("nests deeper than {DEPTH_MAX} levels"));
        }
        (self.parts > PARTS_MAX).then(|| format!("has more than {PARTS_MAX} parts, its macros written out"))
    }
}
