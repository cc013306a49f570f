//! What holds for any rule and any event.

use proptest::prelude::*;

use super::{
    Matching,
    run::{output::Teller, read::Slot, truth::Truth},
    testing::{event, load, loaded, rule, text},
};
use crate::event::{Event, OwnedValue};

const CHECKS: &[&str] = &[
    "evt.type = open",
    "evt.type in (execve, openat)",
    "evt.type != connect",
    "evt.num = 0",
    "evt.dir = <",
    "proc.name = aba",
    "proc.name != ab",
    "proc.name in (a, ab, aba)",
    "proc.name startswith ab",
    "proc.name endswith ba",
    "proc.name contains bb",
    "proc.name icontains BA",
    "proc.name glob a*a",
    "proc.name regex \"a.*\"",
    "proc.name exists",
    "proc.pname = val(proc.name)",
    "proc.pname = a",
    "toupper(proc.name) = AB",
    "basename(proc.name) = ab",
    "len(proc.name) > 2",
    "concat(proc.pname, proc.name) startswith aab",
    "proc.name contains anyof (aa, bb)",
    "proc.name contains oneof (a, b)",
    "proc.env contains x",
    "fd.name pmatch (/a, ab)",
    "fd.name = ab",
];

fn conditions() -> impl Strategy<Value = String> {
    let check = proptest::sample::select(CHECKS).prop_map(str::to_owned);
    check.prop_recursive(3, 16, 3, |inner| {
        let parts = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts().prop_map(|parts| format!("({})", parts.join(" and "))),
            parts().prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.clone().prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

/// A text whole, and the same with an end cut off.
fn texts() -> impl Strategy<Value = (String, String)> {
    // Often one that a check asks for.
    let asked = proptest::sample::select(vec!["a", "ab", "aba", "abb/ab", "/a/ab", "bba", "aab", "aa/a"]);
    let whole = prop_oneof![3 => asked.prop_map(str::to_owned), 1 => "[ab/]{1,5}"];
    (whole, any::<proptest::sample::Index>(), 0..3u8).prop_map(|(whole, at, form)| {
        let cut = match form {
            0 => whole.clone(),
            1 => format!("{}…", &whole[..at.index(whole.len())]),
            _ => format!("…{}", &whole[at.index(whole.len()) + 1..]),
        };
        (whole, cut)
    })
}

/// An event whole, and the same with some ends cut off.
fn events() -> impl Strategy<Value = (Event, Event)> {
    let types = proptest::sample::select(vec!["execve", "open", "openat", "connect"]);
    let names = ["proc.name", "proc.pname", "fd.name"];
    (types, proptest::collection::vec(proptest::option::of(texts()), names.len())).prop_map(
        move |(ty, values)| {
            let both = names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?)));
            let both: Vec<_> = both.filter(|(name, _)| *name != "fd.name" || ty != "execve").collect();
            let whole: Vec<(&str, OwnedValue)> =
                both.iter().map(|(name, (whole, _))| (*name, text(whole))).collect();
            let cut: Vec<(&str, OwnedValue)> =
                both.iter().map(|(name, (_, cut))| (*name, text(cut))).collect();
            (event(ty, &whole), event(ty, &cut))
        },
    )
}

fn matches(rules: &super::RuleSet, event: &Event) -> bool {
    let mut findings = Vec::new();
    rules.judge(event, Matching::All, &mut findings);
    !findings.is_empty()
}

/// Each check alone, on each text cut at each place.
#[test]
fn no_check_takes_a_cut_text_for_a_whole_one() {
    let words = ["a", "ab", "aba", "abb/ab", "/a/ab", "bba", "aab", "aa/a", "ABA"];
    let (mut decided, mut open) = (0, 0);
    for condition in CHECKS {
        let rules =
            [loaded(&[&rule(condition)]).rules, loaded(&[&rule(&format!("not ({condition})"))]).rules];
        for word in words {
            let whole = event("openat", &[("proc.name", text(word)), ("fd.name", text(word))]);
            let cuts =
                (0..=word.len()).flat_map(|at| [format!("{}…", &word[..at]), format!("…{}", &word[at..])]);
            for cut in cuts {
                let cut_event = event("openat", &[("proc.name", text(&cut)), ("fd.name", text(&cut))]);
                for rules in &rules {
                    let fires = matches(rules, &cut_event);
                    assert!(!fires || matches(rules, &whole), "{condition}: {cut} for {word}");
                    decided += usize::from(fires);
                    open += usize::from(!fires);
                }
            }
        }
    }
    assert!(decided > 500 && open > 500, "{decided} decided, {open} open: the test has lost its point");
}

proptest! {
    /// A program is the condition with what the event's type decides taken out: both say the same.
    #[test]
    fn a_program_says_what_its_condition_says(condition in conditions(), (_, event) in events()) {
        let rules = loaded(&[&rule(&condition)]).rules;
        let slots: Vec<Slot> = (0..rules.arena.operands.reads.len() as Slot).collect();
        let plain = Teller::new(&rules.arena, &event, &slots).truth(rules.rules[0].root);
        prop_assert_eq!(matches(&rules, &event), plain == Truth::True, "{}", condition);
    }

    /// Whatever is cut off: a rule that fires would fire on the whole event too, and so would its opposite.
    #[test]
    fn a_cut_event_never_fires_what_the_whole_would_not(condition in conditions(), (whole, cut) in events()) {
        for condition in [condition.clone(), format!("not ({condition})")] {
            let rules = loaded(&[&rule(&condition)]).rules;
            prop_assert!(!matches(&rules, &cut) || matches(&rules, &whole), "{}", condition);
        }
    }

    /// The types that a rule is said to accept are all that it can fire for.
    #[test]
    fn a_rule_fires_only_for_the_types_it_is_said_to_accept(condition in conditions(), (event, _) in events()) {
        let rules = loaded(&[&rule(&condition)]).rules;
        if matches(&rules, &event) {
            let types = rules.event_types(&rules.rules[0].rule.clone());
            prop_assert!(types.contains(&event.type_name()), "{} {:?}", condition, types);
        }
    }

    #[test]
    fn no_file_makes_the_loader_panic(file in any::<String>()) {
        if let Err(errors) = load(&[&file]) {
            prop_assert!(errors.iter().all(|error| !error.to_string().is_empty()));
        }
    }

    #[test]
    fn no_file_made_of_its_words_makes_the_loader_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "- rule: r\n", "- macro: m\n", "- list: l\n", "  condition: ", "  condition: >\n    ", "  items: [l, x]\n",
            "  output: ", "%proc.name", "%", "  priority: INFO\n", "  desc: d\n", "  append: true\n", "\n", "é", "'",
            "  override: {condition: append}\n", "proc.name in (l)", " and m", "  exceptions: [{name: e, fields: ",
            "proc.name", ", values: [[a], b]}]\n", "  tests: [{name: x}]\n", "- required_engine_version: ", "\t", "|",
            "  enabled: false\n", "&a ", "*a", "[", "]", "{", "\"",
        ]), 0..25)
    ) {
        if let Err(errors) = load(&[&words.concat(), &words.concat()]) {
            prop_assert!(errors.iter().all(|error| !error.to_string().is_empty()));
        }
    }
}
