//! The way of an event, on one screen: watch → judge → alerts → output.
//!
//! One task watches and judges; one thread writes. Between them is a bounded queue: when the reader of the output is
//! slow, the queue fills, then the ring, and then the kernel side sheds and counts. Nothing is dropped on the way.

use std::{future::Future, pin::pin, sync::Arc};

use nightjar_engine::{
    Event,
    rule::{Matching, RuleSet},
};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::{JoinError, spawn_blocking},
};
use tracing::{info, warn};

use crate::{
    alert::{Alert, Origin},
    config::Scope,
    output::{Output, OutputError},
    watch::{Watch, WatchError},
};

/// Alerts that may wait for the output.
pub const ALERTS_QUEUED_MAX: usize = 1024;
/// Batches that are still taken from the ring after the end was asked for: more than the largest ring holds.
const DRAIN_BATCHES_MAX: usize = 8192;

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("bring alerts out")]
    Output(#[from] OutputError),
    #[error("run the output")]
    Writer(#[source] JoinError),
}

/// Judges events and makes alerts of what is found.
pub struct Judge {
    pub rules: RuleSet,
    pub matching: Matching,
    pub scope: Scope,
    pub origin: Arc<Origin>,
}

impl Judge {
    pub fn alerts(&self, event: Event) -> Vec<Alert> {
        if self.scope == Scope::Containers && event.container.is_none() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        self.rules.judge(&event, self.matching, &mut findings);
        findings.into_iter().map(|finding| Alert::new(self.origin.clone(), event.clone(), finding)).collect()
    }
}

/// Watches until `stop` ends or the output does, then brings out what was seen until then.
pub async fn run(
    mut watch: Watch,
    judge: Judge,
    output: Box<dyn Output>,
    stop: impl Future<Output = ()>,
) -> Result<(), PipelineError> {
    let (alerts, queue) = mpsc::channel(ALERTS_QUEUED_MAX);
    let writer = spawn_blocking(move || write_all(queue, output));
    let watched = feed(&mut watch, &judge, &alerts, stop).await;
    drop(alerts);
    writer.await.map_err(PipelineError::Writer)??;
    watched?;
    say_ledger(&watch)?;
    Ok(())
}

/// Sends every alert on, until `stop` ends or nobody takes alerts any more.
pub async fn feed(
    watch: &mut Watch,
    judge: &Judge,
    alerts: &Sender<Alert>,
    stop: impl Future<Output = ()>,
) -> Result<(), WatchError> {
    let mut stop = pin!(stop);
    let mut events = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = alerts.closed() => return Ok(()),
            more = watch.next(&mut events) => more?,
        }
        if !send(judge, events.drain(..), alerts).await {
            return Ok(());
        }
    }
    for _ in 0..DRAIN_BATCHES_MAX {
        watch.drain(&mut events);
        if events.is_empty() || !send(judge, events.drain(..), alerts).await {
            break;
        }
    }
    Ok(())
}

/// Whether somebody still takes them.
async fn send(judge: &Judge, events: impl Iterator<Item = Event>, alerts: &Sender<Alert>) -> bool {
    for alert in events.flat_map(|event| judge.alerts(event)) {
        if alerts.send(alert).await.is_err() {
            return false;
        }
    }
    true
}

fn write_all(mut queue: Receiver<Alert>, mut output: Box<dyn Output>) -> Result<(), OutputError> {
    while let Some(alert) = queue.blocking_recv() {
        output.write(&alert)?;
    }
    Ok(())
}

fn say_ledger(watch: &Watch) -> Result<(), WatchError> {
    for (kind, tally) in watch.ledger()?.into_iter().filter(|(_, tally)| tally.seen > 0) {
        let (seen, shed, lost) = (tally.seen, tally.shed, tally.lost);
        info!(event = kind.name(), seen, shed, lost, "counted");
    }
    for (program, runs) in watch.skipped()? {
        warn!(program, runs, "the kernel skipped a program that watches; what happened then was not seen");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use nightjar_engine::{
        Container,
        rule::{Source, load},
    };

    use super::*;
    use crate::alert::sample::alert;

    fn judge(scope: Scope) -> Judge {
        let rule = |name: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = openat\n"
            )
        };
        let Ok(loaded) = load(&[Source { name: "a.yaml".into(), text: rule("a") + &rule("b") }]) else {
            panic!("loads")
        };
        Judge { rules: loaded.rules, matching: Matching::All, scope, origin: alert().origin }
    }

    #[test]
    fn an_event_on_the_host_raises_no_alert_when_only_containers_are_asked_for() {
        let mut event = alert().event;
        event.container = None;
        assert!(judge(Scope::Containers).alerts(event.clone()).is_empty());
        assert_eq!(judge(Scope::All).alerts(event.clone()).len(), 2);
        event.container = Some(Arc::new(Container::default()));
        assert_eq!(judge(Scope::Containers).alerts(event).len(), 2);
    }

    #[test]
    fn two_rules_that_match_one_event_have_alerts_of_their_own() {
        let alerts = judge(Scope::All).alerts(alert().event);
        assert_ne!(alerts[0].id, alerts[1].id);
    }

    struct Fails;

    impl Output for Fails {
        fn write(&mut self, _: &Alert) -> Result<(), OutputError> {
            Err(OutputError::Closed)
        }
    }

    #[test]
    fn an_output_that_ends_closes_the_queue_so_that_the_watch_ends_too() {
        let (alerts, queue) = mpsc::channel(4);
        alerts.try_send(alert()).unwrap();
        assert!(matches!(write_all(queue, Box::new(Fails)), Err(OutputError::Closed)));
        assert!(alerts.is_closed());
    }
}
