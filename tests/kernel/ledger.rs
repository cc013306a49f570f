//! The ledger adds up: `seen = submitted + shed + lost`, to the last event.

use std::{
    collections::BTreeSet,
    fs::File,
    process::Command,
    time::{Duration, Instant},
};

use nightjar::{
    intake::Intake,
    sensor::{Options, RING_MIN},
};
use nightjar_events::Kind;
use nightjar_tests::Ring;

use super::deed::{Home, ONE_FLOOD, c, enter, in_child};

/// Opens of a path that does not exist.
fn flood(times: usize) {
    for _ in 0..times {
        File::open("/nonexistent/nightjar/flood").unwrap_err();
    }
}

/// Takes what is in the ring; gives how many are of a kind.
fn take(ring: &mut Ring, kind: Kind) -> u64 {
    let mut received = 0;
    loop {
        let batch = ring.reader.take();
        if batch.is_empty() {
            return received;
        }
        received +=
            batch.iter().filter(|bytes| Intake::decode(bytes).unwrap().body.kind() == kind).count() as u64;
    }
}

/// Takes what is left after the programs are detached, and holds it against the ledger.
fn settle(mut ring: Ring, kind: Kind, mut received: u64) {
    ring.detach();
    // A program may still have been running on another CPU.
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        received += take(&mut ring, kind);
        let tally = ring.tally(kind);
        let adds_up = tally.seen == tally.submitted + tally.shed + tally.lost && received == tally.submitted;
        if adds_up {
            return;
        }
        assert!(Instant::now() < give_up, "{received} received, {tally:?}");
    }
}

#[tokio::test]
async fn a_full_ring_sheds_bulk_events_and_counts_each() {
    let _alone = ONE_FLOOD.lock().await;
    // The reserved quarter must hold what the other tests of this process run meanwhile.
    let mut ring = Ring::open_for(8 << 20, BTreeSet::from([Kind::Open, Kind::Exec, Kind::Exit]));
    // Far more than fill it.
    let rounds = (0..100).take_while(|_| ring.tally(Kind::Open).shed == 0);
    rounds.for_each(|_| flood(1_000));
    let held = ring.tally(Kind::Open);
    assert!(held.shed > 0, "{held:?}");

    // The last quarter of the ring is not for bulk events: with nobody reading, execs still get through.
    for _ in 0..20 {
        Command::new("/bin/true").spawn().unwrap().wait().unwrap();
    }
    let execs = ring.tally(Kind::Exec);
    assert!(execs.seen >= 20, "{execs:?}");
    assert_eq!((execs.shed, execs.lost), (0, 0), "{execs:?}");

    // With room again, opens get through again.
    let received = take(&mut ring, Kind::Open);
    flood(10);
    assert!(ring.tally(Kind::Open).submitted >= held.submitted + 10);
    settle(ring, Kind::Open, received);
}

#[tokio::test]
async fn priority_events_that_do_not_fit_are_counted_as_lost() {
    let ring = Ring::open_for(RING_MIN, BTreeSet::from([Kind::Exec]));
    // Each exec record holds its arguments: a few dozen fill the ring.
    let long = "x".repeat(12 * 1024);
    for _ in 0..60 {
        Command::new("/bin/true").arg(&long).spawn().unwrap().wait().unwrap();
    }
    let full = ring.tally(Kind::Exec);
    assert!(full.lost > 0, "{full:?}");
    assert_eq!(full.shed, 0, "{full:?}");
    settle(ring, Kind::Exec, 0);
}

/// Rows, and cgroups that want one.
const ROWS: u32 = 64;
const WANDERED: u64 = 150;

#[tokio::test]
async fn events_of_cgroups_whose_row_was_given_away_are_still_counted_by_event() {
    let kinds = BTreeSet::from([Kind::Open]);
    let ring = Ring::open(&Options { cgroup_rows: ROWS, kinds, ..Ring::options() });
    let homes: Vec<Home> = (0..WANDERED).map(|n| Home::new(&format!("wandered-{n}"))).collect();
    let doors: Vec<File> = homes.iter().map(Home::door).collect();
    let path = c("/nonexistent/nightjar/wandered");
    let mut wanderer = in_child(move || {
        // SAFETY: the path ends in a NUL.
        let opens = |door| enter(door) && unsafe { libc::open(path.as_ptr(), libc::O_RDONLY) } < 0;
        i32::from(!doors.iter().all(opens))
    });
    assert!(wanderer.wait().unwrap().success());
    let evicted = ring.ledger.rows_evicted().unwrap();
    let rows = ring.ledger.by_cgroup().unwrap();
    let known: u64 = rows.values().map(|row| row.counts[Kind::Open as usize].seen).sum();
    let all = ring.tally(Kind::Open);
    let given_away = WANDERED - u64::from(ROWS) - ring.skipped();
    assert!(rows.len() <= ROWS as usize && evicted >= given_away, "{evicted} of {}", rows.len());
    assert!(all.seen - known >= given_away, "{known} of {all:?}");
    settle(ring, Kind::Open, 0);
}
