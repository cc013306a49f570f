//! `userfaultfd`.

use nightjar_events::{Kind, event::userfaultfd::*};
use nightjar_tests::{Eyes, is_watched};

use super::deed::{call, mine};

const ENOSYS: i64 = -38;

#[test]
fn handling_page_faults_by_oneself_is_told() {
    let eyes = Eyes::open();
    let fd = call(libc::SYS_userfaultfd, &[libc::O_CLOEXEC as u64]);
    if fd == ENOSYS {
        assert!(!is_watched(Kind::Userfaultfd), "a kernel without the call has nothing to see it by");
        return;
    }
    let seen = mine(&eyes, Kind::Userfaultfd, |seen| seen.number(&FLAGS) == libc::O_CLOEXEC.into());
    assert_eq!(seen.number(&RESULT), fd.into());
    if fd >= 0 {
        assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);
    }
    assert_eq!(call(libc::SYS_userfaultfd, &[0x4000_0000]), -22);
    let seen = mine(&eyes, Kind::Userfaultfd, |seen| seen.number(&FLAGS) == 0x4000_0000);
    assert_eq!(seen.number(&RESULT), -22);
}
