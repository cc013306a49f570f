//! Whose a cgroup is: the container that its path names, or the host's. Details are read again for a short while
//! when they are not there yet, since a runtime makes the cgroup before it writes the rest.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use nightjar_engine::Container;

use super::{
    cgroup::Cgroup,
    clock::Clock,
    oci::{self, Places},
    path::{self, Found},
};

/// How often details are read again before what is missing stays so.
const TRIES_MAX: u32 = 8;
/// Wait before the second try; it doubles with each. All of them take two and a half seconds.
const FIRST_WAIT: u64 = 10_000_000;
/// Shortest time between tries on behalf of an exec, which is worth a look out of turn.
const EAGER_WAIT: u64 = 2_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerStats {
    /// Containers in the table.
    pub known: usize,
    /// Containers of which something is not known, and will not be.
    pub incomplete: u64,
    /// Readings of what is on disk.
    pub reads: u64,
    /// Cgroups inside a container that claimed to be another, running container.
    pub impostors: u64,
}

/// What the cgroup table keeps beside a path.
#[derive(Default)]
pub struct Place {
    container: Option<Arc<Container>>,
    /// Nothing more will be learned.
    settled: bool,
    tries: Tries,
}

#[derive(Clone, Copy, Default)]
struct Tries {
    made: u32,
    last: u64,
}

struct Known {
    container: Weak<Container>,
    /// Its own cgroup.
    path: Box<str>,
    settled: bool,
    tries: Tries,
}

pub struct Containers {
    places: Places,
    clock: Clock,
    /// By id. The cgroup table and events hold the containers.
    known: HashMap<String, Known>,
    sweep_at: usize,
    stats: ContainerStats,
}

impl Containers {
    pub fn new(places: Places, clock: Clock) -> Self {
        Containers { places, clock, known: HashMap::new(), sweep_at: 64, stats: ContainerStats::default() }
    }

    pub fn stats(&self) -> ContainerStats {
        let known = self.known.values().filter(|known| known.container.strong_count() > 0).count();
        ContainerStats { known, ..self.stats }
    }

    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// The container of a cgroup; `None`: the host. `eager`: the event is worth a look at the disk out of turn.
    pub fn of(&mut self, cgroup: &mut Cgroup<Place>, now: u64, eager: bool) -> Option<Arc<Container>> {
        if !cgroup.tag.settled && cgroup.path.is_some() {
            self.learn(cgroup, now, eager);
        }
        cgroup.tag.container.clone()
    }

    fn learn(&mut self, cgroup: &mut Cgroup<Place>, now: u64, eager: bool) {
        let Some(path) = cgroup.path.as_deref() else { return };
        let place = &mut cgroup.tag;
        match self.claim(path) {
            Some(found) => {
                let (container, settled) =
                    self.container(&found, &path[..found.len], cgroup.made, now, eager);
                place.container = Some(container);
                place.settled = settled;
            }
            None if place.tries.is_due(now, eager) => match self.confirmed(path) {
                Some(found) => {
                    let (container, settled) =
                        self.container(&found, &path[..found.len], cgroup.made, now, eager);
                    place.container = Some(container);
                    place.settled = settled;
                }
                None => {
                    place.tries.note(now);
                    place.settled = place.tries.are_over() || path::candidates(path).next().is_none();
                }
            },
            None => {}
        }
    }

    /// The innermost container that a path names. A container may make cgroups inside its own: when one is named
    /// like a container that runs elsewhere, the outer one counts.
    fn claim(&mut self, path: &str) -> Option<Found> {
        let found = path::classify(path)?;
        let elsewhere = self
            .known
            .get(&found.id)
            .is_some_and(|known| known.container.strong_count() > 0 && *known.path != path[..found.len]);
        match path::classify(&path[..found.outer]).filter(|_| elsewhere) {
            Some(outer) => {
                self.stats.impostors += 1;
                Some(outer)
            }
            None => Some(found),
        }
    }

    /// A container that keeps to no layout, when a runtime's state on disk says that this cgroup is its own.
    fn confirmed(&mut self, path: &str) -> Option<Found> {
        path::candidates(path).find_map(|name| {
            let outer = name.as_ptr().addr() - path.as_ptr().addr() - 1;
            let len = outer + 1 + name.len();
            self.stats.reads += 1;
            let runtime = oci::confirm(&self.places, name, &path[..len])?;
            Some(Found { runtime, id: name.to_owned(), pod_uid: None, len, outer })
        })
    }

    fn container(
        &mut self,
        found: &Found,
        path: &str,
        made: u64,
        now: u64,
        eager: bool,
    ) -> (Arc<Container>, bool) {
        let known = self.known.get(&found.id).and_then(|known| Some((known.container.upgrade()?, known)));
        let mut tries = Tries::default();
        let mut start_time = if made == 0 { 0 } else { self.clock.wall(made) };
        if let Some((container, known)) = known {
            if known.settled || !known.tries.is_due(now, eager) {
                return (container, known.settled);
            }
            tries = known.tries;
            start_time = container.start_time;
        }
        let pod_uid = found.pod_uid.clone().unwrap_or_default();
        let mut container = Container { id: found.id.clone(), pod_uid, start_time, ..Container::default() };
        self.stats.reads += 1;
        oci::describe(&self.places, &found.id, found.runtime, &mut container);
        tries.note(now);
        let complete = container.missing.is_empty();
        let settled = complete || tries.are_over();
        self.stats.incomplete += u64::from(settled && !complete);
        let container = Arc::new(container);
        self.sweep();
        let known = Known { container: Arc::downgrade(&container), path: path.into(), settled, tries };
        self.known.insert(found.id.clone(), known);
        (container, settled)
    }

    /// Forgets containers that no cgroup and no event speaks of: now and then, so that it costs little.
    fn sweep(&mut self) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, known| known.container.strong_count() > 0);
            self.sweep_at = (2 * self.known.len()).max(64);
        }
    }
}

impl Tries {
    fn is_due(&self, now: u64, eager: bool) -> bool {
        self.made == 0 || now >= self.last + if eager { EAGER_WAIT } else { self.wait() }
    }

    /// A try out of turn does not count as one.
    fn note(&mut self, now: u64) {
        if self.made == 0 || now >= self.last + self.wait() {
            self.made += 1;
        }
        self.last = now;
    }

    fn wait(&self) -> u64 {
        FIRST_WAIT << self.made.saturating_sub(1).min(TRIES_MAX)
    }

    fn are_over(&self) -> bool {
        self.made >= TRIES_MAX
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
