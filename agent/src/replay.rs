//! The way of an event that was recorded: source → judge → output. Without a kernel, without a clock and on one thread,
//! so that the same bytes make the same alerts.

use std::{future::Future, pin::pin, time::Duration};

use nightjar_engine::Event;
use tokio::time::{Instant, sleep_until};

use crate::{
    alert::Message,
    capture::{Source, SourceError},
    output::{Output, OutputError},
    pipeline::{Judge, WRITTEN_AT_ONCE_MAX},
};

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("bring alerts out")]
    Output(#[from] OutputError),
}

/// What came of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub events: u64,
    pub alerts: u64,
}

/// When an event is due.
pub struct Pace {
    /// How many seconds of what was recorded pass in one.
    speed: f64,
    /// The first event, and when it was replayed.
    first: Option<(u64, Instant)>,
}

impl Pace {
    /// `speed` is above zero.
    pub fn new(speed: f64) -> Pace {
        Pace { speed, first: None }
    }

    fn due(&mut self, time: u64) -> Instant {
        let (first, begun) = *self.first.get_or_insert_with(|| (time, Instant::now()));
        let since = Duration::from_nanos(time.saturating_sub(first));
        let wait = Duration::try_from_secs_f64(since.as_secs_f64() / self.speed);
        wait.ok().and_then(|wait| begun.checked_add(wait)).unwrap_or_else(Instant::now)
    }
}

/// Judges every event and brings the alerts out, until `stop` ends. `look` is told now and then how far it is.
/// An error comes when everything before it is out.
pub async fn replay(
    source: &mut Source,
    judge: &mut Judge,
    output: &mut dyn Output,
    mut pace: Option<Pace>,
    mut look: impl FnMut(&Source, Replayed),
    stop: impl Future<Output = ()>,
) -> Result<Replayed, ReplayError> {
    let mut stop = pin!(stop);
    let (mut events, mut messages) = (Vec::<Event>::new(), Vec::new());
    let mut done = Replayed::default();
    output.start()?;
    let ended = 'all: loop {
        let more = source.next(&mut events);
        for event in events.drain(..) {
            if let Some(pace) = &mut pace {
                look(source, done);
                tokio::select! {
                    biased;
                    () = &mut stop => break 'all Ok(()),
                    () = sleep_until(pace.due(event.time)) => {}
                }
            }
            done.events += 1;
            messages.extend(judge.due(event.time));
            messages.extend(judge.take(event));
            if pace.is_some() || messages.len() >= WRITTEN_AT_ONCE_MAX {
                bring_out(&mut messages, output, &mut done)?;
            }
        }
        bring_out(&mut messages, output, &mut done)?;
        look(source, done);
        match more {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        // Signals get their turn.
        tokio::select! {
            biased;
            () = &mut stop => break Ok(()),
            () = tokio::task::yield_now() => {}
        }
    };
    messages.extend(judge.end());
    bring_out(&mut messages, output, &mut done)?;
    output.end();
    ended?;
    Ok(done)
}

fn bring_out(
    messages: &mut Vec<Message>,
    output: &mut dyn Output,
    done: &mut Replayed,
) -> Result<(), OutputError> {
    done.alerts += messages.len() as u64;
    output.write(messages)?;
    messages.clear();
    Ok(())
}
