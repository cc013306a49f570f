//! A file of events, read from its start to its end.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use nightjar_engine::Event;

use super::{Capture, CaptureError, Index};
use crate::alert::Origin;

/// Bytes read from the file at once.
const BUFFER: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("open {path}")]
    Open { path: PathBuf, source: std::io::Error },
    #[error("{path}: {error}")]
    Capture { path: PathBuf, error: Box<CaptureError> },
}

pub struct Source {
    path: PathBuf,
    /// Bytes of the file.
    size: u64,
    capture: Capture<BufReader<File>>,
}

impl Source {
    pub fn open(path: &Path) -> Result<Source, SourceError> {
        let wrong = |source| SourceError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(wrong)?;
        let size = file.metadata().map_err(wrong)?.len();
        let capture = Capture::open(BufReader::with_capacity(BUFFER, file));
        let capture =
            capture.map_err(|error| SourceError::Capture { path: path.to_owned(), error: error.into() })?;
        Ok(Source { path: path.to_owned(), size, capture })
    }

    /// The node on which it was recorded.
    pub fn origin(&self) -> Origin {
        self.capture.origin()
    }

    /// Appends some events, in order; whether there may be more. An error comes after all that is whole.
    pub fn next(&mut self, events: &mut Vec<Event>) -> Result<bool, SourceError> {
        let next = self.capture.next(events);
        next.map_err(|error| SourceError::Capture { path: self.path.clone(), error: error.into() })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the file that have been read.
    pub fn position(&self) -> u64 {
        self.capture.position()
    }

    /// Says what is not in it, once its end has been reached.
    pub fn say_what_is_missing(&self) {
        let events = self.capture.unknown();
        if events > 0 {
            tracing::warn!(events, "events that this version of nightjar does not know were passed over");
        }
        let Some(Index { left_out, ledger, .. }) = self.capture.index() else { return };
        if *left_out > 0 {
            tracing::warn!(events = left_out, "events were too long to be recorded");
        }
        for row in ledger.iter().filter(|row| row.shed + row.lost > 0) {
            let (seen, shed, lost) = (row.seen, row.shed, row.lost);
            tracing::warn!(event = row.event, seen, shed, lost, "not all of these events was recorded");
        }
    }
}
