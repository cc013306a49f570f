//! Checks on one Rust file by itself.

use super::{Complaint, lexer, tree::File};

/// A file longer than this does more than one thing.
const LINES_MAX: usize = 600;
/// How far above `unsafe` its reason may begin.
const SAFETY_REACH: usize = 5;

/// Files that are one flat table, where length means rows.
const FLAT_TABLES: &[&str] = &[];

/// Where losing a result must be a fact with a reason and a counter.
const NOTHING_LOST: &[&str] = &["agent/src/", "engine/src/"];

pub fn check(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let code = lexer::code_lines(&file.text);
    let mut found = Vec::new();
    found.extend(opens_with_its_purpose(file));
    found.extend(is_short(file));
    found.extend(allows_nothing(file, &code));
    found.extend(says_why_unsafe(file, &code));
    found.extend(loses_nothing(file, &code));
    found
}

fn opens_with_its_purpose(file: &File) -> Option<Complaint> {
    (!file.text.starts_with("//!"))
        .then(|| file.complaint(1, "a file opens with `//!`: what it is for and what it does not do"))
}

fn is_short(file: &File) -> Option<Complaint> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX && !FLAT_TABLES.contains(&file.path.as_str())).then(|| {
        file.complaint(LINES_MAX + 1, format!("{lines} lines, at most {LINES_MAX}: split it by purpose"))
    })
}

fn allows_nothing(file: &File, code: &[String]) -> Vec<Complaint> {
    let bad = |line: &String| {
        let dense: String = line.split_whitespace().collect();
        dense.contains("#[allow(") || dense.contains("#![allow(")
    };
    file.complaints(
        code.iter().map(bad),
        "use `#[expect(lint, reason = \"…\")]`: it says when the exception is over",
    )
}

fn says_why_unsafe(file: &File, code: &[String]) -> Vec<Complaint> {
    let lines: Vec<&str> = file.text.lines().collect();
    let explained = |at: usize| {
        let from = at.saturating_sub(SAFETY_REACH);
        lines.iter().take(at + 1).skip(from).any(|line| {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            comment.contains("SAFETY:") || comment.contains("# Safety")
        })
    };
    let bad = code.iter().enumerate().map(|(at, line)| is_unsafe(line) && !explained(at));
    file.complaints(bad, "`unsafe` without a `// SAFETY:` note within five lines above")
}

/// The word, but neither the attribute form `#[unsafe(no_mangle)]` nor the type `unsafe fn(u32)`: those do nothing.
fn is_unsafe(line: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices("unsafe").any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + found.len()..];
        let idle = after.starts_with('(') || after.trim_start().starts_with("fn(");
        !before.is_some_and(word) && !after.starts_with(word) && !idle
    })
}

fn loses_nothing(file: &File, code: &[String]) -> Vec<Complaint> {
    if !NOTHING_LOST.iter().any(|dir| file.path.starts_with(dir)) {
        return Vec::new();
    }
    let mut statement = String::new();
    let bad = |line: &String| {
        let dense: String = line.split_whitespace().collect();
        statement.push_str(&dense);
        // Kept when it is given a name or a place: `let a = b.ok();`.
        let lost = dense.starts_with("let_=") || statement.ends_with(".ok();") && !statement.contains('=');
        if dense.ends_with([';', '{', '}', ',']) {
            statement.clear();
        }
        lost
    };
    file.complaints(code.iter().map(bad), "a result is dropped here: count it, log it or pass it on")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&File { path: path.into(), text: text.into() }).iter().map(|complaint| complaint.line).collect()
    }

    #[test]
    fn a_file_must_say_what_it_is_for() {
        assert_eq!(lines("a.rs", "//! For this.\nfn f() {}\n"), NONE);
        assert_eq!(lines("a.rs", "fn f() {}\n"), [1]);
        assert_eq!(lines("a.sh", "echo\n"), NONE);
    }

    #[test]
    fn a_long_file_is_shown_where_it_gets_too_long() {
        let text = |count: usize| format!("//! x\n{}", "// y\n".repeat(count - 1));
        assert_eq!(lines("a.rs", &text(LINES_MAX)), NONE);
        assert_eq!(lines("a.rs", &text(LINES_MAX + 1)), [LINES_MAX + 1]);
    }

    #[test]
    fn allow_is_forbidden_and_expect_is_not() {
        assert_eq!(lines("a.rs", "//! x\n#[allow(dead_code)]\nfn f() {}\n"), [2]);
        assert_eq!(lines("a.rs", "//! x\n#![allow( dead_code )]\n"), [2]);
        assert_eq!(lines("a.rs", "//! x\n#[expect(dead_code, reason = \"#[allow(\")]\nfn f() {}\n"), NONE);
    }

    #[test]
    fn unsafe_needs_its_reason_close_above() {
        assert_eq!(lines("a.rs", "//! x\nlet a = unsafe { f() };\n"), [2]);
        assert_eq!(lines("a.rs", "//! x\n// SAFETY: f has no conditions.\nlet a = unsafe { f() };\n"), NONE);
        assert_eq!(lines("a.rs", "//! x\n/// # Safety\n/// Never.\npub unsafe fn f() {}\n"), NONE);
        let far = format!("//! x\n// SAFETY: far away.\n{}unsafe {{}}\n", "a();\n".repeat(SAFETY_REACH));
        assert_eq!(lines("a.rs", &far), [SAFETY_REACH + 3]);
    }

    #[test]
    fn words_that_contain_unsafe_are_not_unsafe() {
        let text = "//! x\n#![forbid(unsafe_code)]\n#[unsafe(no_mangle)]\n// unsafe\nfn g(read: unsafe fn(u32)) {}\nlet a = \"unsafe {\";\n";
        assert_eq!(lines("a.rs", text), NONE);
    }

    #[test]
    fn the_agent_and_the_engine_may_not_drop_results() {
        let text = "//! x\nlet _ = send();\nsend().ok();\nlet _guard = lock();\nlet b = send().ok();\nsend()\n    .ok();\nlet c = send()\n    .ok();\n";
        assert_eq!(lines("agent/src/a.rs", text), [2, 3, 7]);
        assert_eq!(lines("xtask/src/a.rs", text), NONE);
    }
}
