//! Falco's own rule files load unchanged. They are not part of this repository: `NIGHTJAR_CORPUS` names their folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use nightjar_engine::rule::{Coverage, Selection, Source, Target, load};
use serde_json::Value as Json;

const FILES: [(&str, usize); 3] =
    [("falco_rules.yaml", 25), ("falco-incubating_rules.yaml", 31), ("falco-sandbox_rules.yaml", 37)];

fn sources() -> Option<Vec<Source>> {
    let Some(folder) = std::env::var_os("NIGHTJAR_CORPUS") else {
        eprintln!("NOT RUN: set NIGHTJAR_CORPUS to a folder with falco/{:?}", FILES.map(|(name, _)| name));
        return None;
    };
    let read = |(name, _): (&str, usize)| Source {
        name: name.to_owned(),
        text: std::fs::read_to_string(Path::new(&folder).join("falco").join(name)).unwrap(),
    };
    Some(FILES.into_iter().map(read).collect())
}

#[test]
fn the_official_files_load_together_without_error() {
    let Some(sources) = sources() else { return };
    let loaded = load(&sources).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>())
    });
    for warning in &loaded.warnings {
        println!("{warning}");
    }
    let mut by_file = BTreeMap::new();
    for rule in loaded.rules.rules() {
        *by_file.entry(rule.file.as_str()).or_insert(0) += 1;
    }
    for (file, count) in FILES {
        assert_eq!(by_file[file], count, "{file}");
    }
    assert_eq!(loaded.rules.rules().count(), 93);
    assert_eq!(loaded.rules.rules().filter(|rule| !rule.enabled).count(), 12);
}

#[test]
fn each_official_file_loads_alone() {
    for source in sources().into_iter().flatten() {
        let name = source.name.clone();
        if let Err(errors) = load(&[source]) {
            panic!("{name}: {}", errors.iter().map(|error| format!("{error}\n")).collect::<String>());
        }
    }
}

/// Rules that each event type can trigger, counted by a script before this engine was there.
#[test]
fn each_event_type_triggers_the_rules_that_name_it() {
    let Some(sources) = sources() else { return };
    let loaded = load(&sources).unwrap_or_else(|errors| panic!("{errors:?}"));
    let counts: &[(&[&str], usize)] = &[
        (&["execve", "execveat"], 39),
        (&["open", "openat", "openat2"], 26),
        (&["connect"], 10),
        (&["listen", "accept", "accept4"], 6),
        (&["sendto", "sendmsg"], 5),
        (&["rename", "renameat", "renameat2"], 4),
        // Two more name them, and ask for a `newpath`, which a removal does not have.
        (&["unlink", "unlinkat", "rmdir"], 2),
        (&["recvfrom"], 3),
        (&["recvmsg", "ptrace", "creat", "chmod", "fchmod", "fchmodat", "mkdir", "mkdirat"], 2),
        (
            &["symlink", "symlinkat", "link", "linkat", "init_module", "finit_module", "dup", "dup2", "dup3"],
            1,
        ),
        (&["socket", "setns", "unshare", "setuid", "bpf", "userfaultfd"], 1),
        (&["close", "mmap", "clone", "fork"], 0),
    ];
    for (types, expected) in counts {
        for name in *types {
            let rules = loaded.rules.rules().filter(|rule| loaded.rules.event_types(rule).contains(name));
            assert_eq!(rules.count(), *expected, "{name}");
        }
    }
}

/// `never_true` macros are folded away, so no rule is left that nothing could trigger.
#[test]
fn every_official_rule_can_be_true_for_some_event() {
    let Some(sources) = sources() else { return };
    let loaded = load(&sources).unwrap_or_else(|errors| panic!("{errors:?}"));
    for rule in loaded.rules.rules() {
        let coverage = loaded.rules.coverage(rule, &|_| true);
        println!("{:70} {coverage}", rule.name);
        assert!(!loaded.rules.event_types(rule).is_empty(), "{}", rule.name);
        assert_ne!(coverage, Coverage::CannotFire { needs: Vec::new() }, "{}", rule.name);
    }
}

/// What no rule can be had without yet, by the field that it needs.
const CANNOT_FIRE: [(&str, &str); 6] = [
    ("Contact K8S API Server From Container", "fd.sip.name"),
    ("Program run with disallowed http proxy env", "proc.env"),
    ("Potential Local Privilege Escalation via Environment Variables Misuse", "proc.env"),
    ("Unexpected inbound connection source", "fd.cip.name"),
    ("Detect outbound connections to common miner pool ports", "fd.sip.name"),
    ("Java Process Class File Download", "evt.buffer"),
];

#[test]
fn every_official_rule_but_those_that_need_a_field_can_fire_whole() {
    let Some(sources) = sources() else { return };
    let loaded = load(&sources).unwrap_or_else(|errors| panic!("{errors:?}"));
    for rule in loaded.rules.rules() {
        let expected = match CANNOT_FIRE.iter().find(|(name, _)| *name == rule.name) {
            Some((_, field)) => Coverage::CannotFire { needs: vec![format!("field {field}")] },
            None => Coverage::Full,
        };
        assert_eq!(loaded.rules.coverage(rule, &|_| true), expected, "{}", rule.name);
    }
}

/// What the rules must match and must not, in files that add tests to them.
const CASES: [(&str, &str); 3] = [
    ("stable.yaml", include_str!("falco/stable.yaml")),
    ("incubating.yaml", include_str!("falco/incubating.yaml")),
    ("sandbox.yaml", include_str!("falco/sandbox.yaml")),
];

/// Also those that their files switch off.
#[test]
fn every_official_rule_that_can_fire_matches_what_it_must_and_not_what_differs_in_one_fact() {
    let Some(mut sources) = sources() else { return };
    sources.extend(CASES.map(|(name, text)| Source { name: name.to_owned(), text: text.to_owned() }));
    let loaded = load(&sources).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>())
    });
    let mut rules = loaded.rules;
    rules.select(&[Selection { enable: true, target: Target::Rule("*".to_owned()) }]).unwrap();
    let mut wrong = Vec::new();
    for rule in rules.rules() {
        let of_rule = || rules.tests().iter().filter(|test| test.rule == rule.name);
        let must: Vec<Json> =
            of_rule().filter(|test| test.expect).map(|test| test.events[0].read().unwrap()).collect();
        let can_fire = CANNOT_FIRE.iter().all(|(name, _)| *name != rule.name);
        if can_fire && (must.is_empty() || of_rule().all(|test| test.expect)) {
            wrong.push(format!("{}: it needs a case that must match and one that must not", rule.name));
        }
        for test in of_rule() {
            let place = format!("{}:{} {}: {}", test.file, test.line, test.rule, test.name);
            let near = |event: &Json| differences(event, &test.events[0].read().unwrap()) == 1;
            if !test.expect && !must.iter().any(near) {
                wrong.push(format!("{place}: it differs in more than one fact from those that must match"));
            }
            if !rules.try_test(test).unwrap_or_else(|error| panic!("{place}: {error}")).passed {
                wrong.push(format!("{place}: expected match = {}", test.expect));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In how many facts two events differ; a part that is missing is one.
fn differences(a: &Json, b: &Json) -> usize {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .map(|key| match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b),
                    _ => 1,
                })
                .sum()
        }
        (a, b) => usize::from(a != b),
    }
}
