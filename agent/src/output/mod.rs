//! Where alerts go. One file per output, all behind one trait.

pub mod stdout;

use crate::alert::Message;

/// A way out for alerts.
pub trait Output: Send {
    /// Called for each message in order; returns when it is out of this process.
    fn write(&mut self, message: &Message) -> Result<(), OutputError>;
}

#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Whoever read has gone away: a reason to end, not an error to report.
    #[error("the reader of standard output is gone")]
    Closed,
    #[error("encode alert of rule `{rule}`")]
    Encode { rule: String, source: serde_json::Error },
    #[error("write alert to standard output")]
    Write(#[source] std::io::Error),
}
