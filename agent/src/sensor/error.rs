//! Why the kernel side cannot work on this node. Each is one sentence that a person can act on.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    #[error(
        "this kernel has no BTF type information at {path}; Nightjar needs a kernel built with CONFIG_DEBUG_INFO_BTF=y"
    )]
    NoBtf { path: String, source: io::Error },
    #[error("read kernel type information")]
    BadBtf(#[source] super::btf::BtfError),
    #[error("read kernel type information")]
    Btf(#[source] aya::BtfError),
    #[error("this kernel's type information has no {0}, which Nightjar cannot do without")]
    NoMember(String),
    #[error("this kernel has no cgroup controller {0}")]
    NoController(String),
    #[error("mount tracefs, where the kernel lists its tracepoints, at {}", super::TRACEFS)]
    Tracefs(#[source] io::Error),
    #[error(
        "the kernel is locked down for confidentiality, so that its programs may not read its memory; boot with lockdown=integrity"
    )]
    Lockdown,
    #[error(
        "the limit on locked memory is {limit} bytes, this kernel counts the ring and the maps as such, and raising the limit is refused; grant CAP_SYS_RESOURCE or set RLIMIT_MEMLOCK to unlimited"
    )]
    Memlock { limit: u64, source: aya::EbpfError },
    #[error("count CPUs")]
    Cpus(#[source] io::Error),
    #[error("read the eBPF object {path}")]
    Object { path: String, source: io::Error },
    #[error("read the eBPF object's own type information")]
    ObjectTypes(#[source] object::Error),
    #[error("the eBPF object has no struct {0}")]
    NoStruct(String),
    #[error("load the eBPF object")]
    Load(#[source] aya::EbpfError),
    #[error("the eBPF object has no map {0}")]
    NoMap(&'static str),
    #[error("use map {name}")]
    Map { name: &'static str, source: aya::maps::MapError },
    #[error("read {key} of program {program}")]
    Told { program: &'static str, key: &'static str, source: io::Error },
    #[error("read messages of the kernel programs")]
    Log(#[source] aya_log::Error),
    #[error("watch the ring buffer")]
    Watch(#[source] io::Error),
}
