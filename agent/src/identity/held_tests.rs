//! What waits, what goes on, and in which order.

use std::{collections::BTreeSet, sync::Arc};

use nightjar_engine::{Container, Process};
use proptest::prelude::*;

use super::*;
use crate::alert::sample::alert;

const SECOND: u64 = 1_000_000_000;

fn event(pid: u32, cgroup_id: u64, number: u64) -> Event {
    let process = Arc::new(Process { pid, ..Process::default() });
    Event { process, cgroup_id, number, container: None, ..alert().event }
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.number).collect()
}

fn held(events: impl IntoIterator<Item = (Event, bool)>) -> Held {
    let mut held = Held::new(WAIT_DEFAULT);
    let mut out = Vec::new();
    for (event, is_open) in events {
        assert!(held.wants(&event, is_open));
        held.keep(event, is_open, SECOND, &mut out);
    }
    assert!(out.is_empty());
    held
}

#[test]
fn an_event_goes_on_as_soon_as_it_is_known_with_what_was_learned() {
    let mut held = held([(event(1, 10, 1), true), (event(2, 20, 2), true)]);
    let mut out = Vec::new();
    let web = Arc::new(Container { id: "web".into(), ..Container::default() });
    let learn = |event: &mut Event| {
        let known = event.cgroup_id == 20;
        event.container = known.then(|| web.clone());
        !known
    };
    held.release(SECOND, learn, &mut out);
    assert_eq!((numbers(&out), &*out[0].container.as_ref().unwrap().id), (vec![2], "web"));
    assert!(!out[0].unplaced && !held.is_empty());
    assert_eq!(held.stats(), &HeldStats { waited: 2, ..HeldStats::default() });
}

#[test]
fn time_runs_out_and_what_was_lacking_is_counted() {
    let mut held = held([(event(1, 10, 1), true), (event(2, 20, 2), true)]);
    let mut out = Vec::new();
    let nameless =
        Arc::new(Container { missing: vec!["name".into(), "image".into()], ..Container::default() });
    let learn = |event: &mut Event| {
        event.container = (event.cgroup_id == 20).then(|| nameless.clone());
        true
    };
    held.release(3 * SECOND - 1, learn, &mut out);
    assert!(out.is_empty());
    held.release(3 * SECOND, learn, &mut out);
    assert_eq!(out.iter().map(|event| event.unplaced).collect::<Vec<_>>(), [true, false]);
    let lacked = ["container", "name", "image"].map(|lack| (lack.to_owned(), 1)).into();
    assert_eq!(held.stats(), &HeldStats { waited: 2, overdue: 2, crowded_out: 0, lacked });
}

#[test]
fn a_process_that_moved_to_a_known_cgroup_waits_for_what_it_did_before() {
    let mut held = held([(event(1, 10, 1), true), (event(1, 20, 2), false)]);
    assert!(!held.wants(&event(2, 20, 3), false), "another process of the same cgroup");
    let mut out = Vec::new();
    held.release(SECOND, |_| true, &mut out);
    assert!(out.is_empty());
    held.release(SECOND, |_| false, &mut out);
    assert_eq!(numbers(&out), [1, 2]);
    assert!(!held.wants(&event(1, 20, 4), false));
}

#[test]
fn one_cgroup_that_floods_leaves_room_for_the_others() {
    let mut held = held([(event(1, 10, 0), true)]);
    let mut out = Vec::new();
    for number in 1..=OF_CGROUP_MAX as u64 + 9 {
        held.keep(event(2, 20, number), true, SECOND, &mut out);
    }
    assert_eq!(numbers(&out), (1..=9).collect::<Vec<_>>());
    assert!(out[0].unplaced);
    assert_eq!(held.stats().crowded_out, 9);
}

#[test]
fn nothing_waits_where_no_time_is_given() {
    assert!(!Held::new(Duration::ZERO).wants(&event(1, 10, 1), true));
}

proptest! {
    /// Processes that move between cgroups, cgroups that become known at any time, and too many events at once.
    #[test]
    fn nothing_is_lost_and_the_order_of_each_process_is_kept(
        deeds in prop::collection::vec((0..4_u32, 0..3_u64, 0..9_u8), 1..3_000)
    ) {
        let (mut held, mut out, mut known) = (Held::new(WAIT_DEFAULT), Vec::new(), BTreeSet::new());
        for (number, (pid, cgroup, what)) in (0_u64..).zip(&deeds) {
            let event = event(*pid, *cgroup, number);
            let is_open = !known.contains(cgroup);
            if held.wants(&event, is_open) {
                held.keep(event, is_open, number, &mut out);
            } else {
                out.push(event);
            }
            if *what == 0 && number % 97 == 0 {
                known.insert(*cgroup);
                held.release(number, |event| !known.contains(&event.cgroup_id), &mut out);
            }
        }
        held.release(u64::MAX, |_| true, &mut out);
        prop_assert!(held.is_empty() && held.by_process.is_empty() && held.by_cgroup.is_empty());
        prop_assert_eq!(out.len(), deeds.len());
        for pid in 0..4 {
            let of_it: Vec<_> = out.iter().filter(|event| event.process.pid == pid).collect();
            prop_assert!(of_it.is_sorted_by_key(|event| event.number));
        }
    }
}
