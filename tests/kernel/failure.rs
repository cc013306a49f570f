//! What a program could not do is counted by the place where it could not.

use std::{
    collections::BTreeSet,
    os::{fd::AsRawFd, unix::net::UnixDatagram},
    process::Command,
    time::{Duration, Instant},
};

use nightjar::sensor::RING_MIN;
use nightjar_events::{EVENTS, Kind, failure::Place};
use nightjar_tests::Ring;

use super::deed::in_child;

const TIMES: u64 = 20;
/// Nothing is mapped there.
const NOWHERE: *const libc::c_void = std::ptr::without_provenance(8);

fn times(ring: &Ring, place: Place) -> u64 {
    let failures = ring.ledger.failures().unwrap();
    failures.into_iter().find(|(failed, _)| *failed == place).map_or(0, |(_, times)| times)
}

#[tokio::test]
async fn memory_that_is_not_there_is_counted_by_what_was_to_be_read_from_it() {
    let ring = Ring::open(&Ring::options());
    let socket = UnixDatagram::unbound().unwrap();
    let fd = socket.as_raw_fd();
    let (names, paths) = (times(&ring, Place::OpenName), times(&ring, Place::ConnectPath));
    let deed = move || {
        for _ in 0..TIMES {
            // SAFETY: the kernel refuses the address.
            unsafe {
                libc::open(NOWHERE.cast(), libc::O_RDONLY);
                libc::connect(fd, NOWHERE.cast(), 20);
            }
        }
        0
    };
    assert!(in_child(deed).wait().unwrap().success());
    let skipped = ring.skipped();
    assert!(times(&ring, Place::OpenName) + skipped >= names + TIMES, "{:?}", ring.ledger.failures());
    assert!(times(&ring, Place::ConnectPath) + skipped >= paths + TIMES, "{:?}", ring.ledger.failures());
}

#[tokio::test]
async fn every_lost_event_has_a_place_where_it_was_lost() {
    let mut ring = Ring::open_for(RING_MIN, BTreeSet::from([Kind::Exec]));
    let lost = |ring: &Ring| EVENTS.iter().map(|event| ring.tally(event.kind).lost).sum::<u64>();
    let give_up = Instant::now() + Duration::from_secs(60);
    // Each exec record holds its arguments: a few dozen fill the ring.
    let long = "x".repeat(12 * 1024);
    while lost(&ring) == 0 {
        assert!(Instant::now() < give_up, "{:?}", ring.ledger.by_event());
        Command::new("/bin/true").arg(&long).status().unwrap();
    }
    ring.detach();
    // A program may still have been running on another CPU.
    while lost(&ring) != times(&ring, Place::Ring) + times(&ring, Place::Slot) {
        assert!(Instant::now() < give_up, "{} lost, {:?}", lost(&ring), ring.ledger.failures());
    }
}
