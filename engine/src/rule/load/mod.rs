//! From files to rules that can judge. All errors of all files are found in one go.

pub mod collect;
mod correlation;
pub mod exception;
pub mod exemption;
pub mod item;
mod sigma;
pub mod state;
pub mod version;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use self::collect::{Collected, RuleDef};
use super::{
    Language, Rule, Source, cases,
    check::{Arena, NodeId, Table},
    correlate::Correlation,
    lang::{
        Expr, Right, expand,
        expand::{Macro, Macros},
        parse, template,
    },
    ruleset::{Entry, Origins, RuleSet},
    run::output::Part,
    sigma::document,
    source::{Complaint, Diagnostic, Place, Reports, Text, line_of, nearest, yaml},
};

/// Event types above which a rule is told that it asks about too many.
const EVENT_TYPES_MANY: usize = 100;

pub struct Loaded {
    pub rules: RuleSet,
    pub warnings: Vec<Diagnostic>,
}

/// Loads files in their order. Later ones may add to and override what earlier ones define.
pub fn load(sources: &[Source]) -> Result<Loaded, Vec<Diagnostic>> {
    load_with(sources, &Table::engine())
}

/// The same with another table of fields.
pub fn load_with(sources: &[Source], table: &Table<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut reports = Reports::new(sources);
    let mut collected = Collected::default();
    let mut documents = Vec::new();
    for (file, source) in (0u32..).zip(sources) {
        match yaml::parse(file, &source.text) {
            Ok(roots) => {
                let (sigma, roots): (Vec<_>, Vec<_>) = roots.into_iter().partition(document::is_sigma);
                documents.extend(sigma);
                for item in item::items(&roots, &source.text, &mut reports) {
                    collected.add(&item, &mut reports);
                }
            }
            Err(complaint) => reports.error(complaint),
        }
    }
    let mut loader = Loader { sources, table, reports, arena: Arena::default(), hinted: HashSet::new() };
    let macros = loader.macros(&collected);
    let (mut rules, mut correlations) = loader.rules(&collected, &macros);
    let mut tests = loader.tests(&collected);
    correlations.extend(loader.sigma(&documents, &mut rules, &mut tests));
    let exemptions = loader.exemptions(&collected, &macros, &mut rules);
    loader.arena.seal();
    if loader.reports.failed() {
        return Err(loader.reports.finish());
    }
    let origin = |place: Place| {
        let source = &sources[place.file as usize];
        (source.name.clone(), line_of(&source.text, place.start as usize))
    };
    let origins = Origins {
        lists: collected.list_places.iter().map(|(name, place)| (name.clone(), origin(*place))).collect(),
        macros: collected.macros.iter().map(|(name, def)| (name.clone(), origin(def.place))).collect(),
    };
    let rules = RuleSet::new(loader.arena, rules, correlations, exemptions, origins, tests);
    Ok(Loaded { rules, warnings: loader.reports.finish() })
}

struct Loader<'l> {
    sources: &'l [Source],
    table: &'l Table<'l>,
    reports: Reports<'l>,
    arena: Arena,
    /// Macro bodies whose words have been looked at, by address.
    hinted: HashSet<usize>,
}

impl Loader<'_> {
    /// Reads every macro, also one that no rule uses.
    fn macros(&mut self, collected: &Collected) -> BTreeMap<String, (Macro, Vec<String>)> {
        let mut out = BTreeMap::new();
        for (name, def) in &collected.macros {
            let (expr, lists) = self.parse(&def.condition, collected);
            out.insert(name.clone(), (Macro { index: def.index, sees: def.sees, expr }, lists));
        }
        out
    }

    fn parse(&mut self, condition: &Text, collected: &Collected) -> (Option<Expr>, Vec<String>) {
        let mut used = Vec::new();
        let text = expand::lists(condition, &collected.lists, &mut used);
        match text.and_then(|text| parse::condition(&text)) {
            Ok(expr) => (Some(expr), used),
            Err(complaint) => {
                self.reports.error(complaint);
                (None, used)
            }
        }
    }

    /// Macros without the lists that they name.
    fn bare(&self, macros: &BTreeMap<String, (Macro, Vec<String>)>) -> BTreeMap<String, Macro> {
        let bare = macros.iter().map(|(name, (def, _))| {
            (name.clone(), Macro { index: def.index, sees: def.sees, expr: def.expr.clone() })
        });
        bare.collect()
    }

    fn rules(
        &mut self,
        collected: &Collected,
        macros: &BTreeMap<String, (Macro, Vec<String>)>,
    ) -> (Vec<Entry>, Vec<Correlation>) {
        let bare = self.bare(macros);
        let mut resolver = Macros::new(&bare, &collected.lists);
        // Macros that no rule uses may be wrong too.
        for (def, _) in macros.values() {
            let mut errors = Vec::new();
            if let Some(expr) = &def.expr {
                resolver.resolve(expr, def.sees, &mut errors);
            }
            errors.into_iter().for_each(|error| self.reports.error(error));
        }
        let (mut rules, mut correlations) = (Vec::new(), Vec::new());
        for def in &collected.rules {
            let Some(mut entry) = self.rule(def, collected, macros, &mut resolver) else { continue };
            if let Some(state) = &def.state {
                let place = rules.len() as u32;
                correlations.extend(self.state(state, def, place, &mut entry, collected, &mut resolver));
                entry.counted = true;
            }
            rules.push(entry);
        }
        (rules, correlations)
    }

    fn rule(
        &mut self,
        def: &RuleDef,
        collected: &Collected,
        macros: &BTreeMap<String, (Macro, Vec<String>)>,
        resolver: &mut Macros<'_>,
    ) -> Option<Entry> {
        if def.source != "syscall" {
            let message =
                format!("rule `{}` is left out: there are no events of source `{}`", def.name, def.source);
            self.reports.warning(Complaint::new(def.place, message));
            return None;
        }
        let condition = exception::apply(&def.condition, &def.exceptions, &mut self.reports);
        let (expr, mut lists) = self.parse(&condition, collected);
        let mut errors = Vec::new();
        let expr = expr.map(|expr| resolver.resolve(&expr, usize::MAX, &mut errors));
        let expr = expr.filter(|expr| {
            let problem = expr.size().too_large();
            errors.extend(
                problem
                    .iter()
                    .map(|problem| Complaint::new(def.place, format!("rule `{}` {problem}", def.name))),
            );
            problem.is_none()
        });
        errors.drain(..).for_each(|error| self.reports.error(error));
        let root = expr.as_ref().and_then(|expr| self.arena.add(expr, self.table, &mut errors));
        let output = self.output(&def.output, &mut errors);
        if def.skip_if_unknown && errors.iter().any(|error| error.unknown_field) {
            let message = format!("rule `{}` is left out: it asks for a field that is not known", def.name);
            self.reports.warning(Complaint::new(def.place, message));
            return None;
        }
        errors.into_iter().for_each(|error| self.reports.error(error));
        let (expr, root, output) = (expr?, root?, output?);
        self.too_many_types(def, root);
        self.list_hints(&expr, collected);
        let mut within = Vec::new();
        lists_of(&expr, macros, &mut within);
        within
            .into_iter()
            .filter(|name| !lists.contains(name))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|n| lists.push(n));
        let source = &self.sources[def.place.file as usize];
        let rule = Rule {
            name: def.name.clone(),
            desc: def.desc.clone(),
            priority: def.priority,
            tags: def.tags.clone(),
            source: def.source.clone(),
            enabled: def.enabled,
            condition: expr.to_string(),
            output: def.output.as_str().trim().to_owned(),
            file: source.name.clone(),
            line: line_of(&source.text, def.place.start as usize),
            language: Language::Falco,
            id: None,
            false_positives: Vec::new(),
        };
        Some(Entry::new(rule, root, expr, output, lists))
    }

    fn too_many_types(&mut self, def: &RuleDef, root: NodeId) {
        let types = self.arena.anywhere[root.0 as usize].yes.len();
        if def.warn_event_types && types > EVENT_TYPES_MANY {
            let message = format!("rule `{}` can match {types} event types", def.name);
            let complaint = Complaint::new(def.place, message);
            self.reports.warning(complaint.help("name them with `evt.type`, or set `warn_evttypes: false`"));
        }
    }

    /// A word that is almost the name of a list is a text to Falco, and to us; but hardly to its writer.
    fn list_hints(&mut self, expr: &Expr, collected: &Collected) {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => {
                parts.iter().for_each(|part| self.list_hints(part, collected))
            }
            Expr::Not(inner) => self.list_hints(inner, collected),
            Expr::Macro { body, .. } => {
                if self.hinted.insert(Arc::as_ptr(body) as usize) {
                    self.list_hints(&body.expr, collected);
                }
            }
            Expr::Check(check) => {
                let (Right::List(items) | Right::Quantified(_, items)) = &check.right else { return };
                for item in items.iter().filter(|item| item.bytes.contains(&b'_')) {
                    let Ok(word) = std::str::from_utf8(&item.bytes) else { continue };
                    let all = collected.lists.keys().map(String::as_str);
                    let all = all.filter(|name| name.len().abs_diff(word.len()) <= 2);
                    let near = nearest(word, all).filter(|name| strsim::damerau_levenshtein(word, name) <= 2);
                    if let Some(name) = near.filter(|name| *name != word) {
                        let complaint =
                            Complaint::new(item.at.0, format!("`{word}` names no list: it is a text here"));
                        self.reports.warning(complaint.help(format!("did you mean the list `{name}`?")));
                    }
                }
            }
            Expr::Name { .. } => {}
        }
    }

    fn output(&mut self, output: &Text, errors: &mut Vec<Complaint>) -> Option<Vec<Part>> {
        let output = self.without_container_info(output);
        let pieces = match template::parse(&output) {
            Ok(pieces) => pieces,
            Err(complaints) => {
                errors.extend(complaints);
                return None;
            }
        };
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                template::Piece::Text(text) => parts.push(Part::Text(text)),
                template::Piece::Value { operand, written, .. } => {
                    match self.arena.operands.add(&operand, self.table) {
                        Ok(read) => parts.push(Part::Value { read, written }),
                        Err(complaint) => errors.push(complaint),
                    }
                }
            }
        }
        if let (Some(Part::Text(last)), true) = (parts.last_mut(), errors.is_empty()) {
            last.truncate(last.trim_end().len());
        }
        errors.is_empty().then_some(parts)
    }

    /// Falco took this placeholder out: what it stood for is in fields of its own.
    fn without_container_info(&mut self, output: &Text) -> Text {
        const GONE: &str = "%container.info";
        let mut rest = output.clone();
        while let Some(at) = rest.as_str().find(GONE) {
            let complaint = Complaint::new(rest.place(at..at + GONE.len()), format!("`{GONE}` is removed"));
            self.reports.warning(complaint.help("name the fields wanted, as in `%container.id`"));
            let mut cut = rest.slice(0..at);
            cut.push_text(&rest.slice(at + GONE.len()..rest.as_str().len()));
            rest = cut;
        }
        rest
    }

    fn tests(&mut self, collected: &Collected) -> Vec<cases::RuleTest> {
        let mut out = Vec::new();
        for (node, rule) in collected.rules.iter().flat_map(|def| &def.tests) {
            let source = &self.sources[node.place.file as usize];
            let line = line_of(&source.text, node.place.start as usize);
            out.extend(cases::read(node, rule, &source.name, line, &mut self.reports));
        }
        out
    }
}

fn lists_of(expr: &Expr, macros: &BTreeMap<String, (Macro, Vec<String>)>, out: &mut Vec<String>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| lists_of(part, macros, out)),
        Expr::Not(inner) => lists_of(inner, macros, out),
        Expr::Macro { name, body } => {
            if let Some((_, lists)) = macros.get(name) {
                out.extend(lists.iter().filter(|list| !out.contains(list)).cloned().collect::<Vec<_>>());
            }
            lists_of(&body.expr, macros, out);
        }
        Expr::Check(_) | Expr::Name { .. } => {}
    }
}
