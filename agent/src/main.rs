//! Arguments in, exit code out; everything else is in the library.

use std::process::ExitCode;

use nightjar::{
    cli::{self, DemoRequest, EachEvent, EventsRequest, Node},
    config::Config,
    output::Output,
    sensor::HookStatus,
};

fn main() -> ExitCode {
    cli::main(&NoKernelSide)
}

/// Stands where the sensor and the pipeline will be: refuses what needs them, in words.
struct NoKernelSide;

const WITHOUT: &str = "this build has no kernel side";

impl Node for NoKernelSide {
    fn probe(&self, _: &Config) -> anyhow::Result<Vec<HookStatus>> {
        anyhow::bail!(WITHOUT)
    }

    fn run(
        &self,
        _: &Config,
        _: nightjar_engine::rule::RuleSet,
        _: std::sync::Arc<nightjar::alert::Origin>,
        _: Box<dyn Output>,
    ) -> anyhow::Result<()> {
        anyhow::bail!(WITHOUT)
    }

    fn events(&self, _: &EventsRequest, _: &mut EachEvent) -> anyhow::Result<()> {
        anyhow::bail!(WITHOUT)
    }

    fn demo(&self, _: DemoRequest) -> anyhow::Result<bool> {
        anyhow::bail!(WITHOUT)
    }
}
