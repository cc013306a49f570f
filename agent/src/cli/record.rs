//! `nightjar record`: what happens, kept in a file.

use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    ops::ControlFlow,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::SignedDuration;
use nightjar_engine::Event;
use nightjar_events::EVENTS;
use tracing::{info, warn};

use super::{EventsRequest, Exit, Failure, Node, OrEnd};
use crate::{
    alert::Origin,
    capture::{CaptureError, Recorded, Writer},
    config::{ByteSize, Config, Hooks, Raw},
    identity::Clock,
};

/// A capture that nobody bounds ends here.
pub const SIZE_DEFAULT: u64 = 1 << 30;

/// Record what happens on this node, with whose it was, for `replay`
///
/// Every event is recorded, as the kernel side told it and with its process, ancestors and container as they were known.
/// What is recorded can be judged again by any rules, on any machine and without root. The file holds command lines
/// and paths as they are, so it is readable by its owner alone. Ends in order on Ctrl-C, SIGTERM and at its bounds.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo nightjar record -o build.njc --for 60s\n  sudo nightjar record -o web.njc --scope container=web"
)]
pub struct RecordArgs {
    /// File to write; it must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// Stop after this time: 10s, 5m
    #[arg(long = "for", value_name = "TIME")]
    time: Option<SignedDuration>,

    /// Stop when the file has this size [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    max_size: Option<ByteSize>,

    /// Only of those: all, containers, or any of container=NAME-OR-ID, pod=NAMESPACE/NAME and cgroup=PATH, in which `*`
    /// stands for any text [default: all]
    #[arg(long, value_name = "SCOPE", num_args = 1..)]
    scope: Vec<String>,

    /// How events that are system calls are watched [default: fentry where the kernel allows it, else tracepoint]
    #[arg(long, value_name = "FAMILY")]
    hooks: Option<Hooks>,

    /// System calls of a cgroup that are told in a second before the kernel side leaves some out, 0 for no limit
    /// [default: 20000]
    #[arg(long, value_name = "EVENTS")]
    bulk_budget: Option<u32>,

    /// Where the node's files are, when nightjar itself runs in a container [default: /]
    #[arg(long, value_name = "DIR")]
    host_root: Option<PathBuf>,
}

impl RecordArgs {
    pub fn run(self, node: &dyn Node) -> Result<Exit, Failure> {
        let config = Config::check(Raw {
            scope: self.scope,
            host_root: self.host_root,
            hooks: self.hooks,
            bulk_budget: self.bulk_budget,
            ..Raw::default()
        })
        .or_end(Exit::Usage)?;
        let time = self.time.map(Duration::try_from).transpose().or_end(Exit::Usage)?;
        let size = self.max_size.map_or(SIZE_DEFAULT, |size| size.0);
        let origin = Origin::of_this_node().or_end(Exit::CannotRun)?;
        let file = create(&self.output).or_end(Exit::Usage)?;
        let mut writer = Writer::new(BufWriter::new(file), &origin, Clock::read().now())?;
        let mut failed = None;
        let mut each = |event: &Event| match writer.event(event) {
            Ok(()) if writer.recorded().bytes < size => ControlFlow::Continue(()),
            Ok(()) => {
                warn!(size, "the file has the size that it may have");
                ControlFlow::Break(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let kinds = EVENTS.iter().map(|event| event.kind).collect();
        let watched = node.events(&EventsRequest { config, kinds, time }, &mut each);
        if let Some(error) = failed.filter(|error| !matches!(error, CaptureError::Full)) {
            return Err(error.into());
        }
        // Whatever ended the watch, what was seen until then is a whole file.
        let ledger = watched.as_ref().ok();
        let Recorded { events, left_out, bytes } = writer.finish(ledger)?;
        watched?;
        if left_out > 0 {
            warn!(events = left_out, "events were too long to be recorded");
        }
        info!(events, bytes, file = %self.output.display(), "recorded");
        Ok(Exit::Done)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("make {path}")]
struct CreateError {
    path: PathBuf,
    source: std::io::Error,
}

fn create(path: &Path) -> Result<File, CreateError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|source| CreateError { path: path.to_owned(), source })
}
