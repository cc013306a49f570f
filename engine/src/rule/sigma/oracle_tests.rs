//! The same verdicts by another way: a naive interpreter that walks the document and compares texts one by one, with
//! none of the core's types, sharing or index. Whatever rules and processes are made up, both must agree.

use std::{collections::BTreeMap, sync::Arc};

use nightjar_events::Kind;
use proptest::prelude::*;

use crate::{
    event::{Event, Payload, Process},
    rule::{Matching, Source, load},
};

/// What a process is, by Sigma's names.
type Fields = BTreeMap<&'static str, String>;

fn process() -> impl Strategy<Value = Fields> {
    let image = proptest::sample::select(vec!["/bin/nc", "/usr/bin/NC", "/tmp/a*b", "/tmp/a/b", "/opt/x.y"]);
    let word = || proptest::sample::select(vec!["-e", "sh", "A", "a?b", "x.y", "10", "-E"]);
    let args = proptest::collection::vec(word(), 0..4);
    let parent = proptest::option::of(proptest::sample::select(vec!["/bin/sh", "/usr/sbin/sshd"]));
    (image, args, parent, 0..3u32).prop_map(|(image, args, parent, uid)| {
        let line = ["nc"].into_iter().chain(args).collect::<Vec<_>>().join(" ");
        let mut fields = Fields::new();
        fields.insert("Image", image.to_owned());
        fields.insert("CommandLine", line);
        fields.insert("LogonId", uid.to_string());
        if let Some(parent) = parent {
            fields.insert("ParentImage", parent.to_owned());
        }
        fields
    })
}

fn event(fields: &Fields) -> Event {
    let parent = fields
        .get("ParentImage")
        .map(|path| Arc::new(Process { exe_path: path.clone().into_bytes(), ..Process::default() }));
    let args = fields["CommandLine"].split(' ').map(|arg| arg.as_bytes().to_vec()).collect();
    let euid = fields["LogonId"].parse().unwrap();
    let process =
        Process { exe_path: fields["Image"].clone().into_bytes(), args, euid, parent, ..Process::default() };
    Event {
        time: 1,
        number: 1,
        tid: 1,
        cpu: 0,
        cgroup_id: 0,
        payload: Payload::Case { kind: Kind::Exec, variant: 0, values: BTreeMap::new() },
        process: Arc::new(process),
        container: None,
        unplaced: false,
    }
}

#[derive(Clone, Debug)]
struct Line {
    field: &'static str,
    modifiers: &'static str,
    values: Vec<&'static str>,
}

fn line() -> impl Strategy<Value = Line> {
    let field = proptest::sample::select(vec!["Image", "CommandLine", "ParentImage", "LogonId"]);
    let modifiers = proptest::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|cased",
        "|contains|cased",
        "|endswith|cased",
        "|neq",
        "|windash|contains",
        "|all",
    ]);
    let value = proptest::sample::select(vec![
        "/nc", "nc", "NC", "*nc", "/bin/*", r"a\*b", "a?b", "a*b", "-e", " -e", "", "null", "*", "/tmp/a?b",
        "1", "0", "x.y", "?bin?nc", "/bin/sh", "/BIN/*H", r"\\", "(sh)", "[a]", "nc*sh*",
    ]);
    (field, modifiers, proptest::collection::vec(value, 1..3)).prop_map(|(field, modifiers, values)| Line {
        field,
        modifiers,
        values,
    })
}

/// `*` and `?` by trying every way.
fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['\\', c @ ('*' | '?' | '\\'), rest @ ..] => text.first() == Some(c) && glob(rest, &text[1..]),
        ['*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        ['?', rest @ ..] => !text.is_empty() && glob(rest, &text[1..]),
        [c, rest @ ..] => text.first() == Some(c) && glob(rest, &text[1..]),
    }
}

fn holds(line: &Line, fields: &Fields) -> bool {
    let words: Vec<_> = line.modifiers.split('|').collect();
    let has = |word: &str| words.contains(&word);
    let one = |value: &&str| {
        let found = fields.get(line.field);
        if *value == "null" {
            return found.is_none();
        }
        let Some(found) = found else { return false };
        let dashes: &[&str] = if has("windash") { &["-", "/", "–", "—", "―"] } else { &["-"] };
        dashes.iter().any(|dash| {
            let windash = has("windash") && value.trim_start().starts_with('-');
            let value = if windash { value.replacen('-', dash, 1) } else { (*value).to_owned() };
            let front = if has("contains") || has("endswith") { "*" } else { "" };
            let back = if has("contains") || has("startswith") { "*" } else { "" };
            let pattern = format!("{front}{value}{back}");
            let fold = |text: &str| if has("cased") { text.to_owned() } else { text.to_ascii_lowercase() };
            let chars = |text: &str| fold(text).chars().collect::<Vec<_>>();
            glob(&chars(&pattern), &chars(found))
        })
    };
    let all = if has("all") { line.values.iter().all(one) } else { line.values.iter().any(one) };
    all != has("neq")
}

#[derive(Clone, Debug)]
enum Tree {
    Name(usize),
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    OneOf,
    AllOf,
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![(0..3usize).prop_map(Tree::Name), Just(Tree::OneOf), Just(Tree::AllOf)];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let parts = || proptest::collection::vec(inner.clone(), 2..3);
        prop_oneof![
            parts().prop_map(Tree::All),
            parts().prop_map(Tree::Any),
            inner.clone().prop_map(|inner| Tree::Not(Box::new(inner))),
        ]
    })
}

fn written(tree: &Tree) -> String {
    let join = |parts: &[Tree], word: &str| {
        format!("({})", parts.iter().map(written).collect::<Vec<_>>().join(&format!(" {word} ")))
    };
    match tree {
        Tree::Name(index) => format!("sel_{index}"),
        Tree::All(parts) => join(parts, "and"),
        Tree::Any(parts) => join(parts, "or"),
        Tree::Not(inner) => format!("not {}", written(inner)),
        Tree::OneOf => "1 of sel_*".to_owned(),
        Tree::AllOf => "all of them".to_owned(),
    }
}

fn says(tree: &Tree, selections: &[bool]) -> bool {
    match tree {
        Tree::Name(index) => selections[*index],
        Tree::All(parts) => parts.iter().all(|part| says(part, selections)),
        Tree::Any(parts) => parts.iter().any(|part| says(part, selections)),
        Tree::Not(inner) => !says(inner, selections),
        Tree::OneOf => selections.iter().any(|yes| *yes),
        Tree::AllOf => selections.iter().all(|yes| *yes),
    }
}

fn rule(title: &str, selections: &[Vec<Line>; 3], tree: &Tree) -> String {
    let mut text =
        format!("title: {title}\nlogsource: {{product: linux, category: process_creation}}\ndetection:\n");
    for (index, lines) in selections.iter().enumerate() {
        text += &format!("  sel_{index}:\n");
        // Two lines of one field and the same modifiers would be one key twice: each stands in a map of its own.
        for line in lines {
            text += &format!("    - {}{}:\n", line.field, line.modifiers);
            for value in &line.values {
                let value = if *value == "null" { "null".to_owned() } else { format!("'{value}'") };
                text += &format!("        - {value}\n");
            }
        }
    }
    text + &format!("  condition: {}\n", written(tree))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Several rules at once, so that they share comparisons and the index has something to choose from.
    #[test]
    fn the_core_says_what_a_naive_interpreter_says(
        rules in proptest::collection::vec(
            (proptest::array::uniform3(proptest::collection::vec(line(), 1..3)), tree()), 1..5),
        fields in process(),
    ) {
        let text = rules.iter().enumerate().map(|(n, (selections, tree))| rule(&format!("r{n}"), selections, tree));
        let text = text.collect::<Vec<_>>().join("---\n");
        let loaded = load(&[Source { name: "a.yml".into(), text: text.clone() }]);
        let loaded = loaded.map_err(|errors| TestCaseError::fail(format!("{}\n{text}", errors[0])))?;
        let mut findings = Vec::new();
        loaded.rules.judge(&event(&fields), Matching::All, &mut findings);
        for (n, (selections, tree)) in rules.iter().enumerate() {
            let held = selections.clone().map(|lines| lines.iter().any(|line| holds(line, &fields)));
            let found = findings.iter().any(|finding| finding.rule.name == format!("r{n}"));
            prop_assert_eq!(found, says(tree, &held), "rule {} of\n{}\n{:?}", n, text, fields);
        }
    }

    #[test]
    fn no_document_made_of_its_words_makes_the_loader_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "title: t\n", "logsource:\n", "  product: linux\n", "  category: process_creation\n", "  service: auditd\n",
            "detection:\n", "  a:\n", "    Image|endswith: '/x'\n", "    type: SYSCALL\n", "    SYSCALL: socket\n",
            "    a0: 26\n", "    CommandLine|re: '(a'\n", "    x|base64offset|contains: é\n", "    - k\n", "    '|all':\n",
            "      - v\n", "  condition: a\n", "  condition: 1 of a*\n", "  condition: not (\n", "level: high\n", "---\n",
            "correlation:\n", "  type: event_count\n", "  rules: [a]\n", "  timespan: 5m\n", "  condition: {gte: 5}\n",
            "  group-by: [User]\n", "tests: [{name: x}]\n", "\t", "|", "&a ", "*a", "[", "{", "'", "\"", "é", "filter:\n",
            "    Image: null\n", "    Image|exists: true\n", "    DestinationIp|cidr: 10.0.0.0/8\n", "tags: [attack.t1]\n",
        ]), 0..30)
    ) {
        if let Err(errors) = load(&[Source { name: "a.yml".into(), text: words.concat() }]) {
            prop_assert!(errors.iter().all(|error| !error.to_string().is_empty()));
        }
    }
}
