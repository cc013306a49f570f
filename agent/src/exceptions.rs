//! The exceptions that stand beside the rules, as a matter to be told: which of them are over, and how much each has
//! covered. Loading them is `config`'s, judging by them the engine's.

use std::{collections::BTreeSet, sync::Arc};

use nightjar_engine::rule::{Exemption, Priority, RuleSet};
use tracing::{info, warn};

use crate::alert::{Origin, notice::Notice, rfc3339};

/// As rule names go, so that a filter on rules finds it.
pub const RULE: &str = "Nightjar internal: exceptions expired";
/// Most exceptions that one alert names.
pub const EXPIRED_TOLD_MAX: usize = 16;

/// Which are known to be over.
#[derive(Default)]
pub struct Expiries {
    told: BTreeSet<(String, u64)>,
}

impl Expiries {
    /// What is over at this time, nanoseconds since the epoch, and was not told yet.
    pub fn look(&mut self, rules: &RuleSet, origin: &Arc<Origin>, time: u64) -> Option<Notice> {
        let over = rules.exemptions().map(|(one, _)| one).filter(|one| one.expired(time));
        let news = over.filter(|one| self.told.insert((one.name.clone(), one.expires.unwrap_or_default())));
        let news: Vec<&Arc<Exemption>> = news.collect();
        if news.is_empty() {
            return None;
        }
        let named: Vec<_> = news.iter().take(EXPIRED_TOLD_MAX).map(|one| described(one)).collect();
        let more = news.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        warn!(exceptions = named.join(", "), "exceptions have expired and cover nothing any more");
        Some(Notice {
            origin: Arc::clone(origin),
            time,
            rule: RULE,
            priority: Priority::Warning,
            message: format!(
                "Exceptions have expired and cover nothing any more | {}{more}",
                named.join(", ")
            ),
            fields: vec![("exceptions".to_owned(), news.len() as u64)],
        })
    }
}

/// `Backup (by dana, until 2026-01-01T00:00:00Z)`.
fn described(one: &Exemption) -> String {
    format!("{} (by {}, until {})", one.name, one.author, rfc3339(one.expires.unwrap_or_default()))
}

/// How much each has covered, to the log: how a run ends.
pub fn say_counts(rules: &RuleSet) {
    for (one, covered) in rules.exemptions().filter(|(_, covered)| *covered > 0) {
        info!(exception = one.name, author = one.author, covered, "findings that an exception covered");
    }
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{Source, load};

    use super::*;
    use crate::alert::sample::alert;

    const TEXT: &str = "\
- rule: r
  desc: d
  output: o
  priority: INFO
  condition: evt.type = openat
- exception: old
  rules: [r]
  condition: proc.name = tar
  author: dana
  reason: nightly
  expires: 2026-01-01
- exception: for ever
  rules: [r]
  condition: proc.name = tar
  author: dana
  reason: nightly
  expires: never
";

    #[test]
    fn an_exception_that_is_over_is_told_once_and_by_whom_it_was() {
        let source = Source { name: "a.yaml".into(), text: TEXT.into() };
        let rules = load(&[source]).unwrap_or_else(|errors| panic!("{}", errors[0])).rules;
        let (mut expiries, origin) = (Expiries::default(), alert().origin);
        let end = 1_767_225_600_000_000_000;
        assert_eq!(expiries.look(&rules, &origin, end - 1), None);
        let notice = expiries.look(&rules, &origin, end).unwrap();
        assert_eq!(
            notice.message,
            "Exceptions have expired and cover nothing any more | old (by dana, until 2026-01-01T00:00:00.000000000Z)"
        );
        assert_eq!((notice.priority, notice.fields), (Priority::Warning, vec![("exceptions".to_owned(), 1)]));
        assert_eq!(expiries.look(&rules, &origin, end + 1), None);
    }
}
