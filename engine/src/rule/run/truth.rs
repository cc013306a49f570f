//! Kleene's three values. `Undecided` is what a comparison says when the part of a value that was cut off could
//! change its answer; it never turns into `True` by being negated.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    False,
    Undecided,
    True,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}

impl Truth {
    pub fn and(self, other: Truth) -> Truth {
        self.min(other)
    }

    pub fn or(self, other: Truth) -> Truth {
        self.max(other)
    }

    #[expect(clippy::should_implement_trait, reason = "`!` reads as two-valued")]
    pub fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Undecided => Truth::Undecided,
            Truth::True => Truth::False,
        }
    }
}
