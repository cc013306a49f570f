//! How control groups are laid out on the node.

use std::path::Path;

use rustix::fs::statfs;
use serde::Serialize;

/// `CGROUP2_SUPER_MAGIC` of include/uapi/linux/magic.h.
const CGROUP2_MAGIC: u64 = 0x6367_7270;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One hierarchy for everything.
    V2,
    /// v1 controllers, and an additional v2 hierarchy.
    Hybrid,
    V1,
}

impl Layout {
    pub fn name(self) -> &'static str {
        match self {
            Layout::V2 => "v2",
            Layout::Hybrid => "hybrid: v1 controllers beside a v2 hierarchy",
            Layout::V1 => "v1",
        }
    }
}

/// `root` is the node's root as the agent sees it.
pub fn layout(root: &Path) -> Layout {
    layout_by(|at| statfs(root.join(at)).is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|magic| magic == CGROUP2_MAGIC)))
}

fn layout_by(is_v2: impl Fn(&str) -> bool) -> Layout {
    if is_v2("sys/fs/cgroup") {
        Layout::V2
    } else if is_v2("sys/fs/cgroup/unified") {
        Layout::Hybrid
    } else {
        Layout::V1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_told_by_where_a_v2_hierarchy_is_mounted() {
        assert_eq!(layout_by(|at| at == "sys/fs/cgroup"), Layout::V2);
        assert_eq!(layout_by(|at| at == "sys/fs/cgroup/unified"), Layout::Hybrid);
        assert_eq!(layout_by(|_| false), Layout::V1);
    }
}
