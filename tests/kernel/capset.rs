//! `capset`.

use nightjar_events::{Kind, event::capset::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

/// _LINUX_CAPABILITY_VERSION_3 (include/uapi/linux/capability.h).
const VERSION: u32 = 0x2008_0522;

#[test]
fn capabilities_are_told_as_the_kernel_has_them_after_the_call() {
    let header = [VERSION, 0];
    let mut data = [0u32; 6];
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_capget, &[header.as_ptr() as u64, data.as_mut_ptr() as u64]), 0);
    assert_eq!(call(libc::SYS_capset, &[header.as_ptr() as u64, data.as_ptr() as u64]), 0);
    let [effective, permitted, inheritable] =
        [0, 1, 2].map(|n| i128::from(data[n]) | i128::from(data[n + 3]) << 32);
    let seen = mine(&eyes, Kind::Capset, |seen| seen.number(&RESULT) == 0);
    assert_eq!(seen.number(&EFFECTIVE), effective);
    assert_eq!(seen.number(&PERMITTED), permitted);
    assert_eq!(seen.number(&INHERITABLE), inheritable);

    // Those of another process cannot be set.
    let other = [VERSION, 0x7fff_ffff];
    assert_eq!(call(libc::SYS_capset, &[other.as_ptr() as u64, data.as_ptr() as u64]), -1);
    let seen = mine(&eyes, Kind::Capset, |seen| seen.number(&RESULT) == -1);
    assert_eq!(seen.number(&EFFECTIVE), effective);
}
