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

/// Deeds that official rules are about, and which are no exec, no open and no connect.
const DEEDS: &[(&str, &str)] = &[
    ("Create Symlink Over Sensitive Files", "{type: symlink, target: /etc/shadow, linkpath: x}"),
    ("Create Hardlink Over Sensitive Files", "{type: linkat, oldpath: shadow, olddir: /etc, newpath: x}"),
    ("Packet socket created in container", "{type: socket, domain: AF_PACKET, CONTAINER}"),
    (
        "Redirect STDOUT/STDIN to Network Connection in Container",
        "{type: dup2, res: 0, oldfd: 3, newfd: 0, saddr: 10.0.0.1, daddr: 9.9.9.9, dport: 4444, CONTAINER}",
    ),
    (
        "Linux Kernel Module Injection Detected",
        "{type: finit_module, res: EPERM, CONTAINER, proc: {comm: insmod, cap_effective: CAP_SYS_MODULE}}",
    ),
    ("PTRACE attached to process", "{type: ptrace, request: PTRACE_ATTACH, pid: 1, PROC}"),
    ("PTRACE anti-debug attempt", "{type: ptrace, request: PTRACE_TRACEME, PROC}"),
    ("Change thread namespace", "{type: setns, fd: 3, CONTAINER, PROC}"),
    ("Change namespace privileges via unshare", "{type: unshare, flags: CLONE_NEWUSER, CONTAINER, PROC}"),
    ("Non sudo setuid", "{type: setuid, uid: 1000, proc: {comm: x, uid: 1000, euid: 1000, user: someone}}"),
    ("Set Setuid or Setgid bit", "{type: fchmodat, filename: /tmp/x, mode: S_ISUID|S_IXUSR, PROC}"),
    ("BPF Program Not Profiled", "{type: bpf, cmd: BPF_PROG_LOAD, PROC}"),
    ("Delete or rename shell history", "{type: unlinkat, path: .bash_history, proc: {comm: x, cwd: /root}}"),
    ("Delete or rename shell history", "{type: renameat2, oldpath: /root/.zsh_history, newpath: /x, PROC}"),
    ("Modify binary dirs", "{type: rename, oldpath: /tmp/ls, newpath: /usr/bin/ls, PROC}"),
    ("Modify binary dirs", "{type: unlink, path: /usr/bin/ls, PROC}"),
    ("Mkdir binary dirs", "{type: mkdirat, path: .x, dir: /usr/bin, dirfd: 3, PROC}"),
    (
        "System procs network activity",
        "{type: accept4, res: 4, saddr: 10.0.0.1, sport: 80, daddr: 9.9.9.9, dport: 4000, proc: {comm: bash}}",
    ),
    (
        "Unprivileged Delegation of Page Faults Handling to a Userspace Process",
        "{type: userfaultfd, res: 3, proc: {comm: x, uid: 1000, euid: 1000}}",
    ),
];

#[test]
fn the_deeds_of_official_rules_are_findings() {
    let Some(sources) = sources() else { return };
    let loaded = load(&sources).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut silent = Vec::new();
    for (rule, deed) in DEEDS {
        let yaml = deed
            .replace("CONTAINER", "container: {id: 0123456789abcdef, image: docker.io/library/x:1}")
            .replace("PROC", "proc: {comm: x}");
        let case = serde_saphyr::from_str::<nightjar_engine::event::Case>(&yaml);
        let event = case.unwrap_or_else(|e| panic!("{yaml}: {e}")).into_event().unwrap();
        let mut findings = Vec::new();
        loaded.rules.judge(&event, nightjar_engine::rule::Matching::All, &mut findings);
        if !findings.iter().any(|finding| finding.rule.name == *rule) {
            silent.push(format!("{rule}: {deed}"));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}
