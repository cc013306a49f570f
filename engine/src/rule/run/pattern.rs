//! Glob patterns and path prefixes, compiled once.

use std::collections::HashSet;

use regex::bytes::{Regex, RegexBuilder};

use super::truth::Truth;
use nightjar_events::Cut;

/// Largest compiled form of one pattern, bytes.
const PATTERN_MAX: usize = 4 << 20;

/// `*`, `?`, `[a-z]`, `\x`, and the shell's `?(a|b)`, `*(…)`, `+(…)`, `@(…)`. `*` also takes slashes.
#[derive(Clone, Debug)]
pub struct Glob {
    regex: Regex,
    /// What a match must begin and end with.
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Begins or ends with a star: then what is missing there does not matter.
    open_head: bool,
    open_tail: bool,
    fold: bool,
}

impl Glob {
    pub fn new(pattern: &[u8], fold: bool) -> Result<Glob, String> {
        let regex = build(&translate(pattern)?, fold)?;
        let special =
            |b: &u8| matches!(b, b'*' | b'?' | b'[' | b']' | b'\\' | b'(' | b')' | b'|' | b'+' | b'@' | b'!');
        let head = pattern.iter().position(special).unwrap_or(pattern.len());
        let tail = pattern.iter().rposition(special).map_or(0, |at| at + 1);
        let star = |at: Option<&u8>| at == Some(&b'*');
        Ok(Glob {
            regex,
            head: pattern[..head].to_vec(),
            tail: pattern[tail..].to_vec(),
            open_head: star(pattern.first()) && pattern.get(1) != Some(&b'('),
            open_tail: star(pattern.last()) && pattern.iter().rev().nth(1) != Some(&b'\\'),
            fold,
        })
    }

    /// Whether a whole value matches.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }

    pub fn test(&self, bytes: &[u8], cut: Cut) -> Truth {
        let matches = self.is_match(bytes);
        let same = |a: &[u8], b: &[u8]| if self.fold { a.eq_ignore_ascii_case(b) } else { a == b };
        match cut {
            Cut::None => matches.into(),
            Cut::Back if matches && self.open_tail => Truth::True,
            Cut::Front if matches && self.open_head => Truth::True,
            Cut::Back => {
                let len = self.head.len().min(bytes.len());
                if same(&bytes[..len], &self.head[..len]) { Truth::Undecided } else { Truth::False }
            }
            Cut::Front => {
                let len = self.tail.len().min(bytes.len());
                let (kept, tail) = (&bytes[bytes.len() - len..], &self.tail[self.tail.len() - len..]);
                if same(kept, tail) { Truth::Undecided } else { Truth::False }
            }
        }
    }
}

fn build(source: &str, fold: bool) -> Result<Regex, String> {
    let source = format!("^(?:{source})$");
    let mut builder = RegexBuilder::new(&source);
    builder.unicode(false).dot_matches_new_line(true).case_insensitive(fold).size_limit(PATTERN_MAX);
    builder.build().map_err(|error| format!("bad pattern: {error}"))
}

fn literal(out: &mut String, b: u8) {
    if b.is_ascii_alphanumeric() {
        out.push(char::from(b));
    } else {
        out.push_str(&format!("\\x{b:02x}"));
    }
}

fn translate(pattern: &[u8]) -> Result<String, String> {
    let (mut out, mut at, mut groups) = (String::new(), 0, Vec::new());
    while let Some(&b) = pattern.get(at) {
        let opens = pattern.get(at + 1) == Some(&b'(');
        match b {
            b'!' if opens => return Err("`!(…)` is not supported in a glob".into()),
            b'?' | b'*' | b'+' | b'@' if opens => {
                groups.push(if b == b'@' {
                    ""
                } else {
                    ["?", "*", "+"][usize::from(b != b'?') + usize::from(b == b'+')]
                });
                out.push_str("(?:");
                at += 1;
            }
            b'|' if !groups.is_empty() => out.push('|'),
            b')' if !groups.is_empty() => {
                out.push(')');
                out.push_str(groups.pop().unwrap_or(""));
            }
            b'*' => out.push_str(".*"),
            // One character, or one byte of what is not UTF-8.
            b'?' => out.push_str("(?:[\\xc2-\\xf4][\\x80-\\xbf]{1,3}|.)"),
            b'\\' => {
                at += 1;
                literal(&mut out, *pattern.get(at).unwrap_or(&b'\\'));
            }
            b'[' => match class(&mut out, &pattern[at + 1..]) {
                Some(len) => at += len,
                None => literal(&mut out, b'['),
            },
            b => literal(&mut out, b),
        }
        at += 1;
    }
    if groups.is_empty() { Ok(out) } else { Err("a `(` in the glob is never closed".into()) }
}

/// A bracket expression; its length without the opening bracket. `None`: it has no end, so it is a plain bracket.
fn class(out: &mut String, rest: &[u8]) -> Option<usize> {
    let negated = matches!(rest.first(), Some(b'!' | b'^'));
    let first = usize::from(negated);
    let len = rest.iter().skip(first + 1).position(|&b| b == b']')? + first + 1;
    let body = &rest[first..len];
    if body.starts_with(b"[:") {
        return None;
    }
    out.push_str(if negated { "[^" } else { "[" });
    for (index, &b) in body.iter().enumerate() {
        let range = b == b'-' && index > 0 && index + 1 < body.len() && body[index - 1] <= body[index + 1];
        if range { out.push('-') } else { literal(out, b) }
    }
    out.push(']');
    Some(len + 1)
}

/// A whole-value regular expression, as Falco's `regex`. Classes such as `\w` are ASCII, as RE2 has them; an
/// expression that is not ASCII itself is read as Unicode.
pub fn full_regex(source: &str) -> Result<Regex, String> {
    let build = |source: &str| {
        let mut builder = RegexBuilder::new(source);
        builder.unicode(!source.is_ascii()).size_limit(PATTERN_MAX).build()
    };
    // By itself first: `a)(b` is wrong, though it would fit between the parentheses below.
    let whole = build(source).and_then(|_| build(&format!("^(?:{source})$")));
    whole.map_err(|error| match error {
        regex::Error::Syntax(text) => {
            let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            format!("bad regular expression: {reason}")
        }
        error => format!("bad regular expression: {error}"),
    })
}

/// Paths; a value passes when one of them is it or a directory above it. Each component may be a glob.
#[derive(Clone, Debug, Default)]
pub struct Prefixes {
    plain: HashSet<Vec<u8>>,
    globs: Vec<Vec<Glob>>,
}

impl Prefixes {
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p [u8]>) -> Result<Prefixes, String> {
        let mut prefixes = Prefixes::default();
        for path in paths {
            if path.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
                let parts = components(path).map(|part| Glob::new(part, false));
                prefixes.globs.push(parts.collect::<Result<_, _>>()?);
            } else {
                prefixes.plain.insert(trim(path).to_vec());
            }
        }
        Ok(prefixes)
    }

    pub fn test(&self, path: &[u8], cut: Cut) -> Truth {
        match cut {
            Cut::None => self.covers(path).into(),
            // Only its last component can be other than it seems.
            Cut::Back => {
                let whole = path.iter().rposition(|&b| b == b'/').map(|at| &path[..at.max(1)]);
                if whole.is_some_and(|whole| self.covers(whole)) { Truth::True } else { Truth::Undecided }
            }
            Cut::Front => Truth::Undecided,
        }
    }

    fn covers(&self, path: &[u8]) -> bool {
        let path = trim(path);
        let ends = path.iter().enumerate().filter(|(at, b)| **b == b'/' && *at > 0).map(|(at, _)| at);
        let plain = !self.plain.is_empty()
            && (self.plain.contains(path)
                || ends.into_iter().any(|at| self.plain.contains(&path[..at]))
                || (path.first() == Some(&b'/') && self.plain.contains(&b"/"[..])));
        plain
            || self.globs.iter().any(|globs| {
                let mut parts = components(path);
                globs
                    .iter()
                    .all(|glob| parts.next().is_some_and(|part| glob.test(part, Cut::None) == Truth::True))
            })
    }
}

fn trim(path: &[u8]) -> &[u8] {
    let len = path.iter().rposition(|&b| b != b'/').map_or(1.min(path.len()), |at| at + 1);
    &path[..len]
}

/// `/a/b` is ``, `a`, `b`: an absolute path and a relative one differ in the first.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut first = true;
    trim(path).split(|&b| b == b'/').filter(move |part| std::mem::take(&mut first) || !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes(), false).unwrap().test(text.as_bytes(), Cut::None) == Truth::True
    }

    #[test]
    fn globs_match_the_whole_value() {
        for (pattern, text) in [
            ("/home/*/.ssh/*", "/home/a/b/.ssh/id"),
            ("*../*../*", "/a/../../b"),
            ("a?c", "aéc"),
            ("[a-c]x[!0-9]", "bxy"),
            ("a\\*", "a*"),
            ("[x", "[x"),
            ("+(ab|c)d", "abcabd"),
            ("?(a)b", "b"),
            ("", ""),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("/home/*", "x/home/a"), ("a?c", "ac"), ("[a-c]", "d"), ("a\\*", "ab"), ("A", "a")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
        assert_eq!(Glob::new(b"A*", true).unwrap().test(b"ab", Cut::None), Truth::True);
    }

    #[test]
    fn a_cut_value_is_undecided_only_where_the_rest_matters() {
        let test = |pattern: &str, text: &str, cut| {
            Glob::new(pattern.as_bytes(), false).unwrap().test(text.as_bytes(), cut)
        };
        assert_eq!(test("/etc/*", "/etc/pass", Cut::Back), Truth::True);
        assert_eq!(test("/etc/*.d", "/etc/x.d", Cut::Back), Truth::Undecided);
        assert_eq!(test("/etc/*.d", "/usr/x", Cut::Back), Truth::False);
        assert_eq!(test("*/shadow", "b/shadow", Cut::Front), Truth::True);
        assert_eq!(test("/x/shadow", "shadow", Cut::Front), Truth::Undecided);
        assert_eq!(test("*/shadow", "b/passwd", Cut::Front), Truth::False);
    }

    #[test]
    fn a_path_is_covered_by_whole_components_above_it() {
        let paths: [&[u8]; 4] = [b"/etc", b"/var/lib/", b"/opt/*/bin", b"rel"];
        let prefixes = Prefixes::new(paths).unwrap();
        for path in ["/etc", "/etc/", "/etc/passwd", "/var/lib/x/y", "/opt/a/bin/x", "/opt/a/bin", "rel/x"] {
            assert_eq!(prefixes.test(path.as_bytes(), Cut::None), Truth::True, "{path}");
        }
        for path in ["/etcetera", "/", "", "/var", "/opt/bin", "etc/x", "/rel"] {
            assert_eq!(prefixes.test(path.as_bytes(), Cut::None), Truth::False, "{path}");
        }
        assert_eq!(prefixes.test(b"/etc/pas", Cut::Back), Truth::True);
        assert_eq!(prefixes.test(b"/etc", Cut::Back), Truth::Undecided, "may be /etcetera");
        let root = Prefixes::new([&b"/"[..]]).unwrap();
        assert_eq!(root.test(b"/x", Cut::None), Truth::True);
    }

    #[test]
    fn a_regex_matches_the_whole_value() {
        assert!(full_regex("a|ab").unwrap().is_match(b"ab"));
        assert!(!full_regex("a").unwrap().is_match(b"ab"));
        assert!(full_regex("é+").unwrap().is_match("éé".as_bytes()));
        assert!(full_regex("a)(b").is_err());
        assert!(full_regex("a(").unwrap_err().starts_with("bad regular expression: "));
    }
}
