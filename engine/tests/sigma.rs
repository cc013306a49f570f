//! One file with every modifier, log source and kind of condition of Sigma, against the engine's own fields; and what
//! is said of files that are wrong.

use nightjar_engine::{
    event::Case,
    rule::{Coverage, Language, Loaded, Matching, Priority, Source, load},
};

fn read(text: &str) -> Result<Loaded, Vec<String>> {
    load(&[Source { name: "a.yml".to_owned(), text: text.to_owned() }])
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn every_modifier_and_log_source_judges_as_its_tests_say() {
    let text = include_str!("sigma/language.yml");
    let mut loaded = read(text).unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    loaded.rules.tell_all();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let mut wrong = Vec::new();
    for test in loaded.rules.tests() {
        let place = format!("line {}: {}: {}", test.line, test.rule, test.name);
        if !loaded.rules.try_test(test).unwrap_or_else(|error| panic!("{place}: {error}")).passed {
            wrong.push(place);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const RULE: &str = "\
title: T
id: 01234567-89ab-cdef-0123-456789abcdef
description: D
tags: [attack.t1059.004, attack.execution]
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|endswith: /nc}
  condition: selection
falsepositives: [Administrators]
fields: [CommandLine]
level: high
";

fn event(line: &str) -> nightjar_engine::Event {
    serde_saphyr::from_str::<Case>(line).unwrap().into_event().unwrap()
}

#[test]
fn a_rule_keeps_what_its_writer_said_of_it() {
    let loaded = read(RULE).unwrap();
    let rule = loaded.rules.rules().next().unwrap();
    assert_eq!((rule.language, rule.priority), (Language::Sigma, Priority::Error));
    assert_eq!(rule.tags, ["T1059.004", "mitre_execution"]);
    assert_eq!(rule.id.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    assert_eq!(rule.false_positives, ["Administrators"]);
    let mut findings = Vec::new();
    let event = event("{type: execve, proc: {exe_path: /bin/nc, args: [nc, -e], user: web}}");
    loaded.rules.judge(&event, Matching::First, &mut findings);
    let output = &findings[0].output;
    assert!(output.starts_with("T | CommandLine=nc -e command=nc -e program=/bin/nc"), "{output}");
    assert!(output.contains("user=web"), "{output}");
    let text = loaded.rules.explain("T", &|_| true).unwrap().to_string();
    for part in
        ["Image: proc.exepath", "tolower(proc.exepath) endswith /nc", "Administrators", "coverage: can fire"]
    {
        assert!(text.contains(part), "{text}");
    }
}

/// Falco's first rule settles an event for Falco's rules; a Sigma rule is judged by itself.
#[test]
fn both_languages_judge_one_event() {
    let falco = |name: &str| {
        format!("- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve\n")
    };
    let sources = [("f.yaml", falco("a") + &falco("b")), ("s.yml", RULE.to_owned())];
    let sources = sources.map(|(name, text)| Source { name: name.to_owned(), text });
    let Ok(loaded) = load(&sources) else { panic!("it does not load") };
    let names = |matching| {
        let mut findings = Vec::new();
        let event = event("{type: execve, proc: {exe_path: /bin/nc}}");
        loaded.rules.judge(&event, matching, &mut findings);
        findings.iter().map(|finding| finding.rule.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(Matching::First), ["a", "T"]);
    assert_eq!(names(Matching::All), ["a", "b", "T"]);
}

#[test]
fn what_is_wrong_is_shown_where_it_stands() {
    for (from, to, message, place, help) in [
        (
            "Image|endswith",
            "Image|endwith",
            "unknown modifier `endwith`",
            "a.yml:7:21",
            "did you mean `endswith`?",
        ),
        (
            "condition: selection",
            "condition: selecton",
            "no selection `selecton`",
            "a.yml:8:14",
            "did you mean `selection`?",
        ),
        ("level: high", "level: hgih", "unknown level `hgih`", "a.yml:11:8", "did you mean `high`?"),
        ("  condition: selection\n", "", "no `condition`", "a.yml:7:3", ""),
        ("title: T\n", "", "needs a `title`", "a.yml:1:1", ""),
        ("{Image|endswith: /nc}", "{Image|re: '(a'}", "bad regular expression", "a.yml:7:25", ""),
        ("{Image|endswith: /nc}", "{Image|re: 'a)(b'}", "bad regular expression", "a.yml:7:25", ""),
        ("{Image|endswith: /nc}", "{Image|re: 'a(?!b)'}", "look-around", "a.yml:7:25", ""),
        ("{Image|endswith: /nc}", "{LogonId|gt: x}", "expected a whole number", "a.yml:7:27", ""),
        ("{Image|endswith: /nc}", "{Image|cidr: 10.0.0.0/8}", "wants an address", "a.yml:7:15", ""),
        ("{Image|endswith: /nc}", "{Image: []}", "has no value", "a.yml:7:22", ""),
        ("{Image|endswith: /nc}", "{}", "selection `selection` is empty", "a.yml:7:14", ""),
        (
            "condition: selection",
            "condition: selection | count() > 3",
            "cannot count",
            "a.yml:8:24",
            "correlation",
        ),
    ] {
        let text = RULE.replace(from, to);
        assert_ne!(text, RULE);
        let errors = read(&text).err().unwrap_or_else(|| panic!("{to} loads"));
        let error = &errors[0];
        assert!(error.contains(message) && error.contains(place) && error.contains(help), "{to}:\n{error}");
    }
}

#[test]
fn what_is_perhaps_wrong_is_a_warning() {
    for (from, to, message) in [
        ("Image|endswith", "Imag|endswith", "unknown field `Imag`"),
        ("falsepositives:", "falsepositive:", "did you mean `falsepositives`?"),
        ("  condition:", "  other: {User: x}\n  condition:", "no condition asks for the selection `other`"),
        ("product: linux", "product: windows", "there are no events of product `windows`"),
        ("category: process_creation", "category: proces_creation", "did you mean `process_creation`?"),
    ] {
        let text = RULE.replace(from, to);
        assert_ne!(text, RULE);
        let loaded = read(&text).unwrap_or_else(|errors| panic!("{to}: {}", errors.join("\n")));
        let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert!(warnings.iter().any(|warning| warning.contains(message)), "{to}: {warnings:?}");
    }
}

/// What a field that no event has could decide stays open, also behind `not`.
#[test]
fn a_rule_that_lacks_something_says_what() {
    for (logsource, selection, expected) in [
        ("service: sshd", "[word]", "cannot fire: needs log of sshd"),
        ("", "[word]", "cannot fire: needs log files"),
        ("category: dns_query", "{QueryName: x}", "cannot fire: needs events of category dns_query"),
        ("category: process_creation", "{Hashes: x}", "cannot fire: needs field Hashes"),
        (
            "service: auditd",
            "{type: SERVICE_STOP, unit: ufw}",
            "cannot fire: needs audit record SERVICE_STOP",
        ),
        ("service: auditd", "{type: SYSCALL, SYSCALL: reboot}", "cannot fire: needs event type reboot"),
        ("service: auditd", "{type: [PATH, TTY], nametype: PARENT}", "cannot fire: needs audit record TTY"),
        ("service: auditd", "{type: PATH, a0: cp}", "cannot fire: its condition is never true"),
    ] {
        let text = format!(
            "title: T\nlogsource: {{product: linux, {logsource}}}\ndetection:\n  a: {selection}\n  condition: a\n"
        );
        let loaded = read(&text).unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
        let rule = loaded.rules.rules().next().unwrap();
        assert_eq!(loaded.rules.coverage(rule, &|_| true).to_string(), expected, "{selection}");
    }
    let text =
        RULE.replace("condition: selection", "filter: {Hashes: x}\n  condition: selection and not filter");
    let loaded = read(&text).unwrap();
    let rule = loaded.rules.rules().next().unwrap();
    assert!(matches!(loaded.rules.coverage(rule, &|_| true), Coverage::CannotFire { .. }));
    let mut findings = Vec::new();
    loaded.rules.judge(&event("{type: execve, proc: {exe_path: /bin/nc}}"), Matching::All, &mut findings);
    assert!(findings.is_empty());
}

const BASE: &str = "\
title: Shell
name: shell
logsource: {product: linux, category: process_creation}
detection:
  a: {Image|endswith: /sh}
  condition: a
---
title: Secret
name: secret
logsource: {product: linux, category: file_event}
detection:
  a: {TargetFilename: /etc/shadow}
  condition: a
---
";

/// The rules that each of some events raises: seconds, and the event.
fn over_time(correlation: &str, events: &[(u64, &str)]) -> Vec<Vec<String>> {
    let loaded =
        read(&format!("{BASE}{correlation}")).unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    let judge = |(time, text): &(u64, &str)| {
        let event = nightjar_engine::Event { time: time * 1_000_000_000, ..event(text) };
        let mut findings = Vec::new();
        loaded.rules.judge(&event, Matching::First, &mut findings);
        findings.into_iter().map(|finding| finding.rule.name.clone()).collect()
    };
    events.iter().map(judge).collect()
}

const SH: &str = "{type: execve, proc: {exe_path: /bin/sh, user: web}}";
const ROOT: &str = "{type: execve, proc: {exe_path: /bin/sh, user: root, args: [sh, -c, x]}}";
const SHADOW: &str = "{type: openat, path: /etc/shadow, flags: O_WRONLY, proc: {user: web}}";

#[test]
fn a_count_of_events_is_told_once_it_is_reached_and_its_rules_are_not() {
    let text = "title: Many\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [User]\n  timespan: 1m\n  condition: {gte: 3}\nlevel: high\n";
    let found = over_time(text, &[(1, SH), (2, ROOT), (3, SH), (100, SH), (101, SH), (102, SH), (103, SH)]);
    let counts: Vec<_> = found.iter().map(Vec::len).collect();
    assert_eq!(counts, [0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(found[5], ["Many"]);
    let generate = text.replace("  type:", "  generate: true\n  type:");
    assert_eq!(
        over_time(&generate, &[(1, SH), (2, SH), (3, SH)]),
        [vec!["Shell"], vec!["Shell"], vec!["Shell", "Many"]]
    );
}

#[test]
fn different_values_are_counted_and_rules_come_together_or_in_order() {
    let values = "title: T\ncorrelation: {type: value_count, rules: [shell], group-by: [Image], timespan: 1m, condition: {field: User, gt: 1}}\n";
    assert_eq!(over_time(values, &[(1, SH), (2, SH), (3, ROOT)]), [vec![], vec![], vec!["T"]]);
    let temporal =
        "title: T\ncorrelation: {type: temporal, rules: [shell, secret], group-by: [User], timespan: 1m}\n";
    let t = || vec!["T".to_owned()];
    assert_eq!(over_time(temporal, &[(1, SHADOW), (2, ROOT), (3, SH)]), [vec![], vec![], t()]);
    assert_eq!(over_time(temporal, &[(1, SHADOW), (62, SH)]), [vec![], Vec::<String>::new()]);
    let ordered = temporal.replace("temporal", "temporal_ordered");
    assert_eq!(over_time(&ordered, &[(1, SHADOW), (3, SH), (4, SHADOW)]), [vec![], vec![], t()]);
}

#[test]
fn a_correlation_tells_what_it_counted_and_what_it_lacks() {
    let text = "title: Many\nid: 5\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [who, container.id]\n  aliases: {who: {shell: User}}\n  timespan: 1m\n  condition: {gte: 2}\n";
    let loaded = read(&format!("{BASE}{text}")).unwrap();
    let mut findings = Vec::new();
    loaded.rules.judge(&event(SH), Matching::First, &mut findings);
    loaded.rules.judge(&event(SH), Matching::First, &mut findings);
    let output = &findings[0].output;
    let expected =
        "Many | event_count >= 2 within 1m by who, container.id who=web container.id=host | Shell |";
    assert!(output.starts_with(expected), "{output}");
    assert_eq!(findings[0].reasons[0].check, "event_count >= 2 within 1m by who, container.id");
    let explained = loaded.rules.explain("Many", &|_| true).unwrap().to_string();
    assert!(
        explained.contains(
            "of events for which\n  all of\n    evt.type in (execve, execveat)\n    tolower(proc.exepath)"
        ),
        "{explained}"
    );
    assert_eq!(loaded.rules.remembered().evicted, 0);

    let lacking =
        "title: No\nlogsource: {product: linux, service: sshd}\ndetection: {a: [x], condition: a}\n---\n";
    let temporal = "title: T\ncorrelation: {type: temporal, rules: [No, shell], timespan: 1m}\n";
    let loaded = read(&format!("{BASE}{lacking}{temporal}")).unwrap();
    let rule = loaded.rules.rules().find(|rule| rule.name == "T").unwrap();
    assert_eq!(loaded.rules.coverage(rule, &|_| true).to_string(), "cannot fire: needs log of sshd");
}

#[test]
fn a_correlation_that_is_wrong_says_where() {
    let good = "title: T\ncorrelation: {type: event_count, rules: [shell], group-by: [User], timespan: 1m, condition: {gte: 2}}\n";
    assert!(read(&format!("{BASE}{good}")).is_ok());
    for (from, to, message) in [
        ("event_count", "event_cout", "did you mean `event_count`?"),
        ("[shell]", "[shel]", "did you mean `Shell`?"),
        ("1m", "soon", "expected a time such as"),
        ("gte: 2", "lt: 2", "cannot be told while events still come"),
        ("gte: 2", "gte: 0", "from 1 to 10000"),
        ("event_count", "value_count", "needs a `field`"),
        ("event_count", "temporal", "takes no condition"),
        ("[User]", "[Usr]", "rule `Shell` has no field `Usr`"),
        (", condition: {gte: 2}", "", "needs a `condition`"),
    ] {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        let errors = read(&format!("{BASE}{text}")).err().unwrap_or_else(|| panic!("{to} loads"));
        assert!(errors[0].contains(message) && errors[0].contains("a.yml:16:"), "{to}:\n{}", errors[0]);
    }
}

/// Also over a reload: what an unchanged correlation remembers stays, what a changed one does goes.
#[test]
fn what_is_remembered_survives_new_rules_that_say_the_same() {
    let text =
        "title: T\ncorrelation: {type: event_count, rules: [shell], timespan: 1m, condition: {gte: 2}}\n";
    let set = |text: &str| read(&format!("{BASE}{text}")).unwrap().rules;
    let fires = |rules: &nightjar_engine::rule::RuleSet| {
        let mut findings = Vec::new();
        rules.judge(&event(SH), Matching::First, &mut findings);
        findings.len()
    };
    let old = set(text);
    assert_eq!(fires(&old), 0);
    let mut same = set(&format!(
        "title: Other\nlogsource: {{product: linux}}\ndetection: {{a: [x], condition: a}}\n---\n{text}"
    ));
    same.adopt(&old);
    assert_eq!(fires(&same), 1);
    assert_eq!(fires(&same), 0);
    let mut other = set(&text.replace("gte: 2", "gt: 1"));
    other.adopt(&same);
    assert_eq!(fires(&other), 0);
}

#[test]
fn two_rules_of_one_title_are_told_apart_and_of_one_id_the_first_counts() {
    let other = RULE.replace("01234567", "fedcba98");
    let loaded = read(&format!("{RULE}---\n{other}---\n{RULE}")).unwrap();
    let names: Vec<_> = loaded.rules.rules().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["T", "T (fedcba98)"]);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}
