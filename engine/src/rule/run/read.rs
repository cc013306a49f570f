//! Takes values out of an event, each at most once.

use crate::{
    event::Event,
    field::{Arg, Field},
    rule::{check::ReadId, lang::Transformer},
    value::{Text, Value},
};

use super::transform;

/// How to get a value.
pub enum Read {
    Field(&'static Field, Arg),
    /// Valid in Falco, not produced here: nothing is known of it.
    Unproduced,
    Literal(Vec<u8>),
    /// Several values as one list.
    List(Vec<ReadId>),
    Call {
        transformer: Transformer,
        args: Vec<ReadId>,
        option: Option<u8>,
    },
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Got<'e> {
    Known(Value<'e>),
    /// There is one, but too much of it was cut off.
    Unknown,
}

/// Where a program keeps a read's value; `NONE` when it does not use it.
pub type Slot = u32;
pub const NONE: Slot = Slot::MAX;

/// The values of one event as far as they have been asked for.
pub struct Reader<'r, 'e> {
    pub event: &'e Event,
    reads: &'r [Read],
    slots: &'r [Slot],
    memo: Memo<'e>,
}

/// Values in the order in which they were asked for, and which of them a slot has, counted from 1; 0: none yet. What it
/// took of the heap serves the next event.
#[derive(Default)]
pub struct Memo<'e> {
    values: Vec<Got<'e>>,
    places: Vec<u32>,
}

impl Memo<'_> {
    /// Without its values, for another event.
    pub fn emptied<'n>(mut self) -> Memo<'n> {
        self.values.clear();
        // The vector is empty, but the compiler cannot know that its next values may live longer.
        Memo { values: self.values.into_iter().map(|_| Got::Unknown).collect(), places: self.places }
    }
}

impl<'r: 'e, 'e> Reader<'r, 'e> {
    pub fn new(event: &'e Event, reads: &'r [Read], slots: &'r [Slot], count: usize) -> Self {
        Self::over(Memo::default(), event, reads, slots, count)
    }

    /// With an empty memo from before.
    pub fn over(
        mut memo: Memo<'e>,
        event: &'e Event,
        reads: &'r [Read],
        slots: &'r [Slot],
        count: usize,
    ) -> Self {
        memo.places.clear();
        memo.places.resize(count, 0);
        Reader { event, reads, slots, memo }
    }

    pub fn into_memo(self) -> Memo<'e> {
        self.memo
    }

    fn slot(&self, id: ReadId) -> usize {
        self.slots[id.0 as usize] as usize
    }

    /// Makes sure that `got` can answer.
    pub fn fill(&mut self, id: ReadId) {
        let slot = self.slot(id);
        if self.memo.places[slot] != 0 {
            return;
        }
        let reads = self.reads;
        let got = match &reads[id.0 as usize] {
            Read::Field(field, arg) => Got::Known((field.get)(self.event, arg)),
            Read::Unproduced => Got::Unknown,
            Read::Literal(bytes) => Got::Known(Value::text(bytes)),
            Read::List(parts) => {
                parts.iter().for_each(|part| self.fill(*part));
                let parts: Vec<_> = parts.iter().map(|part| self.got(*part)).collect();
                list(&parts)
            }
            Read::Call { transformer, args, option } => {
                args.iter().for_each(|arg| self.fill(*arg));
                let args: Vec<_> = args.iter().map(|arg| self.got(*arg)).collect();
                transform::call(*transformer, &args, *option)
            }
        };
        self.memo.values.push(got);
        self.memo.places[slot] = self.memo.values.len() as u32;
    }

    /// A value that was filled.
    pub fn got(&self, id: ReadId) -> &Got<'e> {
        let place = self.memo.places[self.slot(id)] as usize;
        place.checked_sub(1).and_then(|place| self.memo.values.get(place)).unwrap_or(&Got::Unknown)
    }
}

fn list<'e>(parts: &[&Got<'e>]) -> Got<'e> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Got::Unknown => return Got::Unknown,
            Got::Known(Value::Absent) => return Got::Known(Value::Absent),
            Got::Known(Value::List(items)) => out.extend(items.iter().cloned()),
            Got::Known(value) => {
                let text = super::compare::as_text(value);
                out.push(Text::cut(text.bytes.into_owned(), text.cut));
            }
        }
    }
    Got::Known(Value::List(out))
}
