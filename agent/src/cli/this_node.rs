//! `Node` as it really is: the kernel side, the pipeline and the demo, run to their end on this thread.

use std::{future::Future, io, sync::Arc, time::SystemTime};

use anyhow::anyhow;
use nightjar_engine::rule::RuleSet;
use nightjar_events::{EVENTS, Event};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep,
};
use tracing::info;

use super::{DemoRequest, EachEvent, EventsRequest, Exit, Failure, Node, OrEnd};
use crate::{
    alert::{Alert, Message, Origin, human},
    config::Config,
    demo::{self, DemoAlert},
    identity::Sockets,
    output::{Output, file},
    pipeline::{self, ALERTS_QUEUED_MAX, Judge},
    privilege,
    reload::Reloads,
    scope::{Scope, Target},
    sensor::{HookState, HookStatus},
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
    ) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let stop = stop()?;
            let reloads = Reloads::at_hangup(config, rules.kinds())?;
            let watch = start(plan(config, rules.kinds()))?;
            privilege::raise_priority();
            privilege::drop_after_start()?;
            if !config.outputs.is_empty() {
                reopen_at_hangup()?;
            }
            let judge = Judge { rules, matching: config.matching, origin };
            Ok(pipeline::run(watch, judge, reloads, output, stop).await?)
        })
    }

    fn events(&self, request: &EventsRequest, each: &mut EachEvent) -> Result<(), Failure> {
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
            let mut events = Vec::new();
            loop {
                tokio::select! {
                    biased;
                    () = &mut over => break,
                    more = watch.next(&mut events) => more?,
                }
                let mut wanted = events.drain(..).filter(|event| request.kinds.contains(&event.kind()));
                if wanted.any(|event| each(&event).is_break()) {
                    return Ok(());
                }
            }
            Ok(watch.say_counts()?)
        })
    }

    fn demo(&self, request: DemoRequest) -> Result<bool, Failure> {
        runtime()?.block_on(async {
            let stop = stop()?;
            let scope = Scope::Only(vec![Target::Containers]);
            let mut watch = start(Plan { scope, ..plan(&request.config, request.rules.kinds()) })?;
            let DemoRequest { config, rules, origin, deadline, terminal } = request;
            let mut judge = Judge { rules, matching: config.matching, origin };
            let mut reloads = Reloads::never();
            let mut settings = demo::Settings::new().or_end(Exit::CannotRun)?;
            settings.deadline = deadline;
            settings.width = terminal.look.width;
            let (messages, mut found) = mpsc::channel(ALERTS_QUEUED_MAX);
            let (shown, deeds) = mpsc::channel(ALERTS_QUEUED_MAX);
            let show = async move {
                while let Some(message) = found.recv().await {
                    let alert = match message {
                        Message::Alert(alert) => demo_alert(&alert, terminal.look),
                        // A deed whose event was lost is reported as missed.
                        Message::Loss(_) | Message::Rules(_) => continue,
                    };
                    if shown.send(alert).await.is_err() {
                        break;
                    }
                }
            };
            let mut out = io::stdout();
            let report = tokio::select! {
                report = demo::run(deeds, settings, stop, &mut out) => report?,
                watched = pipeline::feed(&mut watch, &mut judge, &mut reloads, &messages, std::future::pending()) => {
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

fn demo_alert(alert: &Alert, look: human::Look) -> DemoAlert {
    DemoAlert {
        rule: alert.finding.rule.name.clone(),
        container_id: alert
            .event
            .container
            .as_ref()
            .map(|container| container.id.clone())
            .unwrap_or_default(),
        time: SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(alert.event.time),
        human: human::block(alert, look),
    }
}
