//! Items of all files in their order become lists, macros and rules: redefinition, append, override, toggles.

use std::collections::{BTreeMap, HashMap};

use super::{
    exception::{self, Exception},
    exemption::{self, EXEMPTIONS_MAX, ExemptionDef},
    item::{Item, Kind, Merge},
    state::{self, StateDef},
    version,
};
use crate::rule::{
    Priority,
    lang::expand::Lists,
    source::{Complaint, Content, Node, Place, Reports, Text},
};

#[derive(Default)]
pub struct Collected {
    pub lists: Lists,
    pub list_places: BTreeMap<String, Place>,
    pub macros: BTreeMap<String, MacroDef>,
    /// In the order of their first definition.
    pub rules: Vec<RuleDef>,
    pub exemptions: Vec<ExemptionDef>,
    index: HashMap<String, usize>,
    /// Counts macro items.
    macro_count: usize,
}

pub struct MacroDef {
    pub place: Place,
    pub condition: Text,
    /// Order of the first definition.
    pub index: usize,
    /// Sees macros with an index below.
    pub sees: usize,
}

pub struct RuleDef {
    pub name: String,
    pub place: Place,
    pub desc: String,
    pub condition: Text,
    pub output: Text,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub source: String,
    pub enabled: bool,
    pub exceptions: Vec<Exception>,
    pub skip_if_unknown: bool,
    pub warn_event_types: bool,
    pub state: Option<StateDef>,
    pub tests: Vec<(Node, String)>,
}

/// Keys without which a rule is no rule.
const REQUIRED: [&str; 4] = ["condition", "output", "desc", "priority"];
/// Keys of a rule that can be appended to.
const APPENDS: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];

impl Collected {
    pub fn add(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        match item.kind {
            Kind::EngineVersion => version::engine(item.head, reports),
            Kind::PluginVersions => version::plugins(item.head, reports),
            Kind::List => self.list(item, reports),
            Kind::Macro => self.macro_item(item, reports),
            Kind::Rule => self.rule(item, reports),
            Kind::Exception => self.exemption(item, reports),
        }
    }

    fn exemption(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        if self.exemptions.iter().any(|other| other.name == item.name) {
            let message = format!("there is an exception `{}` already", item.name);
            reports.error(Complaint::new(item.place(), message));
        } else if self.exemptions.len() == EXEMPTIONS_MAX {
            let message = format!("more than {EXEMPTIONS_MAX} exceptions beside rules");
            reports.error(Complaint::new(item.place(), message));
        } else {
            self.exemptions.extend(exemption::read(item, reports));
        }
    }

    fn list(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        let append = merges(item, "items", reports);
        let Some(items) = item.strings("items", reports) else {
            if item.key("items").is_none() {
                reports.error(Complaint::new(item.place(), format!("list `{}` needs `items`", item.name)));
            }
            return;
        };
        self.list_places.entry(item.name.clone()).or_insert(item.place());
        match append {
            Some(merge) => match self.lists.get_mut(&item.name) {
                Some(list) if merge == Merge::Append => list.extend(items),
                Some(list) => *list = items,
                None => reports.error(nothing_there("list", item, self.lists.keys())),
            },
            None => {
                self.lists.insert(item.name.clone(), items);
            }
        }
    }

    fn macro_item(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        let append = merges(item, "condition", reports);
        let Some(condition) = item.text("condition", reports) else {
            if item.key("condition").is_none() {
                reports.error(Complaint::new(
                    item.place(),
                    format!("macro `{}` needs a `condition`", item.name),
                ));
            }
            return;
        };
        self.macro_count += 1;
        let count = self.macro_count;
        match (self.macros.get_mut(&item.name), append) {
            (Some(old), Some(Merge::Append)) => {
                appended(&mut old.condition, &condition);
                old.sees = count;
            }
            (Some(old), Some(Merge::Replace) | None) => {
                (old.condition, old.place, old.sees) = (condition, item.place(), count);
            }
            (None, None) => {
                let macro_def = MacroDef { place: item.place(), condition, index: count, sees: count };
                self.macros.insert(item.name.clone(), macro_def);
            }
            (None, Some(_)) => reports.error(nothing_there("macro", item, self.macros.keys())),
        }
    }

    fn rule(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        let known = self.index.get(&item.name).copied();
        let tests = tests(item, reports);
        if let Some(overrides) = item.overrides(APPENDS, reports) {
            match known {
                Some(index) => self.rules[index].overridden(item, &overrides, reports),
                None => reports.error(nothing_there("rule", item, self.index.keys())),
            }
        } else if item.bool("append", reports) == Some(true) {
            match known {
                Some(index) => self.rules[index].appended_to(item, reports),
                None => reports.error(nothing_there("rule", item, self.index.keys())),
            }
        } else if item.key("enabled").is_some() && REQUIRED.iter().all(|key| item.key(key).is_none()) {
            match (known, item.bool("enabled", reports)) {
                (Some(index), Some(enabled)) => self.rules[index].enabled = enabled,
                (Some(_), None) => {}
                (None, _) => reports.error(nothing_there("rule", item, self.index.keys())),
            }
        } else if item.key("tests").is_some() && item.content_keys().next().is_none() {
            if known.is_none() {
                reports.error(nothing_there("rule", item, self.index.keys()));
            }
        } else if let Some(mut rule) = whole(item, reports) {
            rule.tests = tests;
            match known {
                Some(index) => self.rules[index] = rule,
                None => {
                    self.index.insert(item.name.clone(), self.rules.len());
                    self.rules.push(rule);
                }
            }
            return;
        }
        if let Some(index) = self.index.get(&item.name) {
            self.rules[*index].tests.extend(tests);
        }
    }
}

/// Whether a list or macro adds to, or replaces, one that must be there.
fn merges(item: &Item<'_>, key: &str, reports: &mut Reports<'_>) -> Option<Merge> {
    if let Some(overrides) = item.overrides(&[key], reports) {
        return Some(overrides.first().map_or(Merge::Replace, |(_, merge)| *merge));
    }
    (item.bool("append", reports) == Some(true)).then_some(Merge::Append)
}

fn nothing_there<'n>(what: &str, item: &Item<'_>, names: impl Iterator<Item = &'n String>) -> Complaint {
    let complaint =
        Complaint::new(item.place(), format!("no {what} `{}` is defined above to be changed", item.name));
    complaint.did_you_mean(&item.name, names.map(String::as_str))
}

fn appended(text: &mut Text, more: &Text) {
    text.push_for(" ", more.place(0..0));
    text.push_text(more);
}

fn priority(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<Priority> {
    let word = item.string("priority", reports)?;
    let found = Priority::of(&word);
    if found.is_none() {
        let place = item.key("priority").map_or(item.place(), |node| node.place);
        let names = Priority::ALL.iter().map(|priority| priority.name());
        let all = Priority::ALL.map(Priority::name).join(", ");
        let complaint =
            Complaint::new(place, format!("unknown priority `{word}`")).did_you_mean(&word, names);
        reports.error(if complaint.help.is_some() { complaint } else { complaint.help(all) });
    }
    found
}

fn whole(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<RuleDef> {
    let missing: Vec<_> = REQUIRED.into_iter().filter(|key| item.key(key).is_none()).collect();
    if !missing.is_empty() {
        let missing = missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let complaint = Complaint::new(item.place(), format!("rule `{}` lacks {missing}", item.name));
        reports.error(complaint.help("to change a rule that is defined above, add `override`"));
    }
    let mut exceptions = Vec::new();
    if let Some(node) = item.key("exceptions") {
        exception::merge(&mut exceptions, node, &item.name, reports);
    }
    checked_but_unused(item, reports);
    let (priority, desc) = (priority(item, reports), item.string("desc", reports));
    let (condition, output) = (item.text("condition", reports), item.text("output", reports));
    let tags = item.strings("tags", reports).unwrap_or_default().into_iter().map(|(tag, _)| tag).collect();
    let source = item.string("source", reports).unwrap_or_else(|| "syscall".to_owned());
    let enabled = item.bool("enabled", reports).unwrap_or(true);
    let skip_if_unknown = item.bool("skip-if-unknown-filter", reports).unwrap_or(false);
    let warn_event_types = item.bool("warn_evttypes", reports).unwrap_or(true);
    let state = state_of(item, reports);
    Some(RuleDef {
        name: item.name.clone(),
        place: item.place(),
        desc: desc.unwrap_or_default(),
        condition: condition?,
        // What is missing has been reported; the rest is still checked.
        output: output.unwrap_or_default(),
        priority: priority.unwrap_or(Priority::Debug),
        tags,
        source,
        enabled,
        exceptions,
        skip_if_unknown,
        warn_event_types,
        state,
        tests: Vec::new(),
    })
}

fn state_of(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<StateDef> {
    let node = item.key("state").filter(|node| !node.is_null())?;
    state::read(node, item.source, reports)
}

/// Falco's switches for its own capture files: their values are checked, and nothing more.
fn checked_but_unused(item: &Item<'_>, reports: &mut Reports<'_>) {
    item.bool("capture", reports);
    item.number("capture_duration", reports);
}

fn tests(item: &Item<'_>, reports: &mut Reports<'_>) -> Vec<(Node, String)> {
    match item.key("tests").map(|node| (&node.content, node)) {
        Some((Content::Sequence(cases), _)) => {
            cases.iter().map(|case| (case.clone(), item.name.clone())).collect()
        }
        Some((_, node)) if !node.is_null() => {
            reports.error(Complaint::new(node.place, format!("`tests` must be a list, not {}", node.noun())));
            Vec::new()
        }
        Some(_) | None => Vec::new(),
    }
}

impl RuleDef {
    fn appended_to(&mut self, item: &Item<'_>, reports: &mut Reports<'_>) {
        if item.key("condition").is_none() && item.key("exceptions").is_none() {
            let message = format!("nothing is appended to rule `{}`", self.name);
            reports.error(Complaint::new(item.place(), message).help("give a `condition` or `exceptions`"));
        }
        for (key, place) in item.content_keys().filter(|(key, _)| !["condition", "exceptions"].contains(key))
        {
            let complaint = Complaint::new(place, format!("`append` does not reach `{key}`: it is ignored"));
            reports.warning(complaint.help(format!("use `override: {{{key}: replace}}`")));
        }
        if let Some(more) = item.text("condition", reports) {
            appended(&mut self.condition, &more);
        }
        if let Some(node) = item.key("exceptions") {
            exception::merge(&mut self.exceptions, node, &self.name, reports);
        }
    }

    fn overridden(&mut self, item: &Item<'_>, overrides: &[(&str, Merge)], reports: &mut Reports<'_>) {
        for (key, merge) in overrides {
            let append = *merge == Merge::Append;
            match *key {
                "condition" => text(&mut self.condition, item, key, append, reports),
                "output" => text(&mut self.output, item, key, append, reports),
                "desc" => match item.string(key, reports) {
                    Some(more) if append => self.desc = format!("{} {more}", self.desc),
                    Some(desc) => self.desc = desc,
                    None => {}
                },
                "tags" => {
                    let tags = item.strings(key, reports).unwrap_or_default().into_iter().map(|(tag, _)| tag);
                    if !append {
                        self.tags.clear();
                    }
                    for tag in tags {
                        if !self.tags.contains(&tag) {
                            self.tags.push(tag);
                        }
                    }
                }
                "exceptions" => {
                    if !append {
                        self.exceptions.clear();
                    }
                    if let Some(node) = item.key(key) {
                        exception::merge(&mut self.exceptions, node, &self.name, reports);
                    }
                }
                "priority" => self.priority = priority(item, reports).unwrap_or(self.priority),
                "enabled" => self.enabled = item.bool(key, reports).unwrap_or(self.enabled),
                "warn_evttypes" => {
                    self.warn_event_types = item.bool(key, reports).unwrap_or(self.warn_event_types);
                }
                "skip-if-unknown-filter" => {
                    self.skip_if_unknown = item.bool(key, reports).unwrap_or(self.skip_if_unknown);
                }
                "state" => self.state = state_of(item, reports),
                "capture" | "capture_duration" => checked_but_unused(item, reports),
                other => {
                    let place = item.key(other).map_or(item.place(), |node| node.place);
                    reports.error(Complaint::new(place, format!("`{other}` of a rule cannot be overridden")));
                }
            }
        }
    }
}

fn text(text: &mut Text, item: &Item<'_>, key: &str, append: bool, reports: &mut Reports<'_>) {
    match item.text(key, reports) {
        Some(more) if append => appended(text, &more),
        Some(new) => *text = new,
        None => {}
    }
}
