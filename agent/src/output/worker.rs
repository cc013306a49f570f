//! One output at work, on a thread of its own: takes alerts from the spool, hands them to the receiver, and moves its cursor
//! once they are there. A receiver that hangs holds up this thread and nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    filter::Filter,
    transport::{Failure, Item, Transport, Verdict},
};
use crate::{
    alert::schema::Format,
    spool::{
        Given, Spool,
        cursor::{Counts, Trouble, shortened},
        entry,
        log::Batch,
        quarantine::Refused,
        store::Ack,
    },
};

/// Why an alert was put aside that no receiver refused.
const BROKE: &str = "the output broke down over it, again and again";

/// Bytes of entries that are sent at once.
pub const BATCH_BYTES: usize = 1 << 20;

pub struct Worker {
    pub spool: Arc<Spool>,
    /// Its place among the spool's outputs.
    pub place: usize,
    pub name: String,
    pub filter: Filter,
    pub format: Format,
    pub batch: usize,
    /// Up to this number alerts are sent one by one: one of them broke the worker before.
    pub careful_until: u64,
    /// The first alert broke it every time: it is put aside.
    pub condemned: bool,
    pub transport: Box<dyn Transport>,
}

/// The end was asked for while a receiver did not take what it was given.
struct Over;

impl Worker {
    /// Returns when the spool is at its end.
    pub fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let careful = self.spool.position(self.place) < self.careful_until;
            let count = if careful { 1 } else { self.batch };
            match self.spool.take(self.place, count, BATCH_BYTES) {
                Ok(Given::Batch(batch)) => {
                    if let Err(Over) = self.deliver(batch, &mut backoff) {
                        break;
                    }
                }
                Ok(Given::Over) => break,
                Err(error) => {
                    if let Err(Over) = self.wait(&mut backoff, &format!("read the spool: {error}")) {
                        break;
                    }
                }
            }
        }
    }

    fn deliver(&mut self, batch: Batch, backoff: &mut Backoff) -> Result<(), Over> {
        let Batch { entries, position, damaged, evicted } = batch;
        let mut counts = Counts { damaged, evicted, ..Counts::default() };
        let read = entries.len() as u64;
        let mut items: Vec<Item> =
            entries.iter().filter_map(|(_, entry)| self.item(entry, &mut counts)).collect();
        self.condemned = false;
        counts.filtered = read - items.len() as u64 - (counts.damaged - damaged) - counts.refused;
        let mut at_once = items.len().max(1);
        let mut said = None;
        while !items.is_empty() {
            let now = at_once.min(items.len());
            let before = items.len();
            match self.transport.send(&items[..now]) {
                Ok(verdicts) if verdicts.len() != now => {
                    said = Some(format!("the receiver answered for {} of {now} alerts", verdicts.len()));
                }
                Ok(verdicts) => said = self.sort(&mut items, now, verdicts, &mut counts).or(said),
                Err(Failure::Refused(why)) if now == 1 => {
                    said = Some(why.clone());
                    self.refuse(items.remove(0), why, &mut counts);
                }
                Err(Failure::Refused(_)) => {
                    // One of them is the reason: it is found by halves.
                    at_once = now.div_ceil(2);
                    continue;
                }
                Err(Failure::Again(why)) => said = Some(why),
            }
            if items.len() == before {
                counts.tries += 1;
                self.wait(backoff, said.as_deref().unwrap_or_default())?;
            } else {
                self.is_well_again(backoff);
                at_once = items.len();
            }
        }
        let trouble = said.as_deref().map(trouble);
        self.spool.done(self.place, Ack { position, counts, trouble });
        Ok(())
    }

    /// The alert of an entry, if it is for this output.
    fn item(&self, bytes: &[u8], counts: &mut Counts) -> Option<Item> {
        let entry = match entry::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => {
                warn!(output = self.name, %error, "an entry of the spool cannot be read");
                counts.damaged += 1;
                return None;
            }
        };
        let asked = entry.to.is_some();
        let ours = entry.to.is_none_or(|to| to == self.name);
        let mut item = Item::of(entry.alert);
        if !ours || !asked && !self.filter.wants(&item) {
            return None;
        }
        if self.condemned {
            self.refuse(item, BROKE.to_owned(), counts);
            return None;
        }
        item.body = self.format.body(&item);
        Some(item)
    }

    /// Takes those out that are done; what was said of one that was not taken.
    fn sort(
        &self,
        items: &mut Vec<Item>,
        sent: usize,
        verdicts: Vec<Verdict>,
        counts: &mut Counts,
    ) -> Option<String> {
        let mut said = None;
        let mut again = Vec::new();
        for (item, verdict) in items.drain(..sent).zip(verdicts) {
            match verdict {
                Verdict::Taken => counts.delivered += 1,
                Verdict::Refused(why) => {
                    said = Some(why.clone());
                    self.refuse(item, why, counts);
                }
                Verdict::Again(why) => {
                    said = Some(why);
                    again.push(item);
                }
            }
        }
        items.splice(0..0, again);
        said
    }

    fn refuse(&self, item: Item, reason: String, counts: &mut Counts) {
        counts.refused += 1;
        warn!(output = self.name, alert = item.key, reason, "an alert was refused for ever");
        let refused = Refused { refused_at: Timestamp::now().to_string(), reason, alert: item.alert };
        self.spool.put_aside(self.place, &refused);
    }

    fn wait(&self, backoff: &mut Backoff, why: &str) -> Result<(), Over> {
        if backoff.is_fresh() {
            warn!(output = self.name, why, "the receiver takes nothing; alerts stay in the spool");
        }
        self.spool.say_trouble(self.place, trouble(why));
        if self.spool.pause(backoff.pause()) { Ok(()) } else { Err(Over) }
    }

    fn is_well_again(&self, backoff: &mut Backoff) {
        if !backoff.is_fresh() {
            info!(output = self.name, "the receiver takes alerts again");
            backoff.reset();
        }
    }
}

fn trouble(text: &str) -> Trouble {
    let time = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    Trouble { time, text: shortened(text) }
}
