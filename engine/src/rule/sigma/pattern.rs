//! A value as Sigma writes it: `*` and `?` are wildcards, `\*`, `\?` and `\\` stand for themselves, any other
//! backslash is one. What it becomes in the core is `compare`'s business.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(Vec<u8>),
    /// `*`: any text, also none.
    Any,
    /// `?`: one character.
    One,
}

/// The form in which a pattern is asked; the cheapest that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any value at all.
    Present,
    Equal(Vec<u8>),
    Starts(Vec<u8>),
    Ends(Vec<u8>),
    Contains(Vec<u8>),
    /// A glob of the core, and the longest text that is in every value it takes.
    Glob {
        glob: Vec<u8>,
        holds: Vec<u8>,
    },
}

impl Pattern {
    pub fn parse(text: &str) -> Pattern {
        let mut pattern = Pattern { parts: Vec::new() };
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => pattern.push(chars.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\')),
                '*' => pattern.any(),
                '?' => pattern.parts.push(Part::One),
                c => pattern.push(c),
            }
        }
        pattern
    }

    /// A text without wildcards.
    pub fn plain(bytes: impl Into<Vec<u8>>) -> Pattern {
        Pattern { parts: vec![Part::Text(bytes.into())] }
    }

    fn push(&mut self, c: char) {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.extend_from_slice(bytes),
            Some(Part::Any | Part::One) | None => self.parts.push(Part::Text(bytes.to_vec())),
        }
    }

    fn any(&mut self) {
        if self.parts.last() != Some(&Part::Any) {
            self.parts.push(Part::Any);
        }
    }

    /// The text, when there is no wildcard in it.
    pub fn text(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Text(text)] => Some(text),
            [..] => None,
        }
    }

    /// The same with its texts changed and its wildcards kept.
    pub fn map(&self, change: impl Fn(&[u8]) -> Vec<u8>) -> Pattern {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => Part::Text(change(text)),
            Part::Any => Part::Any,
            Part::One => Part::One,
        });
        Pattern { parts: parts.collect() }
    }

    /// With anything before it, behind it, or both.
    pub fn open(mut self, front: bool, back: bool) -> Pattern {
        if front && self.parts.first() != Some(&Part::Any) {
            self.parts.insert(0, Part::Any);
        }
        if back {
            self.any();
        }
        self
    }

    /// With a text behind it.
    pub fn then(mut self, text: &[u8]) -> Pattern {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.extend_from_slice(text),
            Some(Part::Any | Part::One) | None => self.parts.push(Part::Text(text.to_vec())),
        }
        self
    }

    pub fn lower(&self) -> Pattern {
        self.map(<[u8]>::to_ascii_lowercase)
    }

    pub fn form(&self) -> Form {
        let parts = self.parts.as_slice();
        let (front, rest) = match parts {
            [Part::Any, rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (back, middle) = match rest {
            [middle @ .., Part::Any] => (true, middle),
            middle => (false, middle),
        };
        match (middle, front, back) {
            ([], false, false) => Form::Equal(Vec::new()),
            ([], _, _) => Form::Present,
            ([Part::Text(text)], false, false) => Form::Equal(text.clone()),
            ([Part::Text(text)], false, true) => Form::Starts(text.clone()),
            ([Part::Text(text)], true, false) => Form::Ends(text.clone()),
            ([Part::Text(text)], true, true) => Form::Contains(text.clone()),
            ([..], _, _) => Form::Glob { glob: self.glob(), holds: self.longest() },
        }
    }

    fn longest(&self) -> Vec<u8> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Any | Part::One => None,
        });
        texts.max_by_key(|text| text.len()).cloned().unwrap_or_default()
    }

    fn glob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Any => out.push(b'*'),
                Part::One => out.push(b'?'),
                Part::Text(text) => text.iter().for_each(|b| {
                    if b"*?[]\\()|+@!".contains(b) {
                        out.push(b'\\');
                    }
                    out.push(*b);
                }),
            }
        }
        out
    }

    /// Whether a text that is known at load is taken, in any case of its letters.
    pub fn takes(&self, text: &str) -> bool {
        let glob: Vec<Option<Option<u8>>> = self.parts.iter().flat_map(Part::signs).collect();
        let text = text.as_bytes();
        // Where to go on when what follows the last star does not fit: one more byte belongs to the star.
        let (mut at, mut place, mut retry) = (0, 0, None);
        while place < text.len() {
            match glob.get(at) {
                Some(None) => {
                    retry = Some((at + 1, place));
                    at += 1;
                }
                Some(Some(sign)) if sign.is_none_or(|b| b.eq_ignore_ascii_case(&text[place])) => {
                    (at, place) = (at + 1, place + 1);
                }
                Some(Some(_)) | None => match retry {
                    Some((after, from)) => {
                        (at, place, retry) = (after, from + 1, Some((after, from + 1)));
                    }
                    None => return false,
                },
            }
        }
        glob[at..].iter().all(Option::is_none)
    }
}

impl Part {
    /// Bytes; `None` is a star, `Some(None)` any byte.
    fn signs(&self) -> Vec<Option<Option<u8>>> {
        match self {
            Part::Text(text) => text.iter().map(|b| Some(Some(*b))).collect(),
            Part::Any => vec![None],
            Part::One => vec![Some(None)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_wildcards_are_told_apart() {
        let text = |word: &str| Pattern::parse(word).text().map(<[u8]>::to_vec);
        assert_eq!(text(r"a\*b\?c\\d\e").as_deref(), Some(&br"a*b?c\d\e"[..]));
        assert_eq!(text("").as_deref(), Some(&b""[..]));
        assert_eq!(text("a*"), None);
        assert_eq!(text(r"\\*"), None, "a backslash and a wildcard");
    }

    #[test]
    fn a_pattern_takes_the_cheapest_form() {
        let form = |word: &str| Pattern::parse(word).form();
        assert_eq!(form("a"), Form::Equal(b"a".into()));
        assert_eq!(form("a*"), Form::Starts(b"a".into()));
        assert_eq!(form("*a"), Form::Ends(b"a".into()));
        assert_eq!(form("**a*"), Form::Contains(b"a".into()));
        assert_eq!(form("*"), Form::Present);
        assert_eq!(form("a*bcd?"), Form::Glob { glob: b"a*bcd?".into(), holds: b"bcd".into() });
        assert_eq!(form("(x)*[y"), Form::Glob { glob: br"\(x\)*\[y".into(), holds: b"(x)".into() });
    }

    #[test]
    fn a_text_known_at_load_is_matched_in_any_case() {
        assert!(Pattern::parse("exec*").takes("EXECVE"));
        assert!(Pattern::parse("*EC?E").takes("execve"));
        assert!(Pattern::parse("a*b*c").takes("abbcbc"));
        assert!(!Pattern::parse("EXECV").takes("EXECVE"));
        assert!(!Pattern::parse("a*b*c").takes("abcb"));
        assert!(!Pattern::parse(&"a*".repeat(500)).takes(&"a".repeat(499)));
    }
}
