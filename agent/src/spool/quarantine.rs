//! What a receiver refused for ever, as JSON lines that a person can read, and the way back into the spool.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::disk::Disk;

/// Bytes that are kept for one output; beyond, a refused alert is counted and no more.
pub const QUARANTINE_MAX: u64 = 16 << 20;
const SUFFIX: &str = ".refused";
const REQUEST: &str = ".requeue";

#[derive(Debug, Serialize, Deserialize)]
pub struct Refused {
    /// RFC 3339.
    pub refused_at: String,
    pub reason: String,
    pub alert: Value,
}

pub fn file(output: &str) -> String {
    format!("{output}{SUFFIX}")
}

/// The file by whose being there a running agent is asked to requeue.
pub fn request(output: &str) -> String {
    format!("{output}{REQUEST}")
}

/// Whether there was room for it.
pub fn keep(disk: &mut impl Disk, output: &str, refused: &Refused) -> io::Result<bool> {
    let mut line = serde_json::to_vec(refused)?;
    line.push(b'\n');
    let name = file(output);
    let held = disk.list()?.into_iter().find(|(held, _)| *held == name).map_or(0, |(_, length)| length);
    if held + line.len() as u64 > QUARANTINE_MAX {
        return Ok(false);
    }
    disk.append(&name, &line).map(|()| true)
}

/// Those that lie there. A line that was not written to its end is left out.
pub fn read(disk: &impl Disk, output: &str) -> io::Result<Vec<Refused>> {
    let most = usize::try_from(QUARANTINE_MAX).map_err(io::Error::other)?;
    let bytes = match disk.read(&file(output), 0, most) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}
