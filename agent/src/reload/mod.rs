//! Rules loaded anew while the agent runs, at SIGHUP and when their files change: read and checked beside the watching,
//! then handed over whole. What is wrong with them is a value; the rules in use are the pipeline's.

mod changes;

use std::{
    collections::BTreeSet,
    future::pending,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    sync::Arc,
};

use nightjar_engine::rule::{Diagnostic, Rule, RuleSet, Severity};
use nightjar_events::{EVENTS, Kind, event::IDENTITY_KINDS};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinHandle, spawn_blocking},
};
use tracing::{info, warn};

use crate::{
    alert::{
        Origin,
        rules::{RulesNotice, What},
    },
    config::{
        Config,
        rules::{self, RulesError, configured},
    },
    memory,
};

use self::changes::Changes;
pub use self::changes::{FOLDERS_MAX, QUIET, UNQUIET_MAX};

/// Most errors that an alert about refused rules names.
pub const ERRORS_TOLD_MAX: usize = 16;
/// Most rules that an alert about events that are not watched names.
pub const RULES_TOLD_MAX: usize = 16;

/// Why there are no new rules.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error("load rules")]
    Broken(#[from] JoinError),
}

/// Waits for the signal or for a change, loads, and gives what came of it.
pub struct Reloads {
    from: Option<(Signal, Config)>,
    /// `None`: the rules are those that are built in, or inotify cannot be had.
    changes: Option<Changes>,
    /// Events that the watch was started with.
    asked_for: BTreeSet<Kind>,
    /// Rules that are being loaded.
    loading: Option<JoinHandle<Loaded>>,
    /// What the files said when they were read last.
    said: Option<u64>,
}

/// What came of a load, and what the files said; no rules when they say what they said before and nobody insists.
type Loaded = (u64, Result<Option<RuleSet>, RulesError>);

impl Reloads {
    /// Armed at once. Signals that come during a load are one more load after it.
    pub fn new(config: &Config, kinds: BTreeSet<Kind>) -> io::Result<Reloads> {
        let from = Some((signal(SignalKind::hangup())?, config.clone()));
        let asked_for = kinds.into_iter().chain(IDENTITY_KINDS).collect();
        let changes = (!config.rules.is_empty()).then(|| Changes::of(&config.rules)).transpose();
        let changes = changes.unwrap_or_else(|error| {
            warn!(%error, "changes of rules are not noticed; SIGHUP loads them anew");
            None
        });
        Ok(Reloads { from, changes, asked_for, ..Reloads::never() })
    }

    pub fn never() -> Reloads {
        Reloads { from: None, changes: None, asked_for: BTreeSet::new(), loading: None, said: None }
    }

    /// The next rules. Nothing is lost when it is dropped and called again.
    pub async fn next(&mut self) -> Result<RuleSet, Refusal> {
        loop {
            let Some(loading) = &mut self.loading else {
                let insisted = self.asked().await;
                let Some((_, config)) = &self.from else { return pending().await };
                let (config, before) = (config.clone(), self.said.filter(|_| !insisted));
                // On a thread of its own: meanwhile the ring is read and events are judged by the rules from before.
                self.loading = Some(spawn_blocking(move || load(&config, before)));
                continue;
            };
            let loaded = loading.await;
            self.loading = None;
            let (said, loaded) = loaded?;
            self.said = Some(said);
            if let Some(rules) = loaded? {
                return Ok(rules);
            }
        }
    }

    /// Waits until rules are to be loaded; whether they are so although no file has changed.
    async fn asked(&mut self) -> bool {
        let Some((hangup, _)) = &mut self.from else { return pending().await };
        let changes = &mut self.changes;
        let changed = async {
            match changes {
                Some(changes) => changes.next().await,
                None => pending().await,
            }
        };
        let failed = tokio::select! {
            biased;
            signal = hangup.recv() => match signal {
                Some(()) => return true,
                None => return pending().await,
            },
            changed = changed => match changed {
                Ok(()) => return false,
                Err(error) => error,
            },
        };
        warn!(error = %failed, "changes of rules are not noticed any more; SIGHUP loads them anew");
        self.changes = None;
        pending().await
    }

    /// Puts loaded rules in the place of those in use; what of that an analyst must know.
    pub fn take_over(
        &self,
        rules: &mut RuleSet,
        loaded: Result<RuleSet, Refusal>,
        origin: &Arc<Origin>,
        time: u64,
    ) -> Option<RulesNotice> {
        let what = match loaded {
            Ok(mut new) => {
                new.adopt(rules);
                *rules = new;
                memory::give_back();
                info!(rules = rules.rules().filter(|rule| rules.active(rule)).count(), "rules taken over");
                self.unwatched(rules)?
            }
            Err(refusal) => {
                warn!("the rules are not taken over: {refusal}");
                refused(refusal)
            }
        };
        Some(RulesNotice { origin: origin.clone(), time, what })
    }

    fn unwatched(&self, rules: &RuleSet) -> Option<What> {
        let kinds: Vec<Kind> = rules.kinds().difference(&self.asked_for).copied().collect();
        let types = EVENTS.iter().filter(|event| kinds.contains(&event.kind));
        let types: Vec<&str> = types.flat_map(|event| event.types).copied().collect();
        let wants = |rule: &&Arc<Rule>| {
            rules.active(rule) && rules.event_types(rule).iter().any(|name| types.contains(name))
        };
        let blind = rules.rules().filter(wants).take(RULES_TOLD_MAX).map(|rule| rule.name.clone()).collect();
        let events: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        (!events.is_empty()).then_some(What::Unwatched { events, rules: blind })
    }
}

/// Nothing when the files say what they said `before`.
fn load(config: &Config, before: Option<u64>) -> Loaded {
    let mut hasher = DefaultHasher::new();
    match rules::of(&config.rules) {
        Ok(sources) => sources.iter().for_each(|source| (&source.name, &source.text).hash(&mut hasher)),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    let said = hasher.finish();
    if before == Some(said) {
        return (said, Ok(None));
    }
    let loaded = configured(config).map(|(rules, warnings)| {
        for Diagnostic { file, line, column, message, .. } in &warnings {
            warn!("{file}:{line}:{column}: {message}");
        }
        Some(rules)
    });
    (said, loaded)
}

fn refused(refusal: Refusal) -> What {
    let reason = refusal.to_string();
    let errors = match refusal {
        Refusal::Rules(RulesError::Wrong(diagnostics)) => diagnostics,
        Refusal::Rules(RulesError::Source(source)) => {
            let cause = std::error::Error::source(&source).map(|cause| format!(": {cause}"));
            let reason = format!("{source}{}", cause.unwrap_or_default());
            return What::Refused { reason, errors: Vec::new(), count: 1 };
        }
        Refusal::Rules(RulesError::Selection(_)) | Refusal::Broken(_) => Vec::new(),
    };
    let mut errors: Vec<_> = errors.into_iter().filter(|error| error.severity == Severity::Error).collect();
    let count = errors.len().max(1);
    errors.truncate(ERRORS_TOLD_MAX);
    What::Refused { reason, errors, count }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        alert::sample::alert,
        config::{Config, Raw},
    };

    const RULE: &str = "- rule: NAME\n  desc: d\n  output: o\n  priority: INFO\n  condition: CONDITION\n";

    fn config(dir: &std::path::Path) -> Config {
        Config::check(Raw { rules: vec![dir.to_owned()], ..Raw::default() }).unwrap()
    }

    fn write(dir: &std::path::Path, name: &str, condition: &str) {
        fs::write(dir.join("a.yaml"), RULE.replace("NAME", name).replace("CONDITION", condition)).unwrap();
    }

    fn names(rules: &RuleSet) -> Vec<String> {
        rules.rules().map(|rule| rule.name.clone()).collect()
    }

    #[test]
    fn good_rules_take_the_place_of_the_old_and_wrong_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let (config, origin) = (config(dir.path()), alert().origin);
        write(dir.path(), "a", "evt.type = execve");
        let (mut rules, _) = configured(&config).unwrap();
        let reloads = Reloads { asked_for: BTreeSet::from([Kind::Exec]), ..Reloads::never() };
        let again = |rules: &mut RuleSet| {
            let loaded = load(&config, None).1.map(|loaded| loaded.expect("nothing was said before"));
            reloads.take_over(rules, loaded.map_err(Refusal::from), &origin, 7)
        };

        write(dir.path(), "b", "evt.type = execve");
        assert_eq!(again(&mut rules), None);
        assert_eq!(names(&rules), ["b"]);

        write(dir.path(), "c", "evt.tpye = execve");
        let notice = again(&mut rules).unwrap();
        assert_eq!(names(&rules), ["b"]);
        let What::Refused { errors, count, .. } = notice.what else { panic!("{notice:?}") };
        assert_eq!((errors[0].line, count), (5, 1));
        assert!(errors[0].file.ends_with("a.yaml"));

        fs::remove_file(dir.path().join("a.yaml")).unwrap();
        let notice = again(&mut rules).unwrap();
        assert_eq!(names(&rules), ["b"]);
        assert!(notice.message().contains("no file that ends in"), "{}", notice.message());

        write(dir.path(), "d", "evt.type in (execve, connect)");
        let notice = again(&mut rules).unwrap();
        assert_eq!(names(&rules), ["d"]);
        assert_eq!(notice.what, What::Unwatched { events: vec!["connect"], rules: vec!["d".into()] });
    }

    #[test]
    fn files_that_say_the_same_are_loaded_only_when_somebody_insists() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        write(dir.path(), "a", "evt.type = execve");
        let (said, loaded) = load(&config, None);
        assert!(loaded.unwrap().is_some());
        assert!(load(&config, Some(said)).1.unwrap().is_none());
        write(dir.path(), "a", "evt.type = open");
        assert!(load(&config, Some(said)).1.unwrap().is_some());
    }
}
