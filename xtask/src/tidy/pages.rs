//! Each event's page has its programs in agent-ebpf and its deeds in tests/kernel.

use std::collections::BTreeSet;

use nightjar_events::EVENTS;

use super::{Complaint, lexer, tree::File};

/// What one page promises.
pub struct Declared {
    pub event: &'static str,
    pub programs: Vec<&'static str>,
}

/// What the compiled pages say.
pub fn declared() -> Vec<Declared> {
    let page = |event: &&'static nightjar_events::Event| Declared {
        event: event.name,
        programs: event.hooks.iter().flat_map(|hook| hook.points).map(|point| point.program).collect(),
    };
    EVENTS.iter().map(page).collect()
}

pub fn check(pages: &[Declared], files: &[File]) -> Vec<Complaint> {
    let functions: BTreeSet<String> =
        files.iter().filter(|file| file.path.starts_with("agent-ebpf/src/")).flat_map(functions).collect();
    let mut found = Vec::new();
    for page in pages {
        let path = format!("events/src/event/{}.rs", page.event);
        let mut complain = |needle: &str, message: String| {
            let text = files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
            let line = text.lines().position(|line| line.contains(needle)).map_or(1, |at| at + 1);
            found.push(Complaint { path: path.clone(), line, message });
        };
        for program in page.programs.iter().filter(|program| !functions.contains(**program)) {
            complain(&format!("\"{program}\""), format!("agent-ebpf has no function {program}"));
        }
        if !has_a_test(page.event, files) {
            complain("EVENT", format!("no deed makes a {0} event: write tests/kernel/{0}.rs", page.event));
        }
    }
    found
}

/// Names of all functions in a file, and of those that `programs!` makes (agent-ebpf/src/hooks/call.rs).
fn functions(file: &File) -> Vec<String> {
    let name = |line: &String| {
        let (_, after) = line.split_once("fn ")?;
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        Some(after[..end].to_owned())
    };
    let code = lexer::code_lines(&file.text);
    let whole = code.join(" ");
    let made = whole.split_once("programs!(").and_then(|(_, after)| after.split_once(");"));
    let made = made.map_or("", |(names, _)| names);
    let words = made.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned);
    code.iter().filter_map(name).chain(words).collect()
}

/// A test file of its own, or one for a family of events (`cgroup.rs` for `cgroup_mkdir`) that names it.
fn has_a_test(event: &str, files: &[File]) -> bool {
    let own = format!("tests/kernel/{event}.rs");
    let family = event.split_once('_').map(|(family, _)| format!("tests/kernel/{family}.rs"));
    files
        .iter()
        .any(|file| file.path == own || Some(&file.path) == family.as_ref() && file.text.contains(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    fn messages(files: &[File]) -> Vec<String> {
        let pages = [
            Declared { event: "fork", programs: vec!["fork"] },
            Declared { event: "cgroup_mkdir", programs: vec!["cgroup_mkdir"] },
        ];
        check(&pages, files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_with_its_programs_and_tests_is_complete() {
        let files = [
            file("agent-ebpf/src/hooks/fork.rs", "pub fn fork(ctx: Ctx) -> i32 {"),
            file(
                "agent-ebpf/src/hooks/cgroup.rs",
                "programs!(Cgroup, tell:\n    0 cgroup_mkdir 1 cgroup_rmdir);",
            ),
            file("tests/kernel/fork.rs", ""),
            file("tests/kernel/cgroup.rs", "expect(\"cgroup_mkdir\")"),
        ];
        assert_eq!(messages(&files), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_shown_on_the_page_that_promises_it() {
        let files = [
            file("events/src/event/fork.rs", "//! x\nprogram: \"fork\""),
            file("agent-ebpf/src/hooks/fork.rs", "// fn fork(\nfn forked() {}"),
            file("agent-ebpf/src/hooks/cgroup.rs", "fn cgroup_mkdir() {}"),
            file("tests/kernel/fork.rs", ""),
            file("tests/kernel/cgroup.rs", "expect(\"cgroup_rmdir\")"),
        ];
        assert_eq!(
            messages(&files),
            [
                "events/src/event/fork.rs:2: agent-ebpf has no function fork",
                "events/src/event/cgroup_mkdir.rs:1: no deed makes a cgroup_mkdir event: write tests/kernel/cgroup_mkdir.rs",
            ]
        );
    }

    #[test]
    fn the_compiled_pages_declare_programs() {
        assert!(declared().iter().all(|page| !page.programs.is_empty()));
    }
}
