//! A file of events, whichever kind of file it is: a capture, or a log of Linux audit.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use nightjar_engine::Event;

use super::{
    Capture, CaptureError, Index, MAGIC,
    audit::{self, AuditLog},
};
use crate::alert::Origin;

/// Bytes read from the file at once.
const BUFFER: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// What `nightjar record` wrote
    Capture,
    /// Linux audit logs, as in /var/log/audit/audit.log
    Auditd,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("open {path}")]
    Open { path: PathBuf, source: std::io::Error },
    #[error("{path}: it is neither a capture nor a log of Linux audit")]
    Unknown { path: PathBuf },
    #[error("{path}: {error}")]
    Capture { path: PathBuf, error: Box<CaptureError> },
    #[error("{path}")]
    Read { path: PathBuf, source: std::io::Error },
}

pub struct Source {
    path: PathBuf,
    /// Bytes of the file.
    size: u64,
    from: From,
}

enum From {
    Capture(Box<Capture<BufReader<File>>>),
    Audit(Box<AuditLog<BufReader<File>>>),
}

impl Source {
    /// `None`: what its first bytes say.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Source, SourceError> {
        let wrong = |source| SourceError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(wrong)?;
        let size = file.metadata().map_err(wrong)?.len();
        let mut file = BufReader::with_capacity(BUFFER, file);
        let start = file.fill_buf().map_err(wrong)?;
        let format = match format {
            Some(format) => format,
            None if start.starts_with(&MAGIC[..MAGIC.len() - 1]) => Format::Capture,
            None if audit::is_log(start) => Format::Auditd,
            None => return Err(SourceError::Unknown { path: path.to_owned() }),
        };
        let from = match format {
            Format::Capture => {
                let capture = Capture::open(file);
                let capture = capture
                    .map_err(|error| SourceError::Capture { path: path.to_owned(), error: error.into() })?;
                From::Capture(Box::new(capture))
            }
            Format::Auditd => From::Audit(Box::new(AuditLog::new(file).map_err(wrong)?)),
        };
        Ok(Source { path: path.to_owned(), size, from })
    }

    /// The node on which it was recorded.
    pub fn origin(&self) -> Origin {
        match &self.from {
            From::Capture(capture) => capture.origin(),
            From::Audit(log) => log.origin(),
        }
    }

    /// Appends some events, in order; whether there may be more. An error comes after all that is whole.
    pub fn next(&mut self, events: &mut Vec<Event>) -> Result<bool, SourceError> {
        match &mut self.from {
            From::Capture(capture) => capture
                .next(events)
                .map_err(|error| SourceError::Capture { path: self.path.clone(), error: error.into() }),
            From::Audit(log) => {
                log.next(events).map_err(|source| SourceError::Read { path: self.path.clone(), source })
            }
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the file that have been read.
    pub fn position(&self) -> u64 {
        match &self.from {
            From::Capture(capture) => capture.position(),
            From::Audit(log) => log.position(),
        }
    }

    /// Says what is not in it, once its end has been reached.
    pub fn say_what_is_missing(&self) {
        match &self.from {
            From::Capture(capture) => {
                if capture.unknown() > 0 {
                    let events = capture.unknown();
                    tracing::warn!(
                        events,
                        "events that this version of nightjar does not know were passed over"
                    );
                }
                let Some(Index { left_out, ledger, .. }) = capture.index() else { return };
                if *left_out > 0 {
                    tracing::warn!(events = left_out, "events were too long to be recorded");
                }
                for row in ledger.iter().filter(|row| row.shed + row.lost > 0) {
                    let (seen, shed, lost) = (row.seen, row.shed, row.lost);
                    tracing::warn!(
                        event = row.event,
                        seen,
                        shed,
                        lost,
                        "not all of these events was recorded"
                    );
                }
            }
            From::Audit(log) => log.say_what_is_missing(),
        }
    }
}
