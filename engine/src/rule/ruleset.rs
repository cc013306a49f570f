//! Loaded rules: judge events by them, switch them on and off, ask which events they want.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nightjar_events::{EVENTS, Kind};

use super::{
    Finding, Language, Priority, Rule,
    cases::RuleTest,
    check::{Arena, NodeId, types},
    correlate::{self, Correlation, Hit, Step},
    exemption::{Exempting, Exemption},
    lang::Expr,
    run::{
        output::{Part, Teller},
        pattern::Glob,
        program::Program,
        read::Slot,
        truth::Truth,
    },
};
use crate::event::{Event, Payload};
use nightjar_events::Cut;

/// How many rules an event may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Matching {
    /// Of Falco's the first in the order of the files, as Falco does unless told otherwise. Sigma's are each judged
    /// by themselves.
    First,
    #[default]
    All,
}

/// Switches rules on or off after loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub enable: bool,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Rules whose name matches a glob.
    Rule(String),
    /// Rules that carry a tag.
    Tag(String),
}

pub struct RuleSet {
    pub(super) arena: Arena,
    pub(super) rules: Vec<Entry>,
    pub(super) origins: Origins,
    pub(super) tests: Vec<RuleTest>,
    pub(super) correlations: Vec<Correlation>,
    /// What of a rule feeds correlations, by the rule's place.
    fed: Vec<Vec<Hit>>,
    /// Conditions that are no rules but feed correlations; in programs they come after the rules.
    steps: Vec<Step>,
    pub(super) state: correlate::Shared,
    pub(super) exemptions: Vec<Exempting>,
    /// By event and variant.
    programs: Vec<Vec<Program>>,
    /// Every read in a place of its own.
    slots: Vec<Slot>,
    least: Priority,
}

pub(super) struct Entry {
    pub rule: Arc<Rule>,
    pub root: NodeId,
    pub expr: Expr,
    pub output: Vec<Part>,
    /// Lists its condition names, macros included.
    pub lists: Vec<String>,
    /// Fields by the names of the rule's own language, and what they are here.
    pub names: Vec<(String, String)>,
    /// It raises no alerts of its own, but feeds a correlation.
    pub silent: bool,
    /// It is about several events: its condition is that of the rules that feed it.
    pub correlates: bool,
    /// One event that its condition matches is no finding: it counts them.
    pub counted: bool,
    /// Places of the exceptions that stand beside the rules and are about this one.
    pub exempt: Vec<u32>,
    undecided: AtomicU64,
}

/// File and line where lists and macros were last defined.
#[derive(Default)]
pub(super) struct Origins {
    pub lists: BTreeMap<String, (String, u32)>,
    pub macros: BTreeMap<String, (String, u32)>,
}

impl Entry {
    pub fn new(rule: Rule, root: NodeId, expr: Expr, output: Vec<Part>, lists: Vec<String>) -> Entry {
        Entry {
            rule: Arc::new(rule),
            root,
            expr,
            output,
            lists,
            names: Vec::new(),
            silent: false,
            correlates: false,
            counted: false,
            exempt: Vec::new(),
            undecided: AtomicU64::new(0),
        }
    }

    fn not_decided(&self) {
        self.undecided.fetch_add(1, Ordering::Relaxed);
    }

    pub fn named(self, names: Vec<(String, String)>) -> Entry {
        Entry { names, ..self }
    }
}

impl RuleSet {
    pub(super) fn new(
        arena: Arena,
        rules: Vec<Entry>,
        correlations: Vec<Correlation>,
        exemptions: Vec<Exempting>,
        origins: Origins,
        tests: Vec<RuleTest>,
    ) -> RuleSet {
        let slots = (0..arena.operands.reads.len() as Slot).collect();
        let mut set = RuleSet {
            fed: correlate::fed(&correlations, rules.len()),
            steps: correlate::steps(&correlations),
            arena,
            rules,
            origins,
            tests,
            correlations,
            state: correlate::Shared::default(),
            exemptions,
            programs: Vec::new(),
            slots,
            least: Priority::Debug,
        };
        set.compile();
        set
    }

    fn compile(&mut self) {
        let program = |name: &str| {
            let asked = (0u32..).zip(&self.rules).filter(|(place, entry)| self.asked(*place, entry));
            let asked = asked.map(|(place, entry)| (place, entry.root));
            let steps = (self.rules.len() as u32..).zip(&self.steps);
            let steps = steps.filter(|(_, step)| self.active(&self.correlating(&step.hit).rule));
            let all = asked.chain(steps.map(|(place, step)| (place, step.root)));
            let can = all.filter(|(_, root)| self.arena.here[root.0 as usize].yes.has(name));
            Program::new(&self.arena, name, can)
        };
        self.programs =
            EVENTS.iter().map(|event| event.types.iter().map(|name| program(name)).collect()).collect();
    }

    /// In file order, also those that are switched off.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().map(|entry| &entry.rule)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.rules.iter().find(|entry| entry.rule.name == name)
    }

    /// Whether a rule takes part: it is enabled and severe enough.
    pub fn active(&self, rule: &Rule) -> bool {
        rule.enabled && rule.priority <= self.least
    }

    /// Whether a rule is to be asked: it takes part, or feeds a correlation that does.
    fn asked(&self, place: u32, entry: &Entry) -> bool {
        let feeds = || self.fed[place as usize].iter().any(|hit| self.active(&self.correlating(hit).rule));
        !entry.correlates && (self.active(&entry.rule) || (entry.rule.enabled && feeds()))
    }

    /// The rule about several events that a match counts for.
    fn correlating(&self, hit: &Hit) -> &Entry {
        &self.rules[self.correlations[hit.correlation()].rule as usize]
    }

    /// Lets rules that only feed correlations raise alerts too: so they can be tested by themselves.
    pub fn tell_all(&mut self) {
        self.rules.iter_mut().for_each(|entry| entry.silent = false);
    }

    /// Adds a finding for each rule that objects to the event.
    pub fn judge(&self, event: &Event, matching: Matching, findings: &mut Vec<Finding>) {
        let Some(program) = self.program(&event.payload) else { return };
        let mut teller: Option<Teller<'_, '_>> = None;
        let mut settled = false;
        let mut hits = Vec::new();
        program.judge(&self.arena, event, |index, truth| {
            let Some(entry) = self.rules.get(index as usize) else {
                let Some(step) = self.steps.get(index as usize - self.rules.len()) else { return };
                match truth {
                    Truth::False => {}
                    Truth::Undecided => self.correlating(&step.hit).not_decided(),
                    Truth::True => hits.push(step.hit),
                }
                return;
            };
            let falco = entry.rule.language == Language::Falco;
            match truth {
                Truth::False => {}
                Truth::Undecided => entry.not_decided(),
                Truth::True => {
                    if !entry.exempt.is_empty() {
                        let teller =
                            teller.get_or_insert_with(|| Teller::new(&self.arena, event, &self.slots));
                        if self.excepts(entry, event, teller) {
                            return;
                        }
                    }
                    hits.extend(&self.fed[index as usize]);
                    if entry.silent || entry.counted || !self.active(&entry.rule) || (falco && settled) {
                        return;
                    }
                    let teller = teller.get_or_insert_with(|| Teller::new(&self.arena, event, &self.slots));
                    let (output, fields) = teller.fill(&entry.output);
                    let reasons = teller.reasons(entry.root);
                    findings.push(Finding { rule: Arc::clone(&entry.rule), output, fields, reasons });
                    settled |= falco && matching == Matching::First;
                }
            }
        });
        if !hits.is_empty() {
            let mut teller = teller.unwrap_or_else(|| Teller::new(&self.arena, event, &self.slots));
            self.correlate(hits, event, &mut teller, findings);
        }
    }

    /// Whether an exception that stands beside the rules covers that a rule has matched: then it is as if it had not.
    /// What cannot be decided covers nothing.
    pub(super) fn excepts<'e>(&'e self, entry: &Entry, event: &Event, teller: &mut Teller<'e, 'e>) -> bool {
        let mut ours = entry.exempt.iter().filter_map(|place| self.exemptions.get(*place as usize));
        let found =
            ours.find(|one| one.exemption.holds_at(event.time) && teller.truth(one.root) == Truth::True);
        if let Some(one) = found {
            one.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// The exceptions that stand beside the rules, in file order, and how many findings each has covered.
    pub fn exemptions(&self) -> impl Iterator<Item = (&Arc<Exemption>, u64)> {
        self.exemptions.iter().map(|one| (&one.exemption, one.suppressed.load(Ordering::Relaxed)))
    }

    /// The rules that an exception, by its place in file order, is about.
    pub fn exempted(&self, place: usize) -> impl Iterator<Item = &Arc<Rule>> {
        let about = move |entry: &&Entry| entry.exempt.iter().any(|own| *own as usize == place);
        self.rules.iter().filter(about).map(|entry| &entry.rule)
    }

    fn program(&self, payload: &Payload) -> Option<&Program> {
        self.programs.get(payload.kind() as usize)?.get(usize::from(payload.variant()))
    }

    /// Names each rule that an event could match, and whether it does: what judging asks, without telling of it.
    pub fn ask(&self, event: &Event, mut each: impl FnMut(&Arc<Rule>, bool)) {
        if let Some(program) = self.program(&event.payload) {
            program.judge(&self.arena, event, |index, truth| {
                // What comes after the rules are steps of theirs.
                if let Some(entry) = self.rules.get(index as usize) {
                    each(&entry.rule, truth == Truth::True);
                }
            });
        }
    }

    /// How often each rule could not be decided because a value was cut off; only those where it happened.
    pub fn undecided(&self) -> impl Iterator<Item = (&Arc<Rule>, u64)> {
        let counts = self.rules.iter().map(|entry| (&entry.rule, entry.undecided.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0)
    }

    /// Goes on with what another set has gathered for the rules that are in both and say the same.
    pub fn adopt(&mut self, old: &RuleSet) {
        let key = |entry: &Entry| (entry.rule.name.clone(), entry.rule.condition.clone());
        let before: HashMap<_, _> = old.rules.iter().map(|entry| (key(entry), entry)).collect();
        for entry in &self.rules {
            if let Some(before) = before.get(&key(entry)) {
                entry.undecided.store(before.undecided.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        for one in &self.exemptions {
            if let Some((_, count)) = old.exemptions().find(|(other, _)| other.name == one.exemption.name) {
                one.suppressed.store(count, Ordering::Relaxed);
            }
        }
        self.adopt_state(old);
    }

    /// The events that some active rule wants.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        let wanted = types::produced().filter(|(_, kind, variant)| {
            let programs = self.programs.get(*kind as usize);
            programs
                .and_then(|programs| programs.get(usize::from(*variant)))
                .is_some_and(|program| !program.is_empty())
        });
        wanted.map(|(_, kind, _)| kind).collect()
    }

    /// Switches rules on and off, one selection after the other. The error names a glob that cannot be read.
    pub fn select(&mut self, selections: &[Selection]) -> Result<(), String> {
        for selection in selections {
            let glob = match &selection.target {
                Target::Rule(pattern) => {
                    let glob = Glob::new(pattern.as_bytes(), false);
                    Some(glob.map_err(|error| format!("rule selection `{pattern}`: {error}"))?)
                }
                Target::Tag(_) => None,
            };
            for entry in &mut self.rules {
                let chosen = match (&selection.target, &glob) {
                    (Target::Tag(tag), _) => entry.rule.tags.contains(tag),
                    (Target::Rule(_), Some(glob)) => {
                        glob.test(entry.rule.name.as_bytes(), Cut::None) == Truth::True
                    }
                    (Target::Rule(_), None) => false,
                };
                if chosen {
                    Arc::make_mut(&mut entry.rule).enabled = selection.enable;
                }
            }
        }
        self.compile();
        Ok(())
    }

    /// Leaves out rules that are less severe.
    pub fn set_min_priority(&mut self, least: Priority) {
        self.least = least;
        self.compile();
    }

    /// The cases that rules carry, in file order.
    pub fn tests(&self) -> &[RuleTest] {
        &self.tests
    }
}
