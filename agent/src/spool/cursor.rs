//! How far an output is, on disk: two slots of a fixed size that are written in turn, so that one is whole whatever
//! happens, and a full disk does not keep a cursor from moving.

use std::io;

use serde::{Deserialize, Serialize};

use super::{disk::Disk, log::Position};

/// Bytes of a slot.
const SLOT: usize = 1024;
const HEADER: usize = 8;
/// Longest text of an error that is kept, in bytes.
pub const ERROR_MAX: usize = 400;
pub const SUFFIX: &str = ".cursor";

/// Where an output is, and what became of the alerts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub(super) turn: u64,
    pub position: Position,
    pub counts: Counts,
    /// What the receiver or the way to it said last, if it was no yes.
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub text: String,
}

/// What became of the alerts of one output. Each alert is in exactly one of them, but for `tries`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The receiver has it.
    pub delivered: u64,
    /// It is not for this output.
    pub filtered: u64,
    /// The receiver refused it for ever.
    pub refused: u64,
    /// It made room for newer ones before it was delivered.
    pub evicted: u64,
    /// It could not be read any more.
    pub damaged: u64,
    /// Times that a batch had to be tried again.
    pub tries: u64,
}

impl Counts {
    pub fn add(&mut self, more: Counts) {
        self.delivered += more.delivered;
        self.filtered += more.filtered;
        self.refused += more.refused;
        self.evicted += more.evicted;
        self.damaged += more.damaged;
        self.tries += more.tries;
    }
}

pub fn file(output: &str) -> String {
    format!("{output}{SUFFIX}")
}

/// `None`: the output is new, or neither slot is whole.
pub fn load(disk: &impl Disk, output: &str) -> io::Result<Option<Cursor>> {
    let bytes = match disk.read(&file(output), 0, 2 * SLOT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(bytes.chunks(SLOT).filter_map(slot).max_by_key(|cursor| cursor.turn))
}

fn slot(bytes: &[u8]) -> Option<Cursor> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (length, sum) = header.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let payload = rest.get(..length)?;
    (crc32fast::hash(payload).to_le_bytes() == sum).then(|| rmp_serde::from_slice(payload).ok())?
}

/// Writes the cursor over the elder of its two slots.
pub fn save(disk: &mut impl Disk, output: &str, cursor: &mut Cursor) -> io::Result<()> {
    cursor.turn += 1;
    let payload = rmp_serde::to_vec(&cursor).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(SLOT);
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(&payload).to_le_bytes());
    bytes.extend(payload);
    if bytes.len() > SLOT {
        return Err(io::Error::other("a cursor does not fit in its slot"));
    }
    bytes.resize(SLOT, 0);
    let offset = cursor.turn % 2 * SLOT as u64;
    disk.write_at(&file(output), offset, &bytes)
}

/// A text short enough to be kept.
pub fn shortened(text: &str) -> String {
    let mut end = text.len().min(ERROR_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::disk::Folder, *};

    #[test]
    fn a_slot_that_was_half_written_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = Folder::make(dir.path().to_owned()).unwrap();
        assert_eq!(load(&disk, "siem").unwrap(), None);
        let mut cursor = Cursor::default();
        for next in 1..=3 {
            cursor.position.next = next;
            save(&mut disk, "siem", &mut cursor).unwrap();
        }
        assert_eq!(load(&disk, "siem").unwrap().unwrap().position.next, 3);
        disk.write_at(&file("siem"), cursor.turn % 2 * SLOT as u64 + 9, b"torn").unwrap();
        assert_eq!(load(&disk, "siem").unwrap().unwrap().position.next, 2);
    }

    #[test]
    fn a_cursor_with_all_that_it_may_hold_fits_in_its_slot() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = Folder::make(dir.path().to_owned()).unwrap();
        let most = u64::MAX - 2;
        let counts = Counts {
            delivered: most,
            filtered: most,
            refused: most,
            evicted: most,
            damaged: most,
            tries: most,
        };
        let mut cursor = Cursor {
            turn: most,
            position: Position { next: most, segment: most, offset: most },
            counts,
            trouble: Some(Trouble { time: most, text: shortened(&"ü".repeat(ERROR_MAX)) }),
        };
        save(&mut disk, "siem", &mut cursor).unwrap();
        assert_eq!(load(&disk, "siem").unwrap().unwrap(), cursor);
    }
}
