//! Changes of the rule files, as inotify tells them, once they are over. What has changed is for the reader of the files
//! to find out.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::{Errno, read},
};
use tokio::{
    io::unix::AsyncFd,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::sensor;

/// Changes are over when none came for so long: an editor or a checkout writes more than once.
pub const QUIET: Duration = Duration::from_millis(500);
/// Changes that do not end are looked at after so long.
pub const UNQUIET_MAX: Duration = Duration::from_secs(5);
/// Most folders that are watched.
pub const FOLDERS_MAX: usize = 1024;

/// Bytes of what inotify tells that are taken at once.
const TOLD_BYTES: usize = 4096;

pub struct Changes {
    inotify: AsyncFd<OwnedFd>,
    paths: Vec<PathBuf>,
    /// The first change that has not been told, and the last.
    since: Option<(Instant, Instant)>,
}

impl Changes {
    /// Of these files, and of what is under these folders. Must be called in a tokio runtime.
    pub fn of(paths: &[PathBuf]) -> io::Result<Changes> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let changes = Changes { inotify: sensor::watch(inotify)?, paths: paths.to_owned(), since: None };
        changes.watch();
        Ok(changes)
    }

    /// Waits until something has changed. Nothing is lost when it is dropped and called again.
    pub async fn next(&mut self) -> io::Result<()> {
        loop {
            let due = self.since.map(|(first, last)| (last + QUIET).min(first + UNQUIET_MAX));
            tokio::select! {
                biased;
                ready = self.inotify.readable_mut() => {
                    ready?.clear_ready();
                    self.take()?;
                }
                () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                    self.since = None;
                    // Folders may have been made.
                    self.watch();
                    return Ok(());
                }
            }
        }
    }

    fn take(&mut self) -> io::Result<()> {
        let mut told = [0; TOLD_BYTES];
        loop {
            match read(self.inotify.get_ref(), &mut told) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(()),
                Ok(_) => {
                    let now = Instant::now();
                    self.since = Some((self.since.map_or(now, |(first, _)| first), now));
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Watches every folder that a rule file may come to lie in; one that is watched already stays so.
    fn watch(&self) {
        let mut folders = BTreeSet::new();
        for path in &self.paths {
            if path.is_dir() {
                below(path, &mut folders);
            } else {
                // A file that is replaced is another file: its folder tells. Links may lead to another folder.
                let target = fs::canonicalize(path).ok();
                let parents = [Some(path.as_path()), target.as_deref()].into_iter().flatten();
                folders.extend(parents.filter_map(Path::parent).map(in_full));
            }
        }
        if folders.len() > FOLDERS_MAX {
            warn!(folders = folders.len(), "changes are noticed in {FOLDERS_MAX} folders of rules alone");
        }
        let what = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        for folder in folders.into_iter().take(FOLDERS_MAX) {
            if let Err(error) = inotify::add_watch(self.inotify.get_ref(), &folder, what) {
                warn!(folder = %folder.display(), %error, "changes of rules in this folder are not noticed");
            }
        }
    }
}

fn below(folder: &Path, folders: &mut BTreeSet<PathBuf>) {
    if folders.len() > FOLDERS_MAX || !folders.insert(folder.to_owned()) {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    let inner = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    inner.for_each(|entry| below(&entry.path(), folders));
}

/// The folder of a plain file name is the one that the agent runs in.
fn in_full(folder: &Path) -> PathBuf {
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn noticed(paths: &[PathBuf], deed: impl FnOnce()) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut changes = Changes::of(paths).unwrap();
            deed();
            tokio::time::timeout(PATIENCE, changes.next()).await.is_ok()
        })
    }

    #[test]
    fn a_file_written_replaced_or_taken_away_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("a.yaml"), dir.path().join("a.yaml.new"));
        fs::write(&file, "").unwrap();
        fs::write(&other, "").unwrap();
        let paths = [file.clone()];
        assert!(noticed(&paths, || fs::write(&file, "x").unwrap()));
        assert!(noticed(&paths, || fs::rename(&other, &file).unwrap()));
        assert!(noticed(&paths, || fs::remove_file(&file).unwrap()));
    }

    #[test]
    fn a_file_in_a_folder_that_was_made_meanwhile_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut changes = Changes::of(&[dir.path().to_owned()]).unwrap();
            fs::create_dir(&inner).unwrap();
            tokio::time::timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
            fs::write(inner.join("b.yaml"), "x").unwrap();
            tokio::time::timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
        });
    }

    #[test]
    fn what_a_link_leads_to_is_noticed() {
        let (links, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, file) = (links.path().join("a.yaml"), files.path().join("a.yaml"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(noticed(&[link], || fs::write(&file, "x").unwrap()));
    }
}
