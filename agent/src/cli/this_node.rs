//! `Node` as it really is: the kernel side, the pipeline and the demo, run to their end on this thread.

use std::{future::Future, io, sync::Arc, time::SystemTime};

use anyhow::anyhow;
use nightjar_engine::{
    incident::{self, Incidents, Step},
    rule::RuleSet,
};
use nightjar_events::{EVENTS, Event};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep,
};
use tracing::info;

use super::{DemoRequest, EachEvent, EventsRequest, Exit, Failure, Look, Node, OrEnd, ReplayRequest};
use crate::{
    alert::{Alert, Message, Origin, human},
    config::Config,
    demo::{self, DemoAlert},
    identity::Sockets,
    metrics::Metrics,
    output::{Output, file},
    pipeline::{self, ALERTS_QUEUED_MAX, Judge},
    privilege,
    reload::Reloads,
    replay::{ReplayError, Replayed, replay},
    scope::{Scope, Target},
    sensor::{HookState, HookStatus, ledger::ByEvent},
    watch::{Plan, Watch},
};

pub struct ThisNode;

impl Node for ThisNode {
    fn probe(&self, config: &Config) -> Result<Vec<HookStatus>, Failure> {
        let plan = plan(config, EVENTS.iter().map(|event| event.kind));
        runtime()?.block_on(async { Watch::probe(&plan).or_end(Exit::CannotRun) })
    }

    fn run(
        &self,
        config: &Config,
        rules: RuleSet,
        origin: Arc<Origin>,
        output: Box<dyn Output>,
        metrics: Metrics,
    ) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let stop = stop()?;
            let reloads = Reloads::new(config, rules.kinds())?;
            let watch = start(plan(config, rules.kinds()))?;
            privilege::raise_priority();
            privilege::drop_after_start()?;
            if !config.outputs.is_empty() {
                reopen_at_hangup()?;
            }
            let incidents = Incidents::new(config.incidents);
            let judge = Judge { rules, matching: config.matching, origin, incidents };
            Ok(pipeline::run(watch, judge, reloads, output, metrics, stop).await?)
        })
    }

    fn events(&self, request: &EventsRequest, each: &mut EachEvent) -> Result<ByEvent, Failure> {
        runtime()?.block_on(async {
            let stop = stop()?;
            let mut watch = start(plan(&request.config, request.kinds.iter().copied()))?;
            privilege::drop_after_start()?;
            let time = request.time;
            let over = async move {
                match time {
                    Some(time) => tokio::select! { () = stop => {}, () = sleep(time) => {} },
                    None => stop.await,
                }
            };
            tokio::pin!(over);
            let mut hand_over = |events: &mut Vec<nightjar_engine::Event>| {
                let mut wanted = events.drain(..).filter(|event| request.kinds.contains(&event.kind()));
                wanted.any(|event| each(&event).is_break())
            };
            let mut events = Vec::new();
            loop {
                tokio::select! {
                    biased;
                    () = &mut over => break,
                    more = watch.next(&mut events) => more?,
                }
                if hand_over(&mut events) {
                    return Ok(watch.ledger()?);
                }
            }
            for _ in 0..=watch.batches_in_ring() {
                watch.drain(&mut events);
                if events.is_empty() || hand_over(&mut events) {
                    break;
                }
            }
            watch.say_counts()?;
            Ok(watch.ledger()?)
        })
    }

    fn replay(&self, request: ReplayRequest, look: &mut Look) -> Result<Replayed, Failure> {
        let ReplayRequest { config, rules, mut source, mut output, pace } = request;
        let (origin, incidents) = (Arc::new(source.origin()), Incidents::new(config.incidents));
        let mut judge = Judge { rules, matching: config.matching, origin, incidents };
        runtime()?.block_on(async {
            let replayed = replay(&mut source, &mut judge, &mut *output, pace, look, stop()?).await;
            source.say_what_is_missing();
            replayed.map_err(|error| match error {
                ReplayError::Source(error) => Failure { exit: Exit::Failed, error: error.into() },
                ReplayError::Output(error) => error.into(),
            })
        })
    }

    fn demo(&self, request: DemoRequest) -> Result<bool, Failure> {
        runtime()?.block_on(async {
            let stop = stop()?;
            let scope = Scope::Only(vec![Target::Containers]);
            let mut watch = start(Plan { scope, ..plan(&request.config, request.rules.kinds()) })?;
            let DemoRequest { config, rules, origin, deadline, terminal } = request;
            // Each deed is shown as soon as it is seen.
            let incidents = Incidents::new(incident::Settings { pause: 0, ..config.incidents });
            let mut judge = Judge { rules, matching: config.matching, origin, incidents };
            let (mut reloads, metrics) = (Reloads::never(), Metrics::off());
            let mut settings = demo::Settings::new().or_end(Exit::CannotRun)?;
            settings.deadline = deadline;
            settings.width = terminal.look.width;
            let (messages, mut found) = mpsc::channel(ALERTS_QUEUED_MAX);
            let (shown, deeds) = mpsc::channel(ALERTS_QUEUED_MAX);
            let show = async move {
                while let Some(message) = found.recv().await {
                    let alerts = match message {
                        Message::Alert(alert) => demo_alerts(&alert, terminal.look),
                        // A deed whose event was lost is reported as missed.
                        Message::Loss(_) | Message::Rules(_) | Message::Held(_) | Message::Notice(_) => continue,
                    };
                    for alert in alerts {
                        if shown.send(alert).await.is_err() {
                            return;
                        }
                    }
                }
            };
            let mut out = io::stdout();
            let report = tokio::select! {
                report = demo::run(deeds, settings, stop, &mut out) => report?,
                watched = pipeline::feed(&mut watch, &mut judge, &mut reloads, &messages, &metrics, std::future::pending()) => {
                    watched?;
                    return Err(anyhow!("the watch ended before the demo did")).or_end(Exit::Broken);
                }
                () = show => return Err(anyhow!("the alerts ended before the demo did")).or_end(Exit::Broken),
            };
            Ok(report.exit_code() == 0)
        })
    }
}

/// One thread: capabilities can be given back for all of the program, and events stay in order.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn plan(config: &Config, kinds: impl IntoIterator<Item = nightjar_events::Kind>) -> Plan {
    Plan {
        ring_bytes: config.ring_size,
        bulk_budget: config.bulk_budget,
        kinds: kinds.into_iter().collect(),
        family: config.family,
        scope: config.scope.clone(),
        host_root: config.host_root.clone(),
        identity_wait: config.identity_wait,
        sockets: if config.runtime_sockets { Sockets::default() } else { Sockets::none() },
    }
}

fn start(plan: Plan) -> Result<Watch, Failure> {
    let missing = privilege::missing()?;
    if !missing.is_empty() {
        let needs = anyhow!("needs root, or {}; `nightjar doctor` says what for", missing.join(", "));
        return Err(needs).or_end(Exit::CannotRun);
    }
    privilege::in_initial_pid_namespace().or_end(Exit::CannotRun)?;
    let watch = Watch::start(&plan).or_end(Exit::CannotRun)?;
    let attached = || watch.hooks().iter().filter(|hook| hook.state == HookState::Attached);
    let is_attached = |event: &&Event| attached().any(|hook| hook.event == event.name);
    let (events, others): (Vec<_>, Vec<&Event>) = EVENTS.iter().copied().partition(is_attached);
    let not_asked_for: Vec<_> = others.into_iter().filter(|event| !plan.asks_for(event.kind)).collect();
    if !not_asked_for.is_empty() {
        info!(events = names(&not_asked_for), "not attached, since nothing asks for them");
    }
    info!(programs = attached().count(), events = names(&events), scope = %plan.scope, "watching");
    Ok(watch)
}

fn names(events: &[&Event]) -> String {
    events.iter().map(|event| event.name).collect::<Vec<_>>().join(" ")
}

/// Ends at SIGINT or SIGTERM; armed at once, so that none is missed while the kernel side loads.
fn stop() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// SIGHUP is for file outputs; without any it ends the program, as it always does.
fn reopen_at_hangup() -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            file::reopen_all();
        }
    });
    Ok(())
}

/// One for each step that is new, the first of them with the block.
fn demo_alerts(alert: &Alert, look: human::Look) -> Vec<DemoAlert> {
    let id = alert.event.container.as_ref().map(|container| container.id.clone()).unwrap_or_default();
    let steps = alert.incident.iter().flat_map(|state| &state.steps[state.steps.len() - state.new..]);
    let mut block = human::block(alert, look);
    let one = |step: &Step| DemoAlert {
        rule: step.rule.name.clone(),
        container_id: id.clone(),
        time: SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(step.last),
        human: std::mem::take(&mut block),
    };
    steps.map(one).collect()
}
