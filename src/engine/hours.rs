//! Opening hours: whether a queue is open, read off a wall clock in the site's time zone.
//!
//! The engine knows no time zone database. `config` gives it the zone as a table of offsets from UTC with the moments
//! at which they change, far into the future, and civil dates are computed here.

use super::time::Wall;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// Days since 1970-01-01, as counted in the site's own time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The day of a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms", 2013).
    pub fn of_date(year: i32, month: u32, day: u32) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = i32::try_from((month + 9) % 12).unwrap_or(0);
        let day = i32::try_from(day).unwrap_or(1);
        let of_year = (153 * month + 2) / 5 + day - 1;
        let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    /// 0 for Monday to 6 for Sunday. 1970-01-01 was a Thursday.
    pub fn weekday(self) -> usize {
        usize::try_from((i64::from(self.0) + 3).rem_euclid(7)).unwrap_or(0)
    }
}

/// The site's time zone: what its clocks are ahead of UTC, and when that changes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TimeZone {
    /// Before the first change, in seconds; positive east of Greenwich.
    pub first: i32,
    /// Each change: from when on, how many seconds. Ascending.
    pub changes: Vec<(Wall, i32)>,
}

impl TimeZone {
    /// What the site's clocks are ahead of UTC at that moment.
    fn ahead_ms(&self, at: Wall) -> i64 {
        let next = self.changes.partition_point(|&(from, _)| from <= at);
        let seconds = next
            .checked_sub(1)
            .and_then(|last| self.changes.get(last))
            .map_or(self.first, |&(_, seconds)| seconds);
        i64::from(seconds) * 1000
    }

    /// The day, and the time since its midnight as clocks show it.
    pub fn local(&self, at: Wall) -> (Day, Duration) {
        let local = at.0.saturating_add(self.ahead_ms(at));
        let day = i32::try_from(local.div_euclid(DAY_MS)).unwrap_or(i32::MAX);
        let of_day = u64::try_from(local.rem_euclid(DAY_MS)).unwrap_or(0);
        (Day(day), Duration::from_millis(of_day))
    }
}

/// A stretch of one day, by the clock on the wall; `to` is not in it. 24:00 is the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// From, since midnight.
    pub from: Duration,
    /// To, since midnight.
    pub to: Duration,
}

/// When a queue is open.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hours {
    /// The name in the configuration.
    pub name: String,
    /// The usual week, Monday first.
    pub week: [Vec<Span>; 7],
    /// Holidays and special days, which replace the usual: an empty list is a day closed.
    pub days: BTreeMap<Day, Vec<Span>>,
}

impl Hours {
    fn spans(&self, day: Day) -> &[Span] {
        self.days.get(&day).or_else(|| self.week.get(day.weekday())).map_or(&[], Vec::as_slice)
    }

    /// Whether it is open at that moment.
    pub fn is_open(&self, zone: &TimeZone, at: Wall) -> bool {
        let (day, time) = zone.local(at);
        self.spans(day).iter().any(|span| span.from <= time && time < span.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        // 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC.
        TimeZone {
            first: 3600,
            changes: vec![(Wall(1_774_746_000_000), 7200), (Wall(1_792_890_000_000), 3600)],
        }
    }

    fn office() -> Hours {
        let nine_to_five =
            vec![Span { from: Duration::from_secs(9 * 3600), to: Duration::from_secs(17 * 3600) }];
        let mut week: [Vec<Span>; 7] = Default::default();
        week[..5].fill(nine_to_five);
        Hours { name: "office".into(), week, days: BTreeMap::new() }
    }

    fn utc(year: i32, month: u32, day: u32, hour: i64, minute: i64) -> Wall {
        Wall(i64::from(Day::of_date(year, month, day).0) * DAY_MS + (hour * 60 + minute) * 60_000)
    }

    #[test]
    fn dates_become_days_and_weekdays() {
        assert_eq!(Day::of_date(1970, 1, 1), Day(0));
        assert_eq!(Day::of_date(2000, 2, 29), Day(11_016));
        assert_eq!(Day::of_date(2026, 11, 22).weekday(), 6, "a Sunday");
        assert_eq!(Day::of_date(1969, 12, 31).weekday(), 2, "a Wednesday");
    }

    #[test]
    fn nine_oclock_stays_nine_oclock_when_the_clocks_change() {
        let (zone, office) = (berlin(), office());
        assert!(!office.is_open(&zone, utc(2026, 3, 27, 7, 59)), "8:59 in winter");
        assert!(office.is_open(&zone, utc(2026, 3, 27, 8, 0)), "9:00 in winter");
        assert!(office.is_open(&zone, utc(2026, 3, 30, 7, 0)), "9:00 in summer");
        assert!(!office.is_open(&zone, utc(2026, 3, 30, 15, 0)), "17:00 in summer is past the end");
        assert!(office.is_open(&zone, utc(2026, 10, 26, 8, 0)), "9:00 in winter again");
    }

    #[test]
    fn the_end_of_the_span_is_not_in_it() {
        let (zone, office) = (TimeZone::default(), office());
        assert!(office.is_open(&zone, utc(2026, 11, 20, 16, 59)));
        assert!(!office.is_open(&zone, utc(2026, 11, 20, 17, 0)));
        assert!(!office.is_open(&zone, utc(2026, 11, 22, 12, 0)), "Sunday");
    }

    #[test]
    fn a_special_day_replaces_the_usual_one() {
        let mut office = office();
        office.days.insert(Day::of_date(2026, 12, 25), Vec::new());
        let saturday = Span { from: Duration::ZERO, to: Duration::from_secs(86_400) };
        office.days.insert(Day::of_date(2026, 12, 26), vec![saturday]);
        let zone = berlin();
        assert!(!office.is_open(&zone, utc(2026, 12, 25, 12, 0)), "Christmas is a Friday, and closed");
        assert!(office.is_open(&zone, utc(2026, 12, 25, 23, 30)), "00:30 on the Saturday in Berlin");
    }
}
