//! One YAML document of Sigma: which keys it has and what they say. Selections and the condition are read here; what
//! they mean is `compile`'s business.

use super::{
    compile::Origin,
    condition::{self, Condition},
    detection::{self, SELECTIONS_MAX, Selection},
    logsource::{CATEGORIES, SERVICES},
};
use crate::rule::{
    Priority,
    source::{Complaint, Content, Node, Place, Reports, nearest},
};

/// What every document may say beside what it detects.
pub struct Head {
    pub title: String,
    pub id: Option<String>,
    /// By which correlations may call it.
    pub name: Option<String>,
    pub place: Place,
    pub desc: String,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub false_positives: Vec<String>,
    pub enabled: bool,
    pub tests: Vec<Node>,
}

pub struct Detection {
    pub origin: Origin,
    pub selections: Vec<Selection>,
    pub condition: Condition,
    pub place: Place,
    /// Fields that an alert should show.
    pub fields: Vec<String>,
}

/// Keys of a rule. Others are allowed by the language; one that is almost one of these is told.
const KEYS: &[&str] = &[
    "title",
    "id",
    "related",
    "name",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "logsource",
    "detection",
    "correlation",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "simulation",
    "regression_tests_path",
    // Ours.
    "tests",
];

/// Whether a document is of Sigma: Falco's are lists.
pub fn is_sigma(root: &Node) -> bool {
    let Content::Mapping(pairs) = &root.content else { return false };
    let marks = ["detection", "logsource", "correlation", "filter", "title"];
    pairs.iter().any(|(key, _)| key.scalar().is_some_and(|key| marks.contains(&key)))
}

pub fn key<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Content::Mapping(pairs) = &node.content else { return None };
    pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value)
}

fn text(root: &Node, name: &str, reports: &mut Reports<'_>) -> Option<String> {
    let node = key(root, name).filter(|node| !node.is_null())?;
    let text = node.scalar().map(|text| text.trim_end().to_owned());
    if text.is_none() {
        let message = format!("`{name}` must be a single value, not {}", node.noun());
        reports.error(Complaint::new(node.place, message));
    }
    text
}

/// A value or a list of them.
pub fn texts(root: &Node, name: &str) -> Vec<(String, Place)> {
    let nodes = match key(root, name).map(|node| (&node.content, node)) {
        Some((Content::Sequence(nodes), _)) => nodes.as_slice(),
        Some((Content::Scalar { .. }, node)) if !node.is_null() => std::slice::from_ref(node),
        Some(_) | None => &[],
    };
    nodes.iter().filter_map(|node| Some((node.scalar()?.to_owned(), node.place))).collect()
}

pub fn head(root: &Node, reports: &mut Reports<'_>) -> Option<Head> {
    let Content::Mapping(pairs) = &root.content else { return None };
    for (at, name) in pairs.iter().filter_map(|(key, _)| Some((key.place, key.scalar()?))) {
        if !KEYS.contains(&name)
            && let Some(like) = nearest(name, KEYS.iter().copied().filter(|key| key.len() > 4))
        {
            let complaint = Complaint::new(at, format!("unknown key `{name}` of a Sigma rule is ignored"));
            reports.warning(complaint.help(format!("did you mean `{like}`?")));
        }
        if pairs.iter().filter(|(key, _)| key.scalar() == Some(name)).count() > 1 {
            reports.warning(Complaint::new(at, format!("there is more than one `{name}`: the first counts")));
        }
    }
    let title = text(root, "title", reports);
    if title.as_deref().is_none_or(str::is_empty) {
        reports.error(Complaint::new(first(root), "a Sigma rule needs a `title`"));
    }
    let status = text(root, "status", reports);
    Some(Head {
        title: title?,
        id: text(root, "id", reports),
        name: text(root, "name", reports),
        place: first(root),
        desc: text(root, "description", reports).unwrap_or_default(),
        priority: level(root, reports),
        tags: texts(root, "tags").iter().map(|(tag, _)| our_tag(tag)).collect(),
        false_positives: texts(root, "falsepositives").into_iter().map(|(text, _)| text).collect(),
        enabled: !matches!(status.as_deref(), Some("deprecated" | "unsupported")),
        tests: match key(root, "tests").map(|node| &node.content) {
            Some(Content::Sequence(cases)) => cases.clone(),
            Some(Content::Scalar { .. } | Content::Mapping(_)) | None => Vec::new(),
        },
    })
}

/// The first key: a document's own place is all of it.
fn first(root: &Node) -> Place {
    match &root.content {
        Content::Mapping(pairs) => pairs.first().map_or(root.place, |(key, _)| key.place),
        Content::Sequence(_) | Content::Scalar { .. } => root.place,
    }
}

/// Sigma's levels as Falco's priorities.
pub const LEVELS: [(&str, Priority); 5] = [
    ("critical", Priority::Critical),
    ("high", Priority::Error),
    ("medium", Priority::Warning),
    ("low", Priority::Notice),
    ("informational", Priority::Informational),
];

fn level(root: &Node, reports: &mut Reports<'_>) -> Priority {
    let Some(word) = text(root, "level", reports) else { return Priority::Notice };
    if let Some((_, priority)) = LEVELS.iter().find(|(level, _)| level.eq_ignore_ascii_case(&word)) {
        return *priority;
    }
    let place = key(root, "level").map_or(root.place, |node| node.place);
    let complaint = Complaint::new(place, format!("unknown level `{word}`"));
    let complaint = complaint.help(LEVELS.map(|(level, _)| level).join(", "));
    reports.error(complaint.did_you_mean(&word, LEVELS.iter().map(|(level, _)| *level)));
    Priority::Notice
}

/// `attack.t1059.004` is `T1059.004` here, `attack.defense-evasion` is `mitre_defense_evasion`.
fn our_tag(tag: &str) -> String {
    let Some(rest) = tag.strip_prefix("attack.") else { return tag.to_owned() };
    let numbered = rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if numbered { rest.to_uppercase() } else { format!("mitre_{}", rest.replace('-', "_")) }
}

/// Where a rule's events come from. `Err`: it is about another system than this.
pub fn origin(root: &Node, reports: &mut Reports<'_>) -> Option<Result<Origin, Complaint>> {
    let Some(node) = key(root, "logsource") else {
        reports.error(Complaint::new(first(root), "a Sigma rule needs a `logsource`"));
        return None;
    };
    if !matches!(node.content, Content::Mapping(_)) {
        let complaint = Complaint::new(node.place, format!("expected a log source, found {}", node.noun()));
        reports.error(complaint.help("as in `logsource: {product: linux, category: process_creation}`"));
        return None;
    }
    let [product, category, service] =
        ["product", "category", "service"].map(|name| text(node, name, reports));
    if let Some(product) = product.filter(|product| product != "linux") {
        let place = key(node, "product").map_or(node.place, |node| node.place);
        return Some(Err(Complaint::new(place, format!("there are no events of product `{product}`"))));
    }
    let sources = match (&category, &service) {
        (Some(_), _) => CATEGORIES,
        (None, _) => SERVICES,
    };
    let name = category.clone().or(service.clone());
    let found = name.as_ref().and_then(|name| sources.iter().find(|source| source.name == name));
    Some(Ok(match (found, category, service) {
        (Some(source), _, _) => Origin::Events(source),
        (None, Some(category), _) => {
            let place = key(node, "category").map_or(node.place, |node| node.place);
            if let Some(like) = nearest(&category, CATEGORIES.iter().map(|source| source.name)) {
                let complaint = Complaint::new(place, format!("unknown category `{category}`"));
                reports.warning(complaint.help(format!("did you mean `{like}`?")));
            }
            Origin::Elsewhere(format!("events of category {category}"))
        }
        (None, None, Some(service)) => Origin::Elsewhere(format!("log of {service}")),
        (None, None, None) => Origin::Elsewhere("log files".to_owned()),
    }))
}

/// Selections and condition.
pub fn detection(root: &Node, source: &str, origin: Origin, reports: &mut Reports<'_>) -> Option<Detection> {
    let Some(node) = key(root, "detection") else {
        reports.error(Complaint::new(first(root), "a Sigma rule needs a `detection`"));
        return None;
    };
    let Content::Mapping(pairs) = &node.content else {
        reports.error(Complaint::new(node.place, format!("expected selections, found {}", node.noun())));
        return None;
    };
    let named = pairs.iter().filter_map(|(key, value)| Some((key.scalar()?, key.place, value)));
    let named: Vec<_> = named.filter(|(name, _, _)| !["condition", "timeframe"].contains(name)).collect();
    if named.len() > SELECTIONS_MAX {
        reports.error(Complaint::new(node.place, format!("more than {SELECTIONS_MAX} selections")));
        return None;
    }
    if let Some(timeframe) = key(node, "timeframe") {
        let complaint = Complaint::new(timeframe.place, "`timeframe` is no longer in the language");
        reports.error(complaint.help("write a document with `correlation` beside the rule"));
    }
    let selections: Vec<_> =
        named.iter().map(|(name, _, value)| detection::selection(name, value, reports)).collect();
    let names: Vec<_> = named.iter().map(|(name, _, _)| *name).collect();
    let Some(conditions) = key(node, "condition") else {
        let place = pairs.first().map_or(node.place, |(key, _)| key.place);
        reports.error(Complaint::new(place, "`detection` has no `condition`"));
        return None;
    };
    let nodes = match &conditions.content {
        Content::Sequence(nodes) if !nodes.is_empty() => nodes.as_slice(),
        Content::Sequence(_) | Content::Scalar { .. } | Content::Mapping(_) => {
            std::slice::from_ref(conditions)
        }
    };
    let mut parsed = Vec::new();
    for node in nodes {
        if node.scalar().is_none() || node.is_null() {
            let message = format!("expected a condition, found {}", node.noun());
            reports.error(Complaint::new(node.place, message));
            return None;
        }
        match condition::parse(&node.text(source), &names) {
            Ok(condition) => parsed.push(condition),
            Err(complaint) => {
                reports.error(complaint);
                return None;
            }
        }
    }
    let condition = if parsed.len() == 1 { parsed.remove(0) } else { Condition::Any(parsed) };
    let mut used = Vec::new();
    condition.selections(&mut used);
    used.sort_unstable();
    for (index, (name, place, _)) in named.iter().enumerate() {
        if used.binary_search(&index).is_err() {
            reports.warning(Complaint::new(*place, format!("no condition asks for the selection `{name}`")));
        }
    }
    Some(Detection {
        origin,
        selections: selections.into_iter().collect::<Option<_>>()?,
        condition,
        place: conditions.place,
        fields: texts(root, "fields").into_iter().map(|(name, _)| name).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::our_tag;

    #[test]
    fn tags_are_spelt_as_ours_are() {
        for (theirs, ours) in [
            ("attack.t1059.004", "T1059.004"),
            ("attack.defense-evasion", "mitre_defense_evasion"),
            ("attack.g0016", "G0016"),
            ("cve.2021-4034", "cve.2021-4034"),
            ("attack.execution", "mitre_execution"),
        ] {
            assert_eq!(our_tag(theirs), ours);
        }
    }
}
