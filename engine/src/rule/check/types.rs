//! Sets of event types. The universe is every name `evt.type` can have, here or in Falco.

use std::sync::LazyLock;

use nightjar_events::{EVENTS, Kind};

use super::falco::EVENT_TYPES;

const WORDS: usize = 8;
/// Most event types a set can hold.
pub const TYPES_MAX: usize = WORDS * 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct TypeSet([u64; WORDS]);

static UNIVERSE: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let ours = EVENTS.iter().flat_map(|event| event.types.iter().copied());
    let mut all: Vec<_> = EVENT_TYPES.iter().copied().chain(ours).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() <= TYPES_MAX, "more event types than a set holds: raise WORDS");
    all
});

/// Every name, sorted.
pub fn names() -> &'static [&'static str] {
    &UNIVERSE
}

pub fn index(name: &str) -> Option<usize> {
    UNIVERSE.binary_search(&name).ok()
}

/// The types this version produces: name, event, index into the event's `types`.
pub fn produced() -> impl Iterator<Item = (&'static str, Kind, u16)> {
    EVENTS.iter().flat_map(|event| (0..).zip(event.types).map(|(variant, name)| (*name, event.kind, variant)))
}

impl TypeSet {
    pub const NONE: TypeSet = TypeSet([0; WORDS]);

    pub fn all() -> TypeSet {
        static ALL: LazyLock<TypeSet> = LazyLock::new(|| TypeSet::of(|_| true));
        *ALL
    }

    /// The types whose name passes.
    pub fn of(pass: impl Fn(&str) -> bool) -> TypeSet {
        let mut set = TypeSet::NONE;
        for (index, name) in UNIVERSE.iter().enumerate() {
            if pass(name) {
                set.0[index / 64] |= 1 << (index % 64);
            }
        }
        set
    }

    pub fn has(&self, name: &str) -> bool {
        index(name).is_some_and(|index| self.0[index / 64] & (1 << (index % 64)) != 0)
    }

    pub fn and(self, other: TypeSet) -> TypeSet {
        TypeSet(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub fn or(self, other: TypeSet) -> TypeSet {
        TypeSet(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    pub fn without(self, other: TypeSet) -> TypeSet {
        TypeSet(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        UNIVERSE
            .iter()
            .enumerate()
            .filter(|(index, _)| self.0[index / 64] & (1 << (index % 64)) != 0)
            .map(|(_, n)| *n)
    }
}
