//! What a rule file holds, item by item: which keys each kind knows, and their values with the right shape.
//! Every problem is reported and reading goes on; what items mean together is `collect`'s business.

use crate::rule::source::{Complaint, Content, Node, Place, Reports, Text, nearest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    EngineVersion,
    PluginVersions,
    List,
    Macro,
    Rule,
    /// Ours: Falco warns of it and goes on.
    Exception,
}

/// In the order in which Falco asks; the first key found says what the item is.
const KINDS: &[(Kind, &str, &[&str])] = &[
    (Kind::EngineVersion, "required_engine_version", &[]),
    (Kind::PluginVersions, "required_plugin_versions", &[]),
    (Kind::List, "list", &["items", "append", "override"]),
    (Kind::Macro, "macro", &["condition", "append", "override"]),
    (
        Kind::Rule,
        "rule",
        &[
            "condition",
            "output",
            "desc",
            "priority",
            "source",
            "enabled",
            "capture",
            "capture_duration",
            "tags",
            "exceptions",
            "warn_evttypes",
            "skip-if-unknown-filter",
            "append",
            "override",
            // Ours: Falco warns of them and goes on.
            "state",
            "tests",
        ],
    ),
    (
        Kind::Exception,
        "exception",
        &[
            "rules",
            "tags",
            "condition",
            "fields",
            "comps",
            "values",
            "author",
            "reason",
            "expires",
            "days",
            "hours",
        ],
    ),
];

pub struct Item<'n> {
    pub kind: Kind,
    /// Empty for version requirements.
    pub name: String,
    /// The name; for version requirements the value.
    pub head: &'n Node,
    keys: Vec<(&'n str, &'n Node, &'n Node)>,
    pub source: &'n str,
}

/// The items of a file's documents.
pub fn items<'n>(roots: &'n [Node], source: &'n str, reports: &mut Reports<'_>) -> Vec<Item<'n>> {
    let mut items = Vec::new();
    for root in roots {
        match &root.content {
            Content::Sequence(nodes) => {
                items.extend(nodes.iter().filter_map(|node| item(node, source, reports)))
            }
            _ if root.is_null() => {}
            Content::Scalar { .. } | Content::Mapping(_) => {
                let message = format!("expected a list of items, found {}", root.noun());
                reports.error(Complaint::new(root.place, message).help("each item begins with `- `"));
            }
        }
    }
    items
}

fn item<'n>(node: &'n Node, source: &'n str, reports: &mut Reports<'_>) -> Option<Item<'n>> {
    let Content::Mapping(pairs) = &node.content else {
        let message = format!("expected an item with keys, found {}", node.noun());
        reports.error(Complaint::new(node.place, message).help("as in `- rule: Name`"));
        return None;
    };
    let pairs: Vec<_> = pairs.iter().filter_map(|(key, value)| Some((key.scalar()?, key, value))).collect();
    let found = KINDS.iter().find_map(|row| Some((row, pairs.iter().find(|(key, _, _)| *key == row.1)?)));
    let Some((&(kind, word, known), &(_, _, head))) = found else {
        let complaint = match pairs.first() {
            Some((key, at, _)) => Complaint::new(at.place, format!("unknown item `{key}` is ignored"))
                .did_you_mean(key, KINDS.iter().map(|row| row.1)),
            None => Complaint::new(node.place, "an item without keys is ignored"),
        };
        reports.warning(complaint);
        return None;
    };
    let mut keys: Vec<(&str, &Node, &Node)> = Vec::new();
    for (key, at, value) in pairs {
        if key != word && !known.contains(&key) {
            let names = known.iter().copied().filter(|key| *key != "tests");
            if kind == Kind::Exception {
                // One that is read in part would cover more than was meant.
                let complaint = Complaint::new(at.place, format!("unknown key `{key}` of an exception"));
                reports.error(complaint.did_you_mean(key, names));
            } else {
                let complaint =
                    Complaint::new(at.place, format!("unknown key `{key}` of a {word} is ignored"));
                reports.warning(complaint.did_you_mean(key, names));
            }
        } else if keys.iter().any(|(before, _, _)| *before == key) {
            reports.warning(Complaint::new(at.place, format!("second `{key}` of one {word} is ignored")));
        } else {
            keys.push((key, at, value));
        }
    }
    let mut item = Item { kind, name: String::new(), head, keys, source };
    if matches!(kind, Kind::List | Kind::Macro | Kind::Rule | Kind::Exception) {
        item.name = named(kind, word, head, reports)?;
    }
    Some(item)
}

fn named(kind: Kind, word: &str, head: &Node, reports: &mut Reports<'_>) -> Option<String> {
    let Some(name) = head.scalar().filter(|name| !name.is_empty()) else {
        reports.error(Complaint::new(
            head.place,
            format!("expected the name of a {word}, found {}", head.noun()),
        ));
        return None;
    };
    let word_like = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match kind {
        Kind::Macro
            if !(name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(word_like)) =>
        {
            let complaint = Complaint::new(head.place, format!("`{name}` cannot name a macro"));
            reports.error(complaint.help("letters, digits and `_`, a letter first"));
            None
        }
        Kind::List if name.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c)) => {
            let complaint = Complaint::new(head.place, format!("no condition can name the list `{name}`"));
            reports.warning(complaint.help("a list's name has no blanks, quotes, parentheses, `=` or `,`"));
            Some(name.to_owned())
        }
        Kind::EngineVersion
        | Kind::PluginVersions
        | Kind::List
        | Kind::Macro
        | Kind::Rule
        | Kind::Exception => Some(name.to_owned()),
    }
}

impl<'n> Item<'n> {
    pub fn place(&self) -> Place {
        self.head.place
    }

    pub fn key(&self, name: &str) -> Option<&'n Node> {
        self.keys.iter().find(|(key, _, _)| *key == name).map(|(_, _, value)| *value)
    }

    /// Keys other than the name and those that say how to merge, with the place of each.
    pub fn content_keys(&self) -> impl Iterator<Item = (&'n str, Place)> {
        let other = ["list", "macro", "rule", "append", "override", "tests"];
        self.keys.iter().filter(move |(key, _, _)| !other.contains(key)).map(|(key, at, _)| (*key, at.place))
    }

    pub fn text(&self, name: &str, reports: &mut Reports<'_>) -> Option<Text> {
        let node = self.key(name)?;
        if node.scalar().is_none() || node.is_null() {
            reports
                .error(Complaint::new(node.place, format!("`{name}` must be a text, not {}", node.noun())));
            return None;
        }
        Some(node.text(self.source))
    }

    pub fn string(&self, name: &str, reports: &mut Reports<'_>) -> Option<String> {
        self.text(name, reports).map(|text| text.as_str().trim_end().to_owned())
    }

    pub fn bool(&self, name: &str, reports: &mut Reports<'_>) -> Option<bool> {
        let node = self.key(name)?;
        match node.scalar().map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on" | "y") => Some(true),
            Some("false" | "no" | "off" | "n") => Some(false),
            Some(_) | None => {
                reports.error(Complaint::new(node.place, format!("`{name}` must be true or false")));
                None
            }
        }
    }

    pub fn number(&self, name: &str, reports: &mut Reports<'_>) -> Option<u64> {
        let node = self.key(name)?;
        let number = node.scalar().and_then(|value| value.parse().ok());
        if number.is_none() {
            reports.error(Complaint::new(node.place, format!("`{name}` must be a whole number")));
        }
        number
    }

    /// A list of single values.
    pub fn strings(&self, name: &str, reports: &mut Reports<'_>) -> Option<Vec<(String, Place)>> {
        let node = self.key(name)?;
        match &node.content {
            _ if node.is_null() => Some(Vec::new()),
            Content::Sequence(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    match item.scalar() {
                        Some(value) => out.push((value.to_owned(), item.place)),
                        None => {
                            let message = format!("`{name}` takes single values, not {}", item.noun());
                            reports.error(Complaint::new(item.place, message));
                        }
                    }
                }
                Some(out)
            }
            Content::Scalar { .. } | Content::Mapping(_) => {
                reports.error(Complaint::new(
                    node.place,
                    format!("`{name}` must be a list, not {}", node.noun()),
                ));
                None
            }
        }
    }

    /// How each key is merged with what is there, when the item says so.
    pub fn overrides(&self, appends: &[&str], reports: &mut Reports<'_>) -> Option<Vec<(&'n str, Merge)>> {
        let node = self.key("override")?;
        let Content::Mapping(pairs) = &node.content else {
            let complaint =
                Complaint::new(node.place, format!("`override` must be a mapping, not {}", node.noun()));
            reports.error(complaint.help("as in `override: {condition: append}`"));
            return Some(Vec::new());
        };
        let mut out = Vec::new();
        for (key, value) in pairs {
            let name = key.scalar().unwrap_or("");
            let merge = match value.scalar() {
                Some("append") => Merge::Append,
                Some("replace") => Merge::Replace,
                Some(other) => {
                    let complaint = Complaint::new(value.place, format!("cannot `{other}` a key"));
                    reports.error(complaint.help(match nearest(other, ["append", "replace"]) {
                        Some(word) => format!("did you mean `{word}`?"),
                        None => "`append` or `replace`".to_owned(),
                    }));
                    continue;
                }
                None => {
                    reports.error(Complaint::new(value.place, "expected `append` or `replace`"));
                    continue;
                }
            };
            let keys = self.content_keys().map(|(key, _)| key);
            if self.key(name).is_none() {
                let complaint = Complaint::new(key.place, format!("`{name}` is overridden but not given"));
                reports.error(complaint.did_you_mean(name, keys));
            } else if merge == Merge::Append && !appends.contains(&name) {
                let complaint = Complaint::new(value.place, format!("`{name}` cannot be appended to"));
                reports.error(complaint.help("use `replace`"));
            } else {
                out.push((name, merge));
            }
        }
        for (key, place) in self.content_keys() {
            if !pairs.iter().any(|(name, _)| name.scalar() == Some(key)) {
                let complaint =
                    Complaint::new(place, format!("`override` does not say what to do with `{key}`"));
                reports.error(complaint.help(format!("add `{key}: replace` to it")));
            }
        }
        if self.key("append").is_some() {
            reports.error(Complaint::new(node.place, "`append` and `override` exclude each other"));
        }
        Some(out)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    Append,
    Replace,
}
