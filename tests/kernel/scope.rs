//! A cgroup that is muted is silent, but for what identity needs, and no other is; and what was not said of a cgroup
//! leaves it in scope.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nightjar::{intake::Intake, sensor::Options};
use nightjar_events::{Kind, ledger::Counts};
use nightjar_tests::Ring;

use super::deed::{Home, c, enter, in_child};

const DEEDS: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(60);

/// Enters a cgroup, and from its first moment there on opens what is not there and connects to nobody; then becomes
/// another program, which opens its libraries.
fn act(home: &Home) {
    let (door, path, program) = (home.door(), c("/nonexistent/nightjar/scope"), c("/bin/true"));
    let deed = move || {
        if !enter(&door) {
            return 1;
        }
        let address = libc::sockaddr_un { sun_family: libc::AF_UNIX as u16, sun_path: [0; 108] };
        let args = [program.as_ptr(), std::ptr::null()];
        // SAFETY: the texts end in a NUL, the address is as long as is said, and the vectors end in a null.
        unsafe {
            for _ in 0..DEEDS {
                libc::open(path.as_ptr(), libc::O_RDONLY);
            }
            let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
            libc::connect(socket, (&raw const address).cast(), size_of::<libc::sockaddr_un>() as u32);
            libc::execve(program.as_ptr(), args.as_ptr(), [std::ptr::null()].as_ptr());
        }
        2
    };
    assert!(in_child(deed).wait().unwrap().success());
}

/// What came out of the ring, by cgroup and event, until each of these has ended a process.
async fn records(ring: &mut Ring, homes: &[&Home]) -> BTreeMap<(u64, Kind), u64> {
    let (mut records, give_up) = (BTreeMap::new(), Instant::now() + PATIENCE);
    while homes.iter().any(|home| !records.contains_key(&(home.id, Kind::Exit))) {
        assert!(Instant::now() < give_up, "{records:?}");
        for bytes in ring.reader.next().await.unwrap() {
            let Intake { header, body, .. } = Intake::decode(&bytes).unwrap();
            *records.entry((header.cgroup_id, body.kind())).or_default() += 1;
        }
    }
    records
}

#[tokio::test]
async fn a_muted_cgroup_is_silent_but_for_its_processes_and_no_other_is() {
    let (out, other) = (Home::new("muted"), Home::new("heard"));
    let mut ring = Ring::open(&Options { scoped: true, ..Ring::options() });
    ring.muted().mute(out.id).unwrap();
    act(&out);
    act(&other);
    let skipped = ring.skipped();
    let records = records(&mut ring, &[&out, &other]).await;
    let of = |home: &Home, kind| records.get(&(home.id, kind)).copied().unwrap_or_default();
    assert_eq!((of(&out, Kind::Open), of(&out, Kind::Connect)), (0, 0), "{records:?}");
    assert_eq!((of(&out, Kind::Exec), of(&out, Kind::Exit)), (1, 1), "{records:?}");
    // The libraries of what was run come on top, where it has any.
    assert!(
        of(&other, Kind::Open) + skipped >= DEEDS && of(&other, Kind::Connect) + skipped >= 1,
        "{records:?}"
    );
    assert_eq!((of(&other, Kind::Exec), of(&other, Kind::Exit)), (1, 1), "{records:?}");

    // What is out of scope is no loss: it was never seen.
    let rows = ring.ledger.by_cgroup().unwrap();
    assert_eq!(rows[&out.id].counts[Kind::Open as usize], Counts::default());
    assert!(rows[&other.id].counts[Kind::Open as usize].seen + skipped >= DEEDS);
}

#[tokio::test]
async fn a_cgroup_that_is_muted_means_nothing_where_everything_is_in_scope() {
    let home = Home::new("unscoped");
    let mut ring = Ring::open(&Ring::options());
    ring.muted().mute(home.id).unwrap();
    act(&home);
    let skipped = ring.skipped();
    let records = records(&mut ring, &[&home]).await;
    assert!(records[&(home.id, Kind::Open)] + skipped >= DEEDS, "{records:?}");
}
