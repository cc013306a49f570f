//! Exit codes, in one table: scripts and unit files depend on them.

use std::{io, process::ExitCode};

use crate::output::OutputError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    CannotRun,
    Broken,
}

pub struct Row {
    pub exit: Exit,
    pub meaning: &'static str,
}

pub const TABLE: &[Row] = &[
    Row { exit: Exit::Done, meaning: "done; for doctor: everything works" },
    Row {
        exit: Exit::Failed,
        meaning: "what was asked for did not hold: a rule is wrong, a rule's test failed, the demo missed a deed, doctor found something degraded, an output took no test, the spool or a capture is damaged",
    },
    Row { exit: Exit::Usage, meaning: "arguments, configuration or rules cannot be used" },
    Row { exit: Exit::CannotRun, meaning: "the agent cannot run on this node: privileges, kernel" },
    Row { exit: Exit::Broken, meaning: "something failed while running" },
];

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            // What clap uses.
            Exit::Usage => 2,
            Exit::CannotRun => 3,
            Exit::Broken => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error, and the code with which it ends the program.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

/// What nobody said more about broke while running.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { exit: Exit::Broken, error: error.into() }
    }
}

pub trait OrEnd<T> {
    /// Says with which code an error ends the program.
    fn or_end(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrEnd<T> for Result<T, E> {
    fn or_end(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|e| Failure { exit, error: e.into() })
    }
}

impl Failure {
    /// Whether the reader of standard output has gone away, as `head` does: nothing to complain of.
    pub fn is_closed_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            matches!(cause.downcast_ref::<OutputError>(), Some(OutputError::Closed))
                || cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::PipelineError;

    #[test]
    fn codes_are_the_rows_of_the_table_in_order() {
        let codes: Vec<_> = TABLE.iter().map(|row| row.exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is() {
        assert!(Failure::from(OutputError::Closed).is_closed_pipe());
        assert!(Failure::from(PipelineError::from(OutputError::Closed)).is_closed_pipe());
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_pipe());
        assert!(!Failure::from(io::Error::from(io::ErrorKind::StorageFull)).is_closed_pipe());
    }
}
