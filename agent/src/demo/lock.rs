//! Whose a demo container is: `/run/nightjar-demo/<id>`, locked by its owner for as long as that lives. The kernel
//! drops the lock of a killed owner, and so the next one knows what to clear away.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::cgroup::{self, Cgroup};

const RUN: &str = "/run";

/// Held by a container's owner. It also keeps the container's description for who looks for one.
pub(super) struct Claim {
    id: String,
    _held: File,
}

impl Claim {
    /// Clears what dead owners left, then claims `id` and makes its cgroups.
    pub fn take(id: &str, description: &str) -> io::Result<(Self, Vec<Cgroup>)> {
        // One owner at a time: what is made but not yet locked must not look left behind, and a directory that two
        // containers share must not be removed by one between two steps of the other.
        let _turn = exclusive(Path::new(RUN))?;
        sweep()?;
        let dir = dir(id);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("config.json"), description)?;
        let claim = Self { id: id.into(), _held: exclusive(&dir)? };
        match cgroup::create(id) {
            Ok(cgroups) => Ok((claim, cgroups)),
            Err(e) => {
                clear(id)?;
                Err(e)
            }
        }
    }

    /// Takes cgroups and claim away.
    pub fn clear(&self) -> io::Result<()> {
        let _turn = exclusive(Path::new(RUN))?;
        clear(&self.id)
    }
}

fn dir(id: &str) -> PathBuf {
    parent().join(id)
}

fn parent() -> PathBuf {
    Path::new(RUN).join(cgroup::PARENT)
}

fn exclusive(dir: &Path) -> io::Result<File> {
    let file = File::open(dir)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn sweep() -> io::Result<()> {
    let mut ids = names(&parent())?;
    ids.extend(cgroup::ids()?);
    for id in ids {
        // Without a directory there is no owner: it goes away last.
        let owned = match File::open(dir(&id)) {
            Ok(file) => match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => true,
                tried => tried.map(|()| false)?,
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(e),
        };
        if !owned {
            clear(&id)?;
        }
    }
    Ok(())
}

fn clear(id: &str) -> io::Result<()> {
    cgroup::remove(id)?;
    absent_is_fine(fs::remove_dir_all(dir(id)))?;
    match fs::remove_dir(parent()) {
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        done => absent_is_fine(done),
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Names of the directories in `dir`; none where it does not exist.
pub(super) fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
