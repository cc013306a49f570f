//! The rules that can match one event type, with everything that the type decides already decided.

use std::{cell::RefCell, collections::HashMap};

use super::{
    compare::Test,
    index::Index,
    read::{Memo, NONE, Read, Reader, Slot},
    text::TextTest,
    truth::Truth,
};
use crate::{
    event::Event,
    rule::check::{Arena, CheckId, Node, NodeId, ReadId, arena::Fixed},
};

#[derive(Default)]
pub struct Program {
    steps: Vec<Step>,
    /// Rule and the step that is its verdict, in file order.
    roots: Vec<(u32, u32)>,
    slots: Vec<Slot>,
    slot_count: usize,
    /// Where a step's answer is kept; `NONE` for one that is asked in a single place.
    shared: Vec<Slot>,
    shared_count: usize,
    index: Index,
}

/// What judging an event takes of the heap, kept for the next.
#[derive(Default)]
struct Scratch {
    memo: Memo<'static>,
    truths: Vec<Option<Truth>>,
    candidates: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

pub enum Step {
    Const(Truth),
    Check(CheckId),
    And(Box<[u32]>),
    Or(Box<[u32]>),
    Not(u32),
}

impl Program {
    /// `rules` are those that can be true for `event_type`.
    pub fn new(arena: &Arena, event_type: &str, rules: impl Iterator<Item = (u32, NodeId)>) -> Program {
        let mut builder = Builder {
            arena,
            event_type,
            program: Program { slots: vec![NONE; arena.operands.reads.len()], ..Program::default() },
            costs: Vec::new(),
            done: HashMap::new(),
        };
        for (rule, root) in rules {
            let folded = builder.fold(root);
            let step = match folded {
                Folded::Step(step) => step,
                Folded::Const(truth) => builder.push(Step::Const(truth), 0),
            };
            builder.program.roots.push((rule, step));
        }
        let mut program = builder.program;
        program.share();
        program.index = Index::new(arena, &program);
        program
    }

    /// Gives a place to the answer of each step that is asked in several.
    fn share(&mut self) {
        let mut uses = vec![0u32; self.steps.len()];
        let parts = self.steps.iter().flat_map(|step| match step {
            Step::And(parts) | Step::Or(parts) => &parts[..],
            Step::Not(inner) => std::slice::from_ref(inner),
            Step::Const(_) | Step::Check(_) => &[],
        });
        parts.copied().chain(self.roots()).for_each(|step| uses[step as usize] += 1);
        let mut places = 0..;
        self.shared =
            uses.iter().map(|uses| if *uses > 1 { places.next().unwrap_or(NONE) } else { NONE }).collect();
        self.shared_count = places.start as usize;
    }

    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The verdicts' steps, in file order of their rules.
    pub fn roots(&self) -> impl Iterator<Item = u32> {
        self.roots.iter().map(|(_, step)| *step)
    }

    pub fn at(&self, step: u32) -> &Step {
        &self.steps[step as usize]
    }

    /// The verdict on each rule that the event could match, in file order. `Undecided` is reported only for an event of
    /// which something was cut off: what this version never produces is known at load.
    pub fn judge<'r: 'e, 'e>(&'r self, arena: &'r Arena, event: &'e Event, mut each: impl FnMut(u32, Truth)) {
        if self.roots.is_empty() {
            return;
        }
        // Whoever judges within `each` has a new one.
        let Scratch { memo, mut truths, mut candidates } = SCRATCH.take();
        let mut reader = Reader::over(memo, event, &arena.operands.reads, &self.slots, self.slot_count);
        self.index.candidates(&mut reader, &mut candidates);
        truths.clear();
        truths.resize(self.shared_count, None);
        let mut run = Run { program: self, arena, reader, truths, cut: false };
        for &place in &candidates {
            let (rule, root) = self.roots[place as usize];
            let truth = match run.step(root) {
                Truth::Undecided if !run.cut => Truth::False,
                truth => truth,
            };
            each(rule, truth);
        }
        let Run { reader, truths, .. } = run;
        SCRATCH.set(Scratch { memo: reader.into_memo().emptied(), truths, candidates });
    }
}

#[derive(Clone, Copy)]
enum Folded {
    Const(Truth),
    Step(u32),
}

struct Builder<'a> {
    arena: &'a Arena,
    event_type: &'a str,
    program: Program,
    costs: Vec<u32>,
    done: HashMap<NodeId, Folded>,
}

impl Builder<'_> {
    fn push(&mut self, step: Step, cost: u32) -> u32 {
        self.program.steps.push(step);
        self.costs.push(cost);
        (self.program.steps.len() - 1) as u32
    }

    fn fold(&mut self, id: NodeId) -> Folded {
        if let Some(folded) = self.done.get(&id) {
            return *folded;
        }
        let folded = match &self.arena.nodes[id.0 as usize] {
            Node::Const(value) => Folded::Const((*value).into()),
            Node::Check(check) => self.check(*check),
            Node::And(parts) => self.chain(parts, Truth::False, Step::And),
            Node::Or(parts) => self.chain(parts, Truth::True, Step::Or),
            Node::Not(inner) => match self.fold(*inner) {
                Folded::Const(truth) => Folded::Const(truth.not()),
                Folded::Step(step) => {
                    let cost = self.costs[step as usize];
                    Folded::Step(self.push(Step::Not(step), cost))
                }
            },
        };
        self.done.insert(id, folded);
        folded
    }

    /// `end` is the value that settles the chain: false for `and`, true for `or`.
    fn chain(&mut self, parts: &[NodeId], end: Truth, join: fn(Box<[u32]>) -> Step) -> Folded {
        let (mut steps, mut undecided) = (Vec::with_capacity(parts.len()), false);
        for part in parts {
            match self.fold(*part) {
                Folded::Const(truth) if truth == end => return Folded::Const(end),
                Folded::Const(Truth::Undecided) => undecided = true,
                Folded::Const(Truth::True | Truth::False) => {}
                Folded::Step(step) => steps.push(step),
            }
        }
        // Cheapest first: the order does not change the answer.
        steps.sort_by_key(|step| self.costs[*step as usize]);
        match steps.as_slice() {
            [] if undecided => return Folded::Const(Truth::Undecided),
            [] => return Folded::Const(end.not()),
            [one] if !undecided => return Folded::Step(*one),
            [..] => {}
        }
        if undecided {
            steps.push(self.push(Step::Const(Truth::Undecided), 0));
        }
        let cost = steps.iter().map(|step| self.costs[*step as usize]).fold(0, u32::saturating_add);
        Folded::Step(self.push(join(steps.into()), cost))
    }

    fn check(&mut self, id: CheckId) -> Folded {
        let checked = &self.arena.checks[id.0 as usize];
        match checked.fixed {
            Fixed::Types(types) => return Folded::Const(types.has(self.event_type).into()),
            Fixed::Always(value) => return Folded::Const(value.into()),
            Fixed::Never => return Folded::Const(Truth::Undecided),
            Fixed::No => {}
        }
        // A value that this event never has: every comparison with it is false.
        if !self.arena.has(&checked.compare).has(self.event_type) {
            return Folded::Const(Truth::False);
        }
        self.use_read(checked.compare.read);
        if let Test::Right(_, right) = &checked.compare.test {
            self.use_read(*right);
        }
        Folded::Step(self.push(Step::Check(id), cost(&checked.compare.test)))
    }

    fn use_read(&mut self, id: ReadId) {
        if self.program.slots[id.0 as usize] != NONE {
            return;
        }
        self.program.slots[id.0 as usize] = self.program.slot_count as Slot;
        self.program.slot_count += 1;
        match &self.arena.operands.reads[id.0 as usize] {
            Read::List(parts) | Read::Call { args: parts, .. } => {
                parts.iter().for_each(|part| self.use_read(*part))
            }
            Read::Field(_, _) | Read::Unproduced | Read::Literal(_) => {}
        }
    }
}

fn cost(test: &Test) -> u32 {
    match test {
        Test::Exists | Test::Bool(_) | Test::Order(_, _) | Test::Numbers(_) => 1,
        Test::Net(_) => 4,
        Test::Text(TextTest::Eq(_) | TextTest::Startswith(_) | TextTest::Endswith(_)) => 2,
        Test::Text(TextTest::In(_)) => 3,
        Test::Text(TextTest::Contains(_)) => 6,
        Test::Text(TextTest::Icontains(_) | TextTest::Pmatch(_)) => 10,
        Test::Text(TextTest::Glob(_) | TextTest::Regex(_)) => 30,
        Test::Not(test) => cost(test),
        Test::Quantified(_, tests) => tests.iter().map(cost).fold(1, u32::saturating_add),
        Test::Right(_, _) => 15,
    }
}

struct Run<'r, 'e> {
    program: &'r Program,
    arena: &'r Arena,
    reader: Reader<'r, 'e>,
    /// Of the steps that are shared.
    truths: Vec<Option<Truth>>,
    /// Some comparison could not be decided because a value was cut.
    cut: bool,
}

impl<'r: 'e, 'e> Run<'r, 'e> {
    fn step(&mut self, id: u32) -> Truth {
        let program = self.program;
        let place = program.shared[id as usize];
        if place != NONE
            && let Some(truth) = self.truths[place as usize]
        {
            return truth;
        }
        let truth = match &program.steps[id as usize] {
            Step::Const(truth) => *truth,
            Step::Check(check) => {
                let truth = check_truth(self.arena, &mut self.reader, *check);
                self.cut |= truth == Truth::Undecided;
                truth
            }
            Step::And(parts) => self.chain(parts, Truth::True, Truth::False, Truth::and),
            Step::Or(parts) => self.chain(parts, Truth::False, Truth::True, Truth::or),
            Step::Not(inner) => self.step(*inner).not(),
        };
        if place != NONE {
            self.truths[place as usize] = Some(truth);
        }
        truth
    }

    fn chain(&mut self, parts: &[u32], start: Truth, end: Truth, join: fn(Truth, Truth) -> Truth) -> Truth {
        let mut sum = start;
        for part in parts {
            sum = join(sum, self.step(*part));
            if sum == end {
                break;
            }
        }
        sum
    }
}

/// What a comparison says of an event.
pub fn check_truth<'r: 'e, 'e>(arena: &'r Arena, reader: &mut Reader<'r, 'e>, id: CheckId) -> Truth {
    let compare = &arena.checks[id.0 as usize].compare;
    reader.fill(compare.read);
    match &compare.test {
        Test::Right(_, right) => {
            reader.fill(*right);
            compare.truth(reader.got(compare.read), Some(reader.got(*right)))
        }
        _ => compare.truth(reader.got(compare.read), None),
    }
}
