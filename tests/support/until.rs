//! Waiting for a condition that nothing announces.

use std::{
    thread,
    time::{Duration, Instant},
};

/// After this long, what has not happened will not happen. Only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// Asks until there is an answer.
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        #[expect(clippy::disallowed_methods, reason = "the condition decides, not the clock")]
        thread::sleep(PAUSE);
    }
}
