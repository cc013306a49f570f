//! Who is watched: everything, or some cgroups, containers and pods.
//!
//! A cgroup is decided upon when an event of it comes, and one that is out of scope is muted: the kernel side then keeps
//! its events to itself, but for those that identity needs. A cgroup of which nothing has been said yet is in scope, so
//! that the first events of a new container are not missed while it is being learned whose they are.

use std::fmt;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use nightjar_engine::{Container, rule::Glob};
use nightjar_events::{Kind, control::MUTED_MAX};
use tracing::warn;

use crate::{identity::Known, sensor::Muted};

/// Shortest beginning of a container's id that stands for it: what Docker and others show of one.
const SHORT_ID: usize = 12;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scope {
    #[default]
    All,
    /// What any of these means.
    Only(Vec<Target>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Every container.
    Containers,
    /// A name, an id, or the beginning of an id.
    Container(Pattern),
    Pod {
        /// `None`: any.
        namespace: Option<Pattern>,
        name: Pattern,
    },
    /// A path from the hierarchy's root; what is below it is meant too.
    Cgroup(Pattern),
}

/// A text in which `*` stands for any text.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    glob: Glob,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error(
        "`{0}` is no scope: expected all, containers, container=NAME, pod=NAMESPACE/NAME or cgroup=PATH{1}"
    )]
    Unknown(String, String),
    #[error("scope `{0}` has an empty name")]
    Empty(String),
    #[error("scope `{0}`: the path of a cgroup begins with a slash")]
    Relative(String),
    #[error("scope `{text}`: {problem}")]
    Pattern { text: String, problem: String },
}

/// What is known of whether a cgroup is in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    In,
    /// What is not known of its container yet may show that it is.
    Maybe,
    /// Whose it is, is not known yet.
    Open,
    Out,
}

impl Scope {
    /// No text at all means everything.
    pub fn parse(texts: &[String]) -> Result<Scope, ScopeError> {
        let targets = texts.iter().map(|text| Target::parse(text)).collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(match targets {
            Some(targets) if !targets.is_empty() => Scope::Only(targets),
            Some(_) | None => Scope::All,
        })
    }

    fn verdict(&self, container: Option<&Container>, cgroup: &Known<'_>) -> Verdict {
        let Scope::Only(targets) = self else { return Verdict::In };
        // A cgroup that nobody knows any more is not left out for that.
        let Some(path) = cgroup.path else { return Verdict::In };
        if targets.iter().any(|target| target.means(container, path)) {
            return Verdict::In;
        }
        let needs_no_container = targets.iter().all(|target| matches!(target, Target::Cgroup(_)));
        match container {
            _ if cgroup.settled || needs_no_container => Verdict::Out,
            Some(container) if targets.iter().any(|target| target.may_mean(container)) => Verdict::Maybe,
            Some(_) | None => Verdict::Open,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All => f.write_str("all"),
            Scope::Only(targets) => {
                let texts: Vec<_> = targets.iter().map(Target::to_string).collect();
                f.write_str(&texts.join(" "))
            }
        }
    }
}

impl Target {
    /// `None`: everything.
    fn parse(text: &str) -> Result<Option<Target>, ScopeError> {
        let Some((what, name)) = text.split_once('=') else {
            return match text {
                "all" => Ok(None),
                "containers" => Ok(Some(Target::Containers)),
                _ => Err(unknown(text)),
            };
        };
        let pattern = |name: &str| Pattern::new(text, name);
        Ok(Some(match what {
            "container" => Target::Container(pattern(name)?),
            "pod" => match name.split_once('/') {
                Some((namespace, name)) => {
                    Target::Pod { namespace: Some(pattern(namespace)?), name: pattern(name)? }
                }
                None => Target::Pod { namespace: None, name: pattern(name)? },
            },
            "cgroup" if name.starts_with('/') || name.is_empty() => Target::Cgroup(pattern(name)?),
            "cgroup" => return Err(ScopeError::Relative(text.to_owned())),
            _ => return Err(unknown(text)),
        }))
    }

    /// Whether what is not known of a container yet may show that it is meant.
    fn may_mean(&self, container: &Container) -> bool {
        match self {
            Target::Container(name) => container.name.is_empty() && !name.is_id(),
            Target::Pod { .. } => container.pod_name.is_empty() && !container.missing.is_empty(),
            Target::Containers | Target::Cgroup(_) => false,
        }
    }

    fn means(&self, container: Option<&Container>, path: &str) -> bool {
        match self {
            Target::Containers => container.is_some(),
            Target::Container(name) => container.is_some_and(|container| {
                let begins = name.text.len() >= SHORT_ID && container.id.starts_with(&name.text);
                begins || name.is(&container.name) || name.is(&container.id)
            }),
            Target::Pod { namespace, name } => container.is_some_and(|container| {
                let in_namespace = namespace.as_ref().is_none_or(|ns| ns.is(&container.pod_namespace));
                in_namespace && name.is(&container.pod_name)
            }),
            Target::Cgroup(pattern) => {
                let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
                ends.into_iter().any(|end| pattern.is(&path[..end]))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Containers => f.write_str("containers"),
            Target::Container(name) => write!(f, "container={}", name.text),
            Target::Pod { namespace: Some(ns), name } => write!(f, "pod={}/{}", ns.text, name.text),
            Target::Pod { namespace: None, name } => write!(f, "pod={}", name.text),
            Target::Cgroup(path) => write!(f, "cgroup={}", path.text),
        }
    }
}

/// With a guess.
fn unknown(text: &str) -> ScopeError {
    let (what, words): (_, &[&str]) = match text.split_once('=') {
        Some((what, _)) => (what, &["container", "pod", "cgroup"]),
        None => (text, &["all", "containers"]),
    };
    let near = words.iter().min_by_key(|word| strsim::damerau_levenshtein(what, word));
    let near = near.filter(|word| strsim::damerau_levenshtein(what, word) <= 2);
    let guess = near.map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
    ScopeError::Unknown(text.to_owned(), guess)
}

impl Pattern {
    fn new(whole: &str, text: &str) -> Result<Pattern, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty(whole.to_owned()));
        }
        let glob = Glob::new(text.as_bytes(), false)
            .map_err(|problem| ScopeError::Pattern { text: whole.to_owned(), problem })?;
        Ok(Pattern { text: text.to_owned(), glob })
    }

    /// An id, or the beginning of one, as it is shown.
    fn is_id(&self) -> bool {
        self.text.len() >= SHORT_ID && self.text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    fn is(&self, text: &str) -> bool {
        !text.is_empty() && self.glob.is_match(text.as_bytes())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Cgroups of containers in scope, by their paths. What is made below one is in scope too, whatever it is called: a
/// container may name a cgroup of its own like another container.
struct Homes(HashSet<Box<str>>);

impl Homes {
    fn note(&mut self, path: &str) {
        if self.0.contains(path) {
            return;
        }
        // What is in use is noted again with its next event.
        if self.0.len() >= MUTED_MAX as usize {
            self.0.clear();
        }
        self.0.insert(path.into());
    }

    fn are_above(&self, path: &str) -> bool {
        !self.0.is_empty() && path.match_indices('/').any(|(at, _)| self.0.contains(&path[..at]))
    }
}

/// A scope at work: it mutes what is out of it.
pub struct Scoping {
    scope: Scope,
    homes: Homes,
    muted: Muted,
    /// When each cgroup was muted, CLOCK_BOOTTIME: an event of a later time says that the kernel side has forgotten it.
    since: HashMap<u64, u64>,
}

/// What the scope is asked about.
pub struct Deed<'a> {
    pub kind: Kind,
    /// CLOCK_BOOTTIME.
    pub time: u64,
    pub cgroup: u64,
    pub container: Option<&'a Container>,
}

impl Scoping {
    pub fn new(scope: Scope, muted: Muted) -> Self {
        Scoping { scope, homes: Homes(HashSet::new()), muted, since: HashMap::new() }
    }

    /// Whether an event is in scope. `known` looks its cgroup up; `now` is CLOCK_BOOTTIME.
    pub fn admits<'k>(
        &mut self,
        deed: &Deed<'_>,
        known: impl FnOnce() -> Known<'k>,
        now: fn() -> u64,
    ) -> bool {
        if self.scope == Scope::All {
            return true;
        }
        let known = known();
        let path = known.path.unwrap_or_default();
        match self.scope.verdict(deed.container, &known) {
            Verdict::In => {
                if deed.container.is_some() {
                    self.homes.note(path);
                }
                true
            }
            Verdict::Maybe => true,
            Verdict::Open | Verdict::Out if self.homes.are_above(path) => true,
            Verdict::Open => false,
            Verdict::Out => {
                self.mute(deed, now);
                false
            }
        }
    }

    fn mute(&mut self, deed: &Deed<'_>, now: fn() -> u64) {
        let is_news = |since: &u64| !deed.kind.is_for_identity() && deed.time > *since;
        if !self.since.get(&deed.cgroup).is_none_or(is_news) {
            return;
        }
        if self.since.len() >= MUTED_MAX as usize {
            self.since.clear();
        }
        self.since.insert(deed.cgroup, now());
        // Its events come, and are left out here.
        if let Err(error) = self.muted.mute(deed.cgroup) {
            warn!(%error, cgroup = deed.cgroup, "a cgroup out of scope could not be muted");
        }
    }
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
