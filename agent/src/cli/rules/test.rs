//! `nightjar rules test`: the tests that rules carry, judged by the engine that judges the kernel's events.

use std::path::PathBuf;

use nightjar_engine::{
    Event,
    field::{self, Arg},
    rule::{Finding, MISSING, RuleSet, RuleTest, Selection, Target},
};

use super::{
    super::{Exit, Failure, OrEnd, terminal::print},
    load,
};
use crate::alert::{
    cmdline::shorten,
    escape::{lossless, terminal},
};

/// Most characters shown of a value in a test's reason.
const VALUE_SHOWN_MAX: usize = 120;

/// Run the tests that rules carry; needs no root
///
/// Every test gives an event and says whether the rule must match it. Rules that are switched off are tested too.
/// Exit code 1 if a test failed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules test rules/\n  nightjar rules test base.yaml my-changes.yaml"
)]
pub struct TestArgs {
    /// Files, or folders of them; all are loaded together [default: the built-in rules]
    paths: Vec<PathBuf>,
}

impl TestArgs {
    pub fn run(self) -> Result<Exit, Failure> {
        let mut rules = load(&self.paths)?;
        rules.tell_all();
        let every = Selection { enable: true, target: Target::Rule("*".into()) };
        rules.select(&[every]).map_err(anyhow::Error::msg).or_end(Exit::Broken)?;
        let verdicts: Vec<_> = rules.tests().iter().map(|test| (test, judge(&rules, test))).collect();
        let failed = verdicts.iter().filter(|(_, verdict)| verdict.is_err()).count();
        let mut out: String = verdicts.iter().map(|(test, verdict)| line(test, verdict)).collect();
        out.push_str(&summary(&rules, verdicts.len() - failed, failed));
        print(&out)?;
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }
}

/// What made it match or not; an error says why that is not what was expected.
fn judge(rules: &RuleSet, test: &RuleTest) -> Result<(), String> {
    let tried = rules.try_test(test)?;
    match tried.finding {
        _ if tried.passed => Ok(()),
        Some(finding) => Err(why_it_matched(&finding, test.expect)),
        None => Err(why_not(rules, &test.rule, &tried.event)),
    }
}

/// `early`: an event before the last must not be the one.
fn why_it_matched(finding: &Finding, early: bool) -> String {
    let reasons: Vec<_> =
        finding.reasons.iter().map(|reason| format!("{}  is  {}", reason.check, reason.value)).collect();
    let when = if early { " before the last event" } else { "" };
    format!("it matches{when}, because\n{}", reasons.join("\n"))
}

/// What the condition saw: every field it reads, with the event's value.
fn why_not(rules: &RuleSet, rule: &str, event: &Event) -> String {
    let Some(explanation) = rules.explain(rule, &|_| true) else {
        return format!("there is no rule `{rule}`");
    };
    let seen: Vec<_> =
        explanation.fields.iter().map(|(name, _)| format!("{name}  is  {}", seen(name, event))).collect();
    let counts = explanation.correlation.map(|shown| format!("; it counts {shown}")).unwrap_or_default();
    format!(
        "it does not match; what it saw{counts}:\n{}\ncondition:\n{}",
        seen.join("\n"),
        explanation.tree.trim_end()
    )
}

/// The value of a field as written: `proc.aname[2]`.
fn seen(written: &str, event: &Event) -> String {
    let (name, arg) = written
        .strip_suffix(']')
        .and_then(|rest| rest.split_once('['))
        .map_or((written, None), |(n, a)| (n, Some(a)));
    let Some((row, implied)) = field::resolve(name) else {
        return "of no event of this version".to_owned();
    };
    let arg = arg.map_or(implied, |text| text.parse().map_or_else(|_| Arg::Key(text.to_owned()), Arg::Index));
    match row.value(event, &arg).into_text() {
        Some(text) => shorten(&terminal(&lossless(&text.bytes)), VALUE_SHOWN_MAX).into_owned(),
        None => MISSING.to_owned(),
    }
}

fn line(test: &RuleTest, verdict: &Result<(), String>) -> String {
    let name = format!("{}: {}", terminal(&test.rule), terminal(&test.name));
    match verdict {
        Ok(()) => format!("ok      {name}\n"),
        Err(reason) => {
            let expected = if test.expect { "a match" } else { "no match" };
            let reason: String =
                reason.lines().map(|line| format!("          {}\n", terminal(line))).collect();
            format!("FAILED  {name}\n        {}:{}: expected {expected}\n{reason}", test.file, test.line)
        }
    }
}

fn summary(rules: &RuleSet, passed: usize, failed: usize) -> String {
    let untested =
        rules.rules().filter(|rule| rules.tests().iter().all(|test| test.rule != rule.name)).count();
    let untested = match untested {
        0 => String::new(),
        1 => "; 1 rule has no test".to_owned(),
        n => format!("; {n} rules have no test"),
    };
    format!("\n{passed} passed, {failed} failed{untested}\n")
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{self, Source};

    use super::*;

    const RULE: &str = "\
- rule: Shell
  desc: d
  output: o
  priority: INFO
  condition: evt.type = execve and proc.name in (sh, bash)
  tests:
    - name: a shell
      event: {type: execve, proc: {comm: COMM}}
      expect: EXPECT
";

    fn verdict(comm: &str, expect: &str) -> (RuleSet, Result<(), String>) {
        let text = RULE.replace("COMM", comm).replace("EXPECT", expect);
        let Ok(loaded) = rule::load(&[Source { name: "a.yaml".into(), text }]) else {
            panic!("it does not load")
        };
        let verdict = judge(&loaded.rules, &loaded.rules.tests()[0]);
        (loaded.rules, verdict)
    }

    #[test]
    fn a_test_passes_when_the_rule_does_as_expected() {
        assert_eq!(verdict("bash", "match").1, Ok(()));
        assert_eq!(verdict("vim", "no_match").1, Ok(()));
    }

    #[test]
    fn a_match_that_must_not_be_says_what_matched() {
        let reason = verdict("bash", "no_match").1.unwrap_err();
        assert!(reason.starts_with("it matches, because\n"), "{reason}");
        assert!(reason.contains("proc.name in (sh, bash)"), "{reason}");
    }

    #[test]
    fn a_missing_match_says_what_the_condition_saw() {
        let (rules, verdict) = verdict("vim", "match");
        let text = line(&rules.tests()[0], &verdict);
        assert!(text.starts_with("FAILED  Shell: a shell\n        a.yaml:"), "{text}");
        assert!(text.contains("          proc.name  is  vim\n"), "{text}");
        assert_eq!(summary(&rules, 0, 1), "\n0 passed, 1 failed\n");
    }

    #[test]
    fn a_test_of_several_events_is_about_the_last_of_them() {
        let test = "    - name: NAME\n      events: [{type: execve, proc: {comm: sh}}, {type: execve, proc: {comm: COMM}}]\n      expect: EXPECT\n";
        let text = RULE
            .replace("  tests:", "  state: {count: 2, within: 1m}\n  tests:")
            .replace("COMM", "sh")
            .replace("EXPECT", "no_match");
        let both = ["match", "no_match"].map(|expect| test.replace("COMM", "bash").replace("EXPECT", expect));
        let text = text + &both.concat() + &test.replace("COMM", "vim").replace("EXPECT", "match");
        let Ok(loaded) = rule::load(&[Source { name: "a.yaml".into(), text }]) else {
            panic!("it does not load")
        };
        let verdicts: Vec<_> = loaded.rules.tests().iter().map(|test| judge(&loaded.rules, test)).collect();
        assert_eq!(verdicts[..2], [Ok(()), Ok(())], "one is not two; the first test's is forgotten");
        assert!(verdicts[2].as_ref().unwrap_err().starts_with("it matches, because\n2 times within 1m"));
        let reason = verdicts[3].as_ref().unwrap_err();
        assert!(
            reason.starts_with("it does not match; what it saw; it counts 2 times within 1m:\n"),
            "{reason}"
        );
    }

    #[test]
    fn an_event_that_cannot_be_is_a_failure_and_not_a_pass() {
        let text = RULE.replace("COMM", "sh, no_such_key: 1").replace("EXPECT", "no_match");
        let Ok(loaded) = rule::load(&[Source { name: "a.yaml".into(), text }]) else {
            panic!("it does not load")
        };
        assert!(judge(&loaded.rules, &loaded.rules.tests()[0]).unwrap_err().contains("no_such_key"));
    }
}
