//! Where the kernel side cannot start, and why.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    process::{Command, Output},
};

use nightjar::sensor::{Sensor, SensorError};
use nightjar_tests::Ring;
use rustix::mount::MountFlags;

/// Set for the process in which the memory that may be locked is limited.
const LIMITED_VARIABLE: &str = "NIGHTJAR_TESTS_LIMITED";
const LIMITED: &str = "unable::what_is_done_where_locked_memory_is_limited";
static LIMIT: libc::rlimit = libc::rlimit { rlim_cur: 64 * 1024, rlim_max: 64 * 1024 };
const CAP_SYS_RESOURCE: libc::c_ulong = 24;

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Starts the kernel side, and says what came of it.
fn start() -> Result<(), SensorError> {
    Sensor::start(&Ring::options()).map(drop)
}

/// Before Linux 5.11 the ring and the maps are locked memory.
fn counts_locked_memory() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(u32::MAX));
    (numbers.next(), numbers.next()) < (Some(5), Some(11))
}

/// The test below, in a process of its own: whoever runs as root gets its capabilities back with a new program, but for
/// those that are not in its bounding set.
#[test]
fn a_limit_on_locked_memory_that_cannot_be_raised_gets_one_sentence_where_it_counts() {
    let mut limited = Command::new("/proc/self/exe");
    limited.args(["--exact", LIMITED, "--nocapture"]).env(LIMITED_VARIABLE, "1");
    // SAFETY: system calls only.
    unsafe {
        limited.pre_exec(|| {
            let limited = libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const LIMIT) == 0;
            let dropped = libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0) == 0;
            if limited && dropped { Ok(()) } else { Err(io::Error::last_os_error()) }
        });
    }
    let Output { status, stdout, stderr } = limited.output().unwrap();
    let said = String::from_utf8_lossy(&stdout);
    assert!(status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&stderr));
}

#[test]
fn what_is_done_where_locked_memory_is_limited() {
    let is_limited = std::env::var_os(LIMITED_VARIABLE).is_some();
    let started = start();
    if is_limited && counts_locked_memory() {
        let error = started.unwrap_err();
        assert!(matches!(error, SensorError::Memlock { limit: 65536, .. }), "{error:?}");
        assert!(error.to_string().starts_with("the limit on locked memory is 65536 bytes"), "{error}");
    } else {
        started.unwrap();
    }
}

#[test]
#[ignore = "the kernel stays locked down until it is booted again: for a guest's last test"]
fn a_kernel_that_is_locked_down_for_confidentiality_gets_one_sentence() {
    if !fs::exists(LOCKDOWN).unwrap() {
        rustix::mount::mount("none", "/sys/kernel/security", "securityfs", MountFlags::empty(), None)
            .unwrap();
    }
    start().unwrap();
    fs::write(LOCKDOWN, "confidentiality").unwrap();
    let error = start().unwrap_err();
    assert!(matches!(error, SensorError::Lockdown), "{error:?}");
}
