//! From a cgroup's id to its path: told by the kernel's records, read from the tree at start, asked for when missed.
//!
//! The id is the inode number of the cgroup's directory. What a path means is not decided here; an opaque `T` may be
//! kept beside it.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::limits::{Limits, SECOND};

/// How deep the tree is walked.
const DEPTH_MAX: usize = 32;
/// Shortest time between two walks of the tree for an id that nothing else could find.
const RESCAN_EVERY: u64 = 5 * SECOND;
/// How long an id that was not found is not asked for again.
const MISS_KEPT: u64 = SECOND;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupStats {
    pub known: usize,
    /// Ids that were not known when a record came with them, and were found.
    pub looked_up: u64,
    /// Ids that could not be found.
    pub missed: u64,
    /// Let go after their grace period.
    pub forgotten: u64,
    /// Dropped for the limit.
    pub evicted: u64,
}

pub struct Cgroup<T> {
    /// From the hierarchy's root; `None`: not found.
    pub path: Option<Box<str>>,
    /// CLOCK_BOOTTIME of its making; 0: before the agent's time.
    pub made: u64,
    pub tag: T,
    removed: bool,
    /// When it was looked for in vain.
    missed: u64,
}

pub struct Cgroups<T> {
    mount: PathBuf,
    /// The root directory, held open: where handles are opened.
    root: File,
    entries: HashMap<u64, Cgroup<T>>,
    /// Ids in the order of their arrival.
    arrivals: VecDeque<u64>,
    /// Removed, in order, with the time.
    removed: VecDeque<(u64, u64)>,
    scanned: u64,
    limits: Limits,
    stats: CgroupStats,
}

impl<T: Default> Cgroups<T> {
    /// `mount`: where the hierarchy's root is mounted.
    pub fn open(mount: &Path, limits: Limits) -> io::Result<Self> {
        Ok(Cgroups {
            mount: mount.to_owned(),
            root: File::open(mount)?,
            entries: HashMap::new(),
            arrivals: VecDeque::new(),
            removed: VecDeque::new(),
            scanned: 0,
            limits,
            stats: CgroupStats::default(),
        })
    }

    pub fn stats(&self) -> CgroupStats {
        CgroupStats { known: self.entries.len(), ..self.stats }
    }

    /// Learns every cgroup that is there now.
    pub fn seed(&mut self) {
        let mut dirs = vec![(self.mount.clone(), 0)];
        let mut walked = 0;
        while let Some((dir, depth)) = dirs.pop() {
            if let (Ok(found), Some(path)) = (fs::metadata(&dir), self.relative(&dir)) {
                self.learn(found.ino(), path, 0);
                walked += 1;
            }
            if depth == DEPTH_MAX || walked >= self.limits.cgroups {
                continue;
            }
            let below = fs::read_dir(&dir).into_iter().flatten().flatten();
            let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            dirs.extend(below.map(|entry| (entry.path(), depth + 1)));
        }
    }

    /// A cgroup was made at `now`.
    pub fn made(&mut self, id: u64, path: String, now: u64) {
        if self.entries.get(&id).is_some_and(|entry| entry.removed) {
            self.removed.retain(|(_, removed)| *removed != id);
        }
        self.entries.remove(&id);
        self.learn(id, path, now);
    }

    /// A cgroup was removed at `now`.
    pub fn removed(&mut self, id: u64, now: u64) {
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.removed) {
            entry.removed = true;
            self.removed.push_back((now, id));
        }
    }

    /// Lets go of what was removed longer ago than the grace period.
    pub fn expire(&mut self, now: u64) {
        let grace = self.limits.removed_grace_secs.saturating_mul(SECOND);
        while let Some((_, id)) =
            self.removed.front().filter(|(at, _)| at.saturating_add(grace) < now).copied()
        {
            self.removed.pop_front();
            self.entries.remove(&id);
            self.stats.forgotten += 1;
        }
    }

    /// What is known of an id already.
    pub fn peek(&self, id: u64) -> Option<&Cgroup<T>> {
        self.entries.get(&id)
    }

    /// What is known of an id; looks for it when that is nothing.
    pub fn get(&mut self, id: u64, now: u64) -> &mut Cgroup<T> {
        let is_due =
            |entry: &Cgroup<T>| entry.path.is_none() && now >= entry.missed.saturating_add(MISS_KEPT);
        if self.entries.get(&id).is_none_or(is_due) {
            self.find(id, now);
        }
        self.entries.entry(id).or_insert_with(|| Cgroup::new(None, now))
    }

    fn find(&mut self, id: u64, now: u64) {
        if let Some(path) = self.ask_kernel(id) {
            self.stats.looked_up += 1;
            self.learn(id, path, 0);
            return;
        }
        if self.scanned == 0 || now >= self.scanned.saturating_add(RESCAN_EVERY) {
            self.scanned = now.max(1);
            self.seed();
        }
        if self.entries.get(&id).is_some_and(|entry| entry.path.is_some()) {
            self.stats.looked_up += 1;
        } else {
            self.stats.missed += 1;
            self.insert(id, Cgroup::new(None, now));
        }
    }

    fn learn(&mut self, id: u64, path: String, made: u64) {
        if self.entries.get(&id).is_none_or(|entry| entry.path.is_none()) {
            let mut entry = Cgroup::new(Some(path.into()), 0);
            entry.made = made;
            self.insert(id, entry);
        }
    }

    fn insert(&mut self, id: u64, entry: Cgroup<T>) {
        if self.entries.insert(id, entry).is_none() {
            self.arrivals.push_back(id);
        }
        while self.entries.len() > self.limits.cgroups {
            let removed = self.removed.pop_front().map(|(_, id)| id);
            let Some(victim) = removed.or_else(|| self.arrivals.pop_front()) else { break };
            if victim == id && removed.is_none() {
                self.arrivals.push_back(id);
                if self.entries.len() <= 1 {
                    break;
                }
            } else if self.entries.remove(&victim).is_some() {
                self.stats.evicted += 1;
            }
        }
        if self.arrivals.len() > 2 * self.entries.len() + 64 {
            let mut seen = HashSet::with_capacity(self.entries.len());
            self.arrivals.retain(|id| self.entries.contains_key(id) && seen.insert(*id));
        }
    }

    /// A file handle of kernfs is nothing but the id (since 5.5), so the kernel can be asked where it lies.
    fn ask_kernel(&self, id: u64) -> Option<String> {
        let dir = open_by_id(&self.root, id).ok()?;
        let path = fs::read_link(format!("/proc/self/fd/{}", dir.as_raw_fd())).ok()?;
        self.relative(&path)
    }

    fn relative(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.mount).ok()?;
        Some(format!("/{}", String::from_utf8_lossy(below.as_os_str().as_bytes())))
    }
}

impl<T: Default> Cgroup<T> {
    fn new(path: Option<Box<str>>, missed: u64) -> Self {
        Cgroup { path, made: 0, tag: T::default(), removed: false, missed }
    }
}

/// `FILEID_KERNFS` (include/linux/exportfs.h, 6.18).
const FILEID_KERNFS: i32 = 0xfe;

/// `struct file_handle` with the eight bytes of a kernfs id.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    id: [u8; 8],
}

/// Opens a cgroup's directory by its id. Needs CAP_DAC_READ_SEARCH.
fn open_by_id(root: &File, id: u64) -> io::Result<OwnedFd> {
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    // SAFETY: `handle` has the layout of struct file_handle with `handle_bytes` bytes behind it, all within the
    // object, and outlives the call, which does not keep it; `root` is an open descriptor.
    let fd = unsafe {
        libc::open_by_handle_at(
            root.as_raw_fd(),
            (&raw mut handle).cast::<libc::file_handle>(),
            libc::O_PATH | libc::O_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so `fd` is an open descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::hierarchy::Hierarchy;

    /// A cgroup of this machine that is removed with the test.
    struct Made(PathBuf);

    impl Made {
        fn new(mount: &Path, name: &str) -> (Self, u64) {
            let path = mount.join(format!("nightjar-test-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            let id = fs::metadata(&path).unwrap().ino();
            (Made(path), id)
        }

        fn name(&self) -> String {
            format!("/{}", self.0.file_name().unwrap().to_str().unwrap())
        }
    }

    impl Drop for Made {
        fn drop(&mut self) {
            fs::remove_dir(&self.0).unwrap();
        }
    }

    fn table(limits: Limits) -> Cgroups<()> {
        let mount = Hierarchy::detect(Path::new("/")).unwrap().mount;
        Cgroups::open(&mount, limits).unwrap()
    }

    fn path_of(cgroups: &mut Cgroups<()>, id: u64, now: u64) -> Option<String> {
        cgroups.get(id, now).path.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_cgroup_nobody_told_of_is_found_by_its_id() {
        let mut cgroups = table(Limits::default());
        let (made, id) = Made::new(&cgroups.mount, "untold");
        assert_eq!(cgroups.ask_kernel(id), Some(made.name()), "this test needs CAP_DAC_READ_SEARCH");
        assert_eq!(path_of(&mut cgroups, id, 1), Some(made.name()));
        assert_eq!(cgroups.stats(), CgroupStats { known: 1, looked_up: 1, ..Default::default() });
    }

    #[test]
    fn a_walk_of_the_tree_finds_the_same_ids_as_the_kernel() {
        let mut cgroups = table(Limits::default());
        let (made, id) = Made::new(&cgroups.mount, "walked");
        cgroups.seed();
        assert_eq!(path_of(&mut cgroups, id, 1), Some(made.name()));
        assert_eq!(path_of(&mut cgroups, 1, 1), Some("/".into()));
        assert_eq!(cgroups.stats().looked_up, 0);
    }

    #[test]
    fn a_record_names_a_cgroup_that_is_long_gone() {
        let mut cgroups = table(Limits { removed_grace_secs: 10, ..Limits::default() });
        let id = u64::MAX - 1;
        cgroups.made(id, "/docker/x".into(), SECOND);
        cgroups.removed(id, 2 * SECOND);
        cgroups.expire(11 * SECOND);
        assert_eq!(
            path_of(&mut cgroups, id, 11 * SECOND),
            Some("/docker/x".into()),
            "the grace period is not over"
        );
        cgroups.expire(13 * SECOND);
        assert_eq!(path_of(&mut cgroups, id, 13 * SECOND), None);
        assert_eq!(cgroups.stats().forgotten, 1);
    }

    #[test]
    fn an_id_that_is_nowhere_is_not_asked_for_with_every_record() {
        let mut cgroups = table(Limits::default());
        for now in [10, 11, 12] {
            assert_eq!(path_of(&mut cgroups, u64::MAX - 2, now), None);
        }
        assert_eq!(cgroups.stats().missed, 1);
        path_of(&mut cgroups, u64::MAX - 2, 20 + MISS_KEPT);
        assert_eq!(cgroups.stats().missed, 2);
    }

    #[test]
    fn the_table_stays_within_its_limit_and_counts_what_it_drops() {
        let mut cgroups = table(Limits { cgroups: 4, ..Limits::default() });
        for id in 100..110 {
            cgroups.made(id, format!("/{id}"), id);
        }
        assert_eq!(cgroups.stats(), CgroupStats { known: 4, evicted: 6, ..Default::default() });
        assert_eq!(path_of(&mut cgroups, 109, 200), Some("/109".into()));
    }
}
