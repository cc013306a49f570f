//! A cgroup that floods pays for it and no other does: its bulk events are shed, and both views of the ledger say so to
//! the last event.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::process::CommandExt,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use nightjar::{intake::Intake, sensor::Options};
use nightjar_events::{
    EVENTS, Kind,
    event::{self, connect, open},
    ledger::Counts,
};
use nightjar_tests::{Ring, Seen};

use super::deed::{Home, ONE_FLOOD, c, enter, in_child};

/// Bulk events a second and cgroup. What is saved up of it in ten seconds is more than the neighbour needs.
const BUDGET: u32 = 1_000;
const SAVED_UP: u64 = 10 * BUDGET as u64;
/// Of each sort, by the neighbour.
const DEEDS: u64 = 1_000;
const WANTED: &str = "/nonexistent/nightjar/fairness/wanted";
const PATIENCE: Duration = Duration::from_secs(120);

/// What the flooding processes share with the test.
struct Flood {
    opens: AtomicU64,
    over: AtomicBool,
}

impl Flood {
    /// In memory that children share.
    fn shared() -> &'static Flood {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let how = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping, which touches nothing that is there.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<Flood>(), access, how, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: large enough and aligned, its zeroes are a valid `Flood`, and it is never unmapped.
        unsafe { &*page.cast::<Flood>() }
    }

    /// Opens what is not there until it is over, in as many processes as there are CPUs. They are nice, so that the
    /// neighbour gets CPUs at all on an emulated machine: what they fight for here is the ring.
    fn start(&'static self, home: &Home) -> Vec<JoinHandle<()>> {
        let cpus = thread::available_parallelism().unwrap().get();
        let opens = move |door: File| {
            let path = c("/nonexistent/nightjar/fairness/flood");
            let deed = move || {
                // SAFETY: no pointers.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
                if !enter(&door) {
                    return 1;
                }
                while !self.over.load(Relaxed) {
                    // SAFETY: the path ends in a NUL.
                    unsafe { libc::open(path.as_ptr(), libc::O_RDONLY) };
                    self.opens.fetch_add(1, Relaxed);
                }
                0
            };
            assert!(in_child(deed).wait().unwrap().success());
        };
        let doors = (0..cpus).map(|_| home.door());
        doors.map(|door| thread::spawn(move || opens(door))).collect()
    }
}

/// Opens and connects of a process that has a right to be seen.
fn open_and_connect(door: File) {
    let path = c(WANTED);
    let mut address = libc::sockaddr_un { sun_family: libc::AF_UNIX as u16, sun_path: [0; 108] };
    for (to, from) in address.sun_path.iter_mut().zip(path.as_bytes()) {
        *to = *from as libc::c_char;
    }
    let deed = move || {
        if !enter(&door) {
            return 1;
        }
        for _ in 0..DEEDS {
            // SAFETY: the path ends in a NUL, the address is as long as is said, and the socket is closed once.
            unsafe {
                libc::open(path.as_ptr(), libc::O_RDONLY);
                let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
                libc::connect(socket, (&raw const address).cast(), size_of::<libc::sockaddr_un>() as u32);
                libc::close(socket);
            }
        }
        0
    };
    assert!(in_child(deed).wait().unwrap().success());
}

/// Execs of one: a shell that becomes itself again and again.
fn exec(door: File) {
    let script = format!(r#"if [ $1 -lt {DEEDS} ]; then exec /bin/sh -c "$0" "$0" $(($1+1)); fi"#);
    let mut shell = Command::new("/bin/sh");
    // Without LD_LIBRARY_PATH, which makes each start of a program look for its libraries in many places.
    shell.args(["-c", &script, &script, "1"]).env_clear();
    // SAFETY: one system call.
    unsafe { shell.pre_exec(move || if enter(&door) { Ok(()) } else { Err(io::Error::last_os_error()) }) };
    assert!(shell.status().unwrap().success());
}

/// What came out of the ring.
#[derive(Default)]
struct Taken {
    /// By cgroup and event.
    records: BTreeMap<(u64, Kind), u64>,
    /// The neighbour's deeds, by event.
    deeds: BTreeMap<Kind, u64>,
}

impl Taken {
    /// Takes records while the flood goes on, until something holds.
    async fn until(&mut self, ring: &mut Ring, neighbour: &Home, holds: impl Fn(&Ring) -> bool) {
        let taking = async {
            while !holds(ring) {
                let batch = ring.reader.next().await.unwrap();
                self.count_all(&batch, neighbour);
            }
        };
        let patient = tokio::time::timeout(PATIENCE, taking).await;
        assert!(patient.is_ok(), "{:?}, {:?}", ring.ledger.by_event(), self.deeds);
    }

    /// Takes what is left after the programs are detached, until both views of the ledger agree with it.
    fn settle(&mut self, ring: &mut Ring, neighbour: &Home) {
        let give_up = Instant::now() + PATIENCE;
        // A program may still have been running on another CPU.
        while !agree(ring, self) {
            let batch = ring.reader.take();
            self.count_all(&batch, neighbour);
            assert!(Instant::now() < give_up, "{:?}", ring.ledger.read());
        }
    }

    fn count_all(&mut self, batch: &[Bytes], neighbour: &Home) {
        batch.iter().for_each(|bytes| self.count(Seen(Intake::decode(bytes).unwrap()), neighbour.id));
    }

    fn count(&mut self, seen: Seen, neighbour: u64) {
        let (cgroup, kind) = (seen.0.header.cgroup_id, seen.0.body.kind());
        *self.records.entry((cgroup, kind)).or_default() += 1;
        let is_deed = match kind {
            Kind::Open => seen.text(&open::NAME) == WANTED,
            Kind::Connect => {
                !seen.is_absent(&connect::PATH) && seen.bytes(&connect::PATH) == WANTED.as_bytes()
            }
            Kind::Exec => seen.text(&event::exec::COMM) == "sh",
            _ => false,
        };
        if is_deed && cgroup == neighbour {
            *self.deeds.entry(kind).or_default() += 1;
        }
    }

    fn of(&self, cgroup: u64, kind: Kind) -> u64 {
        self.records.get(&(cgroup, kind)).copied().unwrap_or_default()
    }
}

fn counts(ring: &Ring, cgroup: u64, kind: Kind) -> Counts {
    let rows = ring.ledger.by_cgroup().unwrap();
    rows.get(&cgroup).map_or_else(Counts::default, |row| row.counts[kind as usize])
}

/// Whether both views have the same numbers, of which what was taken is what was submitted.
fn agree(ring: &Ring, taken: &Taken) -> bool {
    let reading = ring.ledger.read().unwrap();
    reading.events.iter().all(|(kind, tally)| {
        let rows = reading.cgroups.iter().map(|(id, row)| (id, row.counts[*kind as usize]));
        let sum = rows.clone().fold(Counts::default(), |sum, (_, row)| Counts {
            seen: sum.seen + row.seen,
            shed: sum.shed + row.shed,
            lost: sum.lost + row.lost,
        });
        let same = (sum.seen, sum.shed, sum.lost) == (tally.seen, tally.shed, tally.lost);
        let whole = tally.seen == tally.submitted + tally.shed + tally.lost;
        same && whole && rows.clone().all(|(id, row)| taken.of(*id, *kind) == row.seen - row.shed - row.lost)
    })
}

#[tokio::test]
async fn who_floods_is_shed_and_no_other_and_both_ledgers_add_up() {
    let _alone = ONE_FLOOD.lock().await;
    let (flooder, other) = (Home::new("flooder"), Home::new("neighbour"));
    let mut ring = Ring::open(&Options { bulk_budget: BUDGET, ..Ring::options() });
    let (flood, mut taken, begun) = (Flood::shared(), Taken::default(), Instant::now());
    let floods = flood.start(&flooder);
    taken.until(&mut ring, &other, |ring| counts(ring, flooder.id, Kind::Open).shed > 0).await;
    let doors = (other.door(), other.door());
    let deeds = thread::spawn(move || {
        open_and_connect(doors.0);
        exec(doors.1);
    });
    taken.until(&mut ring, &other, |_| deeds.is_finished()).await;
    flood.over.store(true, Relaxed);
    deeds.join().unwrap();
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    let (skipped, seconds) = (ring.skipped(), begun.elapsed().as_secs());
    ring.detach();
    taken.settle(&mut ring, &other);
    assert_eq!(ring.ledger.rows_evicted().unwrap(), 0);

    // What the kernel skipped no program saw.
    let all_but_skipped = |done: u64, seen: u64| seen <= done && done - seen <= skipped;
    let flooded = counts(&ring, flooder.id, Kind::Open);
    let done = flood.opens.load(Relaxed);
    assert!(all_but_skipped(done, flooded.seen), "{done} done, {skipped} skipped, {flooded:?}");
    let passed = flooded.seen - flooded.shed - flooded.lost;
    let allowed = SAVED_UP + (seconds + 2) * u64::from(BUDGET);
    assert!((SAVED_UP..allowed).contains(&passed), "{flooded:?} in {seconds} s");
    for kind in [Kind::Open, Kind::Connect, Kind::Exec] {
        let arrived = taken.deeds.get(&kind).copied().unwrap_or_default();
        assert!(all_but_skipped(DEEDS, arrived), "{arrived} of {}, {skipped} skipped", kind.name());
    }
    for event in EVENTS {
        let Counts { seen, shed, lost } = counts(&ring, other.id, event.kind);
        assert_eq!((shed, lost), (0, 0), "{} of {seen}", event.name);
    }
}
