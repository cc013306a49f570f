//! From the kernel's clock to the wall's: records carry CLOCK_BOOTTIME. It does not read a clock per event.

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::limits::SECOND;

/// The distance between the two clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Wall clock of the boot, nanoseconds since the epoch.
    boot: u64,
}

impl Clock {
    /// Asks both clocks. Ask again from time to time: the wall clock is set and slewed.
    pub fn read() -> Self {
        let before = boottime();
        let wall = nanoseconds(clock_gettime(ClockId::Realtime));
        let after = boottime();
        Clock { boot: wall.saturating_sub(before + (after - before) / 2) }
    }

    /// A clock that started at `boot`, nanoseconds since the epoch: for captures and tests.
    pub const fn started_at(boot: u64) -> Self {
        Clock { boot }
    }

    /// Wall clock, nanoseconds since the epoch, of a CLOCK_BOOTTIME.
    pub fn wall(&self, boottime: u64) -> u64 {
        self.boot.saturating_add(boottime)
    }

    /// Wall clock now, nanoseconds since the epoch, as this clock has it.
    pub fn now(&self) -> u64 {
        self.wall(boottime())
    }
}

/// CLOCK_BOOTTIME, nanoseconds.
pub fn boottime() -> u64 {
    nanoseconds(clock_gettime(ClockId::Boottime))
}

/// Neither clock is ever negative.
fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_in_boottime_is_now_on_the_wall() {
        let clock = Clock::read();
        let before = nanoseconds(clock_gettime(ClockId::Realtime));
        let wall = clock.wall(boottime());
        let after = nanoseconds(clock_gettime(ClockId::Realtime));
        assert!(wall + SECOND > before && wall < after + SECOND, "{before} {wall} {after}");
    }

    #[test]
    fn a_time_beyond_all_clocks_does_not_wrap() {
        assert_eq!(Clock::started_at(5).wall(u64::MAX), u64::MAX);
    }
}
