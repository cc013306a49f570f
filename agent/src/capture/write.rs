//! Writes a capture, block by block, to whatever takes bytes in order.

use std::{collections::HashMap, io::Write, sync::Arc};

use nightjar_engine::{Container, Event, Payload, Process};
use rmp::encode::{write_array_len, write_bin, write_bool, write_nil, write_uint};
use serde::Serialize;
use zerocopy::IntoBytes;

use super::{
    BLOCK, BLOCK_BYTES, BLOCK_BYTES_MAX, BLOCK_DEFINITIONS_MAX, BLOCK_SPAN, BLOCKS_MAX, CaptureError, HEAD,
    INDEX, LINEAGE_MAX,
    form::{self, CONTAINER, END, EVENT, Head, Index, IndexRow, MAGIC, PROCESS},
    layout,
};
use crate::{
    alert::Origin,
    sensor::ledger::ByEvent,
    spool::frame::{self, PAYLOAD_MAX},
};

pub struct Writer<W> {
    out: W,
    /// Bytes written.
    at: u64,
    /// Number of the next frame.
    frame: u64,
    block: Block,
    index: Index,
    buffer: Vec<u8>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    pub events: u64,
    /// Events that were too long for a block.
    pub left_out: u64,
    pub bytes: u64,
}

/// A block that grows.
#[derive(Default)]
struct Block {
    items: Vec<u8>,
    row: Option<IndexRow>,
    processes: Known<Process>,
    containers: Known<Container>,
}

/// What a block has defined already, by its address; kept, so that nothing else comes to lie there.
struct Known<T>(HashMap<usize, (Arc<T>, u32)>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known(HashMap::new())
    }
}

#[derive(Debug, thiserror::Error)]
enum EncodeError {
    #[error(transparent)]
    Value(#[from] rmp::encode::ValueWriteError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Part(#[from] rmp_serde::encode::Error),
    #[error("it does not come from the kernel")]
    Case,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, origin: &Origin, started: u64) -> Result<Self, CaptureError> {
        let mut writer = Writer {
            out,
            at: 0,
            frame: 0,
            block: Block::default(),
            index: Index::default(),
            buffer: Vec::new(),
        };
        writer.put(MAGIC)?;
        let head = Head {
            nightjar: env!("CARGO_PKG_VERSION").to_owned(),
            node: origin.node.clone(),
            boot: origin.boot.to_string(),
            started,
            little_endian: cfg!(target_endian = "little"),
            layouts: layout::ours()?,
        };
        writer.map(HEAD, &head)?;
        Ok(writer)
    }

    pub fn event(&mut self, event: &Event) -> Result<(), CaptureError> {
        let wrong =
            |reason: EncodeError| CaptureError::Encode { number: event.number, reason: reason.to_string() };
        if self.block.is_over(event.time) {
            self.flush()?;
        }
        let before = self.block.items.len();
        self.block.add(event).map_err(wrong)?;
        if self.block.items.len() > BLOCK_BYTES_MAX && before > 0 {
            // Alone it may fit.
            self.block.take_back(before);
            self.flush()?;
            self.block.add(event).map_err(wrong)?;
        }
        let Block { items, row, .. } = &mut self.block;
        if items.len() > BLOCK_BYTES_MAX {
            self.index.left_out += 1;
            self.block = Block::default();
            return Ok(());
        }
        let (number, time) = (event.number, event.time);
        let row = row.get_or_insert(IndexRow { at: 0, events: 0, first: number, from: time, to: time });
        row.events += 1;
        row.to = time;
        self.index.events += 1;
        Ok(())
    }

    pub fn recorded(&self) -> Recorded {
        let Index { events, left_out, .. } = self.index;
        Recorded { events, left_out, bytes: self.at }
    }

    /// Writes what is left, the index, and that this is the end.
    pub fn finish(mut self, ledger: Option<&ByEvent>) -> Result<Recorded, CaptureError> {
        self.flush()?;
        self.index.ledger = ledger.map(form::rows).unwrap_or_default();
        let index = std::mem::take(&mut self.index);
        let at = self.at;
        self.map(INDEX, &index)?;
        self.put(&at.to_le_bytes())?;
        self.put(END)?;
        self.out.flush().map_err(CaptureError::Write)?;
        self.index = index;
        Ok(self.recorded())
    }

    /// Writes the block that grows, so that it is whole whatever comes.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        let Block { items, row, .. } = std::mem::take(&mut self.block);
        let Some(row) = row else { return Ok(()) };
        if self.index.blocks.len() >= BLOCKS_MAX {
            return Err(CaptureError::Full);
        }
        let mut payload = vec![BLOCK];
        payload.extend((items.len() as u32).to_le_bytes());
        payload.extend(lz4_flex::block::compress(&items));
        if payload.len() > PAYLOAD_MAX {
            self.index.events -= u64::from(row.events);
            self.index.left_out += u64::from(row.events);
            return Ok(());
        }
        self.index.blocks.push(IndexRow { at: self.at, ..row });
        self.frame(&payload)
    }

    fn map(&mut self, kind: u8, value: &impl Serialize) -> Result<(), CaptureError> {
        let packed = rmp_serde::to_vec_named(value);
        let packed = packed.map_err(|error| CaptureError::Encode { number: 0, reason: error.to_string() })?;
        self.frame(&[&[kind], packed.as_slice()].concat())
    }

    fn frame(&mut self, payload: &[u8]) -> Result<(), CaptureError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        frame::write(&mut buffer, self.frame, payload);
        self.frame += 1;
        let put = self.put(&buffer);
        self.buffer = buffer;
        put
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.out.write_all(bytes).map_err(CaptureError::Write)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Block {
    fn is_over(&self, now: u64) -> bool {
        self.items.len() >= BLOCK_BYTES
            || self.processes.0.len() + self.containers.0.len() + LINEAGE_MAX as usize > BLOCK_DEFINITIONS_MAX
            || self.row.as_ref().is_some_and(|row| now.saturating_sub(row.from) >= BLOCK_SPAN)
    }

    fn add(&mut self, event: &Event) -> Result<(), EncodeError> {
        let Payload::Record { header, body, tail } = &event.payload else {
            return Err(EncodeError::Case);
        };
        let process = self.process(&event.process)?;
        let container = event.container.as_ref().map(|container| self.container(container)).transpose()?;
        let out = &mut self.items;
        write_array_len(out, 6)?;
        for number in [u64::from(EVENT), event.time, event.number, process.into()] {
            write_uint(out, number)?;
        }
        match container {
            None if event.unplaced => write_bool(out, false)?,
            _ => number_or_nil(out, container)?,
        }
        let record = [header.as_bytes(), body.as_bytes(), tail];
        rmp::encode::write_bin_len(out, record.iter().map(|part| part.len()).sum::<usize>() as u32)?;
        record.iter().for_each(|part| out.extend_from_slice(part));
        Ok(())
    }

    /// Its number, once it and its ancestors are defined, the eldest first.
    fn process(&mut self, process: &Arc<Process>) -> Result<u32, EncodeError> {
        let lineage = std::iter::successors(Some(process), |process| process.parent.as_ref());
        let new: Vec<_> = lineage.take_while(|process| self.processes.number(process).is_none()).collect();
        let mut parent = new
            .last()
            .map_or(Some(process), |eldest| eldest.parent.as_ref())
            .and_then(|known| self.processes.number(known));
        for process in new.into_iter().rev() {
            let alone = Process { parent: None, ..Process::clone(process) };
            let packed = rmp_serde::to_vec_named(&alone)?;
            write_array_len(&mut self.items, 3)?;
            write_uint(&mut self.items, PROCESS.into())?;
            number_or_nil(&mut self.items, parent)?;
            write_bin(&mut self.items, &packed)?;
            parent = Some(self.processes.add(process));
        }
        Ok(parent.unwrap_or_default())
    }

    fn container(&mut self, container: &Arc<Container>) -> Result<u32, EncodeError> {
        if let Some(number) = self.containers.number(container) {
            return Ok(number);
        }
        let packed = rmp_serde::to_vec_named(&**container)?;
        write_array_len(&mut self.items, 2)?;
        write_uint(&mut self.items, CONTAINER.into())?;
        write_bin(&mut self.items, &packed)?;
        Ok(self.containers.add(container))
    }

    /// Forgets the last event, and what was defined for it: the block is written next.
    fn take_back(&mut self, len: usize) {
        self.items.truncate(len);
    }
}

fn number_or_nil(out: &mut Vec<u8>, number: Option<u32>) -> Result<(), EncodeError> {
    match number {
        Some(number) => drop(write_uint(out, number.into())?),
        None => write_nil(out)?,
    }
    Ok(())
}

impl<T> Known<T> {
    fn number(&self, value: &Arc<T>) -> Option<u32> {
        self.0.get(&Arc::as_ptr(value).addr()).map(|(_, number)| *number)
    }

    fn add(&mut self, value: &Arc<T>) -> u32 {
        // A block has thousands at the most.
        let number = self.0.len() as u32;
        self.0.insert(Arc::as_ptr(value).addr(), (value.clone(), number));
        number
    }
}
