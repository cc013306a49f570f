//! Exceptions that stand beside the rules, as data with an author, a reason and an end: what they cover is not reported.
//! Judging by them is `ruleset`'s; what is said when one is over, the agent's.

use std::sync::{Arc, atomic::AtomicU64};

use super::check::NodeId;

const MINUTE: u64 = 60 * 1_000_000_000;
const DAY: u64 = 24 * 60;
/// The epoch was a Thursday.
const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    pub name: String,
    /// Names of rules, or patterns with `*`.
    pub rules: Vec<String>,
    /// Tags of rules.
    pub tags: Vec<String>,
    /// With lists and macros expanded.
    pub condition: String,
    pub author: String,
    pub reason: String,
    /// Nanoseconds since the epoch; `None`: never.
    pub expires: Option<u64>,
    pub schedule: Schedule,
    pub file: String,
    pub line: u32,
}

impl Exemption {
    pub fn expired(&self, time: u64) -> bool {
        self.expires.is_some_and(|end| end <= time)
    }

    /// Whether it counts at a time, nanoseconds since the epoch.
    pub fn holds_at(&self, time: u64) -> bool {
        !self.expired(time) && self.schedule.holds_at(time)
    }
}

/// When in the week, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// A bit for each of `DAYS`.
    days: u8,
    /// Minutes of the day; the end may lie before the beginning, then on the next day.
    from: u64,
    until: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { days: 0x7f, from: 0, until: DAY }
    }
}

impl Schedule {
    /// The window counts to the day on which it begins.
    pub fn holds_at(&self, time: u64) -> bool {
        let (day, minute) = (time / MINUTE / DAY, time / MINUTE % DAY);
        let on = |day: u64| self.days & (1 << (day % 7)) != 0;
        if self.from < self.until {
            on(day) && (self.from..self.until).contains(&minute)
        } else {
            // Six days on is the same day of the week as one day back.
            (minute >= self.from && on(day)) || (minute < self.until && on(day + 6))
        }
    }

    /// `None`: no such day.
    pub fn on(self, days: &[&str]) -> Option<Schedule> {
        let bit = |day: &&str| Some(1u8 << DAYS.iter().position(|known| day.eq_ignore_ascii_case(known))?);
        let days = days.iter().map(bit).try_fold(0, |all, bit| Some(all | bit?))?;
        Some(Schedule { days, ..self })
    }

    /// From `22:00-04:30`.
    pub fn during(self, hours: &str) -> Option<Schedule> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60 || hour == 24 && minute == 0).then_some(hour * 60 + minute)
        };
        let (from, until) = hours.split_once('-')?;
        let (from, until) = (minute(from)?, minute(until)?);
        (from != until && from < DAY).then_some(Schedule { from, until, ..self })
    }

    /// Names of days, for messages.
    pub fn days() -> [&'static str; 7] {
        DAYS
    }
}

/// One in use.
pub(super) struct Exempting {
    pub exemption: Arc<Exemption>,
    pub root: NodeId,
    /// Findings that it covered.
    pub suppressed: AtomicU64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26, a Thursday.
    const THURSDAY: u64 = 1_795_651_200 * 1_000_000_000;

    fn at(day: u64, hour: u64, minute: u64) -> u64 {
        THURSDAY + ((day * 24 + hour) * 60 + minute) * MINUTE
    }

    #[test]
    fn a_schedule_has_days_and_hours_and_may_go_over_midnight() {
        let nights =
            Schedule::default().on(&["Thu", "sat"]).and_then(|days| days.during("22:00-04:30")).unwrap();
        for (time, holds) in [
            (at(0, 21, 59), false),
            (at(0, 22, 0), true),
            (at(1, 4, 29), true),
            (at(1, 4, 30), false),
            (at(1, 23, 0), false),
            (at(2, 23, 0), true),
            // The night of Wednesday.
            (at(0, 1, 0), false),
            (at(3, 1, 0), true),
        ] {
            assert_eq!(nights.holds_at(time), holds, "{time}");
        }
        assert!((0..7 * 24).all(|hour| Schedule::default().holds_at(at(0, hour, 0))));
    }

    #[test]
    fn what_is_no_day_and_no_hours_is_refused() {
        assert_eq!(Schedule::default().on(&["thursday"]), None);
        for hours in ["", "1-2", "22:00", "24:01-25:00", "10:00-10:00", "10:60-11:00", "24:00-01:00"] {
            assert_eq!(Schedule::default().during(hours), None, "{hours}");
        }
        assert!(Schedule::default().during("00:00-24:00").is_some());
    }
}
