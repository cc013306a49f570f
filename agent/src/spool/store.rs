//! The spool's whole state, without threads or clocks: what was accepted, how far each output is, what waits for room
//! on the disk, and what was given up. Every decision that the spool's promise rests on is made here.

use std::{collections::VecDeque, io};

use super::{
    cursor::{self, Counts, Cursor, Trouble},
    disk::Disk,
    frame::PAYLOAD_MAX,
    log::{Batch, Limits, Log, Position, Torn},
    quarantine::{self, Refused},
};

/// Alerts that may wait in memory for room on the disk.
pub const WAITING_MAX: usize = 1024;
/// Bytes of them.
pub const WAITING_BYTES_MAX: usize = 4 << 20;
/// Bytes that are written at once.
const WRITE_MAX: usize = 1 << 20;

/// An entry before it is in the log.
pub struct Pending {
    pub payload: Vec<u8>,
    /// Whether it must survive a power failure before anything else is done.
    pub severe: bool,
}

/// What happened to entries since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// There was no room on the disk, and none to wait.
    pub no_room: u64,
    /// Longer than an entry may be.
    pub too_long: u64,
    /// They made room for newer ones before every output had them.
    pub evicted: u64,
    /// Refused by a receiver, and there was no room to keep them.
    pub not_kept: u64,
}

pub struct Reader {
    pub name: String,
    pub cursor: Cursor,
    /// Whether the disk has it.
    saved: bool,
    synced: bool,
}

pub struct Store<D> {
    pub log: Log<D>,
    pub readers: Vec<Reader>,
    waiting: VecDeque<Pending>,
    waiting_bytes: usize,
    pub accepted: u64,
    pub losses: Losses,
    /// Why the disk did not take something, until it takes things again.
    pub trouble: Option<io::Error>,
}

/// What an output did with what it was given.
#[derive(Clone, Debug)]
pub struct Ack {
    pub position: Position,
    pub counts: Counts,
    pub trouble: Option<Trouble>,
}

impl<D: Disk> Store<D> {
    /// An output without a cursor begins with what comes from now on.
    pub fn open(disk: D, limits: Limits, outputs: &[String]) -> io::Result<(Store<D>, Torn)> {
        let mut cursors = Vec::new();
        for output in outputs {
            cursors.push(cursor::load(&disk, output)?);
        }
        let taken = highest_taken(&disk)?;
        let (log, torn) = Log::open(disk, limits, taken)?;
        let begin = Position { next: log.next(), ..Position::default() };
        let readers = outputs.iter().zip(cursors).map(|(name, cursor)| Reader {
            name: name.clone(),
            saved: cursor.is_some(),
            synced: false,
            cursor: cursor.unwrap_or_else(|| Cursor { position: begin, ..Cursor::default() }),
        });
        let mut store = Store {
            readers: readers.collect(),
            log,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            accepted: 0,
            losses: Losses::default(),
            trouble: None,
        };
        // A cursor that is not on disk would begin anew with the next start, behind what was accepted in between.
        store.sync_cursors()?;
        Ok((store, torn))
    }

    /// Takes entries over: into the log, or to wait for room. Those that are severe are synced when it returns.
    pub fn accept(&mut self, entries: impl Iterator<Item = Pending>) {
        let mut severe = false;
        for entry in entries {
            if entry.payload.len() > PAYLOAD_MAX {
                self.losses.too_long += 1;
                continue;
            }
            severe |= entry.severe;
            self.waiting_bytes += entry.payload.len();
            self.waiting.push_back(entry);
        }
        self.write();
        if severe && self.waiting.is_empty() {
            self.sync();
        }
        while self.waiting.len() > WAITING_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            let Some(entry) = self.waiting.pop_back() else { break };
            self.waiting_bytes -= entry.payload.len();
            self.losses.no_room += 1;
        }
    }

    /// Entries that wait for room on the disk.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Writes what waits, and gives up the oldest where the spool grows too large.
    fn write(&mut self) {
        while !self.waiting.is_empty() {
            let mut bytes = 0;
            let fits = |entry: &&Pending| {
                bytes += entry.payload.len();
                bytes <= WRITE_MAX
            };
            let count = self.waiting.iter().take_while(fits).count().max(1);
            let entries = self.waiting.iter().take(count).map(|entry| entry.payload.as_slice());
            match self.log.append(entries) {
                Ok(_) => {
                    self.trouble = None;
                    self.accepted += count as u64;
                    self.waiting_bytes -=
                        self.waiting.drain(..count).map(|entry| entry.payload.len()).sum::<usize>();
                    self.evict();
                }
                Err(error) => {
                    // What the outputs have already is then given up as a whole.
                    self.log.seal();
                    self.trouble = Some(error);
                    return;
                }
            }
        }
    }

    fn evict(&mut self) {
        match self.log.evict() {
            Ok(gone) if !gone.is_empty() => {
                let missed =
                    |reader: &Reader| gone.end.saturating_sub(reader.cursor.position.next.max(gone.start));
                self.losses.evicted += self.readers.iter().map(missed).max().unwrap_or_default();
            }
            Ok(_) => {}
            Err(error) => self.trouble = Some(error),
        }
    }

    fn sync(&mut self) {
        if let Err(error) = self.log.sync() {
            self.trouble = Some(error);
        }
    }

    /// What an output has not been given yet.
    pub fn read(&self, reader: usize, count: usize, bytes: usize) -> io::Result<Batch> {
        self.readers
            .get(reader)
            .map_or_else(|| Ok(Batch::default()), |r| self.log.read(r.cursor.position, count, bytes))
    }

    /// An output is done with what it read.
    pub fn ack(&mut self, reader: usize, ack: Ack) {
        let Some(reader) = self.readers.get_mut(reader) else { return };
        reader.cursor.position = ack.position;
        reader.cursor.counts.add(ack.counts);
        reader.cursor.trouble = ack.trouble.or(reader.cursor.trouble.take());
        (reader.saved, reader.synced) = (false, false);
        if let Err(error) = self.save_cursors() {
            self.trouble = Some(error);
        }
        if self.trouble.is_some() {
            self.make_room();
            self.write();
        }
    }

    /// Written with the next cursor, or when the house is kept.
    pub fn note_trouble(&mut self, reader: usize, trouble: Trouble) {
        if let Some(reader) = self.readers.get_mut(reader) {
            reader.cursor.trouble = Some(trouble);
            (reader.saved, reader.synced) = (false, false);
        }
    }

    fn save_cursors(&mut self) -> io::Result<()> {
        for reader in self.readers.iter_mut().filter(|reader| !reader.saved) {
            cursor::save(&mut self.log.disk, &reader.name, &mut reader.cursor)?;
            reader.saved = true;
        }
        Ok(())
    }

    /// Gives up what every output has. Cursors come first: a segment must not be gone while a cursor on the disk still
    /// points into it.
    fn make_room(&mut self) {
        let below = self.readers.iter().map(|reader| reader.cursor.position.next).min();
        let below = below.unwrap_or(self.log.next());
        let done = self.sync_cursors().and_then(|()| self.log.reclaim(below));
        if let Err(error) = done {
            self.trouble = Some(error);
        }
    }

    fn sync_cursors(&mut self) -> io::Result<()> {
        self.save_cursors()?;
        for reader in self.readers.iter_mut().filter(|reader| !reader.synced) {
            self.log.disk.sync(&cursor::file(&reader.name))?;
            reader.synced = true;
        }
        Ok(())
    }

    /// What is to be done now and then: everything on disk, and nothing there that nobody needs.
    pub fn settle(&mut self) {
        self.write();
        self.sync();
        self.make_room();
        self.write();
    }

    /// Puts a refused alert aside.
    pub fn put_aside(&mut self, reader: usize, refused: &Refused) {
        let Some(reader) = self.readers.get(reader) else { return };
        match quarantine::keep(&mut self.log.disk, &reader.name, refused) {
            Ok(true) => {}
            Ok(false) => self.losses.not_kept += 1,
            Err(error) => {
                self.losses.not_kept += 1;
                self.trouble = Some(error);
            }
        }
    }

    /// Outputs of which somebody asked that what was put aside be sent again.
    pub fn requeue_requests(&self) -> io::Result<Vec<String>> {
        let there = self.log.disk.list()?;
        let asked =
            |reader: &&Reader| there.iter().any(|(name, _)| *name == quarantine::request(&reader.name));
        Ok(self.readers.iter().filter(asked).map(|reader| reader.name.clone()).collect())
    }

    /// Accepts what was put aside once more and takes it away there, as soon as it is on disk.
    pub fn requeue(
        &mut self,
        output: &str,
        entry: impl Fn(&Refused) -> io::Result<Vec<u8>>,
    ) -> io::Result<usize> {
        let refused = quarantine::read(&self.log.disk, output)?;
        for chunk in refused.chunks(WAITING_MAX / 2) {
            let payloads = chunk.iter().map(&entry).collect::<io::Result<Vec<_>>>()?;
            self.accept(payloads.into_iter().map(|payload| Pending { payload, severe: true }));
            if !self.waiting.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        self.log.sync()?;
        let there = self.log.disk.list()?;
        for name in [quarantine::file(output), quarantine::request(output)] {
            if there.iter().any(|(held, _)| *held == name) {
                self.log.disk.remove(&name)?;
            }
        }
        Ok(refused.len())
    }
}

/// One above the highest number that any output was given, also one that is not configured any more.
fn highest_taken(disk: &impl Disk) -> io::Result<u64> {
    let mut highest = 0;
    for (name, _) in disk.list()? {
        if let Some(output) = name.strip_suffix(cursor::SUFFIX) {
            highest = highest.max(cursor::load(disk, output)?.map_or(0, |cursor| cursor.position.next));
        }
    }
    Ok(highest)
}
