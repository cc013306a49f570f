//! A rule laid open: its condition as a tree, what each field means, where its macros and lists come from.

use std::fmt::{self, Write};

use nightjar_events::Kind;

use super::{
    correlate::What,
    coverage::{Coverage, PARTICULAR_MAX},
    lang::Expr,
    ruleset::RuleSet,
};

#[derive(Clone, Debug)]
pub struct Explanation {
    pub rule: String,
    pub desc: String,
    pub file: String,
    pub line: u32,
    /// What of several events it counts, when it is about several.
    pub correlation: Option<String>,
    /// Conditions that must have held before, in their order: each as `tree`.
    pub steps: Vec<String>,
    /// The condition, one comparison a line, indented by depth.
    pub tree: String,
    /// Each field as written, and what it is; `None`: not produced by this version.
    pub fields: Vec<(String, Option<&'static str>)>,
    /// Fields by the names of the rule's own language, and what they are here.
    pub names: Vec<(String, String)>,
    pub false_positives: Vec<String>,
    pub event_types: Vec<&'static str>,
    pub coverage: Coverage,
    /// Name, file and line of what the condition was put together from.
    pub macros: Vec<(String, String, u32)>,
    pub lists: Vec<(String, String, u32)>,
}

impl RuleSet {
    /// `None`: there is no such rule.
    pub fn explain(&self, rule: &str, available: &dyn Fn(Kind) -> bool) -> Option<Explanation> {
        let entry = self.entry(rule)?;
        let mut names = Vec::new();
        macros(&entry.expr, &mut names);
        let mut out = String::new();
        // Writing to a string cannot fail.
        tree(&mut out, &entry.expr, 0).ok()?;
        let correlation = self.correlation(&entry.rule);
        let mut steps = Vec::new();
        let mut fields = self.arena.fields_of(entry.root);
        for feeder in correlation.iter().flat_map(|correlation| &correlation.feeders) {
            if let What::Step { root, expr } = &feeder.what {
                let mut out = String::new();
                tree(&mut out, expr, 0).ok()?;
                steps.push(out);
                macros(expr, &mut names);
                for used in self.arena.fields_of(*root) {
                    if fields.iter().all(|field| field.name != used.name) {
                        fields.push(used);
                    }
                }
            }
        }
        let origin = |name: &String, (file, line): &(String, u32)| (name.clone(), file.clone(), *line);
        let from_macros = names.iter().filter_map(|name| Some(origin(name, self.origins.macros.get(name)?)));
        let from_lists =
            entry.lists.iter().filter_map(|name| Some(origin(name, self.origins.lists.get(name)?)));
        Some(Explanation {
            rule: entry.rule.name.clone(),
            desc: entry.rule.desc.clone(),
            file: entry.rule.file.clone(),
            line: entry.rule.line,
            correlation: correlation.map(|correlation| correlation.shown.clone()),
            steps,
            tree: out,
            fields: fields.into_iter().map(|used| (used.name, used.row.map(|row| row.doc))).collect(),
            names: entry.names.clone(),
            false_positives: entry.rule.false_positives.clone(),
            event_types: self.event_types(&entry.rule),
            coverage: self.coverage(&entry.rule, available),
            macros: from_macros.collect(),
            lists: from_lists.collect(),
        })
    }
}

fn macros(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| macros(part, names)),
        Expr::Not(inner) => macros(inner, names),
        Expr::Macro { name, body } => {
            if !names.contains(name) {
                names.push(name.clone());
                macros(&body.expr, names);
            }
        }
        Expr::Check(_) | Expr::Name { .. } => {}
    }
}

fn tree(out: &mut String, expr: &Expr, depth: usize) -> fmt::Result {
    let pad = "  ".repeat(depth);
    let mut parts = |word: &str, parts: &[Expr]| {
        writeln!(out, "{pad}{word}")?;
        parts.iter().try_for_each(|part| tree(out, part, depth + 1))
    };
    match expr {
        Expr::And(all) => parts("all of", all),
        Expr::Or(any) => parts("any of", any),
        Expr::Not(inner) => parts("not", std::slice::from_ref(inner)),
        Expr::Macro { name, body } => parts(&format!("{name}:"), std::slice::from_ref(&body.expr)),
        Expr::Check(check) => writeln!(out, "{pad}{check}"),
        Expr::Name { name, .. } => writeln!(out, "{pad}{name}"),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}:{})\n{}", self.rule, self.file, self.line, self.desc)?;
        match &self.correlation {
            Some(shown) => writeln!(f, "\n{shown}, of events for which")?,
            None => writeln!(f, "\ncondition")?,
        }
        for step in &self.steps {
            for line in step.lines() {
                writeln!(f, "  {line}")?;
            }
            writeln!(f, "\nand then")?;
        }
        for line in self.tree.lines() {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "\nfields")?;
        for (name, doc) in &self.fields {
            writeln!(f, "  {name}: {}", doc.unwrap_or("not produced by this version"))?;
        }
        if !self.names.is_empty() {
            writeln!(f, "\nnames of the rule, and the fields that they are")?;
        }
        for (name, field) in &self.names {
            writeln!(f, "  {name}: {field}")?;
        }
        if !self.false_positives.is_empty() {
            writeln!(f, "\nknown to object without cause to")?;
        }
        for case in &self.false_positives {
            writeln!(f, "  {case}")?;
        }
        let types = match self.event_types.len() {
            ..=PARTICULAR_MAX => self.event_types.join(", "),
            _ => "any".to_owned(),
        };
        writeln!(f, "\nevent types: {types}\ncoverage: {}", self.coverage)?;
        for (what, all) in [("macro", &self.macros), ("list", &self.lists)] {
            for (name, file, line) in all {
                writeln!(f, "{what} {name}: {file}:{line}")?;
            }
        }
        Ok(())
    }
}
