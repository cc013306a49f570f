//! What programs in a demo container may not do: capabilities beyond those that container runtimes leave by default.

use caps::{CapSet, Capability};

use super::{InitError, Tried};

pub(in crate::demo) const CAPABILITIES: &[Capability] = &[
    Capability::CAP_AUDIT_WRITE,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_RAW,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETGID,
    Capability::CAP_SETPCAP,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_CHROOT,
];

/// From the bounding set: every program that pid 1 starts loses them; pid 1 itself needs no less than it has.
pub(super) fn drop_capabilities() -> Result<(), InitError> {
    for capability in caps::runtime::thread_all_supported() {
        if !CAPABILITIES.contains(&capability) {
            caps::drop(None, CapSet::Bounding, capability)
                .map_err(std::io::Error::other)
                .to(format!("drop {capability}"))?;
        }
    }
    Ok(())
}
