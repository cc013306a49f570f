//! Which cgroup hierarchy names containers: the unified one where it is alone, else that of a v1 controller.
//!
//! It looks once, at start. Nothing is mounted or changed.

use std::{
    fs,
    os::unix::{ffi::OsStringExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// Most bytes of /proc/self/mountinfo that are looked at.
const MOUNTINFO_MAX: u64 = 4 << 20;
/// Directories looked into for a process when a v1 hierarchy is judged.
const PROBED_MAX: usize = 2_000;
/// The inode number of the root directory of every cgroup hierarchy.
const ROOT_INODE: u64 = 1;
/// v1 controllers that runtimes put each container in, best first.
const CONTROLLERS: &[&str] = &["memory", "pids", "cpu", "cpuacct", "devices", "freezer"];

/// The hierarchy whose cgroup ids the records carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where its root is mounted.
    pub mount: PathBuf,
    /// The v1 controller that it belongs to; `None`: cgroup v2. The sensor looks up its index in BTF's enum
    /// `cgroup_subsys_id` as `NAME_cgrp_id`.
    pub controller: Option<String>,
    /// `cgroup_root::hierarchy_id`; 0 for cgroup v2.
    pub id: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("no cgroup hierarchy is mounted")]
    NoneMounted,
}

struct Mount {
    point: PathBuf,
    /// Empty for cgroup v2.
    controllers: Vec<String>,
}

impl Hierarchy {
    /// Looks at what is mounted. `root` is `/`, or a directory that stands for it.
    pub fn detect(root: &Path) -> Result<Self, HierarchyError> {
        let mounts = parse_mounts(&read(&root.join("proc/self/mountinfo"))?);
        let ids = fs::read_to_string(root.join("proc/cgroups")).unwrap_or_default();
        let at = |point: &Path| root.join(point.strip_prefix("/").unwrap_or(point));
        let v1: Vec<(&str, PathBuf)> = CONTROLLERS
            .iter()
            .filter_map(|name| {
                let points = mounts.iter().filter(|mount| mount.controllers.iter().any(|c| c == name));
                Some((*name, whole(points.map(|mount| at(&mount.point)))?))
            })
            .collect();
        let chosen = v1.iter().find(|(_, point)| has_processes_below(point)).or(v1.first());
        if let Some((name, point)) = chosen {
            let id = hierarchy_id(&ids, name);
            return Ok(Hierarchy { mount: point.clone(), controller: Some((*name).to_owned()), id });
        }
        let unified =
            mounts.iter().filter(|mount| mount.controllers.is_empty()).map(|mount| at(&mount.point));
        let mount = whole(unified).ok_or(HierarchyError::NoneMounted)?;
        Ok(Hierarchy { mount, controller: None, id: 0 })
    }
}

/// Of several mounts of one hierarchy, one that shows all of it: in a container, the host's rather than its own.
fn whole(points: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let points: Vec<PathBuf> = points.collect();
    let is_whole = |point: &&PathBuf| fs::metadata(point).is_ok_and(|dir| dir.ino() == ROOT_INODE);
    points.iter().find(is_whole).or(points.first()).cloned()
}

/// Lines of mountinfo that mount a cgroup hierarchy (Documentation/filesystems/proc.rst, section 3.5).
fn parse_mounts(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(parse_mount).collect()
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = fields.nth(4)?;
    let mut after = fields.skip_while(|field| *field != b"-").skip(1);
    let controllers = match after.next()? {
        b"cgroup2" => Vec::new(),
        b"cgroup" => {
            let options = String::from_utf8_lossy(after.nth(1)?).into_owned();
            options
                .split(',')
                .filter(|option| *option != "rw" && *option != "ro")
                .map(str::to_owned)
                .collect()
        }
        _ => return None,
    };
    Some(Mount { point: unescape(point), controllers })
}

/// mountinfo writes blanks and backslashes of a path in octal.
pub(super) fn unescape(text: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let octal = text
            .get(at + 1..at + 4)
            .filter(|digits| text[at] == b'\\' && digits.iter().all(u8::is_ascii_digit));
        let byte = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(byte.unwrap_or(text[at]));
        at += if byte.is_some() { 4 } else { 1 };
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

/// The second column of the controller's line in /proc/cgroups.
fn hierarchy_id(cgroups: &str, controller: &str) -> u32 {
    let line = cgroups.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    line.filter(|columns| columns.first() == Some(&controller))
        .find_map(|columns| columns.get(1)?.parse().ok())
        .unwrap_or(0)
}

/// Whether any cgroup but the root has a process.
fn has_processes_below(mount: &Path) -> bool {
    let mut dirs = vec![mount.to_owned()];
    let mut probed = 0;
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            probed += 1;
            if fs::read(path.join("cgroup.procs")).is_ok_and(|procs| !procs.is_empty()) {
                return true;
            }
            if probed == PROBED_MAX {
                return false;
            }
            dirs.push(path);
        }
    }
    false
}

fn read(path: &Path) -> Result<Vec<u8>, HierarchyError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MOUNTINFO_MAX).read_to_end(&mut bytes))
        .map_err(|source| HierarchyError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CGROUPS: &str =
        "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t4\t17\t1\npids\t8\t1\t1\n";
    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:3 - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n";
    const HYBRID_V2: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const PURE_V2: &str = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";

    fn node(mountinfo: &str, with_process: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        fs::write(root.path().join("proc/self/mountinfo"), mountinfo).unwrap();
        fs::write(root.path().join("proc/cgroups"), CGROUPS).unwrap();
        if let Some(dir) = with_process {
            let dir = root.path().join(dir);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("cgroup.procs"), "12\n").unwrap();
        }
        root
    }

    fn chosen(root: &tempfile::TempDir) -> (Option<String>, u32, PathBuf) {
        let found = Hierarchy::detect(root.path()).unwrap();
        (found.controller, found.id, found.mount.strip_prefix(root.path()).unwrap().to_owned())
    }

    #[test]
    fn a_pure_v2_node_has_the_unified_hierarchy() {
        assert_eq!(chosen(&node(PURE_V2, None)), (None, 0, "sys/fs/cgroup".into()));
    }

    #[test]
    fn a_v1_node_has_the_memory_controller_when_nothing_runs_below_any_root() {
        assert_eq!(chosen(&node(V1, None)), (Some("memory".into()), 4, "sys/fs/cgroup/memory".into()));
    }

    #[test]
    fn a_hybrid_node_has_the_controller_that_containers_are_in() {
        let mounts = format!("{V1}{HYBRID_V2}");
        let node = node(&mounts, Some("sys/fs/cgroup/pids/docker/x"));
        assert_eq!(chosen(&node), (Some("pids".into()), 8, "sys/fs/cgroup/pids".into()));
    }

    #[test]
    fn controllers_that_share_a_mount_are_found_by_either_name() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
        assert_eq!(chosen(&node(mounts, None)), (Some("cpu".into()), 1, "sys/fs/cgroup/cpu,cpuacct".into()));
    }

    #[test]
    fn a_mount_point_with_a_blank_is_read_as_it_is() {
        let mounts = r"41 31 0:38 / /sys/fs/my\040cgroup rw - cgroup2 cgroup2 rw";
        assert_eq!(chosen(&node(mounts, None)).2, PathBuf::from("sys/fs/my cgroup"));
    }

    #[test]
    fn a_node_without_cgroups_says_so() {
        let error = Hierarchy::detect(node("", None).path()).unwrap_err();
        assert_eq!(error.to_string(), "no cgroup hierarchy is mounted");
    }

    #[test]
    fn this_machine_has_a_hierarchy_whose_root_is_whole() {
        let found = Hierarchy::detect(Path::new("/")).unwrap();
        assert_eq!(fs::metadata(&found.mount).unwrap().ino(), ROOT_INODE, "{found:?}");
    }
}
