//! Forks, execs and exits in the orders that occur, and in any order at all.

use proptest::prelude::*;

use super::*;

const TICK: u64 = 10_000_000;

fn table(limits: Limits) -> Processes {
    Processes::new(limits, TICK)
}

fn key(pid: u32, start: u64) -> Key {
    Key { pid, start }
}

fn named(key: Key, comm: &str) -> Process {
    Process { pid: key.pid, start: key.start, comm: comm.into(), ..Process::default() }
}

fn add(table: &mut Processes, key: Key, comm: &str, parent: Option<Key>) {
    table.insert(named(key, comm), Start::Exact, parent);
}

/// `comm` of a process and its ancestors.
fn lineage(table: &mut Processes, key: Key) -> Vec<String> {
    let process = table.get(key);
    std::iter::successors(process.as_ref(), |process| process.parent.as_ref())
        .map(|process| String::from_utf8(process.comm.clone()).unwrap())
        .collect()
}

#[test]
fn a_child_sees_what_its_parent_became() {
    let mut table = table(Limits::default());
    let (init, shell, child, grandchild) = (key(1, 1), key(2, 2), key(3, 3), key(4, 4));
    add(&mut table, init, "init", None);
    add(&mut table, shell, "sh", Some(init));
    add(&mut table, child, "sh", Some(shell));
    add(&mut table, grandchild, "ls", Some(child));
    table.replace(shell, named(shell, "python"));
    assert_eq!(lineage(&mut table, child), ["sh", "python", "init"]);
    assert_eq!(lineage(&mut table, grandchild), ["ls", "sh", "python", "init"]);
}

#[test]
fn an_event_keeps_the_lineage_of_its_own_time() {
    let mut table = table(Limits::default());
    add(&mut table, key(1, 1), "sh", None);
    add(&mut table, key(2, 2), "ls", Some(key(1, 1)));
    let at_the_event = table.get(key(2, 2)).unwrap();
    table.replace(key(1, 1), named(key(1, 1), "python"));
    assert_eq!(at_the_event.parent.as_ref().unwrap().comm, b"sh");
}

#[test]
fn an_exited_parent_is_seen_while_a_descendant_lives() {
    let mut table = table(Limits { exited_grace_secs: 1, ..Limits::default() });
    add(&mut table, key(1, 1), "cron", None);
    add(&mut table, key(2, 2), "job", Some(key(1, 1)));
    table.exit(key(1, 1), SECOND);
    table.expire(100 * SECOND);
    assert_eq!(table.get(key(1, 1)), None);
    assert_eq!(lineage(&mut table, key(2, 2)), ["job", "cron"]);
    assert_eq!((table.stats().live, table.stats().forgotten), (1, 1));
}

#[test]
fn an_exited_process_answers_late_records_until_its_grace_is_over() {
    let mut table = table(Limits { exited_grace_secs: 10, ..Limits::default() });
    add(&mut table, key(1, 1), "curl", None);
    table.exit(key(1, 1), SECOND);
    table.expire(11 * SECOND);
    assert_eq!(lineage(&mut table, key(1, 1)), ["curl"]);
    table.expire(11 * SECOND + 1);
    assert!(table.get(key(1, 1)).is_none());
}

#[test]
fn a_pid_used_again_within_the_same_tick_is_another_process() {
    let mut table = table(Limits::default());
    let (first, second) = (key(7, 5 * TICK + 1), key(7, 5 * TICK + 2));
    table.insert(named(key(7, 5 * TICK), "seeded"), Start::Tick, None);
    assert_eq!(lineage(&mut table, first), ["seeded"], "the tick is the same");
    assert_eq!(table.get(second), None, "the start is exact by now");
    table.exit(first, 5 * TICK + 2);
    add(&mut table, second, "new", None);
    assert_eq!(lineage(&mut table, first), ["seeded"]);
    assert_eq!(lineage(&mut table, second), ["new"]);
    assert_eq!(table.stats().missed_exits, 0);
}

#[test]
fn a_pid_that_comes_back_ends_the_one_before() {
    let mut table = table(Limits::default());
    add(&mut table, key(7, 1), "old", None);
    add(&mut table, key(7, 9 * TICK), "new", None);
    assert_eq!((table.stats().live, table.stats().exited, table.stats().missed_exits), (1, 1, 1));
    assert_eq!(table.running(7), Some(key(7, 9 * TICK)));
}

#[test]
fn a_late_record_of_an_earlier_process_does_not_end_the_one_that_runs() {
    let mut table = table(Limits::default());
    add(&mut table, key(7, 9 * TICK), "new", None);
    add(&mut table, key(7, 1), "old", None);
    assert_eq!(table.running(7), Some(key(7, 9 * TICK)));
    assert_eq!((table.stats().live, table.stats().exited), (1, 1));
}

#[test]
fn a_seeded_process_takes_its_exact_start_and_keeps_its_family() {
    let mut table = table(Limits::default());
    let (parent, child) = (key(5, 3 * TICK), key(6, 4 * TICK));
    add(&mut table, key(1, 0), "init", None);
    table.insert(named(parent, "sshd"), Start::Tick, Some(key(1, 0)));
    table.insert(named(child, "sh"), Start::Tick, Some(parent));
    let exact = key(5, 3 * TICK + 77);
    assert_eq!(table.get(exact).unwrap().start, exact.start);
    table.replace(exact, named(exact, "sshd-session"));
    assert_eq!(lineage(&mut table, key(6, 4 * TICK + 1)), ["sh", "sshd-session", "init"]);
    assert_eq!(table.get(key(6, 4 * TICK + 1)).unwrap().parent.as_ref().unwrap().start, exact.start);
    assert_eq!(table.stats().live, 3);
}

#[test]
fn a_parent_that_comes_back_as_a_descendant_makes_no_ring() {
    let mut table = table(Limits::default());
    let (elder, younger) = (key(1, TICK), key(5, 9 * TICK));
    table.insert(named(younger, "younger"), Start::Tick, Some(elder));
    add(&mut table, elder, "elder", Some(younger));
    assert_eq!(lineage(&mut table, key(5, 9 * TICK + 1)), ["younger"]);
    assert_eq!(lineage(&mut table, elder), ["elder", "younger"]);
}

#[test]
fn the_table_drops_the_exited_first_and_counts_it() {
    let mut table = table(Limits { processes: 3, ..Limits::default() });
    for pid in 1..=3 {
        add(&mut table, key(pid, 1), "x", None);
    }
    table.exit(key(2, 1), 2);
    add(&mut table, key(4, 3), "x", None);
    assert_eq!(table.get(key(2, 1)), None);
    assert!(table.get(key(1, 1)).is_some());
    add(&mut table, key(5, 4), "x", None);
    assert_eq!(table.get(key(1, 1)), None, "then the eldest");
    assert_eq!((table.stats().live, table.stats().evicted), (3, 2));
}

#[test]
fn exited_processes_have_a_limit_of_their_own() {
    let mut table = table(Limits { exited_processes: 2, ..Limits::default() });
    for pid in 1..=5 {
        add(&mut table, key(pid, 1), "x", None);
        table.exit(key(pid, 1), 2);
    }
    assert_eq!((table.stats().exited, table.stats().evicted), (2, 3));
}

#[test]
fn long_strings_are_bounded_in_bytes() {
    let mut table = table(Limits { process_bytes: 64 * 1024, ..Limits::default() });
    for pid in 1..=64 {
        let process = Process { args: vec![vec![b'a'; 4096]], ..named(key(pid, 1), "x") };
        table.insert(process, Start::Exact, None);
        assert!(table.stats().bytes <= 64 * 1024);
    }
    assert!(table.stats().evicted > 40 && table.get(key(64, 1)).is_some());
}

#[test]
fn a_chain_of_processes_that_fork_and_exit_keeps_its_youngest_ancestors() {
    let mut table = table(Limits { exited_grace_secs: 0, ..Limits::default() });
    add(&mut table, key(1, 1), "1", None);
    for pid in 2..=1_000 {
        let parent = key(pid - 1, u64::from(pid - 1));
        add(&mut table, key(pid, pid.into()), &pid.to_string(), Some(parent));
        table.exit(parent, pid.into());
        table.expire(u64::from(pid) + 1);
    }
    let lineage = lineage(&mut table, key(1_000, 1_000));
    assert!(lineage.len() > ANCESTORS_MAX && lineage.len() <= 2 * ANCESTORS_MAX + 1, "{}", lineage.len());
    assert_eq!(lineage[..3], ["1000", "999", "998"]);
    assert!(table.stats().lineages_cut > 10);
}

#[test]
fn a_lineage_is_bounded_in_bytes_too() {
    let mut table = table(Limits::default());
    for pid in 1..=100 {
        let process = Process { args: vec![vec![b'a'; 4096]], ..named(key(pid, 1), "x") };
        table.insert(process, Start::Exact, Some(key(pid - 1, 1)));
    }
    let process = table.get(key(100, 1)).unwrap();
    let ancestors = std::iter::successors(process.parent.as_ref(), |ancestor| ancestor.parent.as_ref());
    assert!(ancestors.map(|ancestor| weight(ancestor)).sum::<usize>() <= LINEAGE_BYTES);
}

#[test]
fn the_exec_of_a_process_with_very_many_children_renews_a_bounded_number() {
    let mut table = table(Limits::default());
    add(&mut table, key(1, 1), "old", None);
    let count = RENEWED_PER_EXEC as u32 + 10;
    for pid in 2..2 + count {
        add(&mut table, key(pid, 1), "child", Some(key(1, 1)));
    }
    table.replace(key(1, 1), named(key(1, 1), "new"));
    let renewed = (2..2 + count).filter(|pid| lineage(&mut table, key(*pid, 1))[1] == "new").count();
    assert_eq!((renewed, table.stats().renewals_cut), (RENEWED_PER_EXEC, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Fork { parent: (u32, u64), child: (u32, u64), seeded: bool },
    Exec(u32, u64, usize),
    Exit(u32, u64),
    Expire,
    Look(u32, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few pids and starts, some in one tick: keys meet often.
    let id = || (0u32..6, prop::sample::select(vec![0, 1, TICK - 1, TICK, TICK + 5, 3 * TICK]));
    let step = prop_oneof![
        (id(), id(), any::<bool>()).prop_map(|(parent, child, seeded)| Step::Fork { parent, child, seeded }),
        (id(), 0usize..5_000).prop_map(|((pid, start), len)| Step::Exec(pid, start, len)),
        id().prop_map(|(pid, start)| Step::Exit(pid, start)),
        Just(Step::Expire),
        id().prop_map(|(pid, start)| Step::Look(pid, start)),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn whatever_happens_the_table_is_bounded_and_no_lineage_goes_round(steps in steps()) {
        let limits = Limits { processes: 8, process_bytes: 24_000, exited_processes: 3, exited_grace_secs: 1, ..Limits::default() };
        let mut table = table(limits);
        for (i, step) in steps.into_iter().enumerate() {
            let now = i as u64 * SECOND / 10;
            match step {
                Step::Fork { parent, child, seeded } => {
                    let start = if seeded { Start::Tick } else { Start::Exact };
                    let child = key(child.0, child.1);
                    table.insert(named(child, "x"), start, Some(key(parent.0, parent.1)));
                }
                Step::Exec(pid, start, len) => {
                    let image = Process { args: vec![vec![b'a'; len]], ..named(key(pid, start), "y") };
                    table.replace(key(pid, start), image);
                }
                Step::Exit(pid, start) => table.exit(key(pid, start), now),
                Step::Expire => table.expire(now),
                Step::Look(pid, start) => {
                    if let Some(process) = table.get(key(pid, start)) {
                        prop_assert_eq!((process.pid, process.start), (pid, start));
                    }
                }
            }
            let stats = table.stats();
            prop_assert!(stats.live + stats.exited <= limits.processes);
            prop_assert!(stats.exited <= limits.exited_processes);
            prop_assert!(stats.bytes <= limits.process_bytes || stats.live + stats.exited <= 1);
            let bytes: usize = table.entries.values().map(|entry| weight(&entry.process)).sum();
            prop_assert_eq!(stats.bytes, bytes);
            prop_assert_eq!(stats.exited, table.entries.values().filter(|entry| entry.exited).count());
            for entry in table.entries.values() {
                let depth = std::iter::successors(entry.process.parent.as_ref(), |process| process.parent.as_ref()).count();
                prop_assert!(depth <= 2 * ANCESTORS_MAX + 1);
            }
        }
    }
}
