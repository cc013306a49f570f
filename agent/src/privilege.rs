//! What the agent may do on a node, and why: the one list of capabilities, mounts and limits. `daemonset.yaml` grants
//! exactly this (a test compares them), `doctor` checks it, and once the kernel side is attached the agent gives back
//! what it no longer needs.

use std::{
    collections::HashSet,
    io,
    os::unix::fs::MetadataExt,
    thread,
    time::{Duration, Instant},
};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

use crate::identity::INITIAL_PID_NS;

pub struct Need {
    pub capability: Capability,
    /// Whether it is still needed once the kernel side is attached.
    pub kept: bool,
    /// Linux version up to which it is needed; `None`: on all.
    pub before: Option<(u16, u16)>,
    pub why: &'static str,
}

const fn need(capability: Capability, kept: bool, why: &'static str) -> Need {
    Need { capability, kept, before: None, why }
}

pub const CAPABILITIES: &[Need] = &[
    need(
        Capability::CAP_BPF,
        true,
        "load the programs; later, read the kernel's counters of seen and lost events",
    ),
    need(Capability::CAP_PERFMON, false, "attach to tracepoints and let the programs read kernel structs"),
    need(
        Capability::CAP_SYS_PTRACE,
        true,
        "read exe, cwd and environment of other users' processes in /proc",
    ),
    need(
        Capability::CAP_DAC_READ_SEARCH,
        true,
        "open cgroups by their number, read the runtimes' state and the passwd files of containers",
    ),
    Need {
        before: Some((5, 11)),
        ..need(
            Capability::CAP_SYS_RESOURCE,
            false,
            "lift the limit on locked memory, which counts the ring before 5.11",
        )
    },
];

/// A part of the node that a containerised agent must see.
pub struct HostPath {
    /// On the node.
    pub host: &'static str,
    /// In the agent's container.
    pub at: &'static str,
    /// Whether it writes there.
    pub writes: bool,
    pub why: &'static str,
}

const fn path(host: &'static str, at: &'static str, why: &'static str) -> HostPath {
    HostPath { host, at, writes: false, why }
}

pub const HOST_PATHS: &[HostPath] = &[
    path(
        "/sys/fs/cgroup",
        "/host/sys/fs/cgroup",
        "which cgroup is whose; a container's own view begins at its cgroup",
    ),
    path("/sys/kernel/tracing", "/sys/kernel/tracing", "numbers of the system calls' tracepoints"),
    path("/run", "/host/run", "bundles and state of containerd, CRI-O, Docker and Podman"),
    path("/etc/passwd", "/host/etc/passwd", "names of the node's users"),
    path("/etc/group", "/host/etc/group", "names of the node's groups"),
    HostPath {
        writes: true,
        ..path("/var/lib/nightjar", "/var/lib/nightjar", "alerts that wait for the outputs outlive the pod")
    },
];

/// Memory that a DaemonSet's pod may use, in bytes. The ring (16 MiB) is charged to it from Linux 5.11 on, reading the
/// kernel's type information at start takes some ten MiB for a moment, and the process table is bounded at 32 MiB.
pub const MEMORY_LIMIT: u64 = 256 << 20;

/// As `nice` has it.
const NICE: i32 = -10;

#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    #[error(
        "the agent must see the node's processes by the node's numbers: run it in the node's pid namespace (hostPID: true, or --pid=host)"
    )]
    PidNamespace,
    #[error("look at the pid namespace")]
    LookAtPidNamespace(#[source] io::Error),
    #[error("read capabilities")]
    Read(#[source] CapsError),
    #[error("give back capabilities")]
    Drop(#[source] CapsError),
    #[error("forbid new privileges")]
    NoNewPrivileges(#[source] io::Error),
    #[error("count threads in /proc/self/task")]
    Threads(#[source] io::Error),
    #[error(
        "{0} threads are running already; capabilities can only be given back before the second is started"
    )]
    TooLate(usize),
}

/// Refuses a pid namespace of its own: the kernel side speaks of processes by the numbers that the node gives them, the
/// agent's own too.
pub fn in_initial_pid_namespace() -> Result<(), PrivilegeError> {
    let namespace = std::fs::metadata("/proc/self/ns/pid").map_err(PrivilegeError::LookAtPidNamespace)?;
    if namespace.ino() == u64::from(INITIAL_PID_NS) { Ok(()) } else { Err(PrivilegeError::PidNamespace) }
}

/// Capabilities in effect for this thread.
pub fn held() -> Result<CapsHashSet, PrivilegeError> {
    caps::read(None, CapSet::Effective).map_err(PrivilegeError::Read)
}

/// What a kernel of this version needs.
pub fn needed(kernel: (u16, u16)) -> impl Iterator<Item = &'static Need> {
    CAPABILITIES.iter().filter(move |need| need.before.is_none_or(|before| kernel < before))
}

/// Names of the capabilities that every kernel asks for and this thread does not have.
pub fn missing() -> Result<Vec<String>, PrivilegeError> {
    let held = held()?;
    let always = CAPABILITIES.iter().filter(|need| need.before.is_none());
    Ok(always
        .filter(|need| !held.contains(&need.capability))
        .map(|need| need.capability.to_string())
        .collect())
}

/// How long a thread that has ended may still be listed: the kernel takes it off a moment later.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// Gives back every capability that is not kept, for good, and forbids gaining any. Capabilities belong to threads
/// and are handed down to new ones, so this comes after the kernel side is attached and before the runtime starts.
pub fn drop_after_start() -> Result<(), PrivilegeError> {
    let begun = Instant::now();
    loop {
        match std::fs::read_dir("/proc/self/task").map_err(PrivilegeError::Threads)?.count() {
            ..=1 => return drop_for_this_thread(),
            threads if begun.elapsed() > LAST_BREATH => return Err(PrivilegeError::TooLate(threads)),
            _ => thread::yield_now(),
        }
    }
}

/// Whoever keeps every CPU busy must not keep the agent from looking at a container before that is gone. Lasts when
/// capabilities are given back; asks for none, so without CAP_SYS_NICE everything stays as it is.
pub fn raise_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the agent runs at the usual priority");
    }
}

fn drop_for_this_thread() -> Result<(), PrivilegeError> {
    rustix::thread::set_no_new_privs(true).map_err(|e| PrivilegeError::NoNewPrivileges(e.into()))?;
    let kept: HashSet<_> = CAPABILITIES.iter().filter(|need| need.kept).map(|need| need.capability).collect();
    let permitted = caps::read(None, CapSet::Permitted).map_err(PrivilegeError::Read)?;
    let keep: CapsHashSet = permitted.intersection(&kept).copied().collect();
    caps::clear(None, CapSet::Ambient).map_err(PrivilegeError::Drop)?;
    caps::clear(None, CapSet::Inheritable).map_err(PrivilegeError::Drop)?;
    caps::set(None, CapSet::Effective, &keep).map_err(PrivilegeError::Drop)?;
    caps::set(None, CapSet::Permitted, &keep).map_err(PrivilegeError::Drop)
}

#[cfg(test)]
mod tests;
