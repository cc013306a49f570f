//! Items that begin with `exception`: what stands in them becomes conditions that are asked where a rule has matched.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use nightjar_events::Cut;

use super::{Loader, collect::Collected, exception, item::Item};
use crate::rule::{
    exemption::{Exempting, Exemption, Schedule},
    lang::expand::{Macro, Macros},
    ruleset::Entry,
    run::{pattern::Glob, truth::Truth},
    source::{Complaint, Place, Reports, Text, line_of},
};

/// Most exceptions beside rules.
pub const EXEMPTIONS_MAX: usize = 1024;

pub struct ExemptionDef {
    pub name: String,
    pub place: Place,
    rules: Vec<(String, Place)>,
    tags: Vec<(String, Place)>,
    condition: Text,
    author: String,
    reason: String,
    expires: Option<u64>,
    schedule: Schedule,
}

/// Reads one. `None`: something is wrong with it, which has been reported.
pub fn read(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<ExemptionDef> {
    let lacks = |keys: &[&str]| keys.iter().all(|key| item.key(key).is_none());
    let required = [
        (lacks(&["rules", "tags"]), "`rules` or `tags`"),
        (lacks(&["condition", "fields"]), "`condition`, or `fields` and `values`"),
        (lacks(&["author"]), "`author`"),
        (lacks(&["reason"]), "`reason`"),
        (lacks(&["expires"]), "`expires`"),
    ];
    let missing: Vec<_> = required.iter().filter(|(missing, _)| *missing).map(|(_, what)| *what).collect();
    if !missing.is_empty() {
        let complaint =
            Complaint::new(item.place(), format!("exception `{}` lacks {}", item.name, missing.join(", ")));
        reports.error(
            complaint.help("one without an end says `expires: never`; one for every rule, `rules: ['*']`"),
        );
        return None;
    }
    let condition = match item.key("condition") {
        Some(_) => item.text("condition", reports),
        None => exception::standing_alone(item, reports),
    };
    let mut texts = ["author", "reason"].map(|key| item.string(key, reports)).into_iter();
    let (author, reason) = (texts.next().flatten(), texts.next().flatten());
    let expires = expires(item, reports);
    let schedule = schedule(item, reports);
    let mut list = |key| item.strings(key, reports).unwrap_or_default();
    let (rules, tags) = (list("rules"), list("tags"));
    let (name, place) = (item.name.clone(), item.place());
    let (condition, author, reason) = (condition?, author?, reason?);
    Some(ExemptionDef {
        name,
        place,
        rules,
        tags,
        condition,
        author,
        reason,
        expires: expires?,
        schedule: schedule?,
    })
}

/// `Some(None)`: never.
fn expires(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<Option<u64>> {
    let text = item.string("expires", reports)?;
    if text == "never" {
        return Some(None);
    }
    let date = || text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok();
    let time = text.parse::<Timestamp>().ok().or_else(|| Some(date()?.timestamp()));
    let nanoseconds = time.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    if nanoseconds.is_none() {
        let place = item.key("expires").map_or(item.place(), |node| node.place);
        let complaint = Complaint::new(place, format!("`{text}` is no time after 1970"));
        reports.error(complaint.help("as in 2027-03-01, 2027-03-01T08:00:00Z, or never"));
    }
    nanoseconds.map(Some)
}

fn schedule(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<Schedule> {
    let mut schedule = Some(Schedule::default());
    if let Some(days) = item.strings("days", reports) {
        for (day, place) in &days {
            if Schedule::default().on(&[day]).is_none() {
                let complaint = Complaint::new(*place, format!("`{day}` is no day"));
                let all = format!("the days are {}", Schedule::days().join(", "));
                reports.error(complaint.help(all));
            }
        }
        let days: Vec<&str> = days.iter().map(|(day, _)| day.as_str()).collect();
        schedule = schedule.and_then(|schedule| schedule.on(&days));
    }
    if let Some(hours) = item.string("hours", reports) {
        schedule = schedule.and_then(|schedule| schedule.during(&hours));
        if Schedule::default().during(&hours).is_none() {
            let place = item.key("hours").map_or(item.place(), |node| node.place);
            let complaint = Complaint::new(place, format!("`{hours}` are no hours"));
            reports.error(complaint.help("as in 22:00-04:30, in UTC"));
        }
    }
    schedule
}

impl Loader<'_> {
    /// Makes conditions of exceptions, and tells each rule which of them are about it.
    pub fn exemptions(
        &mut self,
        collected: &Collected,
        macros: &BTreeMap<String, (Macro, Vec<String>)>,
        entries: &mut [Entry],
    ) -> Vec<Exempting> {
        let bare = self.bare(macros);
        let mut resolver = Macros::new(&bare, &collected.lists);
        let mut out: Vec<Exempting> = Vec::with_capacity(collected.exemptions.len());
        for def in &collected.exemptions {
            let (expr, _) = self.parse(&def.condition, collected);
            let mut errors = Vec::new();
            let expr = expr.map(|expr| resolver.resolve(&expr, usize::MAX, &mut errors));
            if let Some(problem) = expr.as_ref().and_then(|expr| expr.size().too_large()) {
                errors.push(Complaint::new(def.place, format!("exception `{}` {problem}", def.name)));
            }
            let root = expr.as_ref().and_then(|expr| self.arena.add(expr, self.table, &mut errors));
            errors.into_iter().for_each(|error| self.reports.error(error));
            self.appoint(def, out.len() as u32, entries);
            let (Some(expr), Some(root)) = (expr, root) else { continue };
            let source = &self.sources[def.place.file as usize];
            let words = |list: &[(String, Place)]| list.iter().map(|(word, _)| word.clone()).collect();
            let exemption = Exemption {
                name: def.name.clone(),
                rules: words(&def.rules),
                tags: words(&def.tags),
                condition: expr.to_string(),
                author: def.author.clone(),
                reason: def.reason.clone(),
                expires: def.expires,
                schedule: def.schedule,
                file: source.name.clone(),
                line: line_of(&source.text, def.place.start as usize),
            };
            out.push(Exempting { exemption: Arc::new(exemption), root, suppressed: AtomicU64::new(0) });
        }
        out
    }

    /// Enters an exception, by its number, at the rules that it names. Whoever names none is told.
    fn appoint(&mut self, def: &ExemptionDef, number: u32, entries: &mut [Entry]) {
        let mut enter = |entry: &mut Entry| {
            if !entry.exempt.contains(&number) {
                entry.exempt.push(number);
            }
        };
        for (pattern, place) in &def.rules {
            let glob = match Glob::new(pattern.as_bytes(), false) {
                Ok(glob) => glob,
                Err(error) => {
                    self.reports.error(Complaint::new(*place, format!("`{pattern}`: {error}")));
                    continue;
                }
            };
            let named = |entry: &Entry| glob.test(entry.rule.name.as_bytes(), Cut::None) == Truth::True;
            if !entries.iter().any(named) {
                let complaint = Complaint::new(*place, format!("no rule is named `{pattern}`"));
                let names = entries.iter().map(|entry| entry.rule.name.as_str());
                self.reports.warning(complaint.did_you_mean(pattern, names));
            }
            entries.iter_mut().filter(|entry| named(entry)).for_each(&mut enter);
        }
        for (tag, place) in &def.tags {
            let tagged = |entry: &Entry| entry.rule.tags.contains(tag);
            if !entries.iter().any(tagged) {
                let complaint = Complaint::new(*place, format!("no rule has the tag `{tag}`"));
                let tags = entries.iter().flat_map(|entry| &entry.rule.tags).map(String::as_str);
                self.reports.warning(complaint.did_you_mean(tag, tags));
            }
            entries.iter_mut().filter(|entry| tagged(entry)).for_each(&mut enter);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        event::{Event, sample},
        rule::{Diagnostic, Loaded, Matching, RuleSet, Source, load},
    };

    const RULES: &str = "\
- list: readers
  items: [cat, tar]
- macro: reads
  condition: evt.type in (open, openat)
- rule: Password file read
  desc: d
  output: o
  priority: WARNING
  tags: [T1003.008]
  condition: reads and fd.name endswith /shadow
- rule: File of the system read
  desc: d
  output: o
  priority: NOTICE
  condition: reads and fd.name startswith /etc
";

    fn loaded(exceptions: &str) -> Result<Loaded, Vec<Diagnostic>> {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        load(&[source("rules.yaml", RULES), source("exceptions.yaml", exceptions)])
    }

    fn rules(exceptions: &str) -> RuleSet {
        loaded(exceptions).unwrap_or_else(|errors| panic!("{}", errors[0])).rules
    }

    /// 2026-01-01, a Thursday.
    fn event(program: &str) -> Event {
        sample::case(&format!(
            "{{type: openat, path: /etc/shadow, proc: {{exe_path: /usr/bin/{program}, comm: {program}, args: [{program}]}}}}"
        ))
    }

    fn found(rules: &RuleSet, event: &Event) -> Vec<String> {
        let mut findings = Vec::new();
        rules.judge(event, Matching::First, &mut findings);
        findings.into_iter().map(|finding| finding.rule.name.clone()).collect()
    }

    fn exception(more: &str) -> String {
        format!("- exception: Backup\n  rules: ['Password *']\n  author: dana\n  reason: nightly\n{more}")
    }

    #[test]
    fn what_an_exception_covers_is_as_if_the_rule_had_not_matched_and_is_counted() {
        let rules = rules(&exception("  condition: reads and proc.name in (readers)\n  expires: never\n"));
        // The next rule is asked, as Falco's would be.
        assert_eq!(found(&rules, &event("tar")), ["File of the system read"]);
        assert_eq!(found(&rules, &event("vim")), ["Password file read"]);
        let (exemption, covered) = rules.exemptions().next().unwrap();
        assert_eq!((exemption.author.as_str(), exemption.reason.as_str(), covered), ("dana", "nightly", 1));
        assert_eq!((exemption.file.as_str(), exemption.line), ("exceptions.yaml", 1));
        assert_eq!(
            rules.exempted(0).map(|rule| rule.name.as_str()).collect::<Vec<_>>(),
            ["Password file read"]
        );
    }

    #[test]
    fn fields_and_values_are_written_as_those_of_a_rules_own_exceptions() {
        let tuples = "  fields: [proc.name, fd.name]\n  comps: [=, startswith]\n  values:\n    - [tar, /etc]\n    - [cat, /root]\n  expires: never\n";
        let rules = rules(&exception(tuples));
        assert_eq!(found(&rules, &event("tar")), ["File of the system read"]);
        assert_eq!(found(&rules, &event("cat")), ["Password file read"]);
    }

    #[test]
    fn tags_name_rules_too() {
        let text = exception("  condition: proc.name = tar\n  expires: never\n")
            .replace("rules: ['Password *']", "tags: [T1003.008]");
        assert_eq!(found(&rules(&text), &event("tar")), ["File of the system read"]);
    }

    #[test]
    fn one_that_is_over_or_has_another_hour_covers_nothing() {
        let at = |more: &str, time: u64| {
            let rules = rules(&exception(&format!("  condition: proc.name = tar\n{more}")));
            found(&rules, &Event { time, ..event("tar") })[0] == "File of the system read"
        };
        let midnight = 1_767_225_600_000_000_000;
        let end = "  expires: 2026-01-01T00:00:01Z\n";
        assert!(at(end, midnight) && !at(end, midnight + 1_000_000_000));
        assert!(!at("  expires: 2026-01-01\n", midnight) && at("  expires: 2026-01-02\n", midnight));
        let nights = "  expires: never\n  days: [wed]\n  hours: 22:00-01:00\n";
        assert!(at(nights, midnight) && !at(nights, midnight + 3_600_000_000_000));
    }

    #[test]
    fn what_was_cut_off_makes_no_exception() {
        let rules = rules(&exception("  condition: proc.cmdline = \"tar\"\n  expires: never\n"));
        let cut = sample::case(
            "{type: openat, path: /etc/shadow, proc: {exe_path: /usr/bin/tar, args: [tar], args_cut: true}}",
        );
        assert_eq!(found(&rules, &cut), ["Password file read"]);
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_a_guess() {
        let said = |text: &str| {
            let Err(errors) = loaded(text) else { panic!("it loads") };
            let one = |Diagnostic { file, line, column, message, help, .. }: &Diagnostic| {
                format!("{file}:{line}:{column}: {message} ({})\n", help.clone().unwrap_or_default())
            };
            errors.iter().map(one).collect::<String>()
        };
        let whole = exception("  condition: proc.name = tar\n  expires: never\n");
        for (from, to, expected) in [
            ("  expires: never", "", "exceptions.yaml:1:14: exception `Backup` lacks `expires`"),
            (
                "expires: never",
                "expires: soon",
                "exceptions.yaml:6:12: `soon` is no time after 1970 (as in 2027-03-01,",
            ),
            ("author", "autor", "unknown key `autor` of an exception (did you mean `author`?)"),
            (
                "proc.name",
                "proc.nmae",
                "exceptions.yaml:5:14: unknown field `proc.nmae` (did you mean `proc.name`?)",
            ),
            (
                "expires: never",
                "expires: never\n  hours: 9-5",
                "`9-5` are no hours (as in 22:00-04:30, in UTC)",
            ),
            ("expires: never", "expires: never\n  days: [monday]", "`monday` is no day (the days are thu,"),
            ("reason: nightly", "reason: nightly\n- exception: Backup", "lacks `rules` or `tags`"),
        ] {
            let all = said(&whole.replace(from, to));
            assert!(all.contains(expected), "{all}");
        }
        let stray = whole.replace("Password *", "Pasword file read");
        let warning = &loaded(&stray).unwrap_or_else(|errors| panic!("{}", errors[0])).warnings[0];
        assert_eq!(warning.message, "no rule is named `Pasword file read`");
        assert_eq!(warning.help.as_deref(), Some("did you mean `Password file read`?"));
    }
}
