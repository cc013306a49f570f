//! Falco's own rule files load unchanged. They are not part of this repository: `NIGHTJAR_CORPUS` names their folder.

use std::{collections::BTreeMap, path::Path};

use nightjar_engine::rule::{Coverage, Source, load};

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
        (&["rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"], 4),
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
