//! How control groups are laid out on the node.

use std::path::{Path, PathBuf};

use rustix::fs::statfs;
use serde::Serialize;

use crate::identity::Hierarchy;

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    pub layout: Layout,
    /// The hierarchy whose numbers name containers; `None`: none can be used.
    pub hierarchy: Option<Chosen>,
    /// Why none can be used.
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chosen {
    pub mount: PathBuf,
    /// `None`: cgroup v2.
    pub controller: Option<String>,
}

/// `root` is the node's root as the agent sees it.
pub fn look(root: &Path) -> Cgroups {
    let layout = layout(root);
    match Hierarchy::detect(Path::new("/")) {
        Ok(Hierarchy { mount, controller, .. }) => {
            Cgroups { layout, hierarchy: Some(Chosen { mount, controller }), error: None }
        }
        Err(e) => Cgroups { layout, hierarchy: None, error: Some(format!("{:#}", anyhow::Error::from(e))) },
    }
}

impl Cgroups {
    pub fn text(&self) -> String {
        let chosen = match (&self.hierarchy, &self.error) {
            (Some(Chosen { mount, controller: Some(name) }), _) => {
                format!("{} (v1 controller {name})", mount.display())
            }
            (Some(Chosen { mount, controller: None }), _) => mount.display().to_string(),
            (None, Some(error)) => format!("none: {error}"),
            (None, None) => "none".to_owned(),
        };
        format!("{}; containers are told apart by {chosen}", self.layout.name())
    }
}

fn layout(root: &Path) -> Layout {
    layout_by(|at| {
        statfs(root.join(at))
            .is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|magic| magic == CGROUP2_MAGIC))
    })
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
