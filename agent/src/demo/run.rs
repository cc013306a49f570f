//! The demo's course: deed after deed, each waiting for its own alert. The alerts come from whoever calls; this
//! side only knows which rule and container to expect.

use std::{
    future::Future,
    io::{self, Write},
    pin::{Pin, pin},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc::Receiver,
    task::{JoinError, spawn_blocking},
    time::sleep,
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
    /// To be printed as it is; empty where it was printed with another.
    pub human: String,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub options: Options,
    /// How long after a deed its alert may come.
    pub deadline: Duration,
    /// Columns of the terminal that shows the table, if one does.
    pub width: Option<usize>,
}

impl Settings {
    pub fn new() -> Result<Self, DemoError> {
        Ok(Self { options: Options::new()?, deadline: Duration::from_secs(5), width: None })
    }
}

/// Does every deed in a container of its own and prints each alert from it as it comes, then the table. `alerts`
/// must be live already: the container is made here. When `stop` ends first, so does the demo, in order.
pub async fn run(
    alerts: Receiver<DemoAlert>,
    settings: Settings,
    stop: impl Future<Output = ()>,
    out: &mut impl Write,
) -> Result<Report, DemoError> {
    let mut course =
        Course { alerts, stop: pin!(stop), stopped: false, watch: None, deadline: settings.deadline, out };
    let mut container = course.hear_during(aside(move || Container::with(settings.options))).await???;
    let deeds = DEEDS.len();
    writeln!(course.out, "container {} is up: {deeds} deeds follow\n", short(container.id()))
        .map_err(printing)?;
    let mut rows = Vec::new();
    for (deed, number) in DEEDS.iter().zip(1..) {
        if course.stopped {
            break;
        }
        writeln!(course.out, "{number}. {} ({}): {}", deed.name, deed.technique, deed.imitates)
            .map_err(printing)?;
        course.watch = Some(Watch::new(deed, container.id()));
        let act = aside(move || {
            let done = container.perform(deed);
            (container, done)
        });
        let (returned, done) = course.hear_during(act).await??;
        container = returned;
        let fate = match succeeded(deed, done) {
            Ok(()) => course.wait().await?,
            Err(reason) => Some(Fate::NotDone(reason)),
        };
        rows.extend(fate.map(|fate| Row { deed, fate }));
    }
    course.hear_during(aside(move || container.remove())).await???;
    let report = Report { interrupted: rows.len() < DEEDS.len(), rows, width: settings.width };
    writeln!(course.out, "\n{report}").map_err(printing)?;
    Ok(report)
}

struct Course<'a, Stop, Out> {
    alerts: Receiver<DemoAlert>,
    stop: Pin<&'a mut Stop>,
    stopped: bool,
    watch: Option<Watch>,
    deadline: Duration,
    out: &'a mut Out,
}

impl<Stop: Future<Output = ()>, Out: Write> Course<'_, Stop, Out> {
    /// The end of `work`. Alerts are heard meanwhile, since the pipeline must not wait for this side; so is a stop,
    /// which takes effect when the work is done.
    async fn hear_during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, DemoError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                Some(alert) = self.alerts.recv() => self.hear(&alert)?,
                () = self.stop.as_mut(), if !self.stopped => self.stopped = true,
            }
        }
    }

    /// Until the deed's alert comes or its time is over. `None`: stopped first, and nothing is known.
    async fn wait(&mut self) -> Result<Option<Fate>, DemoError> {
        let mut over = pin!(sleep(self.deadline));
        loop {
            if let Some(after) = self.watch.as_ref().and_then(|watch| watch.alerted) {
                return Ok(Some(Fate::Alerted(after)));
            }
            if self.stopped {
                return Ok(None);
            }
            tokio::select! {
                alert = self.alerts.recv() => match alert {
                    Some(alert) => self.hear(&alert)?,
                    None => return Ok(Some(Fate::Missed)),
                },
                () = &mut over => return Ok(Some(Fate::Missed)),
                () = self.stop.as_mut() => self.stopped = true,
            }
        }
    }

    fn hear(&mut self, alert: &DemoAlert) -> Result<(), DemoError> {
        match &mut self.watch {
            Some(watch) => watch.see(alert, self.out),
            // There is no container yet.
            None => Ok(()),
        }
    }
}

/// Blocking work off the runtime's own threads. It is never abandoned half done: a runtime waits for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DemoError> {
    spawn_blocking(work)
        .await
        .map_err(|e: JoinError| DemoError::Io { act: "run a part of the demo", source: e.into() })
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
    fn new(deed: &'static Deed, id: &str) -> Self {
        Self { deed, id: id.into(), started: SystemTime::now(), alerted: None }
    }

    /// Prints an alert of this container. Alerts of others are not the demo's to show.
    fn see(&mut self, alert: &DemoAlert, out: &mut impl Write) -> Result<(), DemoError> {
        if !names(&alert.container_id, &self.id) {
            return Ok(());
        }
        if !alert.human.is_empty() {
            writeln!(out, "{}", alert.human.trim_end()).map_err(printing)?;
        }
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
        Watch::new(&DEEDS[0], ID)
    }

    /// What it prints of an alert whose event came `early` before the deed.
    fn saw(watch: &mut Watch, rule: &str, id: &str, early: Duration) -> String {
        let human = format!("{rule} in {id}\n");
        let alert =
            DemoAlert { rule: rule.into(), container_id: id.into(), time: watch.started - early, human };
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
