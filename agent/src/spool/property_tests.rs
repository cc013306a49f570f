//! The spool's promise, on a disk that dies at any moment: what was accepted is given to every output, in order, until
//! it has said that it is done with it.

use std::{
    collections::{BTreeSet, VecDeque},
    io::ErrorKind,
};

use proptest::prelude::*;

use super::{
    cursor::Counts,
    fault::{Crash, Fault, FaultyDisk},
    log::{Limits, Scan, segments},
    store::{Ack, Pending, Store},
};

#[derive(Clone, Debug)]
enum Step {
    Accept { count: usize, length: usize, severe: bool },
    Deliver { reader: usize, count: usize },
    Settle,
    Crash { after: u32, how: Crash },
    Full(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let crash = prop_oneof![Just(Crash::Kill), Just(Crash::Power)];
    let step = prop_oneof![
        4 => (1..20usize, 0..3000usize, any::<bool>())
            .prop_map(|(count, length, severe)| Step::Accept { count, length, severe }),
        4 => (0..2usize, 1..40usize).prop_map(|(reader, count)| Step::Deliver { reader, count }),
        2 => Just(Step::Settle),
        2 => (0..12u32, crash).prop_map(|(after, how)| Step::Crash { after, how }),
        1 => any::<bool>().prop_map(Step::Full),
    ];
    proptest::collection::vec(step, 1..60)
}

const OUTPUTS: [&str; 2] = ["left", "right"];
/// Nothing is evicted, but segments change often.
const LIMITS: Limits = Limits { total: 1 << 30, segment: 8 << 10 };

fn names() -> Vec<String> {
    OUTPUTS.map(str::to_owned).to_vec()
}

fn payload(id: u64, length: usize) -> Vec<u8> {
    let mut payload = id.to_le_bytes().to_vec();
    payload.resize(8 + length, id as u8);
    payload
}

fn id(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

/// A disk that fails once lets the agent start the next time.
fn open(disk: &FaultyDisk) -> Store<FaultyDisk> {
    let opened = Store::open(disk.clone(), LIMITS, &names());
    opened.or_else(|_| Store::open(disk.clone(), LIMITS, &names())).unwrap().0
}

/// What the world outside knows.
struct World {
    disk: FaultyDisk,
    how: Crash,
    store: Store<FaultyDisk>,
    made: u64,
    /// Handed over, not said to be accepted yet.
    offered: VecDeque<u64>,
    accepted: BTreeSet<u64>,
    /// Of them those that a power failure must not take.
    safe: BTreeSet<u64>,
    delivered: [BTreeSet<u64>; 2],
    seen: (u64, u64),
}

impl World {
    fn new(seed: u64) -> World {
        let disk = FaultyDisk::new(seed);
        World::on(disk)
    }

    fn on(disk: FaultyDisk) -> World {
        let store = open(&disk);
        World {
            disk,
            how: Crash::Kill,
            store,
            made: 0,
            offered: VecDeque::new(),
            accepted: BTreeSet::new(),
            safe: BTreeSet::new(),
            delivered: Default::default(),
            seen: (0, 0),
        }
    }

    /// Learns what was accepted and what was refused since it looked last.
    fn look(&mut self) {
        let (accepted, no_room) = (self.store.accepted, self.store.losses.no_room);
        for _ in self.seen.0..accepted {
            self.accepted.insert(self.offered.pop_front().unwrap());
        }
        for _ in self.seen.1..no_room {
            self.offered.pop_back().unwrap();
        }
        self.seen = (accepted, no_room);
        if self.store.log.is_synced() && !self.disk.is_dead() {
            self.safe = self.accepted.clone();
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Accept { count, length, severe } => {
                let ids: Vec<u64> = (self.made + 1..=self.made + count as u64).collect();
                self.made += count as u64;
                self.offered.extend(&ids);
                self.store.accept(ids.iter().map(|id| Pending { payload: payload(*id, length), severe }));
            }
            Step::Deliver { reader, count } => self.deliver(reader, count),
            Step::Settle => self.store.settle(),
            Step::Crash { after, how } => {
                self.how = how;
                self.disk.die_after(after);
            }
            Step::Full(full) => self.disk.fill_up_at(full.then(|| self.disk.used() + 100)),
        }
        self.look();
        if self.disk.is_dead() {
            self.reboot();
        }
    }

    fn deliver(&mut self, reader: usize, count: usize) {
        let Ok(batch) = self.store.read(reader, count, 1 << 20) else { return };
        // A gap is seen where a power failure took what the other output already had, and nowhere else.
        let gap = batch.evicted + batch.damaged;
        assert!(gap <= self.delivered[1 - reader].len() as u64, "{gap} are missing");
        let ids: Vec<u64> = batch.entries.iter().map(|(_, payload)| id(payload)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        self.delivered[reader].extend(&ids);
        let counts = Counts { delivered: ids.len() as u64, ..Counts::default() };
        self.store.ack(reader, Ack { position: batch.position, counts, trouble: None });
    }

    fn reboot(&mut self) {
        self.disk.revive(self.how);
        self.disk.fill_up_at(None);
        if self.how == Crash::Power {
            self.accepted = self.safe.clone();
        }
        self.offered.clear();
        self.seen = (0, 0);
        self.store = open(&self.disk);
    }

    fn finish(mut self) {
        self.disk.revive(Crash::Kill);
        self.disk.fill_up_at(None);
        self.store.settle();
        self.look();
        for (reader, name) in OUTPUTS.iter().enumerate() {
            let next = |world: &World| world.store.readers[reader].cursor.position.next;
            while next(&self) < self.store.log.next() {
                let before = next(&self);
                self.deliver(reader, 1000);
                assert!(next(&self) > before, "{name} stands still at {before}");
            }
            let missing: Vec<_> = self.accepted.difference(&self.delivered[reader]).collect();
            assert!(missing.is_empty(), "{name} never got {missing:?}");
        }
        // Everybody has everything: nothing but the last segment is kept.
        self.store.settle();
        assert!(segments(&self.store.log.disk).unwrap().len() <= 1);
    }
}

/// Accepts, delivers and keeps house until segments have come and gone.
fn a_day() -> Vec<Step> {
    let round = |n: usize| {
        let accept = |severe| Step::Accept { count: 3 + n % 3, length: 700, severe };
        let deliver = |reader| Step::Deliver { reader, count: 4 + n % 2 };
        [accept(n.is_multiple_of(3)), deliver(0), accept(false), deliver(n % 2), Step::Settle, deliver(1)]
    };
    (0..12).flat_map(round).collect()
}

/// Runs a day on a disk on which an operation fails, for each operation in turn; how many there were.
fn each_operation_in_turn(fault: Fault, end: impl Fn(&mut World)) -> u32 {
    for operation in 0.. {
        let disk = FaultyDisk::new(u64::from(operation) + 1);
        disk.fail_after(operation, fault);
        let mut world = World::on(disk);
        a_day().iter().for_each(|step| world.step(step));
        if world.disk.forget_fault() {
            return operation;
        }
        end(&mut world);
        world.finish();
    }
    unreachable!("a day has an end")
}

#[test]
fn whatever_operation_fails_once_what_was_accepted_is_delivered() {
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        for fault in [Fault::Fails(kind), Fault::InPart(kind), Fault::Done(kind)] {
            // The agent goes on; or it is killed at the end of the day, so that all hangs on what is on the disk.
            let lives = each_operation_in_turn(fault, |_| {});
            let killed = each_operation_in_turn(fault, |world| {
                world.how = Crash::Kill;
                world.reboot();
            });
            assert!(lives > 150 && killed > 150, "{fault:?}: {lives} {killed}");
        }
    }
}

proptest! {
    #[test]
    fn what_was_accepted_is_delivered_whatever_dies(steps in steps(), seed in any::<u64>()) {
        let mut world = World::new(seed);
        steps.iter().for_each(|step| world.step(step));
        world.finish();
    }

    #[test]
    fn damaged_bytes_cost_only_the_entries_they_are_in(
        damages in proptest::collection::vec(any::<(usize, usize)>(), 1..6)
    ) {
        let disk = FaultyDisk::new(1);
        let mut store = Store::open(disk.clone(), LIMITS, &names()).unwrap().0;
        store.accept((1..=200).map(|id| Pending { payload: payload(id, 150), severe: true }));
        let names: Vec<String> = store.log.segments().map(|segment| segment.name()).collect();
        for (segment, at) in &damages {
            disk.damage(&names[segment % names.len()], *at);
        }
        let batch = store.read(0, 1000, 1 << 20).unwrap();
        let ids: Vec<u64> = batch.entries.iter().map(|(_, payload)| id(payload)).collect();
        prop_assert_eq!(ids.len() as u64 + batch.damaged, 200);
        prop_assert!(batch.damaged <= damages.len() as u64);
        prop_assert_eq!(batch.position.next, 201);
        prop_assert!(ids.is_sorted_by(|a, b| a < b));
        for segment in store.log.segments() {
            let scan = Scan::of(&disk, segment, u64::MAX).unwrap();
            prop_assert!(scan.good <= segment.len);
        }
    }
}
