//! Finds the few rules that an event could match without asking the others.
//!
//! Most conditions cannot be true unless some field is one of some words: `… and proc.name in (nc, ncat)`. Such a
//! rule is filed under those words; the event's own value then finds it. What cannot be filed is always asked.

use std::collections::HashMap;

use nightjar_events::Cut;

use super::{
    compare::Test,
    program::{Program, Step},
    read::{Got, Reader},
    text::TextTest,
};
use crate::{
    rule::check::{Arena, ReadId},
    value::Value,
};

#[derive(Default)]
pub struct Index {
    /// Rules that are always asked, by their place in the program.
    always: Vec<u32>,
    groups: Vec<Group>,
}

/// Rules that want a field to be one of some words.
struct Group {
    read: ReadId,
    by_word: HashMap<Vec<u8>, Vec<u32>>,
    /// All of them, for a value that is cut or no single text.
    all: Vec<u32>,
}

/// Fields of which at least one must be one of its words.
type Guard<'t> = Vec<(ReadId, &'t TextTest)>;

impl Index {
    pub fn new(arena: &Arena, program: &Program) -> Index {
        let mut index = Index::default();
        for (place, root) in (0u32..).zip(program.roots()) {
            match guard(arena, program, root) {
                Some(guard) => guard.into_iter().for_each(|(read, test)| index.file(place, read, test)),
                None => index.always.push(place),
            }
        }
        index
    }

    fn file(&mut self, place: u32, read: ReadId, test: &TextTest) {
        let group = match self.groups.iter().position(|group| group.read == read) {
            Some(known) => &mut self.groups[known],
            None => {
                self.groups.push(Group { read, by_word: HashMap::new(), all: Vec::new() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
        };
        for word in words(test) {
            let places = group.by_word.entry(word.clone()).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        if group.all.last() != Some(&place) {
            group.all.push(place);
        }
    }

    /// Places of the rules that must be asked, in order.
    pub fn candidates<'r: 'e, 'e>(&self, reader: &mut Reader<'r, 'e>) -> Vec<u32> {
        let mut out = self.always.clone();
        for group in &self.groups {
            reader.fill(group.read);
            match reader.got(group.read) {
                Got::Known(Value::Absent) => {}
                Got::Known(Value::Text(text)) if text.cut == Cut::None => {
                    out.extend(group.by_word.get(&*text.bytes).into_iter().flatten());
                }
                Got::Known(_) | Got::Unknown => out.extend(&group.all),
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// What must hold for a step to be anything but false; the narrowest where there are several.
fn guard<'a>(arena: &'a Arena, program: &Program, step: u32) -> Option<Guard<'a>> {
    match program.at(step) {
        Step::Check(id) => {
            let compare = &arena.checks[id.0 as usize].compare;
            match &compare.test {
                Test::Text(test @ (TextTest::Eq(_) | TextTest::In(_))) if !compare.negated => {
                    Some(vec![(compare.read, test)])
                }
                _ => None,
            }
        }
        Step::And(parts) => {
            let guards = parts.iter().filter_map(|part| guard(arena, program, *part));
            guards.min_by_key(|guard| guard.iter().map(|(_, test)| words(test).count()).sum::<usize>())
        }
        Step::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(guard(arena, program, *part)?);
            }
            Some(all)
        }
        Step::Not(_) | Step::Const(_) => None,
    }
}

fn words(test: &TextTest) -> impl Iterator<Item = &Vec<u8>> {
    let (one, many) = match test {
        TextTest::Eq(word) => (Some(word), None),
        TextTest::In(words) => (None, Some(words)),
        TextTest::Contains(_)
        | TextTest::Icontains(_)
        | TextTest::Startswith(_)
        | TextTest::Endswith(_)
        | TextTest::Glob(_)
        | TextTest::Regex(_)
        | TextTest::Pmatch(_) => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}
