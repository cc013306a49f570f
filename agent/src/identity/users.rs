//! Names of users and groups: the host's, or those of the container that a process runs in. No NSS: it would ask
//! the network, and a container's names are not the host's.
//!
//! A container's files are its owner's to shape, so they are opened without leaving its root, its root filesystem or
//! the kernel: no links out, no mounts, no FIFO, and no filesystem that a process in the container could stall.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

use super::{limits::SECOND, proc::Proc};

/// Longest passwd or group file that is read; what follows is not known.
const FILE_MAX: u64 = 1 << 20;
/// Longest name, and most names of one file.
const NAME_MAX: usize = 256;
const NAMES_MAX: usize = 4_096;
/// Longest mountinfo that is searched, and most lines of a uid_map (the kernel's own limit).
const MOUNTINFO_MAX: u64 = 1 << 20;
const MAP_MAX: usize = 340;
/// How long names are used before the files are looked at again.
const RECHECK: u64 = 5 * SECOND;
/// Filesystems whose answers come from a process or from the network.
const STALLABLE: &[&str] = &["fuse", "fuseblk", "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "lustre"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub user: Option<String>,
    pub group: Option<String>,
}

pub struct Users {
    host_root: PathBuf,
    /// Device and inode of the host's root directory.
    host_id: Option<(u64, u64)>,
    host: Tables,
    /// By container id.
    containers: HashMap<String, Tables>,
    arrivals: VecDeque<String>,
    limit: usize,
}

#[derive(Default)]
struct Tables {
    users: Table,
    groups: Table,
    /// From ids of the initial user namespace: inside, outside, count.
    user_map: Vec<[u32; 3]>,
    group_map: Vec<[u32; 3]>,
    checked: Option<u64>,
}

/// One file, by its inode and mtime.
#[derive(Default)]
struct Table {
    version: Option<(u64, i64, i64)>,
    names: HashMap<u32, String>,
}

impl Users {
    pub fn new(host_root: impl Into<PathBuf>, limit: usize) -> Self {
        let host_root = host_root.into();
        Users {
            host_id: std::fs::metadata(&host_root).ok().map(|dir| (dir.dev(), dir.ino())),
            host_root,
            host: Tables::default(),
            containers: HashMap::new(),
            arrivals: VecDeque::new(),
            limit: limit.max(1),
        }
    }

    /// Names on the host.
    pub fn on_host(&mut self, uid: u32, gid: u32, now: u64) -> Names {
        if self.host.is_due(now) {
            let root = openat(
                CWD,
                &self.host_root,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            );
            match root {
                Ok(root) => self.host.load(&root, ResolveFlags::IN_ROOT),
                Err(error) => {
                    tracing::warn!(path = %self.host_root.display(), %error, "cannot open the host's root")
                }
            }
        }
        self.host.names(uid, gid)
    }

    /// Names in the container `id`, in which process `pid` runs.
    pub fn in_container(&mut self, id: &str, proc: &Proc, pid: u32, uid: u32, gid: u32, now: u64) -> Names {
        if !self.containers.contains_key(id) {
            self.containers.insert(id.to_owned(), Tables::default());
            self.arrivals.push_back(id.to_owned());
            if self.containers.len() > self.limit
                && let Some(oldest) = self.arrivals.pop_front()
            {
                self.containers.remove(&oldest);
            }
        }
        let Some(tables) = self.containers.get_mut(id) else { return Names::default() };
        if tables.is_due(now) {
            // The process may have ended; then what was read for another one of the container holds.
            match safe_root(proc, pid) {
                Some(root)
                    if fstat(&root).is_ok_and(|stat| self.host_id == Some((stat.st_dev, stat.st_ino))) =>
                {
                    // A runtime's own process on its way in, or a container that shares the host's root.
                    tables.checked = None;
                    return self.on_host(uid, gid, now);
                }
                Some(root) => {
                    tables.load(
                        &root,
                        ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV,
                    );
                    tables.user_map = id_map(&proc.path(pid, "uid_map"));
                    tables.group_map = id_map(&proc.path(pid, "gid_map"));
                }
                None => tables.checked = None,
            }
        }
        tables.names(uid, gid)
    }
}

impl Tables {
    fn is_due(&mut self, now: u64) -> bool {
        let due = self.checked.is_none_or(|checked| now >= checked.saturating_add(RECHECK));
        if due {
            self.checked = Some(now);
        }
        due
    }

    fn load(&mut self, root: &OwnedFd, resolve: ResolveFlags) {
        for (table, path) in [(&mut self.users, "etc/passwd"), (&mut self.groups, "etc/group")] {
            match table.load(root, path, resolve) {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(path, %error, "cannot read names");
                    *table = Table::default();
                }
            }
        }
    }

    fn names(&self, uid: u32, gid: u32) -> Names {
        let uid = inside(&self.user_map, uid);
        let gid = inside(&self.group_map, gid);
        Names {
            user: uid.and_then(|uid| self.users.name(uid)),
            group: gid.and_then(|gid| self.groups.name(gid)),
        }
    }
}

impl Table {
    fn load(&mut self, root: impl AsFd, path: &str, resolve: ResolveFlags) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat2(root, path, flags, Mode::empty(), resolve)?);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let version = Some((meta.ino(), meta.mtime(), meta.mtime_nsec()));
        if self.version != version {
            let mut bytes = Vec::new();
            file.take(FILE_MAX).read_to_end(&mut bytes)?;
            *self = Table { version, names: parse(&bytes) };
        }
        Ok(())
    }

    /// 0 is root wherever there is no file to say otherwise.
    fn name(&self, id: u32) -> Option<String> {
        let root = || (id == 0 && self.version.is_none()).then(|| "root".to_owned());
        self.names.get(&id).cloned().or_else(root)
    }
}

/// The root directory of a process, unless it lies on a filesystem that can stall whoever looks.
fn safe_root(proc: &Proc, pid: u32) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, proc.path(pid, "root"), flags, Mode::empty()).ok()?;
    // Neither file touches the filesystem in question.
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", root.as_raw_fd())).ok()?;
    let mount = info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim();
    let mut mounts = String::new();
    File::open(proc.path(pid, "mountinfo")).ok()?.take(MOUNTINFO_MAX).read_to_string(&mut mounts).ok()?;
    let kind = mounts.lines().find_map(|line| filesystem(line, mount))?;
    let stallable = STALLABLE.contains(&kind) || kind.starts_with("fuse.");
    (!stallable).then_some(root)
}

/// The type of the filesystem of a mountinfo line, when it is that of mount `id`.
fn filesystem<'a>(line: &'a str, id: &str) -> Option<&'a str> {
    let (before, after) = line.split_once(" - ")?;
    (before.split(' ').next()? == id).then(|| after.split(' ').next())?
}

/// `name:password:id:…`, as passwd(5) and group(5) have it. The first name of an id counts.
fn parse(bytes: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), Some(id)) = (fields.next(), fields.nth(1)) else { continue };
        let Some(id) = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()) else { continue };
        if !name.is_empty() && name.len() <= NAME_MAX && names.len() < NAMES_MAX {
            names.entry(id).or_insert_with(|| String::from_utf8_lossy(name).into_owned());
        }
    }
    names
}

/// Lines of /proc/PID/uid_map, as the initial user namespace sees it.
fn id_map(path: &Path) -> Vec<[u32; 3]> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    };
    text.lines().take(MAP_MAX).filter_map(line).collect()
}

/// An id of the initial user namespace, as the container has it. No map: the same.
fn inside(map: &[[u32; 3]], id: u32) -> Option<u32> {
    if map.is_empty() {
        return Some(id);
    }
    map.iter().find_map(|[inside, outside, count]| {
        let offset = id.checked_sub(*outside).filter(|offset| offset < count)?;
        inside.checked_add(offset)
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/false\nalso-web:x:33:33::/:/bin/false\nbroken\n::\nx:y:z\n";

    fn host(passwd: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        fs::write(root.path().join("etc/group"), "root:x:0:\nwww:x:33:\n").unwrap();
        root
    }

    fn user(users: &mut Users, uid: u32, now: u64) -> Option<String> {
        users.on_host(uid, 0, now).user
    }

    #[test]
    fn the_first_name_of_an_id_counts() {
        let root = host(PASSWD);
        let names = Users::new(root.path(), 1).on_host(33, 33, 0);
        assert_eq!(names, Names { user: Some("web".into()), group: Some("www".into()) });
        assert_eq!(user(&mut Users::new(root.path(), 1), 34, 0), None);
    }

    #[test]
    fn a_new_user_is_known_once_the_file_is_looked_at_again() {
        let root = host(PASSWD);
        let mut users = Users::new(root.path(), 1);
        assert_eq!(user(&mut users, 1000, 0), None);
        let new = root.path().join("etc/passwd.new");
        fs::write(&new, format!("{PASSWD}eve:x:1000:1000::/:/bin/sh\n")).unwrap();
        fs::rename(&new, root.path().join("etc/passwd")).unwrap();
        assert_eq!(user(&mut users, 1000, 1), None, "not looked at yet");
        assert_eq!(user(&mut users, 1000, RECHECK), Some("eve".into()));
    }

    #[test]
    fn a_link_out_of_the_root_leads_nowhere() {
        let root = host("");
        let outside = host(PASSWD);
        fs::remove_file(root.path().join("etc/passwd")).unwrap();
        symlink(outside.path().join("etc/passwd"), root.path().join("etc/passwd")).unwrap();
        assert_eq!(user(&mut Users::new(root.path(), 1), 33, 0), None);
    }

    #[test]
    fn a_fifo_in_place_of_the_file_does_not_stall() {
        let root = host("");
        let passwd = root.path().join("etc/passwd");
        fs::remove_file(&passwd).unwrap();
        rustix::fs::mknodat(CWD, &passwd, rustix::fs::FileType::Fifo, Mode::from(0o600), 0).unwrap();
        assert_eq!(user(&mut Users::new(root.path(), 1), 33, 0), None);
    }

    #[test]
    fn where_there_is_no_file_zero_is_root() {
        let root = tempfile::tempdir().unwrap();
        let mut users = Users::new(root.path(), 1);
        assert_eq!(users.on_host(0, 0, 0), Names { user: Some("root".into()), group: Some("root".into()) });
        assert_eq!(user(&mut users, 1, 0), None);
    }

    #[test]
    fn a_containers_names_are_read_through_one_of_its_processes() {
        let elsewhere = host(PASSWD);
        let mut users = Users::new(elsewhere.path(), 1);
        let proc = Proc::default();
        let own = parse(&fs::read("/etc/passwd").unwrap());
        assert_eq!(
            users.in_container("a", &proc, std::process::id(), 0, 0, 0).user.as_deref(),
            Some(&*own[&0])
        );
        users.in_container("b", &proc, std::process::id(), 0, 0, 0);
        assert_eq!(users.containers.len(), 1, "no more containers than the limit");
    }

    #[test]
    fn a_process_still_on_the_hosts_root_does_not_lend_its_names_to_the_container() {
        let mut users = Users::new("/", 1);
        users.in_container("a", &Proc::default(), std::process::id(), 0, 0, 0);
        assert_eq!(users.containers["a"].users.version, None);
    }

    #[test]
    fn ids_of_a_user_namespace_are_named_as_inside() {
        let map = [[0, 1000, 1], [1, 100_000, 65_536]];
        assert_eq!([1000, 100_032, 0, 165_536].map(|id| inside(&map, id)), [Some(0), Some(33), None, None]);
        assert_eq!(inside(&[[u32::MAX, 0, 2]], 1), None);
    }

    #[test]
    fn a_root_on_fuse_is_left_alone() {
        let line = "74 64 0:66 / / rw,relatime - fuse.fuse-overlayfs fuse-overlayfs rw";
        assert_eq!(filesystem(line, "74"), Some("fuse.fuse-overlayfs"));
        assert_eq!(filesystem(line, "7"), None);
    }
}
