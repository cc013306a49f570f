//! What must hold of incidents whatever is found, and when what is told.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use nightjar_events::Kind;

use super::*;
use crate::{
    Container, Event, Payload, Process,
    event::{INITIAL_PID_NS, sample},
    rule::{Finding, Language, Priority, Reason, Rule},
};

const SETTINGS: Settings = Settings { window: 300 * SECOND, pause: SECOND, per_minute: 0 };
/// 2025-11-25.
const BASE: u64 = 1_764_030_883 * SECOND;

/// Something that is found, by what tells it from others.
#[derive(Clone, Copy, Debug)]
struct Deed {
    /// Nanoseconds from `BASE`.
    at: u64,
    /// 0: on the host.
    container: u8,
    /// Which tree of it.
    root: u8,
    rule: u8,
    value: u8,
}

fn process(pid: u32, pid_ns: u32, parent: Option<Process>) -> Process {
    let comm = format!("p{pid}").into_bytes();
    let parent = parent.map(Arc::new);
    Process {
        pid,
        pid_ns,
        start: u64::from(pid) * SECOND,
        comm,
        args: vec![b"x".to_vec()],
        parent,
        ..Process::default()
    }
}

fn event(process: Process, container: Option<Container>) -> Event {
    let payload = Payload::Case { kind: Kind::Open, variant: 1, values: BTreeMap::new() };
    sample::event(payload, process, container)
}

fn rule(number: u8) -> Arc<Rule> {
    Arc::new(Rule {
        name: format!("rule {number}"),
        desc: String::new(),
        priority: Priority::ALL[usize::from(number % 8)],
        tags: vec![format!("mitre_{}", number % 3), format!("T{number:04}")],
        source: "syscall".into(),
        enabled: true,
        condition: String::new(),
        output: String::new(),
        file: String::new(),
        line: 1,
        language: Language::Falco,
        id: None,
        false_positives: Vec::new(),
    })
}

impl Deed {
    /// Init, on the host; the root of its tree in a namespace of its own; a child of it.
    fn found(self, id: u128) -> Found {
        let ns = if self.container == 0 { INITIAL_PID_NS } else { u32::from(self.container) };
        let init = process(1, INITIAL_PID_NS, None);
        let root = process(100 + u32::from(self.root), ns, Some(init));
        let child = process(1000 + u32::from(self.root) * 300 + u32::from(self.value), ns, Some(root));
        let container = (self.container > 0)
            .then(|| Container { id: format!("c{}", self.container), ..Container::default() });
        let event = Event { time: BASE + self.at, ..event(child, container) };
        let check = |check: &str, value: String, telling| Reason { check: check.into(), value, telling };
        let reasons = vec![
            check("fd.name startswith /etc", format!("/etc/{}", self.value), true),
            check("fd.num >= 0", id.to_string(), false),
        ];
        let output = format!("found {id}");
        Found { id, event, finding: Finding { rule: rule(self.rule), output, fields: Vec::new(), reasons } }
    }
}

fn deed(at: u64, rule: u8, value: u8) -> Deed {
    Deed { at, container: 1, root: 1, rule, value }
}

/// Takes deeds in order; what was told with each.
fn run(incidents: &mut Incidents, deeds: &[Deed]) -> Vec<Vec<Report>> {
    let take = |(deed, id): (&Deed, u128)| {
        let mut reports = Vec::new();
        incidents.take(deed.found(id), &mut reports);
        reports
    };
    deeds.iter().zip(1..).map(take).collect()
}

fn states(reports: impl IntoIterator<Item = Report>) -> Vec<State> {
    let state = |report| match report {
        Report::Incident(_, state) => Some(*state),
        Report::Alone(_) | Report::Held(_, _) => None,
    };
    reports.into_iter().filter_map(state).collect()
}

#[test]
fn twelve_steps_of_a_script_are_told_twice_and_once_more_at_the_end() {
    let mut incidents = Incidents::new(SETTINGS);
    // All alike in severity, 10 ms apart.
    let deeds: Vec<_> = (0..12).map(|n| deed(u64::from(n) * SECOND / 100, 8 * n + 4, n)).collect();
    let first = states(run(&mut incidents, &deeds).into_iter().flatten());
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].findings, first[0].update), (1, 0));

    assert_eq!(incidents.next_due(), Some(BASE + SECOND));
    let mut reports = Vec::new();
    incidents.advance(BASE + SECOND, &mut reports);
    let second = states(reports);
    assert_eq!((second[0].findings, second[0].update, second[0].id), (12, 1, first[0].id));
    assert_eq!(second[0].steps.len(), 12);
    assert_eq!((second[0].first, second[0].last), (BASE, BASE + 11 * SECOND / 100));

    let mut reports = Vec::new();
    incidents.advance(BASE + 299 * SECOND, &mut reports);
    assert!(reports.is_empty(), "{reports:?}");
    incidents.advance(BASE + 301 * SECOND, &mut reports);
    let last = states(reports);
    assert_eq!((last[0].findings, last[0].update, last[0].end), (12, 2, Some(End::Quiet)));
    assert_eq!(incidents.next_due(), None);
}

#[test]
fn what_is_found_again_is_counted_and_told_ever_more_rarely() {
    let mut incidents = Incidents::new(SETTINGS);
    let deeds: Vec<_> = (0..3 * 3600).map(|second| deed(second * SECOND, 4, 1)).collect();
    let states = states(run(&mut incidents, &deeds).into_iter().flatten());
    let at: Vec<_> = states.iter().map(|state| (state.last - BASE) / SECOND).collect();
    // After a minute, then two, four and so on, then each hour.
    assert_eq!(at, [0, 59, 179, 419, 899, 1859, 3779, 7379]);
    let step = &states.last().unwrap().steps[0];
    assert_eq!((step.count, step.first, step.last), (7380, BASE, BASE + 7379 * SECOND));
    assert_eq!(step.examples, ["found 1", "found 2", "found 3"]);
}

#[test]
fn what_is_new_in_a_quiet_incident_and_what_is_worse_is_told_at_once() {
    let mut incidents = Incidents::new(SETTINGS);
    let deeds = [deed(0, 5, 1), deed(1, 6, 1), deed(2, 4, 1), deed(5 * SECOND, 6, 2)];
    let told = run(&mut incidents, &deeds);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 1, 1]);
    let Report::Incident(worst, state) = &told[3][0] else { panic!("{told:?}") };
    assert_eq!((worst.id, worst.finding.rule.priority), (3, Priority::Warning));
    assert_eq!((state.findings, state.rules().len()), (4, 3));
}

#[test]
fn one_finding_alone_is_told_once() {
    let mut incidents = Incidents::new(SETTINGS);
    let mut reports: Vec<_> = run(&mut incidents, &[deed(0, 4, 1)]).into_iter().flatten().collect();
    incidents.advance(BASE + 1000 * SECOND, &mut reports);
    incidents.stop(&mut reports);
    assert_eq!(reports.len(), 1);
}

#[test]
fn an_incident_that_is_full_goes_on_in_another() {
    let mut incidents = Incidents::new(SETTINGS);
    let deeds: Vec<_> = (0..=STEPS_MAX as u8).map(|n| deed(u64::from(n), 4, n)).collect();
    let states = states(run(&mut incidents, &deeds).into_iter().flatten());
    let [first, full, next] = states.as_slice() else { panic!("{states:?}") };
    assert_eq!((full.id, full.end, full.steps.len()), (first.id, Some(End::Full), STEPS_MAX));
    assert_eq!((next.continues, next.update, next.findings), (Some(first.id), 0, 1));
}

#[test]
fn a_clock_that_is_set_back_ends_what_is_open_with_all_that_is_known() {
    let mut incidents = Incidents::new(SETTINGS);
    let told = run(&mut incidents, &[deed(3600 * SECOND, 4, 1), deed(3600 * SECOND, 4, 2), deed(0, 4, 3)]);
    let states = states(told.into_iter().flatten());
    assert_eq!(states.iter().map(|state| state.end).collect::<Vec<_>>(), [None, Some(End::Clock), None]);
    assert_eq!(states[1].findings, 2);
}

#[test]
fn a_tree_has_the_way_to_each_process_and_what_it_did() {
    let mut incidents = Incidents::new(SETTINGS);
    let told = run(&mut incidents, &[deed(0, 4, 1), deed(2 * SECOND, 3, 2), deed(4 * SECOND, 2, 1)]);
    let state = states(told.into_iter().flatten()).pop().unwrap();
    let rows = state.tree.rows();
    let shown: Vec<_> = rows
        .iter()
        .map(|(depth, node)| (*depth, node.process.pid, state.tree.parent(node), node.findings))
        .collect();
    assert_eq!(shown, [(0, 101, None, 0), (1, 1301, Some(101), 2), (1, 1302, Some(101), 1)]);
}

#[test]
fn what_a_rule_finds_beyond_its_limit_is_held_back_and_told_in_sum() {
    let mut incidents = Incidents::new(Settings { per_minute: 2, ..SETTINGS });
    let mut deeds: Vec<_> = (0..10).map(|n| deed(u64::from(n) * SECOND, 4, n)).collect();
    // What is known is counted as ever; another container has a limit of its own.
    deeds.push(deed(9 * SECOND, 4, 0));
    deeds.push(Deed { container: 2, ..deed(9 * SECOND, 4, 9) });
    let told = run(&mut incidents, &deeds);
    assert_eq!(told.last().unwrap().len(), 1);
    let mut reports = Vec::new();
    incidents.advance(BASE + 12 * SECOND, &mut reports);
    let held = reports.iter().find_map(|report| match report {
        Report::Held(held, 0) => Some(held),
        Report::Held(_, _) | Report::Alone(_) | Report::Incident(_, _) => None,
    });
    let [held] = held.unwrap().as_slice() else { panic!("{held:?}") };
    assert_eq!((held.count, &*held.rule.name, &*held.example), (8, "rule 4", "found 3"));
    assert_eq!(held.container.as_ref().unwrap().id, "c1");
    assert_eq!(incidents.counts().held, 8);
}

#[test]
fn on_the_host_a_login_is_a_tree_and_so_is_what_process_one_started() {
    let root = |pids: &[(u32, Option<u32>, u32)]| {
        let chain = pids.iter().fold(None, |parent, (pid, loginuid, tty)| {
            Some(Process { loginuid: *loginuid, tty: *tty, ..process(*pid, INITIAL_PID_NS, parent) })
        });
        let (_, size) = key::of(&event(chain.unwrap(), None));
        pids[pids.len() - size].0
    };
    let daemon = [(1, None, 0), (800, None, 0), (801, None, 0)];
    assert_eq!(root(&daemon), 800);
    assert_eq!(
        root(&[&daemon[..], &[(900, Some(1000), 0), (901, Some(1000), 5), (950, Some(1000), 0)]].concat()),
        900
    );
    assert_eq!(root(&[&daemon[..], &[(900, None, 5), (901, None, 5)]].concat()), 900);
    assert_eq!(root(&[(1, None, 0)]), 1);
}

#[test]
fn a_score_grows_with_rules_and_tactics_and_not_with_repetition() {
    let score = |deeds: &[Deed]| {
        let mut incidents = Incidents::new(SETTINGS);
        let mut reports: Vec<_> = run(&mut incidents, deeds).into_iter().flatten().collect();
        incidents.stop(&mut reports);
        states(reports).last().unwrap().score()
    };
    let (one, twice) = (score(&[deed(0, 4, 1)]), score(&[deed(0, 4, 1), deed(1, 4, 2)]));
    assert_eq!((one, twice), (25, 25));
    // Another tactic, and a rule that is less severe.
    assert_eq!(score(&[deed(0, 4, 1), deed(1, 5, 1)]), 39);
    assert_eq!(score(&[deed(0, 7, 1)]), 1);
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let one = (0..400u64, 0..3u8, 0..3u8, 0..5u8, 0..60u8);
    let one = one.prop_map(|(pause, container, root, rule, value)| Deed {
        at: pause * SECOND / 4,
        container,
        root,
        rule,
        value,
    });
    proptest::collection::vec(one, 0..300).prop_map(|mut deeds| {
        let mut at = 0;
        for deed in &mut deeds {
            at += deed.at;
            deed.at = at;
        }
        deeds
    })
}

proptest! {
    /// Whatever comes, in whichever order of containers and trees.
    #[test]
    fn every_finding_is_counted_in_exactly_one_incident_of_its_own_tree(deeds in deeds(), per_minute in 0..20u32) {
        let mut incidents = Incidents::new(Settings { per_minute, ..SETTINGS });
        let mut reports: Vec<_> = run(&mut incidents, &deeds).into_iter().flatten().collect();
        incidents.stop(&mut reports);
        prop_assert_eq!((incidents.counts().open, incidents.next_due()), (0, None));

        let (mut last, mut held) = (BTreeMap::new(), 0);
        for report in reports {
            match report {
                Report::Incident(worst, state) => {
                    prop_assert!(state.steps.iter().all(|step| worst.finding.rule.priority <= step.rule.priority));
                    prop_assert_eq!(state.steps.iter().map(|step| step.count).sum::<u64>(), state.findings);
                    let in_tree: u64 = state.tree.rows().iter().map(|(_, node)| node.findings).sum();
                    prop_assert_eq!(in_tree + state.tree.left_out, state.findings);
                    if let Some(before) = last.insert(state.id, state.clone()) {
                        prop_assert_eq!((before.update + 1, before.end), (state.update, None));
                        prop_assert!(before.findings <= state.findings && before.score() <= state.score());
                    } else {
                        prop_assert_eq!(state.update, 0);
                    }
                }
                Report::Held(rows, others) => held += others + rows.iter().map(|row| row.count).sum::<u64>(),
                Report::Alone(_) => prop_assert!(false),
            }
        }
        let counted: u64 = last.values().map(|state| state.findings).sum();
        prop_assert_eq!(counted + held, deeds.len() as u64);
        prop_assert_eq!(held, incidents.counts().held);
        for state in last.values() {
            let places: Vec<_> = state.steps.iter().map(|step| deeds[step.id as usize - 1]).collect();
            let same = |one: &Deed| (one.container, one.root) == (places[0].container, places[0].root);
            prop_assert!(places.iter().all(same), "{:?}", places);
        }
    }

    /// The same findings give the same reports.
    #[test]
    fn what_is_told_depends_on_what_was_found_alone(deeds in deeds()) {
        let told = || {
            let mut incidents = Incidents::new(SETTINGS);
            let reports = run(&mut incidents, &deeds).into_iter().flatten();
            states(reports).iter().map(|state| (state.id, state.update, state.findings, state.end)).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(), told());
    }
}

#[test]
fn memory_is_bounded_and_those_that_were_quiet_for_longest_are_told_to_the_end() {
    let mut incidents = Incidents::new(SETTINGS);
    let mut reports = Vec::new();
    let many = INCIDENTS_MAX as u128 + 40;
    for id in 1..=many {
        for again in 0..2 {
            let mut found = deed(id as u64 + again, 4, 1).found(id * 2 + u128::from(again));
            let container = Container { id: format!("c{id}"), ..Container::default() };
            found.event.container = Some(Arc::new(container));
            incidents.take(found, &mut reports);
        }
    }
    let counts = incidents.counts();
    assert_eq!((counts.open, counts.evicted), (INCIDENTS_MAX, 40));
    let ended =
        states(std::mem::take(&mut reports)).into_iter().filter(|state| state.end == Some(End::Evicted));
    assert_eq!(ended.map(|state| state.findings).collect::<Vec<_>>(), [2; 40]);

    // The largest that there can be.
    let mut incidents = Incidents::new(SETTINGS);
    for container in 1..=200u128 {
        for value in 0..STEPS_MAX as u8 {
            let mut found = deed(u64::from(value), 4, value).found(container * 100 + u128::from(value));
            let big = vec![vec![b'a'; 1000]; 60];
            found.event.process = Arc::new(Process { args: big, ..(*found.event.process).clone() });
            found.finding.output = "o".repeat(10_000);
            found.finding.reasons = vec![found.finding.reasons[0].clone(); 32];
            let container = Container { id: format!("c{container}"), ..Container::default() };
            found.event.container = Some(Arc::new(container));
            incidents.take(found, &mut reports);
        }
        reports.clear();
    }
    assert!(
        incidents.counts().evicted > 0 && incidents.counts().bytes <= BYTES_MAX,
        "{:?}",
        incidents.counts()
    );
}
