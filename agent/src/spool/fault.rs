//! A disk in memory that dies in the middle of a write, fills up, forgets what was not synced, and fails in any one thing
//! that it is asked.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard},
};

use super::disk::Disk;

#[derive(Clone, Default)]
struct File {
    now: Vec<u8>,
    /// What a power failure leaves at least; `None`: not even the name.
    synced: Option<Vec<u8>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Changes until it dies; the last of them is done in part.
    left: Option<u32>,
    dead: bool,
    capacity: Option<usize>,
    dice: u64,
    /// Things asked until one fails, and how.
    fault: Option<(u32, Fault)>,
}

/// How one operation fails, once; the disk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it was done.
    Fails(ErrorKind),
    /// Of a write a part was done; of anything else nothing.
    InPart(ErrorKind),
    /// It was done, and failed all the same.
    Done(ErrorKind),
}

/// A handle: the disk lives on when what held it has crashed.
#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The program is killed: the kernel keeps what was written.
    Kill,
    /// The power fails: of what was not synced, anything or nothing is left.
    Power,
}

impl FaultyDisk {
    pub fn new(seed: u64) -> FaultyDisk {
        let disk = FaultyDisk::default();
        disk.state().dice = seed | 1;
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn die_after(&self, changes: u32) {
        self.state().left = Some(changes);
    }

    pub fn fill_up_at(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// After so many operations of any kind, one fails.
    pub fn fail_after(&self, operations: u32, fault: Fault) {
        self.state().fault = Some((operations, fault));
    }

    /// Whether the fault is still to come; it comes no more.
    pub fn forget_fault(&self) -> bool {
        self.state().fault.take().is_some()
    }

    pub fn used(&self) -> usize {
        self.state().used()
    }

    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Comes up again.
    pub fn revive(&self, crash: Crash) {
        let state = &mut *self.state();
        (state.dead, state.left) = (false, None);
        if crash == Crash::Kill {
            return;
        }
        let dice = &mut state.dice;
        for file in state.files.values_mut() {
            let old = file.synced.clone().unwrap_or_default();
            let grown = file.now.len().saturating_sub(old.len());
            let kept = throw(dice, grown + 1);
            let mut left = file.now[..file.now.len().min(old.len() + kept)].to_vec();
            if throw(dice, 2) == 0 {
                let same = left.len().min(old.len());
                left[..same].copy_from_slice(&old[..same]);
            }
            let forgotten = file.synced.is_none() && throw(dice, 2) == 0;
            *file = File { synced: (!forgotten).then(|| left.clone()), now: left };
        }
        state.files.retain(|_, file| file.synced.is_some());
    }

    /// Changes one byte.
    pub fn damage(&self, name: &str, at: usize) {
        let mut state = self.state();
        let now = &mut state.files.get_mut(name).unwrap().now;
        let at = at % now.len();
        now[at] ^= 0x55;
    }
}

fn throw(dice: &mut u64, sides: usize) -> usize {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    (*dice % sides as u64) as usize
}

enum Asked {
    Not(ErrorKind),
    Done(ErrorKind),
    Well,
}

impl Asked {
    /// Does it unless it fails before.
    fn of<T>(self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Asked::Not(kind) => Err(kind.into()),
            Asked::Done(kind) => act().and(Err(kind.into())),
            Asked::Well => act(),
        }
    }
}

impl State {
    fn used(&self) -> usize {
        self.files.values().map(|file| file.now.len()).sum()
    }

    /// What is wrong with this operation, if anything is.
    fn fault(&mut self) -> Option<Fault> {
        match self.fault {
            Some((0, fault)) => {
                self.fault = None;
                Some(fault)
            }
            Some((left, fault)) => {
                self.fault = Some((left - 1, fault));
                None
            }
            None => None,
        }
    }

    /// For what does not write: it fails before it has done anything, or after.
    fn asked(&mut self) -> Asked {
        match self.fault() {
            Some(Fault::Fails(kind) | Fault::InPart(kind)) => Asked::Not(kind),
            Some(Fault::Done(kind)) => Asked::Done(kind),
            None => Asked::Well,
        }
    }

    /// Whether this is the change in which it dies.
    fn last_breath(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(ErrorKind::Other.into());
        }
        self.dead = self.left == Some(0);
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(self.dead)
    }

    /// All or nothing, as the changes of a file system's own are.
    fn change(&mut self) -> io::Result<()> {
        if self.last_breath()? { Err(ErrorKind::Other.into()) } else { Ok(()) }
    }

    fn write(&mut self, name: &str, at: Option<usize>, bytes: &[u8]) -> io::Result<()> {
        let (mut allowed, mut fails) = (bytes.len(), None);
        match self.fault() {
            Some(Fault::Fails(kind)) => return Err(kind.into()),
            Some(Fault::InPart(kind)) => {
                (allowed, fails) = (throw(&mut self.dice, bytes.len() + 1), Some(kind))
            }
            Some(Fault::Done(kind)) => fails = Some(kind),
            None => {}
        }
        if self.last_breath()? {
            (allowed, fails) = (throw(&mut self.dice, bytes.len() + 1), Some(ErrorKind::Other));
        }
        let length = self.files.get(name).map_or(0, |file| file.now.len());
        let at = at.unwrap_or(length);
        if let Some(capacity) = self.capacity {
            let room = capacity.saturating_sub(self.used()) + length.saturating_sub(at);
            if room < allowed {
                (allowed, fails) = (room, Some(ErrorKind::StorageFull));
            }
        }
        let now = &mut self.files.entry(name.to_owned()).or_default().now;
        now.resize(now.len().max(at + allowed), 0);
        now[at..at + allowed].copy_from_slice(&bytes[..allowed]);
        fails.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut state = self.state();
        let files = |state: &State| {
            state.files.iter().map(|(name, file)| (name.clone(), file.now.len() as u64)).collect()
        };
        state.asked().of(|| Ok(files(&state)))
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.asked().of(|| {
            let now = &state.files.get(name).ok_or(ErrorKind::NotFound)?.now;
            let begin = (offset as usize).min(now.len());
            Ok(now[begin..begin.saturating_add(length).min(now.len())].to_vec())
        })
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if let Some(file) = state.files.get_mut(name) {
            file.now.clear();
        }
        state.write(name, None, bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.state().write(name, None, bytes)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state().write(name, Some(offset as usize), bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.asked().of(|| {
            state.files.get_mut(name).ok_or(ErrorKind::NotFound)?.now.truncate(length as usize);
            Ok(())
        })
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.asked().of(|| {
            let file = state.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
            file.synced = Some(file.now.clone());
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.asked().of(|| state.files.remove(name).map(drop).ok_or(ErrorKind::NotFound.into()))
    }
}
