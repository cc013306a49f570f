//! What a container's owner and its first process say to each other: one line of JSON each way over a socket pair.
//! The socket is also the container's life line: when the owner's end closes, the container ends.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::image::Image;

/// Longest line either side accepts.
const LINE_MAX: u64 = 1 << 20;

/// How the container is to be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    pub id: String,
    pub image: Image,
    /// Host directories and files shown read-only at the same path.
    pub shared: Vec<PathBuf>,
    /// Directories of the container's cgroup, one per hierarchy.
    pub cgroups: Vec<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Command {
    Exec(Vec<String>),
    /// A deed by its name in the table.
    Perform(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Ready { pid: u32, overlay: bool },
    Done(Output),
    Failed(String),
}

/// What a program left when it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Exit code, or 128 + signal as a shell says it.
    pub code: i32,
    /// Invalid UTF-8 is replaced; at most `OUTPUT_MAX` bytes.
    pub stdout: String,
    pub stderr: String,
}

pub(super) struct Line {
    reader: BufReader<UnixStream>,
}

impl Line {
    pub fn new(stream: UnixStream) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    pub fn stream(&self) -> &UnixStream {
        self.reader.get_ref()
    }

    /// Only between messages: nothing may wait in the buffer.
    pub fn into_stream(self) -> UnixStream {
        self.reader.into_inner()
    }

    pub fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line)
    }

    /// `None`: the other side is gone.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a message without its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_as_it_was_sent_and_then_the_end_is_seen() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Line::new(ours), Line::new(theirs));
        let output = Output { code: 3, stdout: "two\nlines".into(), stderr: "\u{1b}[31m".into() };
        ours.send(&Reply::Done(output.clone())).unwrap();
        drop(ours);
        match theirs.receive::<Reply>().unwrap() {
            Some(Reply::Done(seen)) => assert_eq!(seen, output),
            other => panic!("{other:?}"),
        }
        assert!(theirs.receive::<Reply>().unwrap().is_none());
    }

    #[test]
    fn half_a_message_is_an_error_not_an_end() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"{\"Exec\":[").unwrap();
        drop(ours);
        assert!(Line::new(theirs).receive::<Command>().is_err());
    }
}
