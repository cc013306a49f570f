//! The language as a whole: files in, verdicts and messages out.

use nightjar_events::Kind;

use super::{
    Coverage, Lack, Matching, OutputValue, Priority, Selection, Target,
    testing::{errors, event, ip, judge, list, load, loaded, rule, text, verdict},
};
use crate::value::Value::{Any, Bool, Int, Uint};

#[test]
fn each_operator_says_what_it_means() {
    let open = event(
        "openat",
        &[
            ("proc.name", text("cat")),
            ("proc.pname", text("bash")),
            ("proc.cmdline", text("cat /etc/Shadow")),
            ("proc.args", list(&["-n", "/etc/shadow"])),
            ("proc.aname", list(&["cat", "bash", "sshd"])),
            ("proc.aname[2]", text("sshd")),
            ("fd.name", text("/etc/shadow")),
            ("fd.num", Int(3)),
            ("evt.arg.flags", Uint(5)),
            ("evt.is_open_write", Bool(true)),
            ("proc.duration", Uint(5_000_000_000)),
            ("container.mount.dest[/proc*]", text("/proc")),
        ],
    );
    for (condition, expected) in [
        ("proc.name = cat", true),
        ("proc.name == cat", true),
        ("proc.name != cat", false),
        ("proc.name in (dog, cat)", true),
        ("proc.name in ()", false),
        ("proc.cmdline contains shadow", false),
        ("proc.cmdline icontains shadow", true),
        ("proc.cmdline startswith \"cat /etc\"", true),
        ("proc.cmdline endswith Shadow", true),
        ("proc.cmdline bcontains 2f657463", true),
        ("proc.cmdline bstartswith 636174", true),
        ("proc.cmdline bstartswith 2f", false),
        ("proc.cmdline glob \"cat*ow\"", true),
        ("proc.cmdline iglob \"CAT*\"", true),
        ("proc.cmdline regex \"cat .*\"", true),
        ("proc.cmdline regex \"cat\"", false),
        ("fd.name pmatch (/etc, /usr)", true),
        ("fd.name pmatch (/etc/shad)", false),
        ("fd.name exists", true),
        ("proc.pid exists", false),
        ("fd.num >= 0", true),
        ("fd.num > 3", false),
        ("fd.num <= 0x3", true),
        ("fd.num = 3", true),
        ("fd.num in (1, 3)", true),
        ("proc.duration <= 5000000000", true),
        ("evt.is_open_write = true", true),
        ("evt.is_open_write != true", false),
        ("evt.arg.flags contains O_CREAT", true),
        ("evt.arg.flags contains O_TRUNC", false),
        ("evt.arg.flags icontains o_crea", true),
        ("evt.arg.flags contains O_CREATED", true),
        ("evt.arg.flags = \"O_CREAT|O_CREATED\"", true),
        ("proc.args = -n", true),
        ("proc.args = x", false),
        ("proc.args contains shadow", true),
        ("proc.args in (-n, /etc/shadow, x)", true),
        ("proc.args in (-n)", false),
        ("proc.args intersects (-n, x)", true),
        ("proc.aname = sshd", true),
        ("proc.aname in (sshd)", true),
        ("proc.aname[2] = sshd", true),
        ("proc.aname[3] = sshd", false),
        ("container.mount.dest[/proc*] in (\"<NA>\", \"N/A\")", false),
        ("not container.mount.dest[/proc*] in (\"<NA>\", \"N/A\")", true),
        ("proc.cmdline contains anyof (dog, cat)", true),
        ("proc.cmdline contains allof (etc, cat)", true),
        ("proc.cmdline contains allof (etc, dog)", false),
        ("proc.cmdline contains oneof (etc, cat)", false),
        ("proc.cmdline contains oneof (etc, dog)", true),
        ("proc.name != allof (dog, cow)", true),
        ("proc.name != anyof (cat, dog)", true),
        ("proc.name != anyof (cat)", false),
        ("toupper(proc.name) = CAT", true),
        ("basename(fd.name) = shadow", true),
        ("len(proc.args) = 2", true),
        ("len(proc.name) > 3", false),
        ("concat(proc.pname, \"/\", proc.name) = bash/cat", true),
        ("join(\" \", proc.args) = \"-n /etc/shadow\"", true),
        ("join(\"-\", (proc.name, proc.pname)) = cat-bash", true),
        ("getopt(proc.args, \"n\") = n", true),
        ("proc.name = val(proc.pname)", false),
        ("proc.name in val(proc.aname)", true),
        ("fd.num > len(proc.args)", true),
        ("fd.num < len(proc.args)", false),
        ("proc.cmdline contains val(fd.name)", false),
        ("tolower(proc.cmdline) endswith val(fd.name)", true),
        ("evt.type = openat", true),
        ("evt.type in (open, creat)", false),
        ("evt.type startswith open", true),
        ("evt.dir = <", true),
        ("evt.dir = >", false),
        ("evt.num = 0", false),
        ("evt.num >= 0", true),
        ("evt.num = 7", true),
    ] {
        assert_eq!(verdict(condition, &open), if expected { "match" } else { "no match" }, "{condition}");
    }
}

#[test]
fn addresses_compare_as_addresses_and_networks() {
    let connect = event(
        "connect",
        &[
            ("fd.sip", ip("::ffff:10.1.2.3")),
            ("fd.net", ip("10.1.2.3")),
            ("fd.cip", ip("10.1.2.3")),
            ("fd.sport", Uint(443)),
        ],
    );
    for (condition, expected) in [
        ("fd.sip = 10.1.2.3", "match"),
        ("fd.sip = val(fd.cip)", "match"),
        ("fd.net = 10.0.0.0/8", "match"),
        ("fd.net in (\"192.168.0.0/16\", 10.1.2.0/24)", "match"),
        ("fd.net != \"127.0.0.0/8\"", "match"),
        ("fd.net in (fe80::/10)", "no match"),
        ("fd.sport = \"443\"", "match"),
        ("fd.sport in (80, 8080)", "no match"),
    ] {
        assert_eq!(verdict(condition, &connect), expected, "{condition}");
    }
}

#[test]
fn of_several_answers_one_is_enough_and_a_difference_wants_all() {
    let connect = event(
        "connect",
        &[
            ("fd.net", Any(vec![ip("10.1.2.3"), ip("127.0.0.1")])),
            ("proc.pname", Any(vec![text("bash"), text("sshd")])),
        ],
    );
    for (condition, expected) in [
        ("fd.net = 127.0.0.0/8", "match"),
        ("fd.net != 127.0.0.0/8", "no match"),
        ("fd.net != 192.168.0.0/16", "match"),
        ("proc.pname in (sshd)", "match"),
        ("toupper(proc.pname) = SSHD", "match"),
        ("len(proc.pname) = 5", "no match"),
        ("proc.pname startswith x", "no match"),
    ] {
        assert_eq!(verdict(condition, &connect), expected, "{condition}");
    }
}

#[test]
fn a_comparison_with_a_missing_value_is_false_and_its_negation_true() {
    let exec = event("execve", &[]);
    for condition in ["proc.name = x", "proc.name != x", "fd.num < 3", "proc.name in (x)", "proc.name exists"]
    {
        assert_eq!(verdict(condition, &exec), "no match", "{condition}");
        assert_eq!(verdict(&format!("not {condition}"), &exec), "match", "{condition}");
    }
    let some = event("execve", &[("proc.name", text("x"))]);
    assert_eq!(verdict("proc.name = val(proc.pname)", &some), "no match");
    assert_eq!(verdict("not proc.name = val(proc.pname)", &some), "match");
}

#[test]
fn a_cut_value_decides_nothing_that_its_lost_part_could_change() {
    let cut = event("execve", &[("proc.cmdline", text("sh -c x…")), ("proc.args", list(&["-c", "x…"]))]);
    for (condition, expected) in [
        ("proc.cmdline startswith \"sh \"", "match"),
        ("proc.cmdline contains y", "undecided"),
        ("not proc.cmdline contains y", "undecided"),
        ("not proc.cmdline contains x", "no match"),
        ("proc.cmdline != \"sh -c xyz\"", "undecided"),
        ("proc.cmdline != \"bash\"", "match"),
        ("proc.cmdline contains y or proc.cmdline contains c", "match"),
        ("proc.cmdline contains y and proc.name = z", "no match"),
        ("proc.args = z", "undecided"),
        ("proc.args = -c", "match"),
        ("proc.args in (-c, xy)", "undecided"),
        ("proc.args in (xy)", "no match"),
        ("len(proc.args) = 2", "undecided"),
        ("toupper(proc.cmdline) startswith SH", "match"),
    ] {
        assert_eq!(verdict(condition, &cut), expected, "{condition}");
    }
}

#[test]
fn what_this_version_does_not_produce_never_lets_a_rule_fire() {
    let exec = event("execve", &[("proc.name", text("x"))]);
    let rules = loaded(&[&rule("evt.type = execve and proc.name = x and not proc.env contains LD_PRELOAD")]);
    assert!(judge(&rules, &exec).is_empty());
    let found = rules.rules.rules().next().unwrap();
    let coverage = rules.rules.coverage(found, &|_| true);
    assert_eq!(coverage.to_string(), "cannot fire: needs field proc.env");
    assert_eq!(rules.rules.undecided().count(), 0, "it is not even asked");

    let either = loaded(&[&rule("evt.type = execve and (proc.name = x or proc.env contains y)")]);
    assert_eq!(judge(&either, &exec).len(), 1);
    let found = either.rules.rules().next().unwrap();
    let partial = Coverage::Partial {
        types: vec![],
        fields: vec![Lack { name: "proc.env".into(), need: "field proc.env".into() }],
    };
    assert_eq!(either.rules.coverage(found, &|_| true), partial);
}

#[test]
fn coverage_names_the_event_types_that_are_missing() {
    let coverage = |condition: &str, available: &dyn Fn(Kind) -> bool| {
        let rules = loaded(&[&rule(condition)]);
        let found = rules.rules.rules().next().unwrap().clone();
        rules.rules.coverage(&found, available).to_string()
    };
    assert_eq!(coverage("evt.type in (open, openat)", &|_| true), "can fire");
    assert_eq!(coverage("evt.type in (open, splice)", &|_| true), "can fire in part: without splice");
    assert_eq!(coverage("evt.type = splice", &|_| true), "cannot fire: needs event type splice");
    assert_eq!(coverage("evt.type = open", &|kind| kind != Kind::Open), "cannot fire: needs event type open");
    assert_eq!(coverage("evt.num = 0", &|_| true), "cannot fire: its condition is never true");
    assert_eq!(
        coverage("evt.type = execve and fd.name = x", &|_| true),
        "cannot fire: its condition is never true"
    );
    assert_eq!(coverage("proc.name = x", &|_| true), "can fire");
}

#[test]
fn only_events_that_a_rule_can_match_are_wanted() {
    let kinds = |condition: &str| loaded(&[&rule(condition)]).rules.kinds().into_iter().collect::<Vec<_>>();
    assert_eq!(kinds("evt.type in (open, execve) and not evt.type = open"), [Kind::Exec]);
    assert_eq!(kinds("not (evt.type != openat or proc.name = x)"), [Kind::Open]);
    assert_eq!(kinds("fd.sip exists"), [Kind::Connect]);
    assert_eq!(kinds("evt.num = 0 and evt.type = open"), []);
    assert_eq!(kinds("evt.type = splice"), []);
}

const BASE: &str = "
- required_engine_version: 0.57.0
- required_plugin_versions: [{name: container, version: 0.4.0}, {name: x, version: 1.0.0, alternatives: [{name: container, version: 0.1.0}]}]
- list: shells
  items: [bash, sh, \"a b\"]
- list: all
  items: [shells, zsh]
- macro: is_shell
  condition: (proc.name in (all))
- rule: Shell
  desc: A shell.
  condition: evt.type = execve and is_shell
  output: Shell %proc.name (%proc.pname) %container.info
  priority: notice
  tags: [a]
";

fn fires(files: &[&str], name: &str) -> bool {
    let exec = event("execve", &[("proc.name", text(name)), ("proc.pname", text("p"))]);
    !judge(&loaded(files), &exec).is_empty()
}

#[test]
fn lists_and_macros_are_put_in() {
    assert!(fires(&[BASE], "zsh"));
    assert!(fires(&[BASE], "a b"));
    assert!(!fires(&[BASE], "ls"));
    let rules = loaded(&[BASE]);
    let found = rules.rules.rules().next().unwrap();
    assert_eq!(found.condition, "evt.type = execve and (proc.name in (bash, sh, \"a b\", zsh))");
    assert_eq!((found.file.as_str(), found.line), ("0.yaml", 10));
    assert_eq!(rules.warnings.len(), 1);
    assert!(rules.warnings[0].message.contains("%container.info"));
}

#[test]
fn a_later_file_can_append_override_and_toggle() {
    for (change, fires_for) in [
        ("- list: shells\n  items: [fish]\n  append: true\n", "fish"),
        ("- list: shells\n  items: [fish]\n  override: {items: append}\n", "fish"),
        ("- list: shells\n  items: [fish]\n  override: {items: replace}\n", "fish"),
        ("- macro: is_shell\n  condition: or proc.name = fish\n  append: true\n", "fish"),
        ("- macro: is_shell\n  condition: proc.name = fish\n  override: {condition: replace}\n", "fish"),
        ("- rule: Shell\n  condition: or proc.name = fish\n  append: true\n", "fish"),
        ("- rule: Shell\n  condition: or proc.name = fish\n  override: {condition: append}\n", "fish"),
        ("- rule: Shell\n  condition: and not proc.name = sh\n  override: {condition: append}\n", "bash"),
    ] {
        assert!(fires(&[BASE, change], fires_for), "{change}");
    }
    assert!(!fires(&[BASE, "- rule: Shell\n  enabled: false\n"], "sh"));
    assert!(!fires(&[BASE, "- rule: Shell\n  enabled: false\n  override: {enabled: replace}\n"], "sh"));
    assert!(!fires(&[BASE, "- rule: Shell\n  condition: and not proc.name = sh\n  append: true\n"], "sh"));
    let more = "- rule: Shell\n  tags: [b]\n  priority: CRITICAL\n  output: \"| %proc.pname\"\n  desc: More.\n  override: {tags: append, priority: replace, output: append, desc: append}\n";
    let rules = loaded(&[BASE, more]);
    let found = rules.rules.rules().next().unwrap();
    assert_eq!(
        (found.tags.as_slice(), found.priority),
        (&["a".to_owned(), "b".to_owned()][..], Priority::Critical)
    );
    assert_eq!(found.desc, "A shell. More.");
    assert!(found.output.ends_with("| %proc.pname"), "{}", found.output);
}

#[test]
fn a_redefined_rule_keeps_its_place() {
    let other = rule("proc.name = x");
    let again = "- rule: Shell\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";
    let rules = loaded(&[BASE, &other, again]);
    let names: Vec<_> = rules.rules.rules().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["Shell", "r"]);
    assert_eq!(rules.rules.rules().next().unwrap().file, "2.yaml");
}

#[test]
fn a_macro_sees_only_what_is_defined_above_its_last_change() {
    let early = "- macro: a\n  condition: b\n- macro: b\n  condition: proc.name = x\n";
    assert!(errors(&[early])[0].contains("macro `b` is defined further down"));
    let late = format!("{early}- macro: a\n  condition: b\n");
    loaded(&[&late]);
    let circle = "- macro: a\n  condition: proc.name = x\n- macro: b\n  condition: a\n- macro: a\n  condition: or b\n  append: true\n";
    assert!(errors(&[circle])[0].contains("contains itself"));
}

#[test]
fn the_deepest_condition_that_loads_can_be_judged_and_a_deeper_one_is_refused() {
    let nested = |depth: usize| format!("{}proc.name = x{}", "not (".repeat(depth), ")".repeat(depth));
    let exec = event("execve", &[("proc.name", text("x"))]);
    assert_eq!(verdict(&nested(198), &exec), "match");
    assert!(errors(&[&rule(&nested(400))])[0].contains("nested deeper than 200 levels"));
    let chain = |macros: usize| {
        let mut file = "- macro: m0\n  condition: proc.name = x\n".to_owned();
        for n in 1..macros {
            file += &format!("- macro: m{n}\n  condition: not m{}\n", n - 1);
        }
        file + &rule(&format!("m{}", macros - 1))
    };
    assert_eq!(judge(&loaded(&[&chain(91)]), &exec).len(), 1);
    assert!(errors(&[&chain(300)]).iter().any(|error| error.contains("nests deeper than 200 levels")));
}

#[test]
fn files_from_windows_keep_their_lines() {
    let file = rule("proc.nam = x").replace('\n', "\r\n");
    let Err(all) = load(&[&file]) else { panic!("loaded") };
    assert_eq!((all[0].line, all[0].column, all[0].excerpt.as_str()), (4, 5, "    proc.nam = x"));
}

#[test]
fn macros_and_lists_that_multiply_are_refused() {
    let mut bomb = "- macro: m0\n  condition: proc.name = x\n".to_owned();
    let mut lists = "- list: l0\n  items: [x]\n".to_owned();
    for n in 1..64 {
        bomb += &format!("- macro: m{n}\n  condition: m{0} or m{0}\n", n - 1);
        lists += &format!("- list: l{n}\n  items: [l{0}, l{0}]\n", n - 1);
    }
    assert!(errors(&[&bomb])[0].contains("has more than 200000 parts"));
    lists += &rule("proc.name in (l63)");
    assert!(errors(&[&lists])[0].contains("has more than 200000 items"));
}

#[test]
fn exceptions_take_matches_away() {
    let with = |exceptions: &str| format!("{BASE}  exceptions:\n{exceptions}");
    let single = with("    - {name: e, fields: proc.name, values: [sh, shells_more, \"a b\"]}\n");
    let single = format!("- list: shells_more\n  items: [zsh]\n{single}");
    assert!(!fires(&[&single], "sh") && !fires(&[&single], "zsh") && !fires(&[&single], "a b"));
    assert!(fires(&[&single], "bash"));
    let tuple = with(
        "    - name: e\n      fields: [proc.name, proc.pname]\n      comps: [startswith, in]\n      values:\n        - [ba, [p, q]]\n        - [z, '(r, s)']\n",
    );
    assert!(!fires(&[&tuple], "bash"));
    assert!(fires(&[&tuple], "zsh"));
    let equal = with("    - {name: e, fields: [proc.name, proc.pname], values: [[sh, p], [bash, x]]}\n");
    assert!(!fires(&[&equal], "sh"));
    assert!(fires(&[&equal], "bash"));
    let words = with("    - {name: e, fields: proc.name, comps: startswith anyof, values: [b, z]}\n");
    assert!(!fires(&[&words], "bash") && fires(&[&words], "sh"));
    let empty = with("    - {name: e, fields: proc.name}\n");
    assert!(fires(&[&empty], "sh"));
    let more = "- rule: Shell\n  exceptions: [{name: e, values: [sh]}]\n  append: true\n";
    assert!(!fires(&[&empty, more], "sh"));
    assert!(errors(&[BASE, more]).iter().any(|error| error.contains("needs `fields`")));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let file = "
- required_engine_version: 0.99.0
- lst: x
- macro: m
  condition: >
    proc.name = x and
    prc.name in (a)
- rule: One
  desc: d
  condition: >
    proc.name startwith x
  output: \"%proc.nam %fd.name[3]\"
  priority: WARN
- rule: Two
  condition: evt.type = opan and fd.num = x
    and fd.net = 10.0.0.0/99 and proc.name > 3
    and m and unknown_one and evt.is_open_write = maybe
  desc: d
  output: o
  priority: ERROR
  tgas: [x]
- rule: Three
  desc: d
- rule: Tow
  enabled: false
- list: l
  items: [x]
  override: {items: apend}
";
    let all = match load(&[file]) {
        Ok(_) => panic!("loaded"),
        Err(all) => all,
    };
    let found: Vec<_> =
        all.iter().map(|d| (d.line, d.column, d.message.as_str(), d.help.as_deref().unwrap_or(""))).collect();
    let expected = [
        (2, 28, "these rules need engine 0.99.0; this one reads those of 0.63.0", ""),
        (3, 3, "unknown item `lst` is ignored", "did you mean `list`?"),
        (7, 5, "unknown field `prc.name`", "did you mean `proc.name`?"),
        (13, 13, "unknown priority `WARN`", ""),
        (15, 25, "unknown event type `opan`", "did you mean `open`?"),
        (15, 43, "expected a whole number, found `x`", ""),
        (16, 18, "expected an IP address or a network such as `10.0.0.0/8`, found `10.0.0.0/99`", ""),
        (16, 44, "`>` does not apply to `proc.name`, which is a text", ""),
        (17, 15, "unknown macro `unknown_one`", ""),
        (17, 51, "expected `true` or `false`, found `maybe`", ""),
        (21, 3, "unknown key `tgas` of a rule is ignored", "did you mean `tags`?"),
        (22, 9, "rule `Three` lacks `condition`, `output`, `priority`", ""),
        (24, 9, "no rule `Tow` is defined above to be changed", "did you mean `Two`?"),
        (28, 21, "cannot `apend` a key", "did you mean `append`?"),
    ];
    for (line, column, message, help) in expected {
        let hit = found.iter().find(|(l, c, m, _)| (*l, *c, *m) == (line, column, message));
        let Some(hit) = hit else { panic!("{line}:{column} {message} is not in {found:#?}") };
        assert!(help.is_empty() || hit.3 == help, "{hit:?}");
    }
}

#[test]
fn a_wrong_item_of_a_list_is_reported_where_the_list_stands() {
    let file = format!("- list: ports\n  items: [80, htps]\n{}", rule("fd.sport in (ports)"));
    let all = errors(&[&file]);
    assert_eq!(all.len(), 1);
    assert!(
        all[0].contains("0.yaml:2:15") && all[0].contains("expected a port number, found `htps`"),
        "{}",
        all[0]
    );
}

#[test]
fn a_rule_may_ask_to_be_skipped_when_a_field_is_unknown() {
    let file = format!("{}  skip-if-unknown-filter: true\n", rule("no.such = x"));
    let rules = loaded(&[&file]);
    assert_eq!(rules.rules.rules().count(), 0);
    assert!(rules.warnings[0].message.contains("left out"));
    let other = format!("{}  source: k8s_audit\n", rule("ka.verb = x"));
    assert!(loaded(&[&other]).warnings[0].message.contains("source `k8s_audit`"));
}

#[test]
fn a_word_that_is_almost_a_list_is_warned_of() {
    let file =
        format!("- list: shell_programs\n  items: [sh]\n{}", rule("proc.name in (shell_program, x_y)"));
    let warnings = loaded(&[&file]).warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].help.as_deref(), Some("did you mean the list `shell_programs`?"));
}

#[test]
fn arguments_of_events_are_known_by_name() {
    loaded(&[&rule("evt.arg.flags contains O_CREAT and evt.arg.oldpath = x and evt.arg[newpath] = y")]);
    assert!(errors(&[&rule("evt.arg.oldpaht = x")])[0].contains("did you mean `oldpath`?"));
}

#[test]
fn a_set_of_rules_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&loaded(&[BASE]).rules);
}

#[test]
fn a_missing_plugin_is_an_error() {
    let all = errors(&["- required_plugin_versions: [{name: json, version: 0.7.0}]\n"]);
    assert!(all[0].contains("need the plugin `json`"), "{}", all[0]);
}

#[test]
fn a_finding_tells_what_and_why() {
    let file = "
- macro: opened
  condition: (evt.type in (open, openat) and fd.num >= 0)
- rule: r
  desc: d
  condition: opened and (fd.name = /etc/shadow or fd.name = x) and not proc.name = su
  output: >
    %proc.name read %fd.name 100%% %toupper(proc.name) %proc.pid num=%fd.num %proc.aname[2] %proc.cmdline
  priority: WARNING
";
    let open = event(
        "openat",
        &[
            ("proc.name", text("cat")),
            ("fd.name", text("/etc/shadow")),
            ("fd.num", Int(3)),
            ("proc.cmdline", text("cat /…")),
        ],
    );
    let findings = judge(&loaded(&[file]), &open);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.output, "cat read /etc/shadow 100% CAT <NA> num=3 <NA> cat /…");
    let fields: Vec<_> = finding.fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(fields[4], ("fd.num", OutputValue::Int(3)));
    assert_eq!(fields[3], ("proc.pid", OutputValue::Absent));
    assert_eq!(fields[6], ("proc.cmdline", OutputValue::Cut("cat /…".into())));
    let reasons: Vec<_> = finding.reasons.iter().map(|r| format!("{} | {}", r.check, r.value)).collect();
    assert_eq!(
        reasons,
        ["evt.type in (open, openat) | openat", "fd.num >= 0 | 3", "fd.name = /etc/shadow | /etc/shadow"]
    );
}

#[test]
fn the_first_matching_rule_can_be_the_only_one() {
    let two =
        format!("{}{}", rule("proc.name = x"), rule("proc.name startswith x").replace("rule: r", "rule: s"));
    let rules = loaded(&[&two]);
    let exec = event("execve", &[("proc.name", text("x"))]);
    assert_eq!(judge(&rules, &exec).len(), 2);
    let mut findings = Vec::new();
    rules.rules.judge(&exec, Matching::First, &mut findings);
    assert_eq!(findings.iter().map(|f| f.rule.name.as_str()).collect::<Vec<_>>(), ["r"]);
}

#[test]
fn selections_apply_in_their_order_and_priority_cuts_off() {
    let mut rules = loaded(&[BASE]).rules;
    let exec = event("execve", &[("proc.name", text("sh"))]);
    let fires = |rules: &super::RuleSet| {
        let mut findings = Vec::new();
        rules.judge(&exec, Matching::All, &mut findings);
        !findings.is_empty()
    };
    let off = Selection { enable: false, target: Target::Rule("S*".into()) };
    let on = Selection { enable: true, target: Target::Tag("a".into()) };
    rules.select(std::slice::from_ref(&off)).unwrap();
    assert!(!fires(&rules) && rules.kinds().is_empty());
    rules.select(&[off, on]).unwrap();
    assert!(fires(&rules));
    rules.set_min_priority(Priority::Warning);
    assert!(!fires(&rules));
    rules.set_min_priority(Priority::Notice);
    assert!(fires(&rules));
}

#[test]
fn an_explanation_shows_where_a_rule_comes_from() {
    let rules = loaded(&[BASE]).rules;
    let shown = rules.explain("Shell", &|_| true).unwrap();
    assert_eq!(
        shown.tree,
        "all of\n  evt.type = execve\n  is_shell:\n    proc.name in (bash, sh, \"a b\", zsh)\n"
    );
    assert_eq!(shown.fields[1], ("proc.name".to_owned(), Some("About proc.name.")));
    assert_eq!(shown.macros, [("is_shell".to_owned(), "0.yaml".to_owned(), 8)]);
    assert_eq!(shown.event_types, ["execve"]);
    assert!(shown.to_string().contains("list all: 0.yaml:6"), "{shown}");
    assert!(rules.explain("No", &|_| true).is_none());
}

#[test]
fn rules_carry_tests() {
    let file = format!(
        "{}  tests:\n    - name: it fires\n      event: {{kind: exec, proc.name: x}}\n      expect: match\n    - {{name: not, event: {{}}, expect: no_match}}\n",
        rule("proc.name = x")
    );
    let rules = loaded(&[&file]);
    assert!(rules.warnings.is_empty(), "{:?}", rules.warnings);
    let tests = rules.rules.tests();
    assert_eq!(
        (tests.len(), tests[0].name.as_str(), tests[0].expect, tests[1].expect),
        (2, "it fires", true, false)
    );
    assert_eq!((tests[0].rule.as_str(), tests[0].line), ("r", 9));
    let event: std::collections::BTreeMap<String, String> = tests[0].events[0].read().unwrap();
    assert_eq!(event["proc.name"], "x");
    let wrong = file.replace("no_match", "nomatch");
    assert!(errors(&[&wrong])[0].contains("did you mean `no_match`?"));
}
