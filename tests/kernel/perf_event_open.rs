//! `perf_event_open`.

use nightjar_events::{Kind, event::perf_event_open::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

const SOFTWARE: u64 = 1;
const TASK_CLOCK: u64 = 1;
/// PERF_ATTR_SIZE_VER0 (include/uapi/linux/perf_event.h).
const SIZE: u64 = 64;

#[test]
fn what_a_process_counts_is_told_with_whom_it_watches() {
    let mut attributes = [0u64; 8];
    attributes[0] = SOFTWARE | SIZE << 32;
    attributes[1] = TASK_CLOCK;
    let eyes = Eyes::open();
    let fd = call(libc::SYS_perf_event_open, &[attributes.as_ptr() as u64, 0, u64::MAX, u64::MAX, 8]);
    assert!(fd >= 0, "{fd}");
    assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);
    let seen = mine(&eyes, Kind::PerfEventOpen, |seen| seen.number(&RESULT) == fd.into());
    assert_eq!(
        (seen.text(&TYPE), seen.number(&CONFIG)),
        ("PERF_TYPE_SOFTWARE".to_owned(), TASK_CLOCK.into())
    );
    assert_eq!((seen.number(&PID), seen.number(&CPU), seen.number(&GROUP_FD)), (0, -1, -1));
    assert_eq!(seen.number(&FLAGS), 8);
}

#[test]
fn one_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    // Nobody's, on no CPU.
    let result = call(
        libc::SYS_perf_event_open,
        &[[SOFTWARE | SIZE << 32, 4711, 0, 0, 0, 0, 0, 0].as_ptr() as u64, u64::MAX, u64::MAX, u64::MAX, 0],
    );
    assert!(result < 0);
    let seen = mine(&eyes, Kind::PerfEventOpen, |seen| seen.number(&CONFIG) == 4711);
    assert_eq!((seen.number(&RESULT), seen.number(&PID)), (result.into(), -1));
}
