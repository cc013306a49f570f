//! From a cgroup's path to a container: one table of the layouts that runtimes use, and the pod around it.
//!
//! Pure text. It does not know which containers exist; plain runc, crun and ctr give a cgroup whatever name their
//! user chose, so those paths only yield `candidates` for what is on disk to confirm.

use std::borrow::Cow;

/// Segments of a path that may be a container's own name, from the leaf upwards.
const CANDIDATES_MAX: usize = 3;
/// Longest name a container may have here: a component of a path.
const NAME_MAX: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    Docker,
    Containerd,
    CriO,
    Podman,
    Lxc,
    Nspawn,
    Runc,
    Crun,
    Youki,
    /// `nightjar demo`.
    Demo,
    /// The path has an id alone; which runtime it is can only be seen on disk.
    Unknown,
}

impl Runtime {
    /// As `container.type` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Docker => "docker",
            Runtime::Containerd => "containerd",
            Runtime::CriO => "cri-o",
            Runtime::Podman => "podman",
            Runtime::Lxc => "lxc",
            Runtime::Nspawn => "systemd-nspawn",
            Runtime::Runc => "runc",
            Runtime::Crun => "crun",
            Runtime::Youki => "youki",
            Runtime::Demo => "nightjar-demo",
            Runtime::Unknown => "",
        }
    }

    /// Whether its containers come from images, rather than from a directory.
    pub fn has_images(self) -> bool {
        match self {
            Runtime::Docker | Runtime::Containerd | Runtime::CriO | Runtime::Podman => true,
            Runtime::Demo | Runtime::Unknown => true,
            Runtime::Lxc | Runtime::Nspawn | Runtime::Runc | Runtime::Crun | Runtime::Youki => false,
        }
    }

    /// Whether its containers have names besides their ids.
    pub fn names_itself(self) -> bool {
        match self {
            Runtime::Docker | Runtime::CriO | Runtime::Podman | Runtime::Demo | Runtime::Unknown => true,
            Runtime::Containerd
            | Runtime::Lxc
            | Runtime::Nspawn
            | Runtime::Runc
            | Runtime::Crun
            | Runtime::Youki => false,
        }
    }
}

/// A container as its cgroup's path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub runtime: Runtime,
    /// Whole, as the runtime gave it.
    pub id: String,
    pub pod_uid: Option<String>,
    /// How much of the path is the container's own cgroup; what follows was made inside it.
    pub len: usize,
    /// How much of the path comes before the container's own component.
    pub outer: usize,
    /// Its keeper is in the same cgroup, and perhaps something that is no container at all.
    pub shared: bool,
}

/// One layout: a component `before` + id + `after`, below a component `parent` (empty: below any).
struct Layout {
    runtime: Runtime,
    parent: &'static str,
    before: &'static str,
    after: &'static str,
    id: Id,
}

enum Id {
    /// 64 hexadecimal digits.
    Hash,
    /// Anything.
    Name,
    /// The component is only a word; its parent has the name, between these two.
    InParent(&'static str, &'static str),
    /// A name, of a cgroup that is not the container's alone.
    Shared,
}

const fn hash(runtime: Runtime, parent: &'static str, before: &'static str, after: &'static str) -> Layout {
    Layout { runtime, parent, before, after, id: Id::Hash }
}

const fn name(runtime: Runtime, parent: &'static str, before: &'static str, after: &'static str) -> Layout {
    Layout { runtime, parent, before, after, id: Id::Name }
}

const fn payload(before: &'static str, after: &'static str) -> Layout {
    Layout {
        runtime: Runtime::Nspawn,
        parent: "",
        before: "payload",
        after: "",
        id: Id::InParent(before, after),
    }
}

const fn unit(before: &'static str, after: &'static str) -> Layout {
    Layout { runtime: Runtime::Nspawn, parent: "", before, after, id: Id::Shared }
}

/// The first that fits counts: one that says more of a component stands before one that says less. Monitors
/// (`libpod-conmon-ID`, `crio-conmon-ID`, `lxc.monitor.NAME`) fit none.
const LAYOUTS: &[Layout] = &[
    hash(Runtime::Docker, "", "docker-", ".scope"),
    hash(Runtime::Containerd, "", "cri-containerd-", ".scope"),
    hash(Runtime::Containerd, "", "nerdctl-", ".scope"),
    hash(Runtime::CriO, "", "crio-", ".scope"),
    hash(Runtime::CriO, "", "crio-", ""),
    hash(Runtime::Podman, "", "libpod-payload-", ""),
    hash(Runtime::Podman, "", "libpod-", ".scope"),
    hash(Runtime::Podman, "", "libpod-", ""),
    hash(Runtime::Docker, "docker", "", ""),
    hash(Runtime::Demo, "nightjar-demo", "", ""),
    // Kubernetes with the cgroupfs driver, Docker with a cgroup parent of its own, nerdctl.
    hash(Runtime::Unknown, "", "", ""),
    name(Runtime::Runc, "", "runc-", ".scope"),
    name(Runtime::Crun, "", "crun-", ".scope"),
    name(Runtime::Youki, "", "youki-", ".scope"),
    // LXC, LXD and Incus from 4.0 on.
    name(Runtime::Lxc, "", "lxc.payload.", ""),
    payload("machine-", ".scope"),
    payload("systemd-nspawn@", ".service"),
    // In the hierarchies of cgroup v1, nspawn leaves the container in its unit.
    unit("machine-", ".scope"),
    unit("systemd-nspawn@", ".service"),
    // LXC 3.x, and before; Proxmox.
    name(Runtime::Lxc, "lxc.payload", "", ""),
    name(Runtime::Lxc, "lxc", "", ""),
];

/// Endings of systemd's units: their cgroups bear their own names, never a container's.
const UNITS: &[&str] = &[".slice", ".service", ".scope", ".mount", ".socket", ".swap"];

/// The innermost container that a path names.
pub fn classify(path: &str) -> Option<Found> {
    let mut end = path.len();
    while let Some(slash) = path.get(..end)?.rfind('/') {
        let component = &path[slash + 1..end];
        let above = &path[..slash];
        if let Some((layout, id)) = match_component(component, above) {
            let (runtime, shared) = (layout.runtime, matches!(layout.id, Id::Shared));
            let pod_uid = pod_uid(&path[..end]);
            return Some(Found { runtime, id, pod_uid, len: end, outer: slash, shared });
        }
        end = slash;
    }
    None
}

/// Names that a container without a layout of its own may have, the likeliest first.
pub fn candidates(path: &str) -> impl Iterator<Item = &str> {
    let is_unit = |name: &&str| UNITS.iter().any(|ending| name.ends_with(ending));
    path.rsplit('/').filter(move |name| is_name(name) && !is_unit(name)).take(CANDIDATES_MAX)
}

/// Whether a text may stand as one component of a file's path.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_MAX && text != "." && text != ".." && !text.contains(['/', '\0'])
}

fn match_component(component: &str, above: &str) -> Option<(&'static Layout, String)> {
    // A runtime with the cgroupfs driver that was given a path for systemd's: SLICE:PREFIX:NAME.
    let component: Cow<'_, str> = match component.splitn(3, ':').collect::<Vec<_>>()[..] {
        [_, prefix, name] => format!("{prefix}-{name}.scope").into(),
        _ => component.into(),
    };
    let parent = above.rsplit('/').next().unwrap_or("");
    LAYOUTS.iter().find_map(|layout| Some((layout, layout.id(&component, parent)?)))
}

impl Layout {
    fn id(&self, component: &str, parent: &str) -> Option<String> {
        if !self.parent.is_empty() && self.parent != parent {
            return None;
        }
        let middle = component.strip_prefix(self.before)?.strip_suffix(self.after)?;
        match self.id {
            Id::Hash => (middle.len() == 64 && is_hex(middle)).then(|| middle.to_owned()),
            Id::Name => is_name(middle).then(|| middle.to_owned()),
            Id::InParent(before, after) => {
                let name = parent.strip_prefix(before)?.strip_suffix(after)?;
                middle.is_empty().then(|| unescape(name)).filter(|name| is_name(name))
            }
            Id::Shared => Some(unescape(middle)).filter(|name| is_name(name)),
        }
    }
}

/// The innermost pod of a path: `…/podUID`, or `…-podUID.slice` with underscores for dashes.
fn pod_uid(path: &str) -> Option<String> {
    path.rsplit('/').find_map(|component| {
        let component = component.split(':').next()?;
        if let Some(uid) = component.strip_prefix("pod") {
            return is_uid(uid).then(|| uid.to_owned());
        }
        let slice = component.strip_suffix(".slice")?;
        let uid = slice[slice.rfind("-pod")? + "-pod".len()..].replace('_', "-");
        is_uid(&uid).then_some(uid)
    })
}

/// A UUID, or the hash that names a static pod.
fn is_uid(text: &str) -> bool {
    match text.len() {
        32 => is_hex(text),
        36 => text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex),
        _ => false,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// systemd writes `-` and other bytes of a name as `\xNN`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = rest.strip_prefix(b"\\x").and_then(|hex| hex.get(..2));
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &rest[4..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
