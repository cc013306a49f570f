//! `selection and not 1 of filter_*`: which selections must hold.

use crate::rule::{
    lang::tree::{DEPTH_MAX, PARTS_MAX},
    source::{Complaint, Place, Text, nearest},
};

/// A condition of which the selections are named by their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Selection(usize),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// At least so many.
    Some(usize, Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Adds the numbers of the selections that it names.
    pub fn selections(&self, out: &mut Vec<usize>) {
        match self {
            Condition::Selection(index) => out.push(*index),
            Condition::All(parts) | Condition::Any(parts) | Condition::Some(_, parts) => {
                parts.iter().for_each(|part| part.selections(out));
            }
            Condition::Not(inner) => inner.selections(out),
        }
    }
}

pub fn parse(text: &Text, names: &[&str]) -> Result<Condition, Complaint> {
    let mut parser = Parser { text, pos: 0, names, depth: 0, looked_at: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(("|", place)) => {
            let complaint =
                Complaint::new(place, "a condition cannot count: `|` is no longer in the language");
            Err(complaint.help("write a document with `correlation` beside the rule"))
        }
        Some((word, place)) => {
            let complaint = Complaint::new(place, format!("expected `and`, `or` or the end, found `{word}`"));
            Err(complaint.did_you_mean(word, ["and", "or"]))
        }
    }
}

struct Parser<'t> {
    text: &'t Text,
    pos: usize,
    names: &'t [&'t str],
    depth: usize,
    /// Names that patterns were compared with.
    looked_at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<(&'t str, Place)> {
        let all = self.text.as_str();
        let rest = all[self.pos..].trim_start();
        let start = all.len() - rest.len();
        let first = rest.chars().next()?;
        let len = match first {
            '(' | ')' | '|' => 1,
            _ => rest.find(|c: char| c.is_whitespace() || "()|".contains(c)).unwrap_or(rest.len()),
        };
        Some((&rest[..len], self.text.place(start..start + len)))
    }

    fn next(&mut self) -> Option<(&'t str, Place)> {
        let found = self.peek()?;
        let all = self.text.as_str();
        self.pos = all.len() - all[self.pos..].trim_start().len() + found.0.len();
        Some(found)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.peek().is_some_and(|(found, _)| found.eq_ignore_ascii_case(word));
        if is {
            self.next();
        }
        is
    }

    fn end(&self) -> Place {
        let len = self.text.as_str().len();
        self.text.place(len..len)
    }

    fn any(&mut self) -> Result<Condition, Complaint> {
        self.chain("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Condition, Complaint> {
        self.chain("and", Self::not, Condition::All)
    }

    fn chain(
        &mut self,
        word: &str,
        next: fn(&mut Self) -> Result<Condition, Complaint>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, Complaint> {
        let mut parts = vec![next(self)?];
        while self.take(word) {
            parts.push(next(self)?);
        }
        let single = if parts.len() == 1 { parts.pop() } else { None };
        Ok(single.unwrap_or_else(|| join(parts)))
    }

    fn not(&mut self) -> Result<Condition, Complaint> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let place = self.peek().map_or(self.end(), |(_, place)| place);
            return Err(Complaint::new(place, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let condition =
            if self.take("not") { Condition::Not(Box::new(self.not()?)) } else { self.primary()? };
        self.depth -= 1;
        Ok(condition)
    }

    fn primary(&mut self) -> Result<Condition, Complaint> {
        let expected = "expected a selection, `1 of …`, `all of …` or `(`";
        let Some((word, place)) = self.next() else {
            return Err(Complaint::new(self.end(), expected));
        };
        if word == "(" {
            let inner = self.any()?;
            if !self.take(")") {
                let (found, at) = self
                    .peek()
                    .map_or((String::new(), self.end()), |(word, at)| (format!(", found `{word}`"), at));
                return Err(Complaint::new(at, format!("expected `)`{found}")));
            }
            return Ok(inner);
        }
        let quantified = self.peek().is_some_and(|(next, _)| next.eq_ignore_ascii_case("of"));
        let count = word.parse::<usize>();
        match (quantified, count, word.to_ascii_lowercase().as_str()) {
            (true, Ok(0), _) => Err(Complaint::new(place, "`0 of` asks for nothing")),
            (true, Ok(1), _) | (true, _, "any") => self.of(Condition::Any),
            (true, Ok(count), _) => self.of(|parts| Condition::Some(count, parts)),
            (true, _, "all") => self.of(Condition::All),
            (_, _, ")" | "|" | "and" | "or" | "of" | "not") => {
                Err(Complaint::new(place, format!("{expected}, found `{word}`")))
            }
            (_, _, _) => self.selection(word, place),
        }
    }

    fn selection(&self, word: &str, place: Place) -> Result<Condition, Complaint> {
        if let Some(index) = self.names.iter().position(|name| *name == word) {
            return Ok(Condition::Selection(index));
        }
        let complaint = Complaint::new(place, format!("there is no selection `{word}`"));
        Err(match nearest(word, self.names.iter().copied()) {
            Some(name) => complaint.help(format!("did you mean `{name}`?")),
            None if word.contains('*') => complaint.help("a pattern wants `1 of` or `all of` before it"),
            None => complaint,
        })
    }

    /// What stands behind `of`: a pattern of names, or `them`.
    fn of(&mut self, join: impl Fn(Vec<Condition>) -> Condition) -> Result<Condition, Complaint> {
        self.next();
        let Some((word, place)) = self.next() else {
            return Err(Complaint::new(self.end(), "expected a pattern of selections or `them`"));
        };
        let them = word.eq_ignore_ascii_case("them");
        self.looked_at += self.names.len();
        if self.looked_at > PARTS_MAX {
            return Err(Complaint::new(
                place,
                format!("the condition names more than {PARTS_MAX} selections"),
            ));
        }
        let pattern = super::pattern::Pattern::parse(word);
        let wanted = |name: &str| if them { !name.starts_with('_') } else { pattern.takes(name) };
        let named: Vec<_> = self.names.iter().enumerate().filter(|(_, name)| wanted(name)).collect();
        if named.is_empty() {
            let complaint = Complaint::new(place, format!("no selection is called like `{word}`"));
            let bare = word.trim_end_matches('*');
            return Err(complaint.did_you_mean(bare, self.names.iter().copied()));
        }
        Ok(join(named.into_iter().map(|(index, _)| Condition::Selection(index)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, names: &[&str]) -> Result<Condition, Complaint> {
        let mut source = Text::default();
        source.push_verbatim(text, Place { file: 0, start: 0, end: text.len() as u32 });
        parse(&source, names)
    }

    fn shown(condition: &Condition) -> String {
        let list = |parts: &[Condition]| parts.iter().map(shown).collect::<Vec<_>>().join(" ");
        match condition {
            Condition::Selection(index) => index.to_string(),
            Condition::All(parts) => format!("(& {})", list(parts)),
            Condition::Any(parts) => format!("(| {})", list(parts)),
            Condition::Some(count, parts) => format!("({count} {})", list(parts)),
            Condition::Not(inner) => format!("(! {})", shown(inner)),
        }
    }

    #[test]
    fn conditions_are_read_as_sigma_means_them() {
        let names = ["a", "b", "filter_x", "filter_y", "_z"];
        for (text, expected) in [
            ("a", "0"),
            ("a and not b or filter_x", "(| (& 0 (! 1)) 2)"),
            ("a AND NOT 1 of filter_*", "(& 0 (! (| 2 3)))"),
            ("all of filter_* and (a or b)", "(& (& 2 3) (| 0 1))"),
            ("1 of them", "(| 0 1 2 3)"),
            ("2 of them", "(2 0 1 2 3)"),
            ("not(a)", "(! 0)"),
            ("any of _*", "(| 4)"),
        ] {
            assert_eq!(shown(&read(text, &names).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        let names = ["selection", "filter_main"];
        for (text, message, at) in [
            ("selecton", "no selection `selecton`", 0),
            ("selection and", "expected a selection", 13),
            ("selection or 1 of x_*", "called like `x_*`", 18),
            ("(selection", "expected `)`", 10),
            ("selection filter_main", "expected `and`, `or` or the end", 10),
            ("selection | count() > 5", "cannot count", 10),
            ("", "expected a selection", 0),
            ("not and", "found `and`", 4),
        ] {
            let complaint = read(text, &names).unwrap_err();
            assert!(complaint.message.contains(message), "{text}: {complaint:?}");
            assert_eq!(complaint.place.start, at, "{text}");
        }
        assert!(read(&"(".repeat(10_000), &names).unwrap_err().message.contains("nested deeper"));
    }
}
