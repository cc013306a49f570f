//! No record carries bytes of an earlier one: not in its padding or reserved members, nor between the parts of its tail.

use std::{
    collections::BTreeSet,
    fs::File,
    os::unix::{net::UnixStream, process::CommandExt},
    process::Command,
    time::{Duration, Instant},
};

use nightjar::{
    intake::Intake,
    sensor::{Options, RING_MIN},
};
use nightjar_engine::Value;
use nightjar_events::Kind;
use nightjar_tests::{Ring, Seen};

/// What nothing else writes.
const CANARY: &str = "\u{7f}cAnArY\u{7f}";
/// Each writes some ten KiB, so that the ring is used again and again.
const ROUNDS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

/// Deeds whose records are full of the canary.
fn long_deeds(dir: &str) {
    Command::new("/bin/true").arg(CANARY.repeat(1_000)).env_clear().status().unwrap();
    let name = CANARY.repeat(25);
    File::open(format!("{dir}/{name}")).unwrap_err();
    File::open(format!("{dir}/{}", format!("{name}/").repeat(15))).unwrap_err();
    UnixStream::connect(format!("/{}", CANARY.repeat(12))).unwrap_err();
}

/// The same with next to nothing in them.
fn short_deeds() {
    Command::new("/bin/true").arg0("-").env_clear().status().unwrap();
    File::open("/").unwrap();
    // SAFETY: the text ends in a NUL.
    assert_eq!(unsafe { libc::open(c"".as_ptr(), libc::O_RDONLY) }, -1);
    UnixStream::connect("/x").unwrap_err();
}

fn has_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

/// Whether a value of the record is what has the canary: then it is of the record's own deed.
fn has_its_own(seen: &Seen) -> bool {
    seen.0.body.kind().event().fields.iter().any(|field| match seen.value(field) {
        Value::Text(text) => has_canary(&text.bytes),
        Value::List(list) => list.iter().any(|text| has_canary(&text.bytes)),
        _ => false,
    })
}

#[tokio::test]
async fn no_record_carries_bytes_of_an_earlier_one() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let dir = dir.path().to_str().unwrap();
    let mut ring = Ring::open(&Options { ring_bytes: RING_MIN, ..Ring::options() });
    // Events of which records with the canary came, and such without.
    let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
    let mut bytes_read = 0;
    let mut take = |ring: &mut Ring| {
        for bytes in ring.reader.take() {
            let seen = Seen(Intake::decode(&bytes).unwrap());
            let kind = seen.0.body.kind();
            bytes_read += bytes.len();
            if has_its_own(&seen) {
                with.insert(kind);
            } else {
                // All bytes, as they lay in the ring.
                assert!(!has_canary(&bytes), "{kind:?}: {bytes:?}");
                without.insert(kind);
            }
        }
        let wanted = [Kind::Exec, Kind::Open, Kind::Connect];
        let all = wanted.iter().all(|kind| with.contains(kind) && without.contains(kind));
        all && [Kind::Fork, Kind::Exit].iter().all(|kind| without.contains(kind))
            && bytes_read > 4 * RING_MIN as usize
    };
    for _ in 0..ROUNDS {
        long_deeds(dir);
        short_deeds();
        take(&mut ring);
    }
    let give_up = Instant::now() + PATIENCE;
    while !take(&mut ring) {
        assert!(Instant::now() < give_up);
    }
}
