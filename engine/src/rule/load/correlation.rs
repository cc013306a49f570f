//! Sigma's correlations: the rules that they name are looked up, and their fields in each of those.

use std::collections::BTreeSet;

use super::{Loader, sigma::Named};
use crate::rule::{
    Language, Rule, RuleTest,
    check::ReadId,
    correlate::{Correlation, Feeder, What},
    lang::{Expr, Operand},
    ruleset::Entry,
    sigma::{
        compile::{Origin, reference},
        correlation,
        document::{self, Head},
        logsource::Answer,
    },
    source::{Complaint, Node, Place, Text, line_of, nearest},
};

/// Most rules that a correlation names.
const FEEDERS_MAX: usize = 256;

impl Loader<'_> {
    /// Adds the correlations of these documents to the rules.
    pub fn correlations(
        &mut self,
        documents: &[(&Node, Head)],
        named: &[Named],
        entries: &mut Vec<Entry>,
        tests: &mut Vec<RuleTest>,
    ) -> Vec<Correlation> {
        let mut names: BTreeSet<String> = entries.iter().map(|entry| entry.rule.name.clone()).collect();
        let mut found = Vec::new();
        for (root, head) in documents {
            if let Some(correlation) = self.correlation(root, head, named, entries, &mut names) {
                self.carried(head, &entries[correlation.rule as usize].rule.name, tests);
                found.push(correlation);
            }
        }
        found
    }

    fn correlation(
        &mut self,
        root: &Node,
        head: &Head,
        named: &[Named],
        entries: &mut Vec<Entry>,
        names: &mut BTreeSet<String>,
    ) -> Option<Correlation> {
        let node = document::key(root, "correlation")?;
        let read = correlation::read(node, &mut self.reports)?;
        if read.rules.len() > FEEDERS_MAX {
            let message = format!("more than {FEEDERS_MAX} rules");
            self.reports.error(Complaint::new(read.rules[0].1, message));
            return None;
        }
        let (mut feeders, mut meaning, mut template) = (Vec::new(), Vec::new(), None);
        let mut fed_by = Vec::new();
        for (name, place) in &read.rules {
            let Some(rule) = named.iter().find(|rule| rule.is(name)) else {
                let all = named.iter().flat_map(|rule| &rule.names).map(String::as_str);
                let complaint = Complaint::new(*place, format!("there is no rule `{name}`"));
                self.reports.error(match nearest(name, all) {
                    Some(like) => complaint.help(format!("did you mean `{like}`?")),
                    None => complaint.help(
                        "a rule's `id`, `name` or `title`; correlations of correlations are not supported",
                    ),
                });
                return None;
            };
            let alias = |field: &str| {
                let found = read.aliases.iter().find(|(alias, of, _)| alias == field && rule.is(of));
                found.map_or_else(|| field.to_owned(), |(_, _, name)| name.clone())
            };
            let mut by = Vec::new();
            for (field, place) in &read.group_by {
                by.push(self.grouped(&alias(field), *place, rule)?);
            }
            let of = match &read.field {
                Some((field, place)) => vec![self.grouped(&alias(field), *place, rule)?],
                None => Vec::new(),
            };
            let entry = &entries[rule.entry as usize];
            meaning.push((entry.rule.name.clone(), entry.rule.condition.clone()));
            template.get_or_insert_with(|| self.told(head, &read, &by, entry));
            feeders.push(Feeder { what: What::Rule(rule.entry), by, of });
            fed_by.push(rule.entry as usize);
        }
        for place in fed_by.iter().filter(|_| !read.generate) {
            let entry = &mut entries[*place];
            entry.silent = entry.rule.language == Language::Sigma;
        }
        let mut parts: Vec<_> = fed_by.iter().map(|place| entries[*place].expr.clone()).collect();
        let single = if parts.len() == 1 { parts.pop() } else { None };
        let expr = single.unwrap_or(Expr::Or(parts));
        if let Some(problem) = expr.size().too_large() {
            self.reports.error(Complaint::new(head.place, format!("`{}` {problem}", head.title)));
            return None;
        }
        let mut errors = Vec::new();
        let node = self.arena.add(&expr, self.table, &mut errors);
        let template = template?;
        let mut text = Text::default();
        text.push_for(&template, head.place);
        let output = self.output(&text, &mut errors);
        errors.into_iter().for_each(|error| self.reports.error(error));
        let source = &self.sources[root.place.file as usize];
        let rule = Rule {
            name: self.unique(head, names),
            desc: head.desc.clone(),
            priority: head.priority,
            tags: head.tags.clone(),
            source: "syscall".to_owned(),
            enabled: head.enabled,
            condition: read.shown.clone(),
            output: template,
            file: source.name.clone(),
            line: line_of(&source.text, head.place.start as usize),
            language: Language::Sigma,
            id: head.id.clone(),
            false_positives: head.false_positives.clone(),
        };
        let place = entries.len() as u32;
        let mut entry = Entry::new(rule, node?, expr, output?, Vec::new());
        entry.correlates = true;
        entries.push(entry);
        Some(Correlation::new(place, read.pattern, read.shown, feeders, meaning))
    }

    /// The places where a field may be read in the events of a rule.
    fn grouped(&mut self, name: &str, place: Place, rule: &Named) -> Option<Vec<ReadId>> {
        let mut fields = Vec::new();
        if let Origin::Events(source) = &rule.origin {
            for view in source.views {
                if let Some(Answer::Field(field) | Answer::Directory(field)) = source.answer(view, name)
                    && !fields.contains(&field)
                {
                    fields.push(field);
                }
            }
        }
        if fields.is_empty() {
            fields.push(name);
        }
        let mut reads = Vec::new();
        for field in fields {
            let operand = Operand::Field(reference(field, place));
            match self.arena.operands.add(&operand, self.table) {
                Ok(read) => reads.push(read),
                Err(complaint) => {
                    let message = format!("rule `{}` has no field `{name}`", rule.names[0]);
                    self.reports.error(Complaint { message, ..complaint });
                    return None;
                }
            }
        }
        Some(reads)
    }

    /// What an alert says: what was counted, the values of the group, and what the last of the rules says.
    fn told(&self, head: &Head, read: &correlation::Correlation, by: &[Vec<ReadId>], last: &Entry) -> String {
        let mut out = format!("{} | {}", head.title.replace('%', "%%"), read.shown.replace('%', "%%"));
        for ((name, _), reads) in read.group_by.iter().zip(by) {
            if let Some(read) = reads.first() {
                out.push_str(&format!(" {name}=%{}", self.arena.operands.info(*read).shown));
            }
        }
        out.push_str(" | ");
        out.push_str(&last.rule.output);
        out
    }
}
