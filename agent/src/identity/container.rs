//! Whose a cgroup is: the container that its path names, or the host's. Details are read again for a short while
//! when they are not there yet, since a runtime makes the cgroup before it writes the rest. What no file tells becomes a
//! question to the runtime, which somebody else asks.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use nightjar_engine::{Container, Process};

use super::{
    ask::{Answer, Ask, Outcome},
    cgroup::Cgroup,
    clock::Clock,
    keeper,
    oci::{self, Described, Places},
    path::{self, Found, Runtime},
    proc::INITIAL_PID_NS,
};

/// How often details are read again before what is missing stays so.
const TRIES_MAX: u32 = 8;
/// Wait before the second try; it doubles with each. All of them take two and a half seconds.
const FIRST_WAIT: u64 = 10_000_000;
/// Most questions about one container.
const ASKED_MAX: u32 = 4;
/// Most questions that wait to be asked.
const QUESTIONS_MAX: usize = 256;
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
    /// Whose it is depends on the process.
    shared: bool,
    tries: Tries,
    /// The last answer that was looked at.
    seen: u64,
}

impl Place {
    /// Whether more may be learned of whose a process in `pid_ns` is. In a cgroup that is perhaps a container's, what
    /// shares the host's processes is taken for the host's.
    pub fn is_open(&self, pid_ns: u32) -> bool {
        !self.settled && (self.container.is_some() || pid_ns != INITIAL_PID_NS)
    }

    /// The container, or the host, once nothing more will be learned.
    pub fn settled(&self) -> Option<Option<Arc<Container>>> {
        (self.settled && !self.shared).then(|| self.container.clone())
    }
}

#[derive(Clone, Copy, Default)]
struct Tries {
    made: u32,
    last: u64,
}

struct Known {
    container: Weak<Container>,
    /// Its own cgroup, and when that was made; 0: not seen.
    path: Box<str>,
    made: u64,
    settled: bool,
    tries: Tries,
    asked: Asked,
}

/// What a container's runtime was asked.
#[derive(Clone, Default)]
struct Asked {
    times: u32,
    /// An answer is due.
    open: bool,
    /// An answer came that was not looked at.
    news: bool,
    /// The last question had no answer, though there was somebody to ask.
    in_vain: bool,
    told: Option<(Runtime, Arc<Container>)>,
}

/// Why and when a container is asked for.
pub struct Question<'a> {
    /// CLOCK_BOOTTIME.
    pub now: u64,
    /// The event is worth a look at the disk out of turn.
    pub eager: bool,
    /// What runs in it, as far as it is known.
    pub process: Option<&'a Process>,
}

pub struct Containers {
    places: Places,
    clock: Clock,
    /// By id. The cgroup table and events hold the containers.
    known: HashMap<String, Known>,
    sweep_at: usize,
    /// Whether runtimes can be asked.
    asks: bool,
    questions: Vec<Ask>,
    /// How many answers came.
    answers: u64,
    stats: ContainerStats,
}

impl Containers {
    /// `asks`: runtimes can be asked for what no file tells.
    pub fn new(places: Places, clock: Clock, asks: bool) -> Self {
        Containers {
            places,
            clock,
            known: HashMap::new(),
            sweep_at: 64,
            asks,
            questions: Vec::new(),
            answers: 0,
            stats: ContainerStats::default(),
        }
    }

    /// What runtimes are to be asked now. Each needs an answer.
    pub fn questions(&mut self) -> impl Iterator<Item = Ask> {
        self.questions.drain(..)
    }

    /// What a runtime said.
    pub fn answer(&mut self, answer: Answer) {
        self.answers += 1;
        // It may have been started again meanwhile, or be forgotten.
        let known = self.known.get_mut(&answer.id).filter(|known| known.made == answer.made);
        let Some(Known { asked, .. }) = known else { return };
        (asked.open, asked.news) = (false, true);
        match answer.outcome {
            Outcome::Told(by, told) => asked.told = Some((by, Arc::from(told))),
            Outcome::InVain => asked.in_vain = true,
            // Nor will there be, most likely.
            Outcome::NobodyToAsk => asked.times = ASKED_MAX,
        }
    }

    pub fn stats(&self) -> ContainerStats {
        let known = self.known.values().filter(|known| known.container.strong_count() > 0).count();
        ContainerStats { known, ..self.stats }
    }

    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// The container of a cgroup; `None`: the host.
    pub fn of(&mut self, cgroup: &mut Cgroup<Place>, question: &Question<'_>) -> Option<Arc<Container>> {
        if !cgroup.tag.settled && cgroup.path.is_some() {
            self.learn(cgroup, question);
        }
        let is_outside = cgroup.tag.shared && !question.process.is_some_and(keeper::is_below_nspawn);
        cgroup.tag.container.clone().filter(|_| !is_outside)
    }

    fn learn(&mut self, cgroup: &mut Cgroup<Place>, question: &Question<'_>) {
        let Some(path) = cgroup.path.as_deref() else { return };
        let is_due = cgroup.tag.tries.is_due(question);
        let has_news = cgroup.tag.container.is_some() && cgroup.tag.seen != self.answers;
        if !is_due && !has_news {
            return;
        }
        if is_due {
            cgroup.tag.tries.note(question.now);
        }
        cgroup.tag.seen = self.answers;
        match self.claim(path).or_else(|| self.confirmed(path, question)) {
            Some(found) => {
                let made = if found.len == path.len() { cgroup.made } else { 0 };
                let (container, settled) = self.container(&found, &path[..found.len], made, question);
                cgroup.tag.container = Some(container);
                cgroup.tag.shared = found.shared;
                cgroup.tag.settled = settled;
            }
            None => {
                cgroup.tag.settled = cgroup.tag.tries.are_over() || path::candidates(path).next().is_none();
            }
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

    /// A container that keeps to no layout, when the runtime that started it is among the ancestors of what runs in
    /// it, or a runtime's state on disk says that this cgroup is its own.
    fn confirmed(&mut self, path: &str, question: &Question<'_>) -> Option<Found> {
        path::candidates(path).find_map(|name| {
            let outer = name.as_ptr().addr() - path.as_ptr().addr() - 1;
            let len = outer + 1 + name.len();
            let runtime = question.process.and_then(|process| keeper::started_by(process, name));
            let runtime = runtime.or_else(|| {
                self.stats.reads += 1;
                oci::confirm(&self.places, name, &path[..len])
            })?;
            Some(Found { runtime, id: name.to_owned(), pod_uid: None, len, outer, shared: false })
        })
    }

    /// `made`: when the container's own cgroup was made, if that was seen.
    fn container(
        &mut self,
        found: &Found,
        path: &str,
        made: u64,
        question: &Question<'_>,
    ) -> (Arc<Container>, bool) {
        let known = self.known.get(&found.id).and_then(|known| Some((known.container.upgrade()?, known)));
        let (mut tries, mut before, mut asked) = (Tries::default(), None, Asked::default());
        let mut seen_start = if made == 0 { 0 } else { self.clock.wall(made) };
        // A container that is started again has a new cgroup under its old name.
        if let Some((container, known)) = known.filter(|(_, known)| made <= known.made) {
            if known.settled || !(known.asked.news || known.tries.is_due(question)) {
                return (container, known.settled);
            }
            (tries, asked) = (known.tries, known.asked.clone());
            before = Some(container);
            seen_start = if known.made == 0 { 0 } else { self.clock.wall(known.made) };
        }
        let pod_uid = found.pod_uid.clone().unwrap_or_default();
        let mut container = Container { id: found.id.clone(), pod_uid, ..Container::default() };
        self.stats.reads += 1;
        let bundle = question.process.and_then(|process| keeper::bundle(process, &found.id));
        let mut described = oci::describe(&self.places, found.runtime, bundle, &mut container);
        if let Some((by, told)) = &asked.told {
            oci::complete(&mut container, &mut described, *by, told);
        }
        if let Some(before) = before.filter(|before| before.missing.len() < container.missing.len()) {
            // It has ended, and its files are being taken away.
            container = Container::clone(&before);
        }
        if seen_start != 0 {
            // What is on disk may still be of the start before.
            container.start_time = seen_start;
        }
        if tries.is_due(question) {
            tries.note(question.now);
        }
        let made = made.max(self.known.get(&found.id).map_or(0, |known| known.made));
        asked.news = false;
        self.ask(found, &described, &container, made, &mut asked);
        if asked.in_vain && asked.told.is_none() && wants_labels(described.runtime, &container) {
            container.missing.push("labels".to_owned());
        }
        let complete = container.missing.is_empty();
        let settled = (complete && !asked.open) || tries.are_over();
        self.stats.incomplete += u64::from(settled && !complete);
        let container = Arc::new(container);
        self.sweep();
        let weak = Arc::downgrade(&container);
        let known = Known { container: weak, path: path.into(), made, settled, tries, asked };
        self.known.insert(found.id.clone(), known);
        (container, settled)
    }

    /// Has the runtime asked, when it may know what is not known here. What is lacking is asked for again, since the
    /// runtime may not have known it yet; labels once.
    fn ask(
        &mut self,
        found: &Found,
        described: &Described,
        container: &Container,
        made: u64,
        asked: &mut Asked,
    ) {
        let lacks = !container.missing.is_empty();
        let wants = match described.runtime {
            Runtime::Docker | Runtime::Podman | Runtime::Containerd | Runtime::CriO | Runtime::Unknown => {
                lacks || asked.times == 0 && wants_labels(described.runtime, container)
            }
            Runtime::Lxc
            | Runtime::Nspawn
            | Runtime::Runc
            | Runtime::Crun
            | Runtime::Youki
            | Runtime::Demo => false,
        };
        let is_over = asked.told.is_some() || asked.open || asked.times >= ASKED_MAX;
        if !self.asks || !wants || is_over || self.questions.len() >= QUESTIONS_MAX {
            return;
        }
        asked.times += 1;
        asked.open = true;
        self.questions.push(Ask {
            id: found.id.clone(),
            made,
            runtime: described.runtime,
            in_pod: !container.pod_uid.is_empty(),
            namespace: described.namespace.clone(),
            sandbox: container.pod_sandbox.clone(),
        });
    }

    /// Forgets containers that no cgroup and no event speaks of: now and then, so that it costs little.
    fn sweep(&mut self) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, known| known.container.strong_count() > 0);
            self.sweep_at = (2 * self.known.len()).max(64);
        }
    }
}

/// Labels of a pod and of containers of containerd are in no file.
fn wants_labels(runtime: Runtime, container: &Container) -> bool {
    match runtime {
        Runtime::Containerd => container.labels.is_empty(),
        Runtime::CriO => container.pod_labels.is_empty(),
        Runtime::Docker
        | Runtime::Podman
        | Runtime::Lxc
        | Runtime::Nspawn
        | Runtime::Runc
        | Runtime::Crun
        | Runtime::Youki
        | Runtime::Demo
        | Runtime::Unknown => false,
    }
}

impl Tries {
    fn is_due(&self, question: &Question<'_>) -> bool {
        let wait = if question.eager { EAGER_WAIT } else { self.wait() };
        self.made == 0 || question.now >= self.last.saturating_add(wait)
    }

    /// A try out of turn does not count as one.
    fn note(&mut self, now: u64) {
        if self.made == 0 || now >= self.last.saturating_add(self.wait()) {
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
