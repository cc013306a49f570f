//! How long to wait before a receiver is tried again: twice as long each time, and never as long as the other outputs and
//! the other nodes do.

use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};

const FIRST: Duration = Duration::from_millis(250);
pub const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { next: FIRST }
    }
}

impl Backoff {
    /// Between half of what is due and all of it.
    pub fn pause(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(LONGEST);
        due.mul_f64(0.5 + random() / 2.0)
    }

    /// Whether nothing went wrong since the last success.
    pub fn is_fresh(&self) -> bool {
        self.next == FIRST
    }

    pub fn reset(&mut self) {
        *self = Backoff::default();
    }
}

/// From 0 to 1.
fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom(&mut bytes, GetRandomFlags::NONBLOCK) {
        Ok(_) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        // Before the kernel has randomness, there is no crowd yet either.
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_limit_and_starts_small_again() {
        let mut backoff = Backoff::default();
        let mut due = FIRST;
        for _ in 0..20 {
            let pause = backoff.pause();
            assert!(pause >= due / 2 && pause <= due, "{pause:?} of {due:?}");
            due = (due * 2).min(LONGEST);
        }
        assert!(backoff.pause() >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
