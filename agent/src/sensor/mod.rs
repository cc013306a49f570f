//! Loads the kernel side, attaches it as well as this kernel allows, and hands its records over as bytes.
//!
//! It does not interpret records; that begins in `intake`.

mod attach;
mod btf;
mod error;
pub mod ledger;
mod muted;
mod object;
mod pages;
mod program;
mod ring;
mod told;
mod types;
mod unable;
mod verify;

use std::{collections::BTreeSet, io, path::Path};

use aya::{Btf, Ebpf, EbpfLoader, maps::Map};
use nightjar_events::{
    EVENTS, Family, Kind,
    control::{ABSENT, Numbers, SPARE_SLOTS, Settings, VARIANTS_MAX},
};
use rustix::mount::MountFlags;
use syscalls::Sysno;

pub use self::{
    attach::{HookState, HookStatus},
    error::SensorError,
    ledger::Ledger,
    muted::Muted,
    ring::{BATCH_BYTES, Reader},
};
use crate::{sensor::types::KernelTypes, timed::timed};

/// Where tracepoints are listed. Mounted at start when it is not.
pub const TRACEFS: &str = "/sys/kernel/tracing";

/// Smallest ring that holds a few of the longest records.
pub const RING_MIN: u32 = 256 * 1024;
pub const RING_DEFAULT: u32 = 16 * 1024 * 1024;
/// The kernel's own limit is 2 GiB; more than this would be a mistake.
pub const RING_MAX: u32 = 1 << 30;

/// Bulk events that a cgroup may have in a second, unless the settings say otherwise.
pub const BULK_BUDGET_DEFAULT: u32 = 20_000;
/// Of how many seconds a cgroup can save up its budget.
const BURST_SECONDS: u64 = 10;

/// x86_64 and aarch64 with 4 KiB pages (arch/x86/include/asm/page_64_types.h). Used only before 5.15.
const THREAD_SIZE: u64 = 16 * 1024;

/// Numbers of open and creat, which newer architectures do without.
#[cfg(target_arch = "x86_64")]
const OLD_OPENS: (u64, u64) = (libc::SYS_open as u64, libc::SYS_creat as u64);
#[cfg(not(target_arch = "x86_64"))]
const OLD_OPENS: (u64, u64) = (ABSENT, ABSENT);

/// As the kernel has it (arch/*/include/uapi/asm/fcntl.h); the C library's is 0 where files are always large.
#[cfg(target_arch = "aarch64")]
const O_LARGEFILE: u64 = 0o400_000;
#[cfg(not(target_arch = "aarch64"))]
const O_LARGEFILE: u64 = 0o100_000;

/// Room for messages of the kernel programs, where they are wanted; else the least that a ring can be.
const LOG_BYTES: u32 = 128 * 1024;
const PAGE: u32 = 4096;

/// What the caller decides about the kernel side.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the ring buffer: a power of two, `RING_MIN` to `RING_MAX`.
    pub ring_bytes: u32,
    /// Bulk events that a cgroup may have in a second; 0: as many as it likes.
    pub bulk_budget: u32,
    /// Cgroups that are counted by themselves at the same time.
    pub cgroup_rows: u32,
    /// Events to attach; the others cost nothing.
    pub kinds: BTreeSet<Kind>,
    /// The family of hooks for the events that have it; `None`: the best of each event.
    pub family: Option<Family>,
    /// Process whose own events are not reported.
    pub self_pid: u32,
    /// The v1 controller whose hierarchy names containers; `None` on cgroup v2.
    pub cgroup_controller: Option<String>,
    /// Number of that hierarchy in /proc/cgroups, 0 for cgroup v2.
    pub cgroup_hierarchy: u32,
    /// Whether cgroups may be muted. It costs every event a look.
    pub scoped: bool,
    /// Whether kernel programs may log through aya-log.
    pub kernel_log: bool,
}

/// The loaded kernel side. Programs detach when it is dropped.
pub struct Sensor {
    bpf: Ebpf,
    hooks: Vec<HookStatus>,
    ring_bytes: u32,
}

impl Sensor {
    /// Loads and attaches. An event whose hooks all fail is reported in `hooks`, not as an error; an error means
    /// that nothing can work here.
    pub fn start(options: &Options) -> Result<Sensor, SensorError> {
        let tracefs = mount_tracefs();
        let cpus = aya::util::nr_cpus().map_err(|(_, source)| SensorError::Cpus(source))? as u32;
        let (offsets, settings) = timed("kernel types", || {
            let types = KernelTypes::of_running_kernel()?;
            Ok((types.offsets()?, settings(options, &types, cpus)?.words()))
        })?;
        let btf = timed("aya's kernel types", || Btf::from_sys_fs().map_err(SensorError::Btf))?;
        let log_level = if options.kernel_log { aya_log::Level::Debug as u8 } else { 0 };
        let object = object::bytes()?;
        let numbers = numbers().concat();
        let numbers = numbers.as_slice();
        let mut loader = EbpfLoader::new();
        loader
            .btf(Some(&btf))
            .override_global("OFFSETS", &offsets, true)
            .override_global("SETTINGS", &settings, true)
            .override_global("NUMBERS", numbers, true)
            .override_global(aya_log::LEVEL, &log_level, false)
            .map_max_entries("EVENTS", options.ring_bytes)
            .map_max_entries("CGROUPS", options.cgroup_rows)
            .map_max_entries("SCRATCH", cpus + SPARE_SLOTS)
            .map_max_entries("AYA_LOGS", if options.kernel_log { LOG_BYTES } else { PAGE });
        let mut bpf = timed("object and maps", || loader.load(&object).map_err(unable::to_load))?;
        let hooks = attach::attach(&mut bpf, &btf, &options.kinds, options.family);
        if unable::is_locked_down(&hooks) {
            return Err(SensorError::Lockdown);
        }
        // Only where an event is seen by tracepoint of system calls does it matter.
        let by_name = |hook: &HookStatus| hook.family == Family::SyscallTracepoint.name();
        if hooks.iter().any(|hook| by_name(hook) && hook.state == HookState::Failed) {
            tracefs?;
        }
        Ok(Sensor { bpf, hooks, ring_bytes: options.ring_bytes })
    }

    /// What was attached and what was not, one row a program.
    pub fn hooks(&self) -> &[HookStatus] {
        &self.hooks
    }

    /// The reading end of the ring. Can be taken once.
    pub fn reader(&mut self) -> Result<Reader, SensorError> {
        Reader::new(self.take("EVENTS")?, self.ring_bytes)
    }

    /// The counters of the kernel side. Can be taken once.
    pub fn ledger(&mut self) -> Result<Ledger, SensorError> {
        Ledger::new(|name| self.take(name))
    }

    /// Where cgroups are muted. Can be taken once.
    pub fn muted(&mut self) -> Result<Muted, SensorError> {
        Muted::new(self.take("MUTED")?)
    }

    /// How often the kernel skipped each program, of those that it did skip. Such an event is in no ledger.
    pub fn skipped(&self) -> Result<Vec<(&'static str, u64)>, SensorError> {
        let mut skipped = self.told(told::SKIPPED)?;
        skipped.retain(|(_, runs)| *runs > 0);
        Ok(skipped)
    }

    /// How many instructions the verifier walked through for each program; of none where the kernel does not tell.
    pub fn verified(&self) -> Result<Vec<(&'static str, u64)>, SensorError> {
        self.told(told::VERIFIED)
    }

    fn told(&self, key: &'static str) -> Result<Vec<(&'static str, u64)>, SensorError> {
        let attached = self.hooks.iter().filter(|hook| hook.state == HookState::Attached);
        let programs: BTreeSet<_> = attached.map(|hook| hook.program).collect();
        let mut all = Vec::new();
        for program in programs {
            let Some(Ok(fd)) = self.bpf.program(program).map(aya::programs::Program::fd) else { continue };
            let number = told::of(fd, key).map_err(|source| SensorError::Told { program, key, source })?;
            all.extend(number.map(|number| (program, number)));
        }
        Ok(all)
    }

    /// Forwards what the kernel programs log to the `log` crate, for ever.
    pub fn forward_logs(&mut self) -> Result<impl Future<Output = io::Result<()>> + use<>, SensorError> {
        let logger = aya_log::EbpfLogger::init(&mut self.bpf).map_err(SensorError::Log)?;
        Ok(async {
            let mut logger = ring::watch(logger)?;
            loop {
                let mut ready = logger.readable_mut().await?;
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
        })
    }

    fn take(&mut self, name: &'static str) -> Result<Map, SensorError> {
        self.bpf.take_map(name).ok_or(SensorError::NoMap(name))
    }
}

fn settings(options: &Options, types: &KernelTypes, cpus: u32) -> Result<Settings, SensorError> {
    let cgroup_ssid = match &options.cgroup_controller {
        None => ABSENT,
        Some(name) => types.cgroup_ssid(name).ok_or_else(|| SensorError::NoController(name.clone()))?,
    };
    Ok(Settings {
        self_pid: options.self_pid.into(),
        cgroup_ssid,
        cgroup_hierarchy: options.cgroup_hierarchy.into(),
        scoped: options.scoped.into(),
        // Bulk records may fill three quarters of the ring.
        bulk_limit: u64::from(options.ring_bytes) / 4 * 3,
        bulk_budget: options.bulk_budget.into(),
        bulk_burst: u64::from(options.bulk_budget) * BURST_SECONDS,
        // Whoever has spent the budget of a second leaves the rest of the ring to those who have not.
        burst_limit: u64::from(options.ring_bytes) / 2,
        awaits_results: options.kinds.contains(&Kind::ConnectResult).into(),
        has_task_pt_regs: types.has_function("bpf_task_pt_regs").into(),
        stack_size: THREAD_SIZE,
        cpus: cpus.into(),
        sys_open: OLD_OPENS.0,
        sys_openat: libc::SYS_openat as u64,
        sys_openat2: libc::SYS_openat2 as u64,
        sys_creat: OLD_OPENS.1,
        sys_connect: libc::SYS_connect as u64,
        o_largefile: O_LARGEFILE,
    })
}

/// Numbers of the system calls that events are.
fn numbers() -> Numbers {
    let mut numbers = [[ABSENT; VARIANTS_MAX]; Kind::COUNT];
    for (numbers, event) in numbers.iter_mut().zip(EVENTS) {
        for (number, name) in numbers.iter_mut().zip(event.types) {
            // What is no call of this machine is never met.
            *number = name.parse().map_or(ABSENT, |call: Sysno| call.id() as u64);
        }
    }
    numbers
}

/// Makes the list of tracepoints readable. Only root can; others get the error of the attach.
fn mount_tracefs() -> Result<(), SensorError> {
    if Path::new(TRACEFS).join("events").is_dir() {
        return Ok(());
    }
    rustix::mount::mount(
        "tracefs",
        TRACEFS,
        "tracefs",
        MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    )
    .map_err(|errno| SensorError::Tracefs(errno.into()))
}
