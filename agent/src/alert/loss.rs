//! The alert that is not about a deed but about the agent: events happened that it could not see. It names the cgroups
//! that lost most; what they are is found out elsewhere.

use std::sync::Arc;

use nightjar_engine::rule::Priority;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Origin,
    escape::terminal,
    human::{self, Look},
    internal::Said,
    json::ContainerView,
    rfc3339,
};
use crate::identity::Place;

/// As rule names go, so that a filter on rules finds it.
pub const RULE: &str = "Nightjar internal: events lost";

/// Events between two moments of which no record came out of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    pub origin: Arc<Origin>,
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub since: u64,
    /// One an event, none without a loss.
    pub missed: Vec<Missed>,
    /// The cgroups that lost most, the first of them the most.
    pub cgroups: Vec<Loser>,
    /// What is not said of a cgroup.
    pub others: Vec<Missed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    pub event: &'static str,
    /// The process tree and the containers hang on it.
    pub vital: bool,
    pub seen: u64,
    /// Left out: beyond a cgroup's budget, or so that the ring keeps room for vital events.
    pub shed: u64,
    /// The ring was full.
    pub lost: u64,
}

/// A cgroup of which events were missed.
#[derive(Clone, Debug, PartialEq)]
pub struct Loser {
    pub cgroup: u64,
    pub place: Place,
    pub missed: Vec<Missed>,
}

impl Missed {
    pub fn refused(&self) -> u64 {
        self.shed + self.lost
    }
}

impl Loser {
    /// The container, else the cgroup's path, else its id.
    fn name(&self) -> String {
        match &self.place {
            Place { container: Some(container), .. } => human::named(container),
            Place { container: None, path: Some(path) } => format!("cgroup {}", terminal(path)),
            Place { container: None, path: None } => format!("cgroup {}", self.cgroup),
        }
    }

    fn described(&self) -> String {
        let name = self.place.container.as_deref().map_or_else(|| self.name(), human::described);
        format!("{name}: {}", told(&self.missed))
    }
}

/// `open 103 of 900 (100 shed, 3 lost), exec 1 of 10 (0 shed, 1 lost)`.
fn told(missed: &[Missed]) -> String {
    let parts = missed.iter().map(|missed| {
        let Missed { event, seen, shed, lost, .. } = missed;
        format!("{event} {} of {seen} ({shed} shed, {lost} lost)", missed.refused())
    });
    parts.collect::<Vec<_>>().join(", ")
}

impl Loss {
    /// Whether what is known of processes and containers may be wrong now.
    pub fn vital(&self) -> bool {
        self.missed.iter().any(|missed| missed.vital)
    }

    pub fn priority(&self) -> Priority {
        if self.vital() { Priority::Critical } else { Priority::Error }
    }

    pub fn message(&self) -> String {
        let most = self.cgroups.first().map(|loser| format!(", most by {}", loser.name()));
        format!(
            "More events came than could be taken and were not judged | {} since {}{}",
            told(&self.missed),
            rfc3339(self.since),
            most.unwrap_or_default()
        )
    }

    /// The block, ending in an empty line.
    pub fn human(&self, look: Look) -> String {
        let mut block = human::title(self.time, self.priority(), RULE, look);
        human::row(&mut block, "what", &self.message(), look);
        let others = (!self.others.is_empty()).then(|| format!("others: {}", told(&self.others)));
        for (n, row) in self.cgroups.iter().map(Loser::described).chain(others).enumerate() {
            human::row(&mut block, if n == 0 { "from" } else { "" }, &row, look);
        }
        human::row(&mut block, "where", &format!("node {}", self.origin.node), look);
        block.push('\n');
        block
    }
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (priority, message) = (self.priority(), self.message());
        let said = Said { origin: &self.origin, time: self.time, rule: RULE, priority, message };
        let cgroups = self.cgroups.iter().map(LoserView::of).collect();
        said.with(Fields(self), Keys { cgroups, others: Counts(&self.others) }).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Keys<'a> {
    cgroups: Vec<LoserView<'a>>,
    others: Counts<'a>,
}

#[derive(Serialize)]
struct LoserView<'a> {
    cgroup_id: u64,
    path: Option<&'a str>,
    container: Option<ContainerView<'a>>,
    #[serde(flatten)]
    counts: Counts<'a>,
}

impl<'a> LoserView<'a> {
    fn of(Loser { cgroup, place, missed }: &'a Loser) -> Self {
        LoserView {
            cgroup_id: *cgroup,
            path: place.path.as_deref(),
            container: place.container.as_deref().map(ContainerView::of),
            counts: Counts(missed),
        }
    }
}

/// `open.seen` and so on.
struct Counts<'a>(&'a [Missed]);

impl Counts<'_> {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        for Missed { event, seen, shed, lost, .. } in self.0 {
            for (column, count) in [("seen", seen), ("shed", shed), ("lost", lost)] {
                map.serialize_entry(&format!("{event}.{column}"), count)?;
            }
        }
        Ok(())
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        map.end()
    }
}

struct Fields<'a>(&'a Loss);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("evt.time", &self.0.time)?;
        map.serialize_entry("since", &self.0.since)?;
        Counts(&self.0.missed).write(&mut map)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{
        super::{json::to_line, sample::alert},
        *,
    };

    fn loss() -> Loss {
        let open = |seen, shed, lost| Missed { event: "open", vital: false, seen, shed, lost };
        let loser = |cgroup, place, missed| Loser { cgroup, place, missed: vec![missed] };
        let web = Place { path: Some("/web".into()), container: alert().event.container };
        let cron = Place { path: Some("/system.slice/cron\u{1b}[2J".into()), container: None };
        Loss {
            origin: Arc::new(Origin { node: "node-1".into(), boot: Uuid::from_u128(1) }),
            time: 1_764_030_883_000_000_000,
            since: 1_764_030_882_000_000_000,
            missed: vec![open(900, 100, 3)],
            cgroups: vec![
                loser(77, web, open(600, 91, 1)),
                loser(78, cron, open(10, 6, 1)),
                loser(79, Place::default(), open(5, 3, 0)),
            ],
            others: vec![open(285, 0, 1)],
        }
    }

    #[test]
    fn a_loss_has_the_keys_of_an_alert_and_a_number_for_each_column() {
        let value: Value = serde_json::from_str(&to_line(&loss()).unwrap()).unwrap();
        assert_eq!(value["rule"], RULE);
        assert_eq!((&value["priority"], &value["source"]), (&json!("Error"), &json!("internal")));
        assert_eq!(value["time"], "2025-11-25T00:34:43.000000000Z");
        assert_eq!(
            value["output_fields"],
            json!({"evt.time": 1_764_030_883_000_000_000_u64, "since": 1_764_030_882_000_000_000_u64,
                "open.seen": 900, "open.shed": 100, "open.lost": 3})
        );
        assert_eq!(value["nightjar"]["node"], "node-1");
    }

    #[test]
    fn the_cgroups_that_lost_most_are_there_with_their_containers_and_numbers() {
        let value: Value = serde_json::from_str(&to_line(&loss()).unwrap()).unwrap();
        let first = &value["cgroups"][0];
        assert_eq!((&first["cgroup_id"], &first["path"]), (&json!(77), &json!("/web")));
        assert_eq!(first["container"]["name"], "web");
        assert_eq!(first["container"]["image"], "docker.io/library/nginx:1.27");
        assert_eq!(
            (&first["open.seen"], &first["open.shed"], &first["open.lost"]),
            (&json!(600), &json!(91), &json!(1))
        );
        assert_eq!(value["cgroups"][1]["container"], Value::Null);
        let unknown = json!({"cgroup_id": 79, "path": null, "container": null,
            "open.seen": 5, "open.shed": 3, "open.lost": 0});
        assert_eq!(value["cgroups"][2], unknown);
        assert_eq!(value["others"], json!({"open.seen": 285, "open.shed": 0, "open.lost": 1}));
    }

    #[test]
    fn a_loss_of_what_the_process_tree_hangs_on_is_graver() {
        let mut loss = loss();
        loss.missed.push(Missed { event: "exec", vital: true, seen: 10, shed: 0, lost: 1 });
        assert_eq!(loss.priority(), Priority::Critical);
    }

    #[test]
    fn a_person_reads_how_many_of_which_event_and_of_whom() {
        let expected = "\
2025-11-25 00:34:43.000000000Z  Error  Nightjar internal: events lost
  what    More events came than could be taken and were not judged | open 103 of 900 (100 shed, 3 lost) since 2025-11-25T00:34:42.000000000Z, most by container web (0123456789ab)
  from    container web (0123456789ab), image docker.io/library/nginx:1.27, pod shop/web-0, containerd: open 92 of 600 (91 shed, 1 lost)
          cgroup /system.slice/cron\\x1b[2J: open 7 of 10 (6 shed, 1 lost)
          cgroup 79: open 3 of 5 (3 shed, 0 lost)
          others: open 1 of 285 (0 shed, 1 lost)
  where   node node-1

";
        assert_eq!(loss().human(Look { color: false, width: None }), expected);
    }
}
