//! How long the parts of a start take: told with `--log-level debug`, read by the bench that holds the start to its
//! promise.

use std::time::Instant;

use tracing::debug;

/// Does the work and says how long it took.
pub fn timed<T>(part: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    debug!(part, ms = begun.elapsed().as_secs_f64() * 1e3, "started");
    done
}
