//! The settings once they are known to make sense. Whoever holds a `Config` need not check again.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use jiff::SignedDuration;
use nightjar_engine::{
    incident::{self, SECOND},
    rule::{Matching, Priority, Selection, Target},
};
use nightjar_events::Family;

use super::{
    outputs::{self, OutputConfig, OutputConfigError},
    raw::{OutputForm, Raw},
};
use crate::{
    identity::{WAIT_DEFAULT, WAIT_MAX},
    scope::{Scope, ScopeError},
    sensor::{BULK_BUDGET_DEFAULT, RING_DEFAULT, RING_MAX, RING_MIN},
    spool,
};

/// Where the spool is when nobody says otherwise; daemonset.yaml mounts the folder above.
pub const SPOOL_DIR_DEFAULT: &str = "/var/lib/nightjar/spool";
pub const SPOOL_SIZE_DEFAULT: u64 = 256 << 20;
pub const SPOOL_SIZE_MIN: u64 = 1 << 20;
pub const SPOOL_SIZE_MAX: u64 = 1 << 40;

pub const WINDOW_DEFAULT: u64 = 300;
pub const WINDOW_MAX: u64 = 86_400;
pub const UPDATE_DEFAULT: u64 = 1;
pub const UPDATE_MAX: u64 = 3_600;
pub const RULE_LIMIT_DEFAULT: u32 = 120;

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Empty: the built-in rules.
    pub rules: Vec<PathBuf>,
    pub exceptions: Vec<PathBuf>,
    /// Applied in order.
    pub selections: Vec<Selection>,
    pub min_priority: Priority,
    pub matching: Matching,
    pub incidents: incident::Settings,
    /// `None`: human on a terminal, else JSON.
    pub output: Option<OutputForm>,
    pub spool: spool::Settings,
    pub outputs: Vec<OutputConfig>,
    /// Where metrics are served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    pub scope: Scope,
    /// The family of hooks for the events that have it; `None`: the best of each event.
    pub family: Option<Family>,
    /// Bytes: a power of two.
    pub ring_size: u32,
    /// Bulk events a second and cgroup; 0: no limit.
    pub bulk_budget: u32,
    /// How long an event may wait for its identity.
    pub identity_wait: Duration,
    /// Whether runtimes are asked for what no file tells.
    pub runtime_sockets: bool,
    pub host_root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("ring size {0} is not a power of two")]
    RingNotPowerOfTwo(u64),
    #[error("ring size {0} is not between {RING_MIN} (256KiB) and {RING_MAX} (1GiB)")]
    RingOutOfRange(u64),
    #[error("spool size {0} is not between {SPOOL_SIZE_MIN} (1MiB) and {SPOOL_SIZE_MAX} (1TiB)")]
    SpoolOutOfRange(u64),
    #[error("spool folder {0} is not an absolute path")]
    SpoolNotAbsolute(PathBuf),
    #[error("{key} {found} is above {most}")]
    TooLong { key: &'static str, found: u64, most: u64 },
    #[error("without outputs, `--output none` would let every alert vanish")]
    NoOutput,
    #[error(transparent)]
    Outputs(#[from] OutputConfigError),
    #[error("an empty name or tag selects no rule")]
    EmptySelection,
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error("identity wait {0} is not between 0s and 60s")]
    IdentityWait(SignedDuration),
    #[error("look at rules {path}")]
    Rules { path: PathBuf, source: io::Error },
    #[error("look at host root {path}")]
    HostRoot { path: PathBuf, source: io::Error },
    #[error("host root {path} is not an absolute path of a directory")]
    HostRootNotDirectory { path: PathBuf },
}

impl Config {
    pub fn check(raw: Raw) -> Result<Config, ConfigError> {
        for path in raw.rules.iter().chain(&raw.exceptions) {
            path.metadata().map_err(|source| ConfigError::Rules { path: path.clone(), source })?;
        }
        let outputs = outputs::check(raw.outputs)?;
        if outputs.is_empty() && raw.output == Some(OutputForm::None) {
            return Err(ConfigError::NoOutput);
        }
        Ok(Config {
            spool: spool_settings(raw.spool_dir, raw.spool_size.map(|size| size.0), raw.spool_sync)?,
            outputs,
            metrics: raw.metrics,
            selections: selections(&raw.disable, &raw.enable)?,
            min_priority: raw.min_priority.unwrap_or(Priority::Debug),
            matching: raw.matching.unwrap_or_default().into(),
            incidents: incident::Settings {
                window: seconds("incident window", raw.incident_window_secs, WINDOW_DEFAULT, WINDOW_MAX)?,
                pause: seconds("incident update", raw.incident_update_secs, UPDATE_DEFAULT, UPDATE_MAX)?,
                per_minute: raw.rule_limit.unwrap_or(RULE_LIMIT_DEFAULT),
            },
            output: raw.output,
            scope: Scope::parse(&raw.scope)?,
            family: raw.hooks.map(Family::from),
            ring_size: raw.ring_size.map_or(Ok(RING_DEFAULT), |size| ring_size(size.0))?,
            bulk_budget: raw.bulk_budget.unwrap_or(BULK_BUDGET_DEFAULT),
            identity_wait: raw.identity_wait.map_or(Ok(WAIT_DEFAULT), identity_wait)?,
            runtime_sockets: raw.runtime_sockets.unwrap_or(true),
            host_root: raw.host_root.map_or(Ok(PathBuf::from("/")), host_root)?,
            rules: raw.rules,
            exceptions: raw.exceptions,
        })
    }
}

/// In nanoseconds.
fn seconds(key: &'static str, found: Option<u64>, default: u64, most: u64) -> Result<u64, ConfigError> {
    match found.unwrap_or(default) {
        found if found > most => Err(ConfigError::TooLong { key, found, most }),
        found => Ok(found * SECOND),
    }
}

fn spool_settings(
    dir: Option<PathBuf>,
    size: Option<u64>,
    sync: Option<Priority>,
) -> Result<spool::Settings, ConfigError> {
    let dir = dir.unwrap_or_else(|| SPOOL_DIR_DEFAULT.into());
    let size = size.unwrap_or(SPOOL_SIZE_DEFAULT);
    if !dir.is_absolute() {
        return Err(ConfigError::SpoolNotAbsolute(dir));
    }
    if !(SPOOL_SIZE_MIN..=SPOOL_SIZE_MAX).contains(&size) {
        return Err(ConfigError::SpoolOutOfRange(size));
    }
    Ok(spool::Settings { dir, size, sync: sync.unwrap_or(Priority::Critical) })
}

/// All `disable` first: what is enabled is enabled, whatever else was said of it.
fn selections(disable: &[String], enable: &[String]) -> Result<Vec<Selection>, ConfigError> {
    let off = disable.iter().map(|text| (false, text));
    let on = enable.iter().map(|text| (true, text));
    off.chain(on).map(|(on, text)| Ok(Selection { enable: on, target: target(text)? })).collect()
}

fn target(text: &str) -> Result<Target, ConfigError> {
    let (target, name) = match text.strip_prefix("tag=") {
        Some(tag) => (Target::Tag(tag.to_owned()), tag),
        None => (Target::Rule(text.to_owned()), text),
    };
    if name.is_empty() { Err(ConfigError::EmptySelection) } else { Ok(target) }
}

fn ring_size(bytes: u64) -> Result<u32, ConfigError> {
    if !bytes.is_power_of_two() {
        return Err(ConfigError::RingNotPowerOfTwo(bytes));
    }
    match u32::try_from(bytes) {
        Ok(size) if (RING_MIN..=RING_MAX).contains(&size) => Ok(size),
        Ok(_) | Err(_) => Err(ConfigError::RingOutOfRange(bytes)),
    }
}

fn identity_wait(wait: SignedDuration) -> Result<Duration, ConfigError> {
    let checked = Duration::try_from(wait).ok().filter(|wait| *wait <= WAIT_MAX);
    checked.ok_or(ConfigError::IdentityWait(wait))
}

fn host_root(path: PathBuf) -> Result<PathBuf, ConfigError> {
    let look = |source| ConfigError::HostRoot { path: path.clone(), source };
    if path.is_absolute() && path.metadata().map_err(look)?.is_dir() {
        Ok(path)
    } else {
        Err(ConfigError::HostRootNotDirectory { path })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::size::ByteSize, *};

    fn ring(bytes: u64) -> Result<Config, ConfigError> {
        Config::check(Raw { ring_size: Some(ByteSize(bytes)), ..Raw::default() })
    }

    #[test]
    fn nothing_said_is_everything_watched_with_the_built_in_rules() {
        let config = Config::check(Raw::default()).unwrap();
        assert_eq!(config.scope, Scope::All);
        assert_eq!(config.ring_size, 16 << 20);
        assert_eq!(config.bulk_budget, 20_000);
        assert_eq!(config.min_priority, Priority::Debug);
        assert!(config.rules.is_empty());
    }

    #[test]
    fn a_ring_is_a_power_of_two_within_its_limits() {
        assert_eq!(ring(RING_MIN.into()).unwrap().ring_size, 256 << 10);
        assert_eq!(ring(RING_MAX.into()).unwrap().ring_size, 1 << 30);
        assert!(matches!(ring(3 << 20), Err(ConfigError::RingNotPowerOfTwo(_))));
        assert!(matches!(ring(0), Err(ConfigError::RingNotPowerOfTwo(0))));
        assert!(matches!(ring(u64::from(RING_MIN) / 2), Err(ConfigError::RingOutOfRange(_))));
        assert!(matches!(ring(1 << 40), Err(ConfigError::RingOutOfRange(_))));
    }

    #[test]
    fn events_wait_for_their_identity_a_minute_at_most() {
        let wait = |text: &str| {
            let raw = Raw { identity_wait: Some(text.parse().unwrap()), ..Raw::default() };
            Config::check(raw).map(|config| config.identity_wait)
        };
        assert_eq!(Config::check(Raw::default()).unwrap().identity_wait, Duration::from_secs(2));
        assert_eq!(wait("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(wait("0s").unwrap(), Duration::ZERO);
        assert!(matches!(wait("61s"), Err(ConfigError::IdentityWait(_))));
        assert!(matches!(wait("-1s"), Err(ConfigError::IdentityWait(_))));
    }

    #[test]
    fn what_is_enabled_wins_over_what_is_disabled() {
        let raw = Raw {
            disable: vec!["*".into()],
            enable: vec!["tag=k8s".into(), "Read*".into()],
            ..Raw::default()
        };
        let expected = [
            Selection { enable: false, target: Target::Rule("*".into()) },
            Selection { enable: true, target: Target::Tag("k8s".into()) },
            Selection { enable: true, target: Target::Rule("Read*".into()) },
        ];
        assert_eq!(Config::check(raw).unwrap().selections, expected);
        let empty = Raw { disable: vec!["tag=".into()], ..Raw::default() };
        assert!(matches!(Config::check(empty), Err(ConfigError::EmptySelection)));
    }

    #[test]
    fn incidents_have_times_that_make_sense() {
        let of = |window, update| {
            let raw = Raw { incident_window_secs: window, incident_update_secs: update, ..Raw::default() };
            Config::check(raw).map(|config| (config.incidents.window, config.incidents.pause))
        };
        assert_eq!(of(None, None).unwrap(), (300 * SECOND, SECOND));
        assert_eq!(of(Some(0), Some(5)).unwrap(), (0, 5 * SECOND));
        assert_eq!(of(Some(86_401), None).unwrap_err().to_string(), "incident window 86401 is above 86400");
        assert!(of(None, Some(u64::MAX)).is_err());
    }

    #[test]
    fn a_path_that_is_not_there_is_named_before_anything_starts() {
        let rules = Raw { rules: vec!["/nonexistent/rules".into()], ..Raw::default() };
        assert_eq!(Config::check(rules).unwrap_err().to_string(), "look at rules /nonexistent/rules");
        let root = Raw { host_root: Some("/proc/version".into()), ..Raw::default() };
        assert!(matches!(Config::check(root), Err(ConfigError::HostRootNotDirectory { .. })));
    }
}
