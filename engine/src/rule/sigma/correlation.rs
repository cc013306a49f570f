//! A correlation as written: which rules, how often or in which order, by what and within which time.

use super::document::{key, texts};
use crate::rule::{
    source::{Complaint, Content, Node, Place, Reports},
    state::{COUNT_MAX, Kind, Pattern},
};

pub struct Correlation {
    pub pattern: Pattern,
    /// As written, for people: `event_count >= 5 in 1m by User`.
    pub shown: String,
    /// Rules by id, name or title.
    pub rules: Vec<(String, Place)>,
    pub group_by: Vec<(String, Place)>,
    /// Of `value_count`.
    pub field: Option<(String, Place)>,
    /// Whether its rules raise alerts of their own.
    pub generate: bool,
    /// A name in `group-by`, a rule, and what the field is called there.
    pub aliases: Vec<(String, String, String)>,
}

pub const TYPES: [&str; 4] = ["event_count", "value_count", "temporal", "temporal_ordered"];
const UNITS: [(char, u64); 7] = [
    ('s', 1),
    ('m', 60),
    ('h', 3600),
    ('d', 86_400),
    ('w', 7 * 86_400),
    ('M', 30 * 86_400),
    ('y', 365 * 86_400),
];

pub fn read(node: &Node, reports: &mut Reports<'_>) -> Option<Correlation> {
    let mut wrong = |place: Place, message: String| {
        reports.error(Complaint::new(place, message));
        None::<Correlation>
    };
    let Content::Mapping(pairs) = &node.content else {
        return wrong(node.place, format!("expected a correlation, found {}", node.noun()));
    };
    let first = pairs.first().map_or(node.place, |(key, _)| key.place);
    let Some((ty, at)) = key(node, "type").and_then(|node| Some((node.scalar()?, node.place))) else {
        return wrong(first, "a correlation needs a `type`".to_owned());
    };
    if !TYPES.contains(&ty) {
        let complaint = Complaint::new(at, format!("unknown type `{ty}` of a correlation"));
        let complaint = complaint.help(TYPES.join(", "));
        reports.error(complaint.did_you_mean(ty, TYPES));
        return None;
    }
    let rules = texts(node, "rules");
    if rules.is_empty() {
        return wrong(first, "a correlation needs `rules`".to_owned());
    }
    let Some(timespan) = key(node, "timespan") else {
        return wrong(first, "a correlation needs a `timespan`".to_owned());
    };
    let written = timespan.scalar().unwrap_or("");
    let Some(span) = span(written) else {
        let message = format!("expected a time such as `30s`, `5m` or `1h`, found `{written}`");
        return wrong(timespan.place, message);
    };
    let counts = matches!(ty, "event_count" | "value_count");
    let condition = key(node, "condition");
    let (count, shown) = match condition {
        Some(condition) if counts => match threshold(condition) {
            Ok(found) => found,
            Err(complaint) => {
                reports.error(complaint);
                return None;
            }
        },
        None if counts => return wrong(first, format!("`{ty}` needs a `condition`")),
        Some(condition) => {
            let message = format!("`{ty}` takes no condition here: it asks for each of its rules");
            return wrong(condition.place, message);
        }
        None => (0, String::new()),
    };
    let field = condition.and_then(|condition| texts(condition, "field").into_iter().next());
    if ty == "value_count" && field.is_none() {
        return wrong(first, "`value_count` needs a `field` in its condition".to_owned());
    }
    let group_by = texts(node, "group-by");
    let kind = match ty {
        "event_count" => Kind::Count(count),
        "value_count" => Kind::Distinct(count),
        "temporal" => Kind::All(rules.len()),
        _ => Kind::Sequence(rules.len()),
    };
    let by = group_by.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
    let of = field.as_ref().map(|(name, _)| format!(" of {name}")).unwrap_or_default();
    Some(Correlation {
        pattern: Pattern { kind, span },
        shown: format!("{ty}{of}{shown} within {written}{by}"),
        rules,
        group_by,
        field,
        generate: key(node, "generate").and_then(Node::scalar) == Some("true"),
        aliases: aliases(node),
    })
}

/// `5m` in nanoseconds.
pub fn span(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let (_, seconds) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].trim().parse().ok()?;
    number.checked_mul(*seconds)?.checked_mul(1_000_000_000).filter(|span| *span > 0)
}

/// The count from which on a condition holds, and the condition for people.
fn threshold(node: &Node) -> Result<(usize, String), Complaint> {
    let known = ["gt", "gte", "eq", "lt", "lte", "neq", "field"];
    let Content::Mapping(pairs) = &node.content else {
        let complaint = Complaint::new(node.place, format!("expected a condition, found {}", node.noun()));
        return Err(complaint.help("as in `condition: {gte: 10}`"));
    };
    let mut found = None;
    for (key, value) in pairs {
        let word = key.scalar().unwrap_or("");
        let number = || {
            let number = value.scalar().and_then(|text| text.parse::<usize>().ok());
            let number = number.filter(|number| (1..=COUNT_MAX).contains(number));
            number.ok_or_else(|| {
                Complaint::new(value.place, format!("expected a number from 1 to {COUNT_MAX}"))
            })
        };
        found = match word {
            "field" => continue,
            "gte" => Some((number()?, format!(" >= {}", number()?))),
            "gt" => Some((number()? + 1, format!(" > {}", number()?))),
            "eq" => Some((number()?, format!(" = {}", number()?))),
            "lt" | "lte" | "neq" => {
                let complaint =
                    Complaint::new(key.place, format!("`{word}` cannot be told while events still come"));
                return Err(complaint.help("`gte`, `gt` and `eq` can"));
            }
            _ => {
                let complaint = Complaint::new(key.place, format!("unknown key `{word}` of a condition"));
                return Err(complaint.did_you_mean(word, known));
            }
        };
    }
    found.ok_or_else(|| Complaint::new(node.place, "the condition has no count").help("as in `gte: 10`"))
}

fn aliases(node: &Node) -> Vec<(String, String, String)> {
    let pairs = |node: &Node| match &node.content {
        Content::Mapping(pairs) => pairs.clone(),
        Content::Sequence(_) | Content::Scalar { .. } => Vec::new(),
    };
    let all = key(node, "aliases").map(pairs).unwrap_or_default();
    let mut out = Vec::new();
    for (name, fields) in &all {
        for (rule, field) in pairs(fields) {
            if let (Some(name), Some(rule), Some(field)) = (name.scalar(), rule.scalar(), field.scalar()) {
                out.push((name.to_owned(), rule.to_owned(), field.to_owned()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_timespan_has_a_unit() {
        assert_eq!(span("90s"), Some(90_000_000_000));
        assert_eq!(span("5m"), span("300s"));
        for text in ["", "5", "m", "0s", "-1s", "5x", "é", "99999999999y"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
