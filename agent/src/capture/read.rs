//! Reads a capture from its start, and trusts nothing of it: what is not a whole block of this form is damage, and all
//! that stands before it has been handed over by then.

use std::{
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom},
    sync::Arc,
};

use bytes::Bytes;
use nightjar_engine::{Container, Event, Payload, Process};
use rmp::decode::{read_array_len, read_bin_len, read_int, read_marker};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    BLOCK, BLOCK_BYTES_MAX, BLOCK_DEFINITIONS_MAX, CaptureError, Damage, HEAD, INDEX, LINEAGE_MAX,
    form::{CONTAINER, END, EVENT, Head, Index, MAGIC, PROCESS, VERSION},
    layout::{self, Plan},
};
use crate::{
    alert::Origin,
    intake::Intake,
    spool::frame::{self, Found},
};

/// Deepest nesting of what a block defines: a process, its list of arguments, an argument that is cut.
const DEPTH_MAX: usize = 8;
/// Bytes of the place of the index, and of the word behind it.
const TRAILER: u64 = 16;

pub struct Capture<R> {
    from: R,
    head: Head,
    plan: Plan,
    /// Where the next frame begins, and its number.
    at: u64,
    frame: u64,
    buffer: Vec<u8>,
    events: u64,
    unknown: u64,
    /// Once it is met.
    index: Option<Index>,
}

/// What a block has defined so far.
#[derive(Default)]
struct Defined {
    /// With the number of its ancestors.
    processes: Vec<(Arc<Process>, u32)>,
    containers: Vec<Arc<Container>>,
}

impl<R: Read> Capture<R> {
    pub fn open(mut from: R) -> Result<Self, CaptureError> {
        let mut start = [0; MAGIC.len()];
        from.read_exact(&mut start).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => CaptureError::NotACapture,
            _ => CaptureError::Read(error),
        })?;
        if start[..MAGIC.len() - 1] != MAGIC[..MAGIC.len() - 1] {
            return Err(CaptureError::NotACapture);
        }
        if start[MAGIC.len() - 1] != VERSION {
            return Err(CaptureError::Version(start[MAGIC.len() - 1]));
        }
        let mut capture = Capture {
            from,
            head: Head::default(),
            plan: Plan::default(),
            at: MAGIC.len() as u64,
            frame: 0,
            buffer: Vec::new(),
            events: 0,
            unknown: 0,
            index: None,
        };
        let payload = capture.next_frame()?;
        capture.head = payload
            .strip_prefix(&[HEAD])
            .and_then(unpack)
            .ok_or_else(|| capture.damaged(MAGIC.len() as u64, Damage::Head))?;
        if capture.head.little_endian != cfg!(target_endian = "little") {
            return Err(CaptureError::ByteOrder);
        }
        capture.plan = Plan::new(&capture.head.layouts, &layout::ours()?)
            .ok_or_else(|| capture.damaged(MAGIC.len() as u64, Damage::Head))?;
        Ok(capture)
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Who says what is found in it: the node that recorded it.
    pub fn origin(&self) -> Origin {
        let boot = Uuid::try_parse(&self.head.boot).unwrap_or_default();
        Origin { node: self.head.node.clone(), boot }
    }

    /// What was counted while it was recorded, once the end has been reached.
    pub fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Events of which this version of nightjar does not know what they are.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Appends the events of the next block; whether there was one. An error comes after all that is whole.
    pub fn next(&mut self, events: &mut Vec<Event>) -> Result<bool, CaptureError> {
        if self.index.is_some() {
            return Ok(false);
        }
        let at = self.at;
        let payload = self.next_frame()?;
        match payload.split_first() {
            Some((&BLOCK, block)) => {
                let items = decompress(block).ok_or_else(|| self.damaged(at, Damage::Compression))?;
                let before = events.len();
                let read = self.block(items, events);
                self.events += (events.len() - before) as u64;
                read.map(|()| true).map_err(|what| self.damaged(at, Damage::Block(what)))
            }
            Some((&INDEX, index)) => {
                let index = unpack(index).ok_or_else(|| self.damaged(at, Damage::Index))?;
                self.trailer(at)?;
                self.index = Some(index);
                Ok(false)
            }
            Some(_) | None => Err(self.damaged(at, Damage::Frame)),
        }
    }

    fn block(&mut self, items: Bytes, events: &mut Vec<Event>) -> Result<(), String> {
        let mut defined = Defined::default();
        let mut rest = &items[..];
        while !rest.is_empty() {
            if !self.item(&items, &mut rest, &mut defined, events)? {
                self.unknown += 1;
            }
        }
        Ok(())
    }

    /// Takes one item; false for an event that this version does not know.
    fn item(
        &self,
        items: &Bytes,
        rest: &mut &[u8],
        defined: &mut Defined,
        events: &mut Vec<Event>,
    ) -> Result<bool, String> {
        let len = read_array_len(rest).map_err(|_| "what is no item")?;
        match (number::<u8>(rest)?, len) {
            (EVENT, 6) => {
                let (time, count) = (number::<u64>(rest)?, number::<u64>(rest)?);
                let process = number::<u32>(rest)? as usize;
                let unplaced = take_false(rest);
                let container = if unplaced { None } else { maybe_number(rest)? };
                let record = bin(rest)?;
                let (process, _) = defined.processes.get(process).ok_or("an event of no process")?;
                let container = match container {
                    Some(number) => Some(
                        defined.containers.get(number as usize).ok_or("an event of no container")?.clone(),
                    ),
                    None => None,
                };
                let Some(record) = self.plan.convert(record) else { return Ok(false) };
                let record = match record {
                    std::borrow::Cow::Borrowed(record) => items.slice_ref(record),
                    std::borrow::Cow::Owned(record) => Bytes::from(record),
                };
                let Intake { header, body, tail } =
                    Intake::decode(&record).map_err(|error| format!("what is no record: {error}"))?;
                events.push(Event {
                    time,
                    number: count,
                    tid: header.tid,
                    cpu: header.cpu,
                    cgroup_id: header.cgroup_id,
                    payload: Payload::Record { header, body: Box::new(body), tail },
                    process: process.clone(),
                    container,
                    unplaced,
                });
            }
            (PROCESS, 3) => {
                let parent = maybe_number(rest)?;
                let mut process: Process = part(bin(rest)?)?;
                let mut ancestors = 0;
                process.parent = match parent {
                    Some(number) => {
                        let (parent, above) =
                            defined.processes.get(number as usize).ok_or("a process of no parent")?;
                        ancestors = above + 1;
                        Some(parent.clone())
                    }
                    None => None,
                };
                if ancestors > LINEAGE_MAX {
                    return Err(format!("a process with more than {LINEAGE_MAX} ancestors"));
                }
                defined.processes.push((Arc::new(process), ancestors));
            }
            (CONTAINER, 2) => defined.containers.push(Arc::new(part(bin(rest)?)?)),
            (tag, len) => return Err(format!("an item {tag} of {len} values")),
        }
        if defined.processes.len() + defined.containers.len() > BLOCK_DEFINITIONS_MAX {
            return Err(format!("more than {BLOCK_DEFINITIONS_MAX} processes and containers"));
        }
        Ok(true)
    }

    /// Behind the index: its place, the last word, and nothing more.
    fn trailer(&mut self, index: u64) -> Result<(), CaptureError> {
        let mut rest = Vec::new();
        (&mut self.from).take(TRAILER + 1).read_to_end(&mut rest).map_err(CaptureError::Read)?;
        let whole = [&index.to_le_bytes()[..], END].concat();
        if rest == whole {
            return Ok(());
        }
        let (at, events) = (self.at, self.events);
        if rest.len() > whole.len() {
            return Err(self.damaged(at + TRAILER, Damage::Trailing));
        }
        if whole.starts_with(&rest) {
            return Err(CaptureError::Unfinished { at: at + rest.len() as u64, events });
        }
        Err(self.damaged(at, Damage::Index))
    }

    /// What the next frame holds.
    fn next_frame(&mut self) -> Result<Vec<u8>, CaptureError> {
        self.buffer.clear();
        loop {
            match frame::read(&self.buffer, self.frame..self.frame + 1) {
                Found::Frame(found) => {
                    let payload = found.payload.to_vec();
                    self.at += found.size() as u64;
                    self.frame += 1;
                    return Ok(payload);
                }
                Found::More(needed) => {
                    let have = self.buffer.len();
                    let more = (needed - have) as u64;
                    let got = (&mut self.from).take(more).read_to_end(&mut self.buffer);
                    if (got.map_err(CaptureError::Read)? as u64) < more {
                        let at = self.at + self.buffer.len() as u64;
                        return Err(CaptureError::Unfinished { at, events: self.events });
                    }
                }
                Found::Damaged => return Err(self.damaged(self.at, Damage::Frame)),
            }
        }
    }

    fn damaged(&self, at: u64, what: Damage) -> CaptureError {
        CaptureError::Damaged { at, events: self.events, what }
    }
}

/// The index of a capture that was finished, from its end.
pub fn index_of(file: &mut File) -> Result<Option<Index>, CaptureError> {
    let read = |file: &mut File| -> std::io::Result<Option<Vec<u8>>> {
        let len = file.seek(SeekFrom::End(0))?;
        let Some(trailer) = len.checked_sub(TRAILER) else { return Ok(None) };
        file.seek(SeekFrom::Start(trailer))?;
        let mut words = [[0; 8]; 2];
        file.read_exact(words.as_flattened_mut())?;
        let at = u64::from_le_bytes(words[0]);
        let most = (frame::PAYLOAD_MAX + frame::HEADER) as u64;
        if &words[1] != END || at > trailer || trailer - at > most {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(trailer - at).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    let bytes = read(file).map_err(CaptureError::Read)?;
    file.rewind().map_err(CaptureError::Read)?;
    let Some(bytes) = bytes else { return Ok(None) };
    Ok(match frame::read(&bytes, 0..u64::MAX) {
        Found::Frame(found) => found.payload.strip_prefix(&[INDEX]).and_then(unpack),
        Found::More(_) | Found::Damaged => None,
    })
}

fn decompress(block: &[u8]) -> Option<Bytes> {
    let (len, packed) = block.split_first_chunk()?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > BLOCK_BYTES_MAX {
        return None;
    }
    let mut items = vec![0; len];
    let written = lz4_flex::block::decompress_into(packed, &mut items).ok()?;
    (written == len).then(|| Bytes::from(items))
}

fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}

fn part<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut from = rmp_serde::Deserializer::from_read_ref(bytes);
    from.set_max_depth(DEPTH_MAX);
    T::deserialize(&mut from).map_err(|error| format!("what describes nothing: {error}"))
}

fn number<T: TryFrom<u64>>(rest: &mut &[u8]) -> Result<T, String> {
    let number: Option<u64> = read_int(rest).ok();
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| "what is no number".to_owned())
}

fn take_false(rest: &mut &[u8]) -> bool {
    let mut ahead = *rest;
    let is_false = matches!(read_marker(&mut ahead), Ok(rmp::Marker::False));
    if is_false {
        *rest = ahead;
    }
    is_false
}

fn maybe_number(rest: &mut &[u8]) -> Result<Option<u32>, String> {
    let mut ahead = *rest;
    if matches!(read_marker(&mut ahead), Ok(rmp::Marker::Null)) {
        *rest = ahead;
        return Ok(None);
    }
    number(rest).map(Some)
}

/// Bytes behind their length.
fn bin<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], String> {
    let len = read_bin_len(rest).map_err(|_| "what is no run of bytes")? as usize;
    let (bytes, after) = rest.split_at_checked(len).ok_or("bytes that are not all there")?;
    *rest = after;
    Ok(bytes)
}
