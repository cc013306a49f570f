//! Sigma documents among the files: each becomes a rule beside Falco's.

use std::collections::{BTreeMap, BTreeSet};

use super::Loader;
use crate::rule::{
    Language, Rule, cases,
    correlate::Correlation,
    ruleset::Entry,
    sigma::{
        compile::{self, Origin},
        document::{self, Detection, Head},
        logsource::Answer,
    },
    source::{Complaint, Node, Place, Text, line_of},
};

/// A rule by the names that correlations may call it.
pub struct Named {
    pub names: Vec<String>,
    pub entry: u32,
    pub origin: Origin,
}

impl Named {
    pub fn is(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}

impl Loader<'_> {
    /// Adds the rules of Sigma documents, in their order, with the tests that they carry; and their correlations.
    pub fn sigma(
        &mut self,
        roots: &[Node],
        entries: &mut Vec<Entry>,
        tests: &mut Vec<cases::RuleTest>,
    ) -> Vec<Correlation> {
        let mut names: BTreeSet<String> = entries.iter().map(|entry| entry.rule.name.clone()).collect();
        let falco = |(entry, rule): (u32, &Entry)| Named {
            names: vec![rule.rule.name.clone()],
            entry,
            origin: Origin::Elsewhere(String::new()),
        };
        // What a rule with `state` counts is its own business.
        let single = (0u32..).zip(entries.iter()).filter(|(_, entry)| !entry.counted);
        let mut named: Vec<_> = single.map(falco).collect();
        let mut ids: BTreeMap<String, Place> = BTreeMap::new();
        let mut correlations = Vec::new();
        for root in roots {
            let Some(mut head) = document::head(root, &mut self.reports) else { continue };
            if let Some(id) = &head.id
                && let Some(first) = ids.insert(id.clone(), head.place)
            {
                let source = &self.sources[first.file as usize];
                let line = line_of(&source.text, first.start as usize);
                let message = format!("rule `{}` is left out: its id is that of another", head.title);
                let complaint = Complaint::new(head.place, message);
                self.reports.warning(complaint.help(format!("the other is at {}:{line}", source.name)));
                continue;
            }
            if document::key(root, "correlation").is_some() {
                correlations.push((root, head));
                continue;
            }
            let called = [head.id.clone(), head.name.clone(), Some(head.title.clone())];
            let Some((entry, origin)) = self.sigma_rule(root, &mut head, &mut names) else { continue };
            self.carried(&head, &entry.rule.name, tests);
            let called = called.into_iter().flatten().rev().collect();
            named.push(Named { names: called, entry: entries.len() as u32, origin });
            entries.push(entry);
        }
        self.correlations(&correlations, &named, entries, tests)
    }

    /// Adds the tests that a document carries.
    pub fn carried(&mut self, head: &Head, rule: &str, tests: &mut Vec<cases::RuleTest>) {
        for case in &head.tests {
            let source = &self.sources[case.place.file as usize];
            let line = line_of(&source.text, case.place.start as usize);
            tests.extend(cases::read(case, rule, &source.name, line, &mut self.reports));
        }
    }

    fn sigma_rule(
        &mut self,
        root: &Node,
        head: &mut Head,
        names: &mut BTreeSet<String>,
    ) -> Option<(Entry, Origin)> {
        if document::key(root, "filter").is_some() {
            let message = format!("`{}` is left out: filters are not supported", head.title);
            self.reports.warning(Complaint::new(head.place, message));
            return None;
        }
        let origin = match document::origin(root, &mut self.reports)? {
            Ok(origin) => origin,
            Err(complaint) => {
                let message = format!("rule `{}` is left out: {}", head.title, complaint.message);
                self.reports.warning(Complaint { message, ..complaint });
                return None;
            }
        };
        let source = &self.sources[root.place.file as usize];
        let detection = document::detection(root, &source.text, origin, &mut self.reports)?;
        let compiled = compile::compile(
            &detection.origin,
            &detection.selections,
            &detection.condition,
            detection.place,
            self.table,
            &mut self.reports,
        )?;
        if let Some(problem) = compiled.expr.size().too_large() {
            self.reports.error(Complaint::new(head.place, format!("rule `{}` {problem}", head.title)));
            return None;
        }
        let mut errors = Vec::new();
        let root = self.arena.add(&compiled.expr, self.table, &mut errors);
        let template = template(head, &detection);
        let mut text = Text::default();
        text.push_for(&template, head.place);
        let output = self.output(&text, &mut errors);
        errors.into_iter().for_each(|error| self.reports.error(error));
        let rule = Rule {
            name: self.unique(head, names),
            desc: std::mem::take(&mut head.desc),
            priority: head.priority,
            tags: std::mem::take(&mut head.tags),
            source: "syscall".to_owned(),
            enabled: head.enabled,
            condition: compiled.expr.to_string(),
            output: template,
            file: source.name.clone(),
            line: line_of(&source.text, head.place.start as usize),
            language: Language::Sigma,
            id: head.id.take(),
            false_positives: std::mem::take(&mut head.false_positives),
        };
        let entry = Entry::new(rule, root?, compiled.expr, output?, Vec::new());
        Some((entry.named(compiled.names), detection.origin))
    }

    /// Rules are told apart by their names; titles need not differ.
    pub fn unique(&mut self, head: &Head, names: &mut BTreeSet<String>) -> String {
        let mut name = head.title.clone();
        let id = head.id.as_deref().unwrap_or("");
        for n in 2.. {
            if names.insert(name.clone()) {
                break;
            }
            name = match id.get(..8) {
                Some(id) if n == 2 => format!("{} ({id})", head.title),
                Some(_) | None => format!("{} ({n})", head.title),
            };
        }
        if name != head.title {
            let message = format!("there is a rule `{}` already: this one is called `{name}`", head.title);
            self.reports.warning(Complaint::new(head.place, message));
        }
        name
    }
}

/// What an alert says: Sigma has no templates. The fields that the rule asks for come first.
fn template(head: &Head, detection: &Detection) -> String {
    let mut out = format!("{} |", head.title.replace('%', "%%"));
    let shows = match &detection.origin {
        Origin::Events(source) => {
            for name in &detection.fields {
                let answers = source.views.iter().map(|view| source.answer(view, name));
                let field = answers.into_iter().find_map(|answer| match answer {
                    Some(Answer::Field(field) | Answer::Directory(field)) => Some(field),
                    Some(_) | None => None,
                });
                if let Some(field) = field {
                    out.push_str(&format!(" {name}=%{field}"));
                }
            }
            source.shows
        }
        Origin::Elsewhere(_) => "",
    };
    out.push_str(shows);
    out.push_str(
        " command=%proc.exeline program=%proc.exepath parent=%proc.pexeline user=%user.name \
         container=%container.name image=%container.image",
    );
    out
}
