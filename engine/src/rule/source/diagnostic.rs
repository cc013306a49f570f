//! What is wrong with a rule file, said so that it can be mended: where, what was expected, what was perhaps meant.

use std::{collections::HashSet, fmt};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::place::Place;
use crate::rule::Source;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The rules cannot be used.
    Error,
    /// They can, but perhaps not as meant.
    Warning,
}

/// One message about one place. `Display` prints it with an excerpt and a caret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    pub message: String,
    pub help: Option<String>,
    /// The line of the file.
    pub excerpt: String,
    /// Bytes of `excerpt` that are meant.
    pub span: (usize, usize),
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let snippet = Snippet::source(self.excerpt.as_str())
            .line_start(self.line as usize)
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(self.span.0..self.span.1));
        let mut group = level.primary_title(self.message.as_str()).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

/// A message that does not know its file's text yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complaint {
    pub place: Place,
    pub message: String,
    pub help: Option<String>,
    /// About a field that neither we nor Falco know: a rule may ask to be skipped for it.
    pub unknown_field: bool,
}

impl Complaint {
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Complaint { place, message: message.into(), help: None, unknown_field: false }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Asks "did you mean …?" when one of `names` is like `wrong`.
    pub fn did_you_mean<'n>(mut self, wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        if let Some(name) = nearest(wrong, names) {
            self.help = Some(format!("did you mean `{name}`?"));
        }
        self
    }
}

/// The name most like `wrong`, when one is like enough to be worth naming.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Collects messages about some sources; the same message about the same place is kept once.
pub struct Reports<'s> {
    sources: &'s [Source],
    list: Vec<(Severity, Complaint)>,
    seen: HashSet<Complaint>,
}

impl<'s> Reports<'s> {
    pub fn new(sources: &'s [Source]) -> Self {
        Reports { sources, list: Vec::new(), seen: HashSet::new() }
    }

    pub fn error(&mut self, complaint: Complaint) {
        self.push(Severity::Error, complaint);
    }

    pub fn warning(&mut self, complaint: Complaint) {
        self.push(Severity::Warning, complaint);
    }

    fn push(&mut self, severity: Severity, complaint: Complaint) {
        if self.seen.insert(complaint.clone()) {
            self.list.push((severity, complaint));
        }
    }

    pub fn failed(&self) -> bool {
        self.list.iter().any(|(severity, _)| *severity == Severity::Error)
    }

    /// In the order of the files.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|(_, complaint)| complaint.place);
        self.list.iter().map(|(severity, complaint)| render(self.sources, *severity, complaint)).collect()
    }
}

fn render(sources: &[Source], severity: Severity, complaint: &Complaint) -> Diagnostic {
    let source = sources.get(complaint.place.file as usize);
    let (name, text) = source.map_or(("", ""), |source| (source.name.as_str(), source.text.as_str()));
    let start = floor(text, complaint.place.start as usize);
    let end = floor(text, complaint.place.end as usize).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let excerpt = text[line_start..line_end].trim_end_matches('\r');
    let from = (start - line_start).min(excerpt.len());
    Diagnostic {
        severity,
        file: name.to_owned(),
        line: line_of(text, start),
        column: text[line_start..start].chars().count() as u32 + 1,
        message: complaint.message.clone(),
        help: complaint.help.clone(),
        excerpt: excerpt.to_owned(),
        span: (from, (end - line_start).min(excerpt.len()).max(from)),
    }
}

/// The line of an offset, counted from 1.
pub fn line_of(text: &str, offset: usize) -> u32 {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count() as u32 + 1
}

fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str, start: u32, end: u32, complaint: impl Fn(Complaint) -> Complaint) -> Diagnostic {
        let sources = [Source { name: "a.yaml".into(), text: text.into() }];
        let mut reports = Reports::new(&sources);
        reports.error(complaint(Complaint::new(Place { file: 0, start, end }, "unknown field")));
        reports.finish().remove(0)
    }

    #[test]
    fn a_message_shows_its_line_with_a_caret_and_a_guess() {
        let found =
            one("a: 1\nb: prc.name = x\n", 8, 16, |c| c.did_you_mean("prc.name", ["proc.name", "fd.name"]));
        assert_eq!((found.line, found.column), (2, 4));
        let text = found.to_string();
        assert!(text.contains("a.yaml:2:4"), "{text}");
        assert!(text.contains("^^^^^^^^"), "{text}");
        assert!(text.contains("did you mean `proc.name`?"), "{text}");
    }

    #[test]
    fn nothing_is_guessed_for_a_name_like_no_other() {
        assert_eq!(nearest("zzz.yyy", ["proc.name", "fd.name"]), None);
    }

    #[test]
    fn a_place_inside_a_character_or_behind_the_end_is_no_panic() {
        one("é", 1, 9, |c| c).to_string();
        one("", 5, 9, |c| c).to_string();
    }
}
