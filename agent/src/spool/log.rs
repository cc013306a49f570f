//! The spool's files as one log: segments that only grow, with numbered entries. It appends, reads, recovers and
//! forgets. Who reads, and how far they are, is not its concern.

use std::{collections::VecDeque, io, ops::Range};

use serde::{Deserialize, Serialize};

use super::{
    disk::Disk,
    frame::{self, Found, HEADER, MAGIC, PAYLOAD_MAX},
};

const SUFFIX: &str = ".spool";

/// How large the log and one of its segments may grow, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub total: u64,
    pub segment: u64,
}

/// Share of the whole that one segment has, and its bounds.
const SEGMENTS: u64 = 16;
pub const SEGMENT_MIN: u64 = 64 << 10;
pub const SEGMENT_MAX: u64 = 8 << 20;

impl Limits {
    pub fn of(total: u64) -> Limits {
        Limits { total, segment: (total / SEGMENTS).clamp(SEGMENT_MIN, SEGMENT_MAX) }
    }
}

#[derive(Clone, Debug)]
pub struct Segment {
    /// Number of its first entry.
    pub first: u64,
    /// Bytes of it that count.
    pub len: u64,
}

impl Segment {
    pub fn name(&self) -> String {
        format!("{:020}{SUFFIX}", self.first)
    }
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the entry that is read next.
    pub next: u64,
    /// First number of the segment that was read last, and where in it the reading ended: a hint.
    pub segment: u64,
    pub offset: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub entries: Vec<(u64, Vec<u8>)>,
    /// Where to go on.
    pub position: Position,
    /// Entries that were here once and cannot be read any more.
    pub damaged: u64,
    /// Entries that were given up so that others had room.
    pub evicted: u64,
}

/// What recovery found at the end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Torn {
    /// Bytes of an entry that was not written to its end.
    pub bytes: u64,
}

pub struct Log<D> {
    pub disk: D,
    limits: Limits,
    segments: VecDeque<Segment>,
    /// Number of the entry that is appended next.
    next: u64,
    /// Whether the last segment takes more.
    open: bool,
    /// Segments with bytes that are not synced; at most the last is not sealed.
    unsynced: Vec<String>,
}

impl<D: Disk> Log<D> {
    /// Takes up a log where it was left. Numbers below `taken` were given away already, whatever the disk remembers.
    pub fn open(mut disk: D, limits: Limits, taken: u64) -> io::Result<(Log<D>, Torn)> {
        let mut segments = segments(&disk)?;
        for segment in &segments {
            let begin = disk.read(&segment.name(), 0, MAGIC.len())?;
            // Another form of the spool; anything else is damage, which readers step over.
            let (name, version) = MAGIC.split_at(MAGIC.len() - 1);
            if begin.len() == MAGIC.len() && begin.starts_with(name) && !begin.ends_with(version) {
                let text = format!("{} was written by another version of the agent", segment.name());
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        let (mut next, mut torn) = (1, Torn::default());
        while let Some(last) = segments.back_mut() {
            let scan = Scan::of(&disk, last, u64::MAX)?;
            if scan.good == 0 {
                // Made, but nothing was ever in it.
                torn.bytes += last.len;
                next = next.max(last.first);
                disk.remove(&last.name())?;
                segments.pop_back();
                continue;
            }
            if scan.good < last.len {
                torn.bytes += last.len - scan.good;
                disk.truncate(&last.name(), scan.good)?;
                last.len = scan.good;
            }
            next = next.max(scan.next.max(last.first));
            break;
        }
        let mut log = Log { disk, limits, segments, next, open: true, unsynced: Vec::new() };
        // What the last run had not synced is synced with the first entry of this one.
        log.unsynced.extend(log.segments.back().map(Segment::name));
        if taken > log.next {
            log.next = taken;
            log.open = false;
        }
        Ok((log, torn))
    }

    /// Number of the entry that is appended next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Number of the first entry that is still there.
    pub fn first(&self) -> u64 {
        self.segments.front().map_or(self.next, |segment| segment.first)
    }

    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Appends all or nothing. No payload is longer than `PAYLOAD_MAX`.
    pub fn append<'p>(&mut self, payloads: impl Iterator<Item = &'p [u8]>) -> io::Result<Range<u64>> {
        let first = self.next;
        let mut bytes = Vec::new();
        let mut next = first;
        for payload in payloads.filter(|payload| payload.len() <= PAYLOAD_MAX) {
            frame::write(&mut bytes, next, payload);
            next += 1;
        }
        if next == first {
            return Ok(first..first);
        }
        let segment = self.segment_for(bytes.len() as u64)?;
        if let Err(error) = self.disk.append(&segment.name(), &bytes) {
            self.undo(&segment);
            return Err(error);
        }
        if let Some(last) = self.segments.back_mut() {
            last.len += bytes.len() as u64;
        }
        self.next = next;
        Ok(first..next)
    }

    /// The segment that takes so many bytes more: the last one, or a new one.
    fn segment_for(&mut self, bytes: u64) -> io::Result<Segment> {
        if let Some(last) = self.segments.back()
            && self.open
            && (last.len + bytes <= self.limits.segment || last.len <= MAGIC.len() as u64)
        {
            let last = last.clone();
            self.note_unsynced(&last);
            return Ok(last);
        }
        // Only the last segment may be torn, so the one before is whole on disk when the next one begins.
        self.sync()?;
        let segment = Segment { first: self.next, len: MAGIC.len() as u64 };
        // It may have been begun before, when the disk was full, and be empty.
        if self.segments.back().is_some_and(|last| last.first == segment.first) {
            self.segments.pop_back();
        }
        self.disk.create(&segment.name(), MAGIC)?;
        self.note_unsynced(&segment);
        self.segments.push_back(segment.clone());
        self.open = true;
        Ok(segment)
    }

    fn note_unsynced(&mut self, segment: &Segment) {
        let name = segment.name();
        if !self.unsynced.contains(&name) {
            self.unsynced.push(name);
        }
    }

    /// After a write that failed. Where the half of it cannot be taken away, nothing is written behind it.
    fn undo(&mut self, segment: &Segment) {
        if self.disk.truncate(&segment.name(), segment.len).is_err() {
            self.open = false;
        }
    }

    /// Nothing more goes into the last segment, so that it can be given up once it was read.
    pub fn seal(&mut self) {
        self.open = false;
    }

    /// Returns when everything appended so far survives a power failure.
    pub fn sync(&mut self) -> io::Result<()> {
        while let Some(name) = self.unsynced.last() {
            if let Err(error) = self.disk.sync(name) {
                // What the kernel does with the pages after that is not known: nothing is put behind them.
                self.open = false;
                return Err(error);
            }
            self.unsynced.pop();
        }
        Ok(())
    }

    pub fn is_synced(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// Entries from a position on: as many as there are, up to `count` or `bytes`, but at least one if there is one.
    pub fn read(&self, from: Position, count: usize, bytes: usize) -> io::Result<Batch> {
        let mut batch = Batch { position: from, ..Batch::default() };
        let mut room = bytes;
        if from.next < self.first() {
            batch.evicted = self.first() - from.next;
            batch.position.next = self.first();
        }
        while batch.position.next < self.next && batch.entries.len() < count && room > 0 {
            let next = batch.position.next;
            let at = self.segments.partition_point(|segment| segment.first <= next).saturating_sub(1);
            let Some(segment) = self.segments.get(at) else { break };
            let end = self.segments.get(at + 1).map_or(self.next, |following| following.first);
            let read = read_segment(&self.disk, segment, end, &mut batch, count, room)?;
            room = room.saturating_sub(read);
        }
        Ok(batch)
    }

    /// Forgets the segments of which every entry is below a number. Whatever fails is tried again with the next call.
    pub fn reclaim(&mut self, below: u64) -> io::Result<usize> {
        let mut removed = 0;
        while let Some(end) = self.end_of_first()
            && end <= below
        {
            self.remove_first()?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Where the first segment ends, unless it may still grow.
    fn end_of_first(&self) -> Option<u64> {
        match self.segments.get(1) {
            Some(second) => Some(second.first),
            None => (!self.open && !self.segments.is_empty()).then_some(self.next),
        }
    }

    /// Gives up the oldest segments until the limit is kept; the last is never given up. Tells which numbers went.
    pub fn evict(&mut self) -> io::Result<Range<u64>> {
        let first = self.first();
        while self.bytes() > self.limits.total && self.segments.len() > 1 {
            self.remove_first()?;
        }
        Ok(first..self.first())
    }

    fn remove_first(&mut self) -> io::Result<()> {
        let Some(segment) = self.segments.front() else { return Ok(()) };
        let name = segment.name();
        match self.disk.remove(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.unsynced.retain(|unsynced| *unsynced != name);
        self.segments.pop_front();
        Ok(())
    }
}

/// The segments of a folder, eldest first.
pub fn segments(disk: &impl Disk) -> io::Result<VecDeque<Segment>> {
    let mut found: Vec<_> = disk
        .list()?
        .into_iter()
        .filter_map(|(name, len)| {
            let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == 20)?;
            Some(Segment { first: digits.parse().ok()?, len })
        })
        .collect();
    found.sort_by_key(|segment| segment.first);
    Ok(found.into())
}

/// Reads on in one segment; tells how many bytes it took. Always comes further, or to the segment's end.
fn read_segment(
    disk: &impl Disk,
    segment: &Segment,
    end: u64,
    batch: &mut Batch,
    count: usize,
    bytes: usize,
) -> io::Result<usize> {
    let begin = MAGIC.len() as u64;
    let known = batch.position.segment == segment.first && batch.position.offset >= begin;
    let mut offset = if known { batch.position.offset } else { begin };
    let mut taken = 0;
    let mut want = bytes.clamp(HEADER, PAYLOAD_MAX);
    let mut next = batch.position.next;
    'more: while next < end && offset < segment.len && batch.entries.len() < count && taken < bytes {
        let left = usize::try_from(segment.len - offset).unwrap_or(usize::MAX);
        let chunk = disk.read(&segment.name(), offset, want.min(left))?;
        let whole = chunk.len() >= left;
        if chunk.is_empty() {
            // The file is shorter than it was.
            offset = segment.len;
            break;
        }
        let mut at = 0;
        while next < end && batch.entries.len() < count && taken < bytes {
            let rest = &chunk[at..];
            if rest.is_empty() {
                break;
            }
            match frame::read(rest, segment.first..end) {
                Found::Frame(frame) => {
                    at += frame.size();
                    if frame.number < next {
                        continue;
                    }
                    batch.damaged += frame.number - next;
                    next = frame.number + 1;
                    taken += frame.payload.len();
                    batch.entries.push((frame.number, frame.payload.to_vec()));
                }
                Found::More(needed) if !whole => {
                    offset += at as u64;
                    want = needed.max(bytes.min(PAYLOAD_MAX));
                    continue 'more;
                }
                Found::More(_) | Found::Damaged => {
                    // Behind the damage there may be good ones; the whole rest is looked through.
                    let rest = disk.read(&segment.name(), offset + at as u64, left - at)?;
                    match frame::next_good(&rest, 1, &(next..end)) {
                        Some(good) => offset += (at + good) as u64,
                        None => offset = segment.len,
                    }
                    continue 'more;
                }
            }
        }
        offset += at as u64;
    }
    if offset >= segment.len && next < end {
        batch.damaged += end - next;
        next = end;
    }
    batch.position = Position { next, segment: segment.first, offset };
    Ok(taken)
}

/// One segment looked through from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub entries: u64,
    /// Bytes up to the end of the last good entry; 0: there is none.
    pub good: u64,
    /// Bytes before it that belong to no entry.
    pub damaged: u64,
    /// One above the last good entry's number.
    pub next: u64,
}

impl Scan {
    /// `end` is a number that its entries are below.
    pub fn of(disk: &impl Disk, segment: &Segment, end: u64) -> io::Result<Scan> {
        let length = usize::try_from(segment.len).map_err(io::Error::other)?;
        let bytes = disk.read(&segment.name(), 0, length)?;
        let mut scan = Scan { next: segment.first, ..Scan::default() };
        let mut at = MAGIC.len();
        while at < bytes.len() {
            // A segment holds no more entries than bytes, which keeps chance from being taken for an entry.
            let numbers = scan.next..end.min(segment.first.saturating_add(segment.len));
            match frame::read(&bytes[at..], numbers.clone()) {
                Found::Frame(frame) => {
                    at += frame.size();
                    scan =
                        Scan { entries: scan.entries + 1, good: at as u64, next: frame.number + 1, ..scan };
                }
                Found::More(_) | Found::Damaged => match frame::next_good(&bytes, at + 1, &numbers) {
                    Some(good) => {
                        scan.damaged += (good - at) as u64;
                        at = good;
                    }
                    None => break,
                },
            }
        }
        Ok(scan)
    }
}
