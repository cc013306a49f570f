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

    pub fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Undecided => Truth::Undecided,
            Truth::True => Truth::False,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, False, True, Undecided};

    const ALL: [Truth; 3] = [False, Undecided, True];

    #[test]
    fn the_laws_of_three_values_hold() {
        for a in ALL {
            assert_eq!(a.not().not(), a);
            assert_eq!(a.and(True), a);
            assert_eq!(a.or(False), a);
            assert_eq!(a.and(False), False);
            assert_eq!(a.or(True), True);
            for b in ALL {
                assert_eq!(a.and(b), b.and(a));
                assert_eq!(a.and(b).not(), a.not().or(b.not()));
                assert_eq!(a.or(a.and(b)), a);
                for c in ALL {
                    assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)));
                    assert_eq!(a.and(b.and(c)), a.and(b).and(c));
                }
            }
        }
    }

    /// Deciding what was undecided never turns over what was decided.
    #[test]
    fn an_answer_that_is_decided_stays_when_more_is_known() {
        let holds = |before: Truth, after: Truth| before == Undecided || before == after;
        for (a, known_a) in [(Undecided, True), (Undecided, False), (True, True), (False, False)] {
            assert!(holds(a.not(), known_a.not()));
            for (b, known_b) in [(Undecided, True), (Undecided, False), (True, True), (False, False)] {
                assert!(holds(a.and(b), known_a.and(known_b)));
                assert!(holds(a.or(b), known_a.or(known_b)));
            }
        }
    }
}
