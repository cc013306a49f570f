//! The way of an event, on one screen: watch → judge → incidents → alerts → output.
//!
//! One task watches and judges; one thread writes. Between them is a bounded queue: when the reader of the output is
//! slow, the queue fills, then the ring, and then the kernel side sheds and counts. Nothing is dropped on the way.

use std::{
    future::{Future, pending},
    io,
    pin::pin,
    sync::Arc,
    thread,
    time::Duration,
};

use nightjar_engine::{
    Event,
    incident::{self, Found, Incidents, Report},
    rule::{Counts, Matching, RuleSet},
};
use tokio::{
    sync::{
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
    task::yield_now,
    time::{interval, sleep},
};
use tracing::info;

use crate::{
    alert::{self, Alert, Message, Origin, held::HeldBack, loss::Loss},
    exceptions::{self, Expiries},
    losses::{LOOK_PERIOD, Losses},
    metrics::Metrics,
    output::{Output, OutputError},
    reload::Reloads,
    watch::{Watch, WatchError},
};

/// Alerts that may wait for the output.
pub const ALERTS_QUEUED_MAX: usize = 1024;
/// Alerts that the output is handed at once.
pub const WRITTEN_AT_ONCE_MAX: usize = 256;
/// How long the output may take, once the end was asked for, to take what is there.
pub const WRITE_OUT_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("bring alerts out")]
    Output(#[from] OutputError),
    #[error("start a thread for the output")]
    Writer(#[source] io::Error),
    #[error("the output broke down")]
    WriterGone,
    #[error("the output took nothing more: up to {left} alerts were not written")]
    Stuck { left: usize },
}

/// Judges events, gathers what is found into incidents, and makes alerts of them.
pub struct Judge {
    pub rules: RuleSet,
    pub matching: Matching,
    pub origin: Arc<Origin>,
    pub incidents: Incidents,
}

impl Judge {
    pub fn take(&mut self, event: Event) -> Vec<Message> {
        let mut findings = Vec::new();
        self.rules.judge(&event, self.matching, &mut findings);
        if findings.is_empty() {
            return Vec::new();
        }
        let (event, mut reports) = (event.detached(), Vec::new());
        for finding in findings {
            let id = alert::id(&self.origin.boot, &event, &finding.rule.name).as_u128();
            self.incidents.take(Found { id, event: event.clone(), finding }, &mut reports);
        }
        self.messages(reports)
    }

    /// What is due at this time, nanoseconds since the epoch.
    pub fn due(&mut self, now: u64) -> Vec<Message> {
        let mut reports = Vec::new();
        self.incidents.advance(now, &mut reports);
        self.messages(reports)
    }

    /// What incidents still have to say when there will be no more events.
    pub fn end(&mut self) -> Vec<Message> {
        let mut reports = Vec::new();
        self.incidents.stop(&mut reports);
        self.messages(reports)
    }

    fn messages(&self, reports: Vec<Report>) -> Vec<Message> {
        let origin = || self.origin.clone();
        let message = |report| match report {
            Report::Alone(found) => Message::Alert(Box::new(Alert::of(origin(), &found, None))),
            Report::Incident(worst, state) => {
                Message::Alert(Box::new(Alert::of(origin(), &worst, Some(state))))
            }
            Report::Held(held, others) => Message::Held(HeldBack::new(origin(), held, others)),
        };
        reports.into_iter().map(message).collect()
    }
}

/// Watches until `stop` ends or the output does, then brings out what was seen until then.
pub async fn run(
    mut watch: Watch,
    mut judge: Judge,
    mut reloads: Reloads,
    output: Box<dyn Output>,
    metrics: Metrics,
    stop: impl Future<Output = ()>,
) -> Result<(), PipelineError> {
    let (messages, queue) = mpsc::channel(ALERTS_QUEUED_MAX);
    let (done, written) = oneshot::channel();
    // A thread that nobody waits for: a write that hangs must not keep the agent from ending.
    let write = move || drop(done.send(write_all(queue, output)));
    thread::Builder::new().name("output".to_owned()).spawn(write).map_err(PipelineError::Writer)?;
    let (ask, asked) = oneshot::channel::<()>();
    let queue = messages.downgrade();
    let overdue = async {
        stop.await;
        drop(ask);
        sleep(WRITE_OUT_MAX).await;
    };
    let work = async {
        let asked = async { asked.await.unwrap_or_default() };
        let watched = feed(&mut watch, &mut judge, &mut reloads, &messages, &metrics, asked).await;
        drop(messages);
        written.await.map_err(|_| PipelineError::WriterGone)??;
        watched?;
        watch.say_counts()?;
        let Counts { groups, evicted } = judge.rules.remembered();
        info!(groups, evicted, "remembered across events");
        exceptions::say_counts(&judge.rules);
        let incident::Counts { opened, findings, evicted, held, limits_evicted, .. } =
            judge.incidents.counts();
        info!(opened, findings, evicted, held, limits_evicted, "incidents");
        Ok(())
    };
    tokio::select! {
        done = work => done,
        () = overdue => {
            let left = queue.upgrade().map_or(ALERTS_QUEUED_MAX, |queue| ALERTS_QUEUED_MAX - queue.capacity());
            Err(PipelineError::Stuck { left })
        }
    }
}

/// Sends every alert and every loss on, until `stop` ends or nobody takes them any more. New rules take the place of the
/// old ones between two batches of events.
pub async fn feed(
    watch: &mut Watch,
    judge: &mut Judge,
    reloads: &mut Reloads,
    messages: &Sender<Message>,
    metrics: &Metrics,
    stop: impl Future<Output = ()>,
) -> Result<(), WatchError> {
    let mut stop = pin!(stop);
    let mut look = interval(LOOK_PERIOD);
    let mut losses = Losses::new(judge.origin.clone(), watch.started());
    let mut expiries = Expiries::default();
    let mut events = Vec::new();
    loop {
        let due = until(judge.incidents.next_due(), watch.now());
        let about_us = tokio::select! {
            biased;
            () = &mut stop => break,
            () = messages.closed() => return Ok(()),
            _ = look.tick() => {
                let over = expiries.look(&judge.rules, &judge.origin, watch.now()).map(Message::Notice);
                send(messages, over.into_iter()).await;
                metrics.note(|| watch.watched(&judge.rules))?;
                loss_due(watch, &mut losses)?.map(Message::Loss)
            }
            loaded = reloads.next() => {
                let notice = reloads.take_over(&mut judge.rules, loaded, &judge.origin, watch.now());
                notice.map(Message::Rules)
            }
            more = watch.next(&mut events) => more.map(|()| None)?,
            () = due => None,
        };
        if matches!(&about_us, Some(Message::Loss(loss)) if loss.vital()) {
            watch.relearn()?;
        }
        if !send(messages, events.drain(..).flat_map(|event| judge.take(event))).await {
            return Ok(());
        }
        if !send(messages, judge.due(watch.now()).into_iter().chain(about_us)).await {
            return Ok(());
        }
    }
    for _ in 0..=watch.batches_in_ring() {
        watch.drain(&mut events);
        // The deadline of `run` gets its turn.
        yield_now().await;
        if events.is_empty() || !send(messages, events.drain(..).flat_map(|event| judge.take(event))).await {
            break;
        }
    }
    let loss = loss_now(watch, &mut losses)?;
    send(messages, judge.end().into_iter().chain(loss.map(Message::Loss))).await;
    Ok(())
}

fn loss_due(watch: &mut Watch, losses: &mut Losses) -> Result<Option<Loss>, WatchError> {
    if losses.is_due(&watch.ledger()?, watch.now()) { loss_now(watch, losses) } else { Ok(None) }
}

fn loss_now(watch: &mut Watch, losses: &mut Losses) -> Result<Option<Loss>, WatchError> {
    let (reading, now) = (watch.whole_ledger()?, watch.now());
    Ok(losses.tell(reading, now, |cgroup| watch.place(cgroup)))
}

/// Waits until a time of the wall clock. When that is set meanwhile, the look at the losses comes in between.
async fn until(due: Option<u64>, now: u64) {
    match due {
        Some(due) => sleep(Duration::from_nanos(due.saturating_sub(now))).await,
        None => pending().await,
    }
}

/// Whether somebody still takes them.
async fn send(queue: &Sender<Message>, messages: impl Iterator<Item = Message>) -> bool {
    for message in messages {
        if queue.send(message).await.is_err() {
            return false;
        }
    }
    true
}

fn write_all(mut queue: Receiver<Message>, mut output: Box<dyn Output>) -> Result<(), OutputError> {
    let mut messages = Vec::with_capacity(WRITTEN_AT_ONCE_MAX);
    output.start()?;
    while queue.blocking_recv_many(&mut messages, WRITTEN_AT_ONCE_MAX) > 0 {
        output.write(&messages)?;
        messages.clear();
    }
    output.end();
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use nightjar_engine::{
        Payload,
        incident::SECOND,
        rule::{Selection, Source, Target, load},
    };
    use nightjar_events::{Body, Header, Kind, event::open::Open};
    use uuid::Uuid;

    use super::*;
    use crate::alert::sample::alert;

    fn judge() -> Judge {
        let rule = |name: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = openat\n"
            )
        };
        let Ok(loaded) = load(&[Source { name: "a.yaml".into(), text: rule("a") + &rule("b") }]) else {
            panic!("loads")
        };
        let settings = incident::Settings { window: SECOND, pause: 0, per_minute: 0 };
        let incidents = Incidents::new(settings);
        Judge { rules: loaded.rules, matching: Matching::All, origin: alert().origin, incidents }
    }

    fn ids(messages: &[Message]) -> Vec<Uuid> {
        let id = |message: &Message| match message {
            Message::Alert(alert) => alert.id,
            Message::Loss(_) | Message::Rules(_) | Message::Held(_) | Message::Notice(_) => Uuid::nil(),
        };
        messages.iter().map(id).collect()
    }

    #[test]
    fn an_alert_does_not_keep_the_batch_of_its_event() {
        let batch = Bytes::from(vec![0; 64]);
        let (header, body) = (Header::default(), Box::new(Body::Open(Open::default())));
        let header = Header { kind: Kind::Open as u16, variant: 1, ..header };
        let payload = Payload::Record { header, body, tail: batch.slice(8..16) };
        let mut judge = judge();
        let alerts = judge.take(Event { payload, ..alert().event });
        assert_eq!((alerts.len(), judge.incidents.counts().open), (2, 1));
        assert!(batch.is_unique());
    }

    #[test]
    fn two_rules_that_match_one_event_have_alerts_of_their_own() {
        let ids = ids(&judge().take(alert().event));
        assert_eq!(ids.len(), 2);
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn what_an_incident_has_not_told_yet_is_told_at_the_end() {
        let mut judge = judge();
        judge.rules.select(&[Selection { enable: false, target: Target::Rule("b".into()) }]).unwrap();
        let told: Vec<usize> = (0..3).map(|_| judge.take(alert().event).len()).collect();
        assert_eq!(told, [1, 0, 0]);
        let end = judge.end();
        let [Message::Alert(last)] = end.as_slice() else { panic!("{end:?}") };
        assert_eq!(last.incident.as_ref().unwrap().findings, 3);
        assert!(judge.end().is_empty());
    }

    struct Fails;

    impl Output for Fails {
        fn write(&mut self, _: &[Message]) -> Result<(), OutputError> {
            Err(OutputError::Closed)
        }
    }

    #[test]
    fn an_output_that_ends_closes_the_queue_so_that_the_watch_ends_too() {
        let (messages, queue) = mpsc::channel(4);
        messages.try_send(Message::Alert(Box::new(alert()))).unwrap();
        assert!(matches!(write_all(queue, Box::new(Fails)), Err(OutputError::Closed)));
        assert!(messages.is_closed());
    }
}
