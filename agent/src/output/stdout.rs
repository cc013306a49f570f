//! Standard output: one JSON line or one human block per alert, flushed at once so that a reader sees it when it
//! happens.

use std::io::{self, ErrorKind, Write};

use super::{Output, OutputError};
use crate::alert::{
    Message,
    human::{self, Look},
    json,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Human(Look),
    Json,
}

/// Generic over the stream so that tests can read what was written.
pub struct Stdout<W = io::Stdout> {
    stream: W,
    form: Form,
}

impl Stdout {
    pub fn new(form: Form) -> Self {
        Stdout { stream: io::stdout(), form }
    }
}

impl<W: Write> Stdout<W> {
    pub fn over(stream: W, form: Form) -> Self {
        Stdout { stream, form }
    }
}

impl<W: Write + Send> Output for Stdout<W> {
    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError> {
        messages.iter().try_for_each(|message| self.print(message))
    }
}

impl<W: Write> Stdout<W> {
    fn print(&mut self, message: &Message) -> Result<(), OutputError> {
        let text = match self.form {
            Form::Human(look) => match message {
                Message::Alert(alert) => human::block(alert, look),
                Message::Loss(loss) => loss.human(look),
                Message::Rules(notice) => notice.human(look),
                Message::Held(held) => held.human(look),
                Message::Notice(notice) => notice.human(look),
            },
            Form::Json => {
                let mut line = json::to_line(message)
                    .map_err(|source| OutputError::Encode { rule: message.rule().to_owned(), source })?;
                line.push('\n');
                line
            }
        };
        // One write per alert: two alerts never share a line, even when the reader is slow.
        self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush()).map_err(|e| {
            match e.kind() {
                ErrorKind::BrokenPipe => OutputError::Closed,
                _ => OutputError::Write(e),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::sample::alert;

    struct Stream {
        written: Vec<u8>,
        flushed: usize,
        fails: Option<ErrorKind>,
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.fails {
                Some(kind) => Err(kind.into()),
                None => self.written.write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            self.flushed = self.written.len();
            Ok(())
        }
    }

    fn message() -> Message {
        Message::Alert(Box::new(alert()))
    }

    fn stdout(form: Form, fails: Option<ErrorKind>) -> Stdout<Stream> {
        Stdout::over(Stream { written: Vec::new(), flushed: 0, fails }, form)
    }

    #[test]
    fn each_alert_is_one_line_and_flushed() {
        let mut out = stdout(Form::Json, None);
        for n in 1..=3 {
            out.write(&[message()]).unwrap();
            assert_eq!(out.stream.written.iter().filter(|&&b| b == b'\n').count(), n);
            assert_eq!(out.stream.flushed, out.stream.written.len());
        }
    }

    #[test]
    fn a_block_ends_in_an_empty_line() {
        let mut out = stdout(Form::Human(Look { color: false, width: None }), None);
        out.write(&[message()]).unwrap();
        assert!(out.stream.written.ends_with(b"\n\n"));
    }

    #[test]
    fn a_reader_that_left_is_told_apart_from_a_full_disk() {
        let closed = stdout(Form::Json, Some(ErrorKind::BrokenPipe)).write(&[message()]);
        assert!(matches!(closed, Err(OutputError::Closed)));
        let full = stdout(Form::Json, Some(ErrorKind::StorageFull)).write(&[message()]);
        assert!(matches!(full, Err(OutputError::Write(_))));
    }
}
