//! What the commands ask of the kernel side and the pipeline.

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc, time::Duration};

use nightjar_engine::{Event, rule::RuleSet};
use nightjar_events::Kind;

use super::{Failure, Terminal};
use crate::{
    alert::Origin,
    capture::Source,
    config::Config,
    metrics::Metrics,
    output::Output,
    replay::{Pace, Replayed},
    sensor::{HookStatus, ledger::ByEvent},
};

/// This node. What keeps an act from starting ends the program with `Exit::CannotRun`. Each act ends by itself on SIGINT and SIGTERM, in order, and then is no error.
pub trait Node {
    /// Loads and attaches the kernel side for every event, says what came of each program, and lets go again.
    fn probe(&self, config: &Config) -> Result<Vec<HookStatus>, Failure>;

    /// Judges what happens by the rules and hands each alert to the output.
    fn run(
        &self,
        config: &Config,
        rules: RuleSet,
        origin: Arc<Origin>,
        output: Box<dyn Output>,
        metrics: Metrics,
    ) -> Result<(), Failure>;

    /// Hands over each event, with its identity, until told to break; what was counted meanwhile.
    fn events(&self, request: &EventsRequest, each: &mut EachEvent) -> Result<ByEvent, Failure>;

    /// Judges what was recorded by the rules and hands each alert to the output.
    fn replay(&self, request: ReplayRequest, look: &mut Look) -> Result<Replayed, Failure>;

    /// Does the demo's deeds while watching by the rules; whether every deed raised its alert.
    fn demo(&self, request: DemoRequest) -> Result<bool, Failure>;
}

pub type EachEvent<'a> = dyn FnMut(&Event) -> ControlFlow<()> + Send + 'a;

pub type Look<'a> = dyn FnMut(&Source, Replayed) + 'a;

pub struct EventsRequest {
    pub config: Config,
    /// Events to attach; the others cost nothing.
    pub kinds: BTreeSet<Kind>,
    /// How long to watch; `None`: until stopped.
    pub time: Option<Duration>,
}

pub struct ReplayRequest {
    pub config: Config,
    pub rules: RuleSet,
    pub source: Source,
    pub output: Box<dyn Output>,
    /// `None`: as fast as it can be judged.
    pub pace: Option<Pace>,
}

pub struct DemoRequest {
    pub config: Config,
    pub rules: RuleSet,
    pub origin: Arc<Origin>,
    /// How long after a deed its alert may come.
    pub deadline: Duration,
    pub terminal: Terminal,
}
