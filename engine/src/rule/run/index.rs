//! Finds the few rules that an event could match without asking the others.
//!
//! Most conditions cannot be true unless some field is, begins with, ends with or contains one of some words:
//! `… and proc.name in (nc, ncat)`. Such a rule is filed under those words; the event's own value then finds it. What
//! cannot be filed is always asked.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use foldhash::HashMap;
use nightjar_events::Cut;

use super::{
    compare::Test,
    program::{Program, Step},
    read::{Got, Reader},
    text::TextTest,
};
use crate::{
    rule::check::{Arena, CheckId, ReadId},
    value::Value,
};

#[derive(Default)]
pub struct Index {
    /// Rules that are always asked, by their place in the program.
    always: Vec<u32>,
    groups: Vec<Group>,
}

/// Rules that want a field to be one of some words, or to have one at its beginning, its end or anywhere.
struct Group {
    read: ReadId,
    whole: Words,
    /// By the words' length.
    starts: BTreeMap<usize, Words>,
    ends: BTreeMap<usize, Words>,
    /// Until all are filed.
    pieces: Words,
    /// Finds pieces by their number, in one pass; `None`: there are too many, and all rules must be asked.
    finder: Option<AhoCorasick>,
    /// Places of the rules by the number of the piece.
    by_piece: Vec<Vec<u32>>,
    /// All of them, for a value that is cut or no single text.
    all: Vec<u32>,
}

/// Places of rules, in order, by the word they want.
#[derive(Default)]
struct Words {
    places: HashMap<Vec<u8>, Vec<u32>>,
    /// The first and the last bytes that words have, by which most values are known to be none.
    firsts: Bytes,
    lasts: Bytes,
}

/// A set of bytes.
#[derive(Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}

impl Words {
    fn file(&mut self, word: &[u8], place: u32) {
        if let [first, ..] = word
            && let [.., last] = word
        {
            self.firsts.add(*first);
            self.lasts.add(*last);
        }
        add(self.places.entry(word.to_vec()).or_default(), place);
    }

    fn find(&self, word: &[u8], out: &mut Vec<u32>) {
        if let ([first, ..], [.., last]) = (word, word)
            && !(self.firsts.has(*first) && self.lasts.has(*last))
        {
            return;
        }
        if let Some(places) = self.places.get(word) {
            out.extend_from_slice(places);
        }
    }
}

/// Fields of which at least one must have one of its words.
type Guard<'t> = Vec<(ReadId, &'t TextTest)>;

/// Which rules ask a field for a word.
type Wanted<'t> = HashMap<(ReadId, &'t [u8]), Vec<u32>>;

impl Index {
    pub fn new(arena: &Arena, program: &Program) -> Index {
        let mut wanted = Wanted::default();
        for (place, root) in (0u32..).zip(program.roots()) {
            count(arena, program, root, place, &mut wanted);
        }
        let mut index = Index::default();
        for (place, root) in (0u32..).zip(program.roots()) {
            match guard(arena, program, root, &wanted) {
                Some(guard) => guard.into_iter().for_each(|(read, test)| index.file(place, read, test)),
                None => index.always.push(place),
            }
        }
        index.groups.iter_mut().for_each(Group::finish);
        index
    }

    fn file(&mut self, place: u32, read: ReadId, test: &TextTest) {
        let known = self.groups.iter().position(|group| group.read == read);
        let at = known.unwrap_or_else(|| {
            self.groups.push(Group::new(read));
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        for word in words(test) {
            let words = match test {
                TextTest::Startswith(_) => group.starts.entry(word.len()).or_default(),
                TextTest::Endswith(_) => group.ends.entry(word.len()).or_default(),
                TextTest::Contains(_) => &mut group.pieces,
                _ => &mut group.whole,
            };
            words.file(word, place);
        }
        add(&mut group.all, place);
    }

    /// Places of the rules that must be asked, in order.
    pub fn candidates<'r: 'e, 'e>(&self, reader: &mut Reader<'r, 'e>, out: &mut Vec<u32>) {
        out.clear();
        out.extend_from_slice(&self.always);
        for group in &self.groups {
            reader.fill(group.read);
            match reader.got(group.read) {
                Got::Known(Value::Absent) => {}
                Got::Known(Value::Text(text)) if text.cut == Cut::None => group.find(&text.bytes, out),
                Got::Known(_) | Got::Unknown => out.extend(&group.all),
            }
        }
        if out.len() > self.always.len() {
            out.sort_unstable();
            out.dedup();
        }
    }
}

impl Group {
    fn new(read: ReadId) -> Group {
        let (starts, ends) = (BTreeMap::new(), BTreeMap::new());
        let (whole, pieces) = (Words::default(), Words::default());
        Group { read, whole, starts, ends, pieces, finder: None, by_piece: Vec::new(), all: Vec::new() }
    }

    fn finish(&mut self) {
        let (pieces, places): (Vec<_>, Vec<_>) = self.pieces.places.drain().unzip();
        self.finder = AhoCorasick::new(pieces).ok();
        self.by_piece = places;
    }

    fn find(&self, value: &[u8], out: &mut Vec<u32>) {
        self.whole.find(value, out);
        for (len, words) in self.starts.range(..=value.len()) {
            words.find(&value[..*len], out);
        }
        for (len, words) in self.ends.range(..=value.len()) {
            words.find(&value[value.len() - len..], out);
        }
        match &self.finder {
            _ if self.by_piece.is_empty() => {}
            Some(finder) => finder
                .find_overlapping_iter(value)
                .for_each(|found| out.extend_from_slice(&self.by_piece[found.pattern().as_usize()])),
            None => out.extend(self.by_piece.iter().flatten()),
        }
    }
}

fn add(places: &mut Vec<u32>, place: u32) {
    if places.last() != Some(&place) {
        places.push(place);
    }
}

fn count<'a>(arena: &'a Arena, program: &Program, step: u32, place: u32, wanted: &mut Wanted<'a>) {
    match program.at(step) {
        Step::Check(id) => {
            if let Some((read, test)) = filable(arena, *id) {
                words(test).for_each(|word| add(wanted.entry((read, word)).or_default(), place));
            }
        }
        Step::And(parts) | Step::Or(parts) => {
            parts.iter().for_each(|part| count(arena, program, *part, place, wanted));
        }
        Step::Not(_) | Step::Const(_) => {}
    }
}

/// What must hold for a step to be anything but false. Where there are several, the one whose words are shared with
/// the fewest rules: that a file is a plain one says nothing when every rule asks for it.
fn guard<'a>(arena: &'a Arena, program: &Program, step: u32, wanted: &Wanted<'_>) -> Option<Guard<'a>> {
    match program.at(step) {
        Step::Check(id) => filable(arena, *id).map(|one| vec![one]),
        Step::And(parts) => {
            let guards = parts.iter().filter_map(|part| guard(arena, program, *part, wanted));
            let shared = |(read, test): &(ReadId, &TextTest)| {
                words(test).map(|word| wanted.get(&(*read, word)).map_or(0, Vec::len)).max()
            };
            guards.min_by_key(|guard| {
                (guard.iter().map(shared).max(), guard.iter().map(|(_, test)| width(test)).sum::<usize>())
            })
        }
        Step::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(guard(arena, program, *part, wanted)?);
            }
            Some(all)
        }
        Step::Not(_) | Step::Const(_) => None,
    }
}

/// The comparison, when it can hold only for a value with one of its words.
fn filable(arena: &Arena, id: CheckId) -> Option<(ReadId, &TextTest)> {
    let compare = &arena.checks[id.0 as usize].compare;
    match &compare.test {
        Test::Text(test) if !compare.negated && words(test).next().is_some() => Some((compare.read, test)),
        _ => None,
    }
}

/// How many values a test may hold for, compared with other tests: many more have a word in them than are one.
fn width(test: &TextTest) -> usize {
    let each = match test {
        TextTest::Contains(_) => 64,
        TextTest::Startswith(_) | TextTest::Endswith(_) => 16,
        _ => 1,
    };
    each * words(test).count()
}

/// The words of a test that holds for no text without one of them.
fn words(test: &TextTest) -> impl Iterator<Item = &[u8]> {
    let (one, many) = match test {
        TextTest::Eq(word) | TextTest::Startswith(word) | TextTest::Endswith(word) => (Some(&word[..]), None),
        TextTest::Contains(finder) => (Some(finder.needle()), None),
        TextTest::In(words) => (None, Some(words)),
        TextTest::Icontains(_) | TextTest::Glob(_) | TextTest::Regex(_) | TextTest::Pmatch(_) => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten().map(Vec::as_slice))
}
