//! Puts lists and macros into conditions.
//!
//! Lists are put in as text, as Falco does: any word that is a list's name is replaced by its items. Two differences
//! that only make more files work: words inside quotes stay, and items that need quotes get them with their escapes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    print::is_bare,
    scan::ends_bare,
    tree::{Body, DEPTH_MAX, Expr, Literal, PARTS_MAX},
};
use crate::rule::source::{At, Complaint, Place, Text};

/// Items of each list as written, with their places.
pub type Lists = BTreeMap<String, Vec<(String, Place)>>;

/// A text with its list names replaced. `used` collects their names.
pub fn lists(text: &Text, lists: &Lists, used: &mut Vec<String>) -> Result<Text, Complaint> {
    let source = text.as_str();
    let bytes = source.as_bytes();
    let mut out = Text::default();
    let (mut at, mut kept, mut left) = (0, 0, PARTS_MAX);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = behind_quote(bytes, at),
            b if ends_bare(b) => at += 1,
            _ => {
                let end = at + bytes[at..].iter().position(|&b| ends_bare(b)).unwrap_or(bytes.len() - at);
                if let Some(items) = lists.get(&source[at..end]) {
                    let name = source[at..end].to_owned();
                    out.push_text(&text.slice(kept..at));
                    kept = end;
                    let place = text.place(at..end);
                    let mut joined = Text::default();
                    if !join(&mut joined, items, lists, place, &mut vec![name.clone()], &mut left) {
                        let message =
                            format!("list `{name}` has more than {PARTS_MAX} items, its lists written out");
                        return Err(Complaint::new(place, message));
                    }
                    if joined.as_str().is_empty() {
                        kept = without_comma(&mut out, source, end);
                    }
                    out.push_text(&joined);
                    if !used.contains(&name) {
                        used.push(name);
                    }
                }
                at = end;
            }
        }
    }
    out.push_text(&text.slice(kept..bytes.len()));
    Ok(out)
}

fn behind_quote(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != bytes[open] {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// An empty list takes one comma with it. Gives where the text goes on.
fn without_comma(out: &mut Text, source: &str, end: usize) -> usize {
    let after = source[end..].trim_start();
    if after.starts_with(',') {
        return source.len() - after.len() + 1;
    }
    let before = out.as_str().trim_end();
    if before.ends_with(',') {
        *out = out.slice(0..before.len() - 1);
    }
    end
}

/// Items joined by commas; an item that names another list is that list. `false`: more than there may be.
fn join(
    out: &mut Text,
    items: &[(String, Place)],
    lists: &Lists,
    name: Place,
    within: &mut Vec<String>,
    left: &mut usize,
) -> bool {
    for (item, place) in items {
        let Some(fewer) = left.checked_sub(1) else { return false };
        *left = fewer;
        let nested = lists.get(item).filter(|_| !within.contains(item) && within.len() < DEPTH_MAX);
        let mut piece = Text::default();
        match nested {
            Some(items) => {
                within.push(item.clone());
                let done = join(&mut piece, items, lists, name, within, left);
                within.pop();
                if !done {
                    return false;
                }
            }
            None => piece.push_for(&quote(item), *place),
        }
        if !piece.as_str().is_empty() {
            if !out.as_str().is_empty() {
                out.push_for(", ", name);
            }
            out.push_text(&piece);
        }
    }
    true
}

/// A text as it must stand in a condition. One that is in quotes already is left alone.
pub fn quote(item: &str) -> String {
    let quoted =
        item.starts_with(['"', '\'']) && behind_quote(item.as_bytes(), 0) == item.len() && item.len() > 1;
    if quoted || is_bare(item) || (!item.is_empty() && !item.bytes().any(ends_bare)) {
        return item.to_owned();
    }
    Literal { bytes: item.into(), at: At::default() }.to_string()
}

/// A macro as it stands after all appends.
pub struct Macro {
    /// Order of its first definition.
    pub index: usize,
    /// It sees macros whose index is below.
    pub sees: usize,
    /// `None`: could not be read, which has been reported.
    pub expr: Option<Expr>,
}

/// Replaces macro names, each macro once.
pub struct Macros<'m> {
    all: &'m BTreeMap<String, Macro>,
    lists: &'m Lists,
    done: HashMap<String, Option<Arc<Body>>>,
    /// Macros that are being replaced right now.
    within: Vec<String>,
}

impl<'m> Macros<'m> {
    pub fn new(all: &'m BTreeMap<String, Macro>, lists: &'m Lists) -> Self {
        Macros { all, lists, done: HashMap::new(), within: Vec::new() }
    }

    /// The tree with all macros in it. A name is left only where `errors` says why.
    pub fn resolve(&mut self, expr: &Expr, sees: usize, errors: &mut Vec<Complaint>) -> Expr {
        let mut all = |parts: &[Expr]| parts.iter().map(|part| self.resolve(part, sees, errors)).collect();
        match expr {
            Expr::And(parts) => Expr::And(all(parts)),
            Expr::Or(parts) => Expr::Or(all(parts)),
            Expr::Not(inner) => Expr::Not(Box::new(self.resolve(inner, sees, errors))),
            Expr::Check(_) | Expr::Macro { .. } => expr.clone(),
            Expr::Name { name, at } => match self.body(name, *at, sees, errors) {
                Some(body) => Expr::Macro { name: name.clone(), body },
                None => expr.clone(),
            },
        }
    }

    fn body(&mut self, name: &str, at: At, sees: usize, errors: &mut Vec<Complaint>) -> Option<Arc<Body>> {
        let Some(found) = self.all.get(name) else {
            let complaint = Complaint::new(at.0, format!("unknown macro `{name}`"));
            errors.push(if self.lists.contains_key(name) {
                complaint.help(format!("`{name}` is a list; lists stand behind `in`"))
            } else {
                complaint.did_you_mean(name, self.all.keys().map(String::as_str))
            });
            return None;
        };
        if found.index >= sees {
            let complaint = Complaint::new(at.0, format!("macro `{name}` is defined further down"));
            errors.push(complaint.help("a macro sees only macros that are defined above it"));
            return None;
        }
        if self.within.iter().any(|outer| outer == name) {
            errors.push(Complaint::new(at.0, format!("macro `{name}` contains itself")));
            return None;
        }
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let expr = found.expr.as_ref()?;
        self.within.push(name.to_owned());
        let expr = self.resolve(expr, found.sees, errors);
        self.within.pop();
        let size = expr.size();
        let problem =
            size.too_large().map(|problem| Complaint::new(at.0, format!("macro `{name}` {problem}")));
        let body = if problem.is_none() { Some(Arc::new(Body { expr, size })) } else { None };
        errors.extend(problem);
        self.done.insert(name.to_owned(), body.clone());
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, all: &[(&str, &[&str])]) -> String {
        let mut source = Text::default();
        source.push_verbatim(text, Place { file: 0, start: 0, end: text.len() as u32 });
        let all = all.iter().map(|(name, items)| {
            ((*name).to_owned(), items.iter().map(|item| ((*item).to_owned(), Place::default())).collect())
        });
        lists(&source, &all.collect(), &mut Vec::new()).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_list_is_put_in_wherever_its_name_stands_alone() {
        let all: &[(&str, &[&str])] = &[("l", &["x", "y z", "\"(q)\"", "a=b", "m"]), ("m", &["1", "m", "l"])];
        assert_eq!(expanded("a.b in (l)", all), "a.b in (x, \"y z\", \"(q)\", \"a=b\", 1, m, l)");
        assert_eq!(
            expanded("a.b in (k,m , ll)", all),
            "a.b in (k,1, m, x, \"y z\", \"(q)\", \"a=b\", m , ll)"
        );
        assert_eq!(
            expanded("a.b = \"m l\" or a.b=m", all),
            "a.b = \"m l\" or a.b=1, m, x, \"y z\", \"(q)\", \"a=b\", m"
        );
    }

    #[test]
    fn an_empty_list_takes_one_comma_with_it() {
        let all: &[(&str, &[&str])] = &[("e", &[]), ("f", &["e"])];
        assert_eq!(expanded("a.b in (e)", all), "a.b in ()");
        assert_eq!(expanded("a.b in (e, x)", all), "a.b in ( x)");
        assert_eq!(expanded("a.b in (x, e)", all), "a.b in (x)");
        assert_eq!(expanded("a.b in (x, f, y)", all), "a.b in (x,  y)");
    }
}
