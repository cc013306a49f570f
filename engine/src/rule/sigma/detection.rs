//! Selections as written: fields with their modifiers and values, and keywords. Nothing is looked up yet.

use super::modifier::{Method, Modifiers};
use crate::rule::source::{Complaint, Content, Node, Place, Reports};

/// Most selections of a rule.
pub const SELECTIONS_MAX: usize = 1024;

pub enum Selection {
    All(Vec<Item>),
    Any(Vec<Selection>),
}

/// `field|modifiers: values`.
pub struct Item {
    /// `None`: a keyword, which is searched in all of the record.
    pub field: Option<String>,
    pub place: Place,
    pub modifiers: Modifiers,
    pub values: Vec<Value>,
}

pub struct Value {
    /// `None`: there is no such field, or it is null.
    pub text: Option<String>,
    pub place: Place,
}

/// A selection, unless something is wrong with it.
pub fn selection(name: &str, node: &Node, reports: &mut Reports<'_>) -> Option<Selection> {
    match &node.content {
        Content::Mapping(pairs) if !pairs.is_empty() => {
            let items: Vec<_> = pairs.iter().map(|(key, value)| item(key, value, reports)).collect();
            Some(Selection::All(items.into_iter().collect::<Option<_>>()?))
        }
        Content::Sequence(parts) if !parts.is_empty() => {
            let (words, maps): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.scalar().is_some());
            let mut any = Vec::new();
            if !words.is_empty() {
                let values = words.into_iter().map(value).collect();
                any.push(Selection::All(vec![keyword(node.place, values)]));
            }
            for part in maps {
                if matches!(part.content, Content::Sequence(_)) {
                    reports.error(Complaint::new(part.place, "expected fields or a keyword, found a list"));
                    return None;
                }
                any.push(selection(name, part, reports)?);
            }
            Some(Selection::Any(any))
        }
        Content::Scalar { .. } if !node.is_null() => {
            Some(Selection::All(vec![keyword(node.place, vec![value(node)])]))
        }
        Content::Scalar { .. } | Content::Mapping(_) | Content::Sequence(_) => {
            reports.error(Complaint::new(node.place, format!("selection `{name}` is empty")));
            None
        }
    }
}

fn keyword(place: Place, values: Vec<Value>) -> Item {
    let method = Method::Text { front: false, back: false };
    Item { field: None, place, modifiers: Modifiers::plain(method), values }
}

fn item(key: &Node, node: &Node, reports: &mut Reports<'_>) -> Option<Item> {
    let Some(written) = key.scalar() else {
        reports.error(Complaint::new(key.place, format!("expected a field, found {}", key.noun())));
        return None;
    };
    let source_start = key.place.start;
    let mut at = 0;
    let mut words = Vec::new();
    for word in written.split('|') {
        // A key in quotes stands one character further on.
        let shift = source_start + u32::from(key.place.end - key.place.start > written.len() as u32);
        let start = (shift + at).min(key.place.end);
        let end = (start + word.len() as u32).min(key.place.end);
        words.push((word, Place { start, end, ..key.place }));
        at += word.len() as u32 + 1;
    }
    let (name, place) = words.remove(0);
    let modifiers = match Modifiers::read(&words) {
        Ok(modifiers) => modifiers,
        Err(complaint) => {
            reports.error(complaint);
            return None;
        }
    };
    let values: Vec<Value> = match &node.content {
        Content::Scalar { .. } => vec![value(node)],
        Content::Sequence(nodes) => {
            if let Some(wrong) = nodes.iter().find(|node| node.scalar().is_none()) {
                let message = format!("expected a value, found {}", wrong.noun());
                reports.error(Complaint::new(wrong.place, message));
                return None;
            }
            nodes.iter().map(value).collect()
        }
        Content::Mapping(_) => {
            reports.error(Complaint::new(node.place, "expected a value or a list of them, found a mapping"));
            return None;
        }
    };
    if values.is_empty() {
        reports.error(Complaint::new(node.place, format!("`{written}` has no value")));
        return None;
    }
    if modifiers.all && values.len() == 1 && !name.is_empty() {
        reports.warning(Complaint::new(key.place, "`all` of a single value says nothing"));
    }
    let field = (!name.is_empty()).then(|| name.to_owned());
    Some(Item { field, place, modifiers, values })
}

fn value(node: &Node) -> Value {
    let text = if node.is_null() { None } else { node.scalar().map(str::to_owned) };
    Value { text, place: node.place }
}
