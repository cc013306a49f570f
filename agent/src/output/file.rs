//! A file with one alert a line, which grows to a size or an age and is then put aside. SIGHUP makes every file output open
//! its file anew, for programs that rotate themselves.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::transport::{Failure, Item, Transport, Verdict, all_taken};
use crate::config::{ByteSize, SettingsError};

/// Files that were put aside and are kept.
const KEEP: u32 = 5;
const KEEP_MAX: u32 = 1000;
const ROTATE_SIZE: u64 = 100 << 20;
const ROTATE_SIZE_MIN: u64 = 4 << 10;

/// How often SIGHUP has come.
static HANGUPS: AtomicU64 = AtomicU64::new(0);

/// Every file output opens its file anew before it writes the next time.
pub fn reopen_all() {
    HANGUPS.fetch_add(1, Ordering::Relaxed);
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub path: PathBuf,
    pub rotate_size: ByteSize,
    /// 0: never for its age.
    pub rotate_hours: u64,
    pub keep: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let (path, rotate_size) = (PathBuf::new(), ByteSize(ROTATE_SIZE));
        Settings { path, rotate_size, rotate_hours: 0, keep: KEEP }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |text: String| Err(SettingsError::Wrong(text));
        if !self.path.is_absolute() || self.path.file_name().is_none() {
            return wrong(format!("`{}` is not the absolute path of a file", self.path.display()));
        }
        if self.rotate_size.0 < ROTATE_SIZE_MIN {
            return wrong(format!("rotate_size {} is below {}", self.rotate_size, ByteSize(ROTATE_SIZE_MIN)));
        }
        if self.keep > KEEP_MAX {
            return wrong(format!("keep {} is above {KEEP_MAX}", self.keep));
        }
        Ok(())
    }
}

pub struct Lines {
    settings: Settings,
    open: Option<Open>,
}

struct Open {
    file: File,
    length: u64,
    since: SystemTime,
    /// Of `HANGUPS` when it was opened.
    hangups: u64,
}

impl Lines {
    pub fn new(settings: Settings) -> Lines {
        Lines { settings, open: None }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let hangups = HANGUPS.load(Ordering::Relaxed);
        let mut open = match self.open.take().filter(|open| open.hangups == hangups) {
            Some(open) => open,
            None => Open::at(&self.settings.path, hangups)?,
        };
        if self.is_due(&open, bytes.len() as u64) {
            rotate(&self.settings.path, self.settings.keep)?;
            open = Open::at(&self.settings.path, hangups)?;
        }
        let length = open.length;
        let written = open.file.write_all(bytes).and_then(|()| open.file.sync_data());
        if let Err(error) = written {
            // Half a line would make the next one unreadable too.
            open.file.set_len(length)?;
            return Err(error);
        }
        open.length += bytes.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn is_due(&self, open: &Open, more: u64) -> bool {
        let hours = self.settings.rotate_hours;
        // A clock that was set back makes a file young, not old.
        let age = open.since.elapsed().unwrap_or_default();
        let old = hours > 0 && age >= Duration::from_secs(hours * 3600);
        open.length > 0 && (old || open.length + more > self.settings.rotate_size.0)
    }
}

impl Open {
    fn at(path: &Path, hangups: u64) -> io::Result<Open> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let meta = file.metadata()?;
        let since = meta.created().or_else(|_| meta.modified()).unwrap_or_else(|_| SystemTime::now());
        Ok(Open { file, length: meta.size(), since, hangups })
    }
}

/// `path` becomes `path.1`, that `path.2`, and so on; what is beyond `keep` goes.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if keep == 0 {
        return fs::remove_file(path);
    }
    for number in (1..keep).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(path, numbered(1))
}

impl Transport for Lines {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let mut lines = String::new();
        for item in items {
            lines.push_str(&item.body);
            lines.push('\n');
        }
        self.write(lines.as_bytes()).map_err(Failure::again)?;
        Ok(all_taken(items))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::transport::tests::item, *};

    fn lines(path: &Path) -> usize {
        fs::read_to_string(path).map_or(0, |text| text.lines().count())
    }

    fn settings(path: PathBuf) -> Settings {
        Settings { path, rotate_size: ByteSize(ROTATE_SIZE_MIN), keep: 2, ..Settings::default() }
    }

    #[test]
    fn a_file_that_is_full_is_put_aside_and_only_so_many_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.json");
        let mut output = Lines::new(settings(path.clone()));
        let one_file = ROTATE_SIZE_MIN as usize / (item().body.len() + 1);
        for _ in 0..one_file * 4 {
            output.send(&[item()]).unwrap();
        }
        let aside = |number: u32| dir.path().join(format!("alerts.json.{number}"));
        assert_eq!([lines(&path), lines(&aside(1)), lines(&aside(2))], [one_file; 3]);
        assert!(!aside(3).exists());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew_after_a_hangup() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("alerts.json"), dir.path().join("moved"));
        let mut output = Lines::new(settings(path.clone()));
        output.send(&[item()]).unwrap();
        fs::rename(&path, &moved).unwrap();
        reopen_all();
        output.send(&[item()]).unwrap();
        assert_eq!([lines(&moved), lines(&path)], [1, 1]);
    }

    #[test]
    fn age_is_what_the_clock_says_unless_it_was_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.json");
        let output = Lines::new(Settings { rotate_hours: 1, ..settings(path.clone()) });
        let mut open = Open::at(&path, 0).unwrap();
        open.length = 1;
        assert!(!output.is_due(&open, 1));
        open.since = SystemTime::now() - Duration::from_secs(3601);
        assert!(output.is_due(&open, 1));
        open.since = SystemTime::now() + Duration::from_secs(365 * 86_400);
        assert!(!output.is_due(&open, 1));
    }
}
