//! The few things that the spool asks of a file system, behind a trait so that tests can have one that fails, fills up
//! and forgets what was not synced. Names are those of files in one folder.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::PathBuf,
};

/// What is appended may be kept in part when it fails. What is not synced may be gone after a power failure, but not
/// when only the program ends.
pub trait Disk: Send {
    /// Names and lengths.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// As many bytes as are there, at most `length`.
    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Makes the file, empty but for these bytes, also when it was there.
    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes the file when it is not there.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes the file when it is not there.
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    fn sync(&mut self, name: &str) -> io::Result<()>;
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// A folder, which only its owner may read: command lines hold secrets.
pub struct Folder {
    path: PathBuf,
    /// The file appended to last, kept open.
    tail: Option<(String, File)>,
}

impl Folder {
    /// Makes the folder when it is not there.
    pub fn make(path: PathBuf) -> io::Result<Folder> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Folder { path, tail: None })
    }

    /// Changes nothing until it is written to.
    pub fn look(path: PathBuf) -> io::Result<Folder> {
        fs::read_dir(&path)?;
        Ok(Folder { path, tail: None })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options
    }

    fn tail(&mut self, name: &str) -> io::Result<&mut File> {
        if self.tail.as_ref().is_none_or(|(open, _)| open != name) {
            let file = Self::options().append(true).open(self.path(name))?;
            self.tail = Some((name.to_owned(), file));
        }
        match &mut self.tail {
            Some((_, file)) => Ok(file),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_file() {
                found.push((entry.file_name().to_string_lossy().into_owned(), meta.len()));
            }
        }
        Ok(found)
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.path(name))?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.truncate(name, 0)?;
        self.append(name, bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self.tail(name)?, bytes)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Self::options().open(self.path(name))?.write_all_at(bytes, offset)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        Self::options().open(self.path(name))?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        File::open(self.path(name))?.sync_data()?;
        // That the file is there at all is the folder's to remember.
        File::open(&self.path)?.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.tail = self.tail.take().filter(|(open, _)| open != name);
        fs::remove_file(self.path(name))
    }
}
