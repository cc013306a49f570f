//! `cgroup_mkdir`.

use std::{fs, os::linux::fs::MetadataExt, path::Path};

use nightjar::identity::Hierarchy;
use nightjar_events::{Kind, event::cgroup_mkdir};
use nightjar_tests::Eyes;

/// Makes a cgroup in the hierarchy that names containers; gives its path from the root and its id.
pub fn make(name: &str) -> (std::path::PathBuf, u64) {
    let hierarchy = Hierarchy::detect(Path::new("/")).unwrap();
    let dir = hierarchy.mount.join(format!("nightjar-{name}-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let id = fs::metadata(&dir).unwrap().st_ino();
    (dir, id)
}

#[test]
fn a_cgroup_is_known_by_its_inode_and_path() {
    let eyes = Eyes::open();
    let (dir, id) = make("mkdir");
    let seen = eyes.wait(Kind::CgroupMkdir, |s| s.number(&cgroup_mkdir::ID) == i128::from(id));
    fs::remove_dir(&dir).unwrap();
    let hierarchy = Hierarchy::detect(Path::new("/")).unwrap();
    let below = dir.strip_prefix(&hierarchy.mount).unwrap();
    assert_eq!(seen.text(&cgroup_mkdir::PATH), format!("/{}", below.display()));
}

#[test]
fn what_runs_in_it_bears_its_id() {
    let (dir, id) = make("member");
    let eyes = Eyes::open();
    let script = format!("echo $$ > {}/cgroup.procs; exec /bin/sleep 0", dir.display());
    let mut child = std::process::Command::new("/bin/sh").args(["-c", &script]).spawn().unwrap();
    child.wait().unwrap();
    let pid = child.id();
    let seen = eyes.wait(Kind::Exec, |s| {
        s.0.header.pid == pid && s.text(&nightjar_events::event::exec::COMM) == "sleep"
    });
    fs::remove_dir(&dir).unwrap();
    assert_eq!(seen.0.header.cgroup_id, id);
}
