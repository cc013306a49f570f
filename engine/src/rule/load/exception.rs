//! Exceptions of a rule: `fields`, how each compares (`comps`), and the `values` that are not to be reported.
//! They become ` and not (…)` behind the rule's condition.

use super::item::Item;
use crate::rule::{
    lang::{Operator, Quantifier, expand::quote},
    source::{Complaint, Content, Node, Place, Reports, Text},
};

#[derive(Clone, Debug)]
pub struct Exception {
    pub name: String,
    fields: Vec<(String, Place)>,
    comps: Vec<(String, Place)>,
    /// One field: values are single. Several: each value is a tuple.
    tuples: bool,
    values: Vec<Node>,
}

/// Reads a rule's `exceptions`, each as a whole definition or as values for one that is there.
pub fn merge(into: &mut Vec<Exception>, node: &Node, rule: &str, reports: &mut Reports<'_>) {
    let items = match &node.content {
        Content::Sequence(items) => items.as_slice(),
        _ if node.is_null() => &[],
        Content::Scalar { .. } | Content::Mapping(_) => {
            reports.error(Complaint::new(
                node.place,
                format!("`exceptions` must be a list, not {}", node.noun()),
            ));
            return;
        }
    };
    for item in items {
        let Content::Mapping(pairs) = &item.content else {
            reports
                .error(Complaint::new(item.place, format!("expected an exception, found {}", item.noun())));
            continue;
        };
        for (key, _) in pairs {
            let word = key.scalar().unwrap_or("");
            let known = ["name", "fields", "comps", "values"];
            if !known.contains(&word) {
                let complaint =
                    Complaint::new(key.place, format!("unknown key `{word}` of an exception is ignored"));
                reports.warning(complaint.did_you_mean(word, known));
            }
        }
        let key =
            |name: &str| pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value);
        let Some(name) = key("name").and_then(Node::scalar) else {
            reports.error(Complaint::new(item.place, "an exception needs a `name`"));
            continue;
        };
        let values = match key("values").map(|values| (&values.content, values)) {
            Some((Content::Sequence(values), _)) => values.clone(),
            Some((_, values)) if !values.is_null() => {
                reports.error(Complaint::new(
                    values.place,
                    format!("`values` must be a list, not {}", values.noun()),
                ));
                continue;
            }
            Some(_) | None => Vec::new(),
        };
        if let Some(old) = into.iter_mut().find(|old| old.name == name) {
            for key in ["fields", "comps"].into_iter().filter_map(key) {
                let message = format!("exception `{name}` has its fields; only `values` can be added");
                reports.error(Complaint::new(key.place, message));
            }
            old.values.extend(values);
            continue;
        }
        let Some(fields) = key("fields") else {
            let message =
                format!("exception `{name}` needs `fields`: rule `{rule}` has no such exception yet");
            let complaint = Complaint::new(item.place, message);
            reports.error(complaint.did_you_mean(name, into.iter().map(|old| old.name.as_str())));
            continue;
        };
        if let Some(exception) = whole(name, fields, key("comps"), values, reports) {
            into.push(exception);
        }
    }
}

fn whole(
    name: &str,
    fields: &Node,
    comps: Option<&Node>,
    values: Vec<Node>,
    reports: &mut Reports<'_>,
) -> Option<Exception> {
    let tuples = matches!(fields.content, Content::Sequence(_));
    let names = words(fields, "fields", reports)?;
    let comps = match comps {
        Some(node) => {
            let words = words(node, "comps", reports)?;
            if words.len() != names.len() || matches!(node.content, Content::Sequence(_)) != tuples {
                let message = format!("{} fields but {} comps", names.len(), words.len());
                reports.error(Complaint::new(node.place, message).help("one operator for each field"));
                return None;
            }
            words
        }
        None => names.iter().map(|(_, at)| (if tuples { "=" } else { "in" }.to_owned(), *at)).collect(),
    };
    let mut good = true;
    for (comp, place) in &comps {
        let known = takes(comp);
        if known.is_none() || (!tuples && known == Some(Takes::One)) {
            good = false;
            let complaint =
                Complaint::new(*place, format!("`{comp}` cannot compare the values of this exception"));
            let all = Operator::ALL.iter().filter(|op| op.takes_list() || tuples).map(|op| op.word());
            reports.error(if known.is_some() {
                complaint.help(
                    "with one field: `in`, `pmatch`, `intersects`, or an operator with `anyof` and its like",
                )
            } else {
                complaint.did_you_mean(comp, all)
            });
        }
    }
    good.then(|| Exception { name: name.to_owned(), fields: names, comps, tuples, values })
}

#[derive(PartialEq, Eq)]
enum Takes {
    One,
    List,
}

/// What stands behind a comparison word; `None` when there is no such word.
fn takes(comp: &str) -> Option<Takes> {
    let mut parts = comp.split_whitespace();
    let op = parts.next().map(|word| if word == "==" { "=" } else { word }).and_then(Operator::of)?;
    match (parts.next(), parts.next()) {
        (None, _) if op == Operator::Exists => None,
        (None, _) => Some(if op.takes_list() { Takes::List } else { Takes::One }),
        (Some(word), None) if Quantifier::of(word).is_some() && !op.takes_list() && !op.orders() => {
            Some(Takes::List)
        }
        (Some(_), _) => None,
    }
}

fn words(node: &Node, what: &str, reports: &mut Reports<'_>) -> Option<Vec<(String, Place)>> {
    let nodes = match &node.content {
        Content::Scalar { .. } => std::slice::from_ref(node),
        Content::Sequence(items) if !items.is_empty() => items,
        Content::Sequence(_) | Content::Mapping(_) => {
            reports.error(Complaint::new(node.place, format!("`{what}` must be a name or a list of names")));
            return None;
        }
    };
    let words = nodes.iter().map(|node| Some((node.scalar()?.to_owned(), node.place)));
    let words = words.collect::<Option<Vec<_>>>();
    if words.is_none() {
        reports.error(Complaint::new(node.place, format!("`{what}` takes single names only")));
    }
    words
}

/// The condition with its exceptions.
pub fn apply(condition: &Text, exceptions: &[Exception], reports: &mut Reports<'_>) -> Text {
    if exceptions.iter().all(|exception| exception.values.is_empty()) {
        return condition.clone();
    }
    let mut out = Text::default();
    let start = condition.place(0..0);
    out.push_for("(", start);
    out.push_text(condition);
    out.push_for(")", start);
    for exception in exceptions.iter().filter(|exception| !exception.values.is_empty()) {
        let (place, inner) = exception.condition(reports);
        if !inner.as_str().is_empty() {
            out.push_for(" and not (", place);
            out.push_text(&inner);
            out.push_for(")", place);
        }
    }
    out
}

/// `fields`, `comps` and `values` of an item by itself, as a condition that holds for what is excepted.
pub fn standing_alone(item: &Item<'_>, reports: &mut Reports<'_>) -> Option<Text> {
    let fields = item.key("fields")?;
    let values = match item.key("values").map(|node| &node.content) {
        Some(Content::Sequence(values)) if !values.is_empty() => values.clone(),
        Some(_) | None => {
            let place = item.key("values").map_or(item.place(), |node| node.place);
            reports.error(Complaint::new(place, "`fields` want `values`, a list that is not empty"));
            return None;
        }
    };
    let exception = whole(&item.name, fields, item.key("comps"), values, reports)?;
    Some(exception.condition(reports).1)
}

impl Exception {
    /// What its values say, and the place of its fields.
    fn condition(&self, reports: &mut Reports<'_>) -> (Place, Text) {
        let place = self.fields[0].1;
        let mut inner = Text::default();
        if self.tuples {
            for tuple in &self.values {
                self.tuple(&mut inner, tuple, reports);
            }
        } else {
            self.compare(&mut inner, 0, &self.values, place);
        }
        (place, inner)
    }

    fn tuple(&self, out: &mut Text, tuple: &Node, reports: &mut Reports<'_>) {
        let values = match &tuple.content {
            Content::Sequence(values) if values.len() == self.fields.len() => values,
            Content::Sequence(values) => {
                let message = format!(
                    "exception `{}`: {} fields but {} values",
                    self.name,
                    self.fields.len(),
                    values.len()
                );
                reports.error(Complaint::new(tuple.place, message));
                return;
            }
            Content::Scalar { .. } | Content::Mapping(_) => {
                let message =
                    format!("exception `{}` wants a list of values here, one for each field", self.name);
                reports.error(Complaint::new(tuple.place, message));
                return;
            }
        };
        if !out.as_str().is_empty() {
            out.push_for(" or ", tuple.place);
        }
        out.push_for("(", tuple.place);
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push_for(" and ", tuple.place);
            }
            self.compare(out, index, std::slice::from_ref(value), tuple.place);
        }
        out.push_for(")", tuple.place);
    }

    /// `field op value` or `field op (values)`.
    fn compare(&self, out: &mut Text, index: usize, values: &[Node], place: Place) {
        let ((field, field_at), (comp, comp_at)) = (&self.fields[index], &self.comps[index]);
        out.push_for(field, *field_at);
        out.push_for(&format!(" {comp} "), *comp_at);
        // A list can also be written as text, with its parentheses.
        let written_out = matches!(values, [value] if value.scalar().is_some_and(in_parentheses));
        let list = takes(comp) == Some(Takes::List)
            || values.iter().any(|v| matches!(v.content, Content::Sequence(_)));
        let list = list && !written_out;
        if list {
            out.push_for("(", place);
        }
        let mut first = true;
        for value in values {
            let items = match &value.content {
                Content::Sequence(items) => items.as_slice(),
                Content::Scalar { .. } | Content::Mapping(_) => std::slice::from_ref(value),
            };
            for item in items {
                if !first {
                    out.push_for(", ", item.place);
                }
                first = false;
                // A mapping gives no text, and the parser will say that an item is missing here.
                out.push_for(&item.scalar().map(written).unwrap_or_default(), item.place);
            }
        }
        if list {
            out.push_for(")", place);
        }
    }
}

fn written(value: &str) -> String {
    if in_parentheses(value) { value.to_owned() } else { quote(value) }
}

fn in_parentheses(value: &str) -> bool {
    value.starts_with('(') && value.ends_with(')')
}
