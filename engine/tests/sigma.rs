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
    let loaded = read(include_str!("sigma.yml")).unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let mut wrong = Vec::new();
    for test in loaded.rules.tests() {
        let place = format!("line {}: {}: {}", test.line, test.rule, test.name);
        let event = test.event.read::<Case>().unwrap_or_else(|error| panic!("{place}: {error}"));
        let event = event.into_event().unwrap_or_else(|error| panic!("{place}: {error}"));
        let mut findings = Vec::new();
        loaded.rules.judge(&event, Matching::All, &mut findings);
        if findings.iter().any(|finding| finding.rule.name == test.rule) != test.expect {
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

#[test]
fn two_rules_of_one_title_are_told_apart_and_of_one_id_the_first_counts() {
    let other = RULE.replace("01234567", "fedcba98");
    let loaded = read(&format!("{RULE}---\n{other}---\n{RULE}")).unwrap();
    let names: Vec<_> = loaded.rules.rules().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["T", "T (fedcba98)"]);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}
