//! Nanoseconds since the epoch as date and time of day, in UTC: the engine knows no time zone.

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

/// `13:45:00.000000001`, the nanoseconds on request.
pub fn time_of_day(time: u64, nanos: bool) -> String {
    let second = time / SECOND % DAY;
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    if nanos { format!("{h:02}:{m:02}:{s:02}.{:09}", time % SECOND) } else { format!("{h:02}:{m:02}:{s:02}") }
}

/// `2026-02-28`.
pub fn date(time: u64) -> String {
    // Days are counted from 0000-03-01, so that a leap day ends its year; 400 years are an even number of days.
    let days = time / SECOND / DAY + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds * SECOND), expected);
        }
    }

    #[test]
    fn the_time_of_day_keeps_its_nanoseconds() {
        assert_eq!(time_of_day(86_399 * SECOND + 7, true), "23:59:59.000000007");
        assert_eq!(time_of_day(86_400 * SECOND, false), "00:00:00");
    }
}
