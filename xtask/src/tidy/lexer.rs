//! Rust source without its comments and without what stands in its strings, line by line.
//!
//! No parser: just enough that a check for a word does not stumble over a sentence about that word.

/// Each line of the source with comments and the insides of literals blanked.
pub fn code_lines(source: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (len, visible) = token(rest, first);
        let (text, after) = rest.split_at(len);
        if visible {
            push(&mut lines, text);
        } else {
            push(&mut lines, &blank(text));
        }
        rest = after;
    }
    lines
}

fn push(lines: &mut Vec<String>, text: &str) {
    let mut parts = text.split('\n');
    if let (Some(first), Some(last)) = (parts.next(), lines.last_mut()) {
        last.push_str(first);
    }
    lines.extend(parts.map(str::to_owned));
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// Length of the next token, and whether it is code.
fn token(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if first.is_alphabetic() || first == '_' {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let after = &rest[word..];
        return match &rest[..word] {
            "r" | "br" | "cr" => raw_string(after).map_or((word, true), |len| (word + len, false)),
            _ => (word, true),
        };
    }
    match first {
        '"' => (1 + quoted(&rest[1..], '"'), false),
        '\'' => character(rest).map_or((1, true), |len| (len, false)),
        other => (other.len_utf8(), true),
    }
}

/// Comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Up to and with the closing quote, when a raw string begins here.
fn raw_string(after: &str) -> Option<usize> {
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
    Some(hashes + 1 + end)
}

/// Up to and with the closing quote; a backslash hides what follows it.
fn quoted(inside: &str, quote: char) -> usize {
    let mut hidden = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    inside.len()
}

/// Length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = &rest[1..];
    let first = inside.chars().next()?;
    if first == '\\' {
        return Some(1 + quoted(inside, '\''));
    }
    inside[first.len_utf8()..].starts_with('\'').then_some(1 + first.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(source: &str) -> String {
        code_lines(source).join("\n").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_blank_and_keep_the_count_of_lines() {
        let lines = code_lines("a // unsafe\n/* unsafe\n /* deep */ unsafe */ b\n");
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| !line.contains("unsafe")));
        assert!(lines[2].ends_with("*/ b") || lines[2].trim() == "b");
    }

    #[test]
    fn strings_are_blank_whatever_their_form() {
        for literal in [r#""unsafe""#, r##"r#"un"safe"#"##, r#"b"unsafe""#, r#""\"unsafe""#, "\"two\nlines\""]
        {
            let seen = visible(&format!("a {literal} z"));
            assert!(
                seen.starts_with('a') && seen.ends_with('z') && !seen.contains("safe"),
                "{literal}: {seen}"
            );
        }
    }

    #[test]
    fn a_quote_in_a_character_opens_no_string() {
        assert_eq!(visible("let q = '\"'; unsafe"), "let q = ; unsafe");
        assert_eq!(visible(r"let q = '\''; unsafe"), "let q = ; unsafe");
    }

    #[test]
    fn a_lifetime_is_code() {
        assert_eq!(visible("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    }
}
