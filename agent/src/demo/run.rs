//! The demo's course: deed after deed, each waiting for its own alert. The alerts come from whoever calls; this
//! side only knows which rule and container to expect.

use std::{
    future::Future,
    io::{self, Write},
    pin::pin,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc::Receiver,
    task::{JoinError, spawn_blocking},
    time::{Instant, sleep_until},
};

use super::{
    container::{Container, DemoError, Options},
    deeds::{DEEDS, Deed},
    message::Output,
    report::{Fate, Report, Row},
};

/// How far the event's time may lie before the clock's reading just before the deed: the two clocks are not one.
const CLOCK_SLACK: Duration = Duration::from_millis(10);
/// Fewest characters of a container id that count as naming it.
const SHORT_ID: usize = 12;

/// An alert as far as the demo reads it.
#[derive(Clone, Debug)]
pub struct DemoAlert {
    pub rule: String,
    /// Whole, or its first twelve characters.
    pub container_id: String,
    /// When the kernel saw the deed.
    pub time: SystemTime,
    /// To be printed as it is.
    pub human: String,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub options: Options,
    /// How long after a deed its alert may come.
    pub deadline: Duration,
}

impl Settings {
    pub fn new() -> Result<Self, DemoError> {
        Ok(Self { options: Options::new()?, deadline: Duration::from_secs(5) })
    }
}

/// Does every deed in a container of its own and prints each alert from it as it comes, then the table. `alerts`
/// must be live already: the container is made here. When `stop` ends first, so does the demo, in order.
pub async fn run(
    mut alerts: Receiver<DemoAlert>,
    settings: Settings,
    stop: impl Future<Output = ()>,
    out: &mut impl Write,
) -> Result<Report, DemoError> {
    let mut stop = pin!(stop);
    let mut container = aside(move || Container::with(settings.options)).await??;
    writeln!(out, "container {} is up: {} deeds follow\n", short(container.id()), DEEDS.len()).map_err(printing)?;
    let mut report = Report::default();
    for (number, deed) in DEEDS.iter().enumerate() {
        writeln!(out, "{}. {} ({}): {}", number + 1, deed.name, deed.technique, deed.imitates).map_err(printing)?;
        let id = container.id().to_owned();
        let started = SystemTime::now();
        let mut act = pin!(aside(move || {
            let done = container.perform(deed);
            (container, done)
        }));
        let mut watch = Watch { deed, id, started, alerted: None };
        // While the deed runs too: the pipeline must not wait for this side.
        let (returned, done) = loop {
            tokio::select! {
                done = &mut act => break done?,
                Some(alert) = alerts.recv() => watch.see(&alert, out)?,
            }
        };
        container = returned;
        let fate = match succeeded(deed, done) {
            Err(reason) => Fate::NotDone(reason),
            Ok(()) => {
                let deadline = Instant::now() + settings.deadline;
                loop {
                    if let Some(after) = watch.alerted {
                        break Fate::Alerted(after);
                    }
                    tokio::select! {
                        alert = alerts.recv() => match alert {
                            Some(alert) => watch.see(&alert, out)?,
                            None => break Fate::Missed,
                        },
                        () = sleep_until(deadline) => break Fate::Missed,
                        () = &mut stop => {
                            report.interrupted = true;
                            break Fate::Missed;
                        }
                    }
                }
            }
        };
        report.rows.push(Row { deed, fate });
        if report.interrupted {
            break;
        }
    }
    aside(move || container.remove()).await??;
    writeln!(out, "\n{report}").map_err(printing)?;
    Ok(report)
}

/// Blocking work off the runtime's own threads. It is never abandoned half done: a runtime waits for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DemoError> {
    spawn_blocking(work).await.map_err(|e: JoinError| DemoError::Io { act: "run a part of the demo", source: e.into() })
}

fn succeeded(deed: &Deed, done: Result<Output, DemoError>) -> Result<(), String> {
    match done {
        Ok(output) if output.stdout.contains(deed.shows) => Ok(()),
        Ok(output) => Err(format!("exit code {}, {}", output.code, output.stderr.trim())),
        Err(e) => Err(e.to_string()),
    }
}

struct Watch {
    deed: &'static Deed,
    id: String,
    started: SystemTime,
    /// From the event to the alert's arrival here.
    alerted: Option<Duration>,
}

impl Watch {
    /// Prints an alert of this container. Alerts of others are not the demo's to show.
    fn see(&mut self, alert: &DemoAlert, out: &mut impl Write) -> Result<(), DemoError> {
        if !names(&alert.container_id, &self.id) {
            return Ok(());
        }
        writeln!(out, "{}", alert.human.trim_end()).map_err(printing)?;
        // A late alert of an earlier deed proves nothing about this one.
        let own = alert.rule == self.deed.rule && alert.time + CLOCK_SLACK >= self.started;
        if own && self.alerted.is_none() {
            // An event from the future is the clocks' disagreement; it took no time.
            self.alerted = Some(alert.time.elapsed().unwrap_or(Duration::ZERO));
        }
        Ok(())
    }
}

fn names(given: &str, id: &str) -> bool {
    given.len() >= SHORT_ID && id.starts_with(given)
}

fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

fn printing(source: io::Error) -> DemoError {
    DemoError::Io { act: "print", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn watch() -> Watch {
        Watch { deed: &DEEDS[0], id: ID.into(), started: SystemTime::now(), alerted: None }
    }

    /// What it prints of an alert whose event came `early` before the deed.
    fn saw(watch: &mut Watch, rule: &str, id: &str, early: Duration) -> String {
        let human = format!("{rule} in {id}\n");
        let alert = DemoAlert { rule: rule.into(), container_id: id.into(), time: watch.started - early, human };
        let mut out = Vec::new();
        watch.see(&alert, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_deeds_rule_in_this_container_counts_by_short_or_whole_id() {
        for id in [ID, &ID[..12]] {
            let mut watch = watch();
            assert!(!saw(&mut watch, DEEDS[0].rule, id, Duration::ZERO).is_empty());
            assert!(watch.alerted.is_some());
        }
    }

    #[test]
    fn another_containers_alert_is_neither_printed_nor_counted() {
        for id in ["", "0123", "fedcba987654", "host"] {
            let mut watch = watch();
            assert!(saw(&mut watch, DEEDS[0].rule, id, Duration::ZERO).is_empty());
            assert_eq!(watch.alerted, None);
        }
    }

    #[test]
    fn another_rules_alert_is_printed_but_does_not_count() {
        let mut watch = watch();
        assert!(!saw(&mut watch, DEEDS[1].rule, ID, Duration::ZERO).is_empty());
        assert_eq!(watch.alerted, None);
    }

    #[test]
    fn an_alert_for_what_was_done_before_the_deed_does_not_count() {
        let mut watch = watch();
        saw(&mut watch, DEEDS[0].rule, ID, Duration::from_secs(1));
        assert_eq!(watch.alerted, None);
    }

    #[test]
    fn a_deed_whose_own_result_is_wrong_was_not_done() {
        let refused = Output { code: 1, stdout: String::new(), stderr: "Permission denied\n".into() };
        assert_eq!(succeeded(&DEEDS[0], Ok(refused)), Err("exit code 1, Permission denied".into()));
        let output = Output { stdout: format!("{}\n", DEEDS[0].shows), ..Output::default() };
        assert_eq!(succeeded(&DEEDS[0], Ok(output)), Ok(()));
    }
}
