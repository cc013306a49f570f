//! `cgroup_rmdir`.

use nightjar_events::{Kind, event::cgroup_rmdir};
use nightjar_tests::Eyes;

use super::cgroup_mkdir::make;

#[test]
fn a_removed_cgroup_is_told_by_its_id() {
    let (dir, id) = make("rmdir");
    let eyes = Eyes::open();
    std::fs::remove_dir(&dir).unwrap();
    eyes.wait(Kind::CgroupRmdir, |seen| seen.number(&cgroup_rmdir::ID) == i128::from(id));
}
