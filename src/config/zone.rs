//! `time_zone`: the site's own time, as the table of changes by which the engine reads a wall clock.
//!
//! It alone asks the time zone database; the engine is given what it needs of it, for decades ahead.

use super::problem::nearest;
use super::section::Section;
use crate::engine::hours::TimeZone;
use crate::engine::time::Wall;
use jiff::Timestamp;
use jiff::civil::date;
use std::ops::RangeInclusive;

/// The table begins with the year before this one and reaches so many years ahead. Whole years, so that reading the
/// same file again gives the same table.
const YEARS_BACK: i16 = 1;
const YEARS_AHEAD: i16 = 30;

/// The years for which the site's calendar is worked out.
pub(super) fn years() -> RangeInclusive<i16> {
    let this = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    this.saturating_sub(YEARS_BACK)..=this.saturating_add(YEARS_AHEAD)
}

/// The site's time zone, and whether it is named at all.
pub(super) fn read(root: &Section<'_>, years: &RangeInclusive<i16>) -> (TimeZone, bool) {
    let Some(text) = root.text("time_zone") else { return (TimeZone::default(), root.has("time_zone")) };
    let database = jiff::tz::db();
    match database.get(text.value) {
        Ok(zone) => (table(&zone, years), true),
        Err(_) => {
            let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let hint = match nearest(text.value, &known) {
                Some(name) => format!("; did you mean {name:?}?"),
                None => ", expected a name of the IANA database such as \"Europe/Berlin\" or \"UTC\"".into(),
            };
            root.error(&text.span, format!("time_zone: unknown time zone {:?}{hint}", text.value));
            (TimeZone::default(), true)
        }
    }
}

/// The same zone for those who name files by it; the system's own when none is named.
pub(super) fn named(root: &Section<'_>) -> jiff::tz::TimeZone {
    let zone = root.text("time_zone").and_then(|text| jiff::tz::db().get(text.value).ok());
    zone.unwrap_or_else(jiff::tz::TimeZone::system)
}

/// All changes within these years.
fn table(zone: &jiff::tz::TimeZone, years: &RangeInclusive<i16>) -> TimeZone {
    let utc = |year: i16| {
        let midnight = date(year, 1, 1).at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    };
    let (start, end) = (utc(*years.start()), utc(years.end().saturating_add(1)));
    let first = zone.to_offset(start).seconds();
    let mut changes: Vec<(Wall, i32)> = Vec::new();
    for change in zone.following(start).take_while(|change| change.timestamp() < end) {
        let (from, ahead) = (Wall(change.timestamp().as_millisecond()), change.offset().seconds());
        // Zones change their abbreviation too, at which no clock moves.
        if changes.last().map_or(first, |&(_, before)| before) != ahead {
            changes.push((from, ahead));
        }
    }
    TimeZone { first, changes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn zone(name: &str) -> TimeZone {
        table(&jiff::tz::db().get(name).unwrap(), &(2025..=2056))
    }

    /// What a clock on the site's wall shows at a moment of UTC.
    #[track_caller]
    fn check(name: &str, utc: &str, shown: &str) {
        let at: Timestamp = utc.parse().unwrap();
        let (day, time) = zone(name).local(Wall(at.as_millisecond()));
        let minutes = time.as_secs() / 60;
        let date = Timestamp::from_second(i64::from(day.0) * 86_400).unwrap();
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).date();
        assert_eq!(format!("{date} {:02}:{:02}", minutes / 60, minutes % 60), shown, "{name} at {utc}");
        assert!(time < Duration::from_secs(86_400));
    }

    #[test]
    fn clocks_in_berlin_leap_in_march_and_repeat_an_hour_in_october() {
        check("Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29 01:59");
        check("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00");
        check("Europe/Berlin", "2026-10-25T00:59:59Z", "2026-10-25 02:59");
        check("Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25 02:00");
        check("Europe/Berlin", "2055-07-01T10:00:00Z", "2055-07-01 12:00");
    }

    #[test]
    fn clocks_in_new_york_change_on_american_days() {
        check("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08 01:59");
        check("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08 03:00");
        check("America/New_York", "2026-11-01T05:59:59Z", "2026-11-01 01:59");
        check("America/New_York", "2026-11-01T06:00:00Z", "2026-11-01 01:00");
    }

    #[test]
    fn clocks_on_lord_howe_change_by_half_an_hour_and_start_the_year_in_summer() {
        check("Australia/Lord_Howe", "2026-01-15T00:00:00Z", "2026-01-15 11:00");
        check("Australia/Lord_Howe", "2026-04-04T14:59:59Z", "2026-04-05 01:59");
        check("Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-05 01:30");
        check("Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-04 01:59");
        check("Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04 02:30");
    }

    #[test]
    fn clocks_in_kolkata_never_change() {
        assert_eq!(zone("Asia/Kolkata"), TimeZone { first: 19_800, changes: Vec::new() });
        assert_eq!(zone("UTC"), TimeZone::default());
        check("Asia/Kolkata", "2026-03-29T18:29:59Z", "2026-03-29 23:59");
        check("Asia/Kolkata", "2026-03-29T18:30:00Z", "2026-03-30 00:00");
    }

    #[test]
    fn changes_are_known_for_thirty_years_ahead_and_in_order() {
        let changes = zone("Europe/Berlin").changes;
        assert_eq!(changes.len(), 2 * 32);
        assert!(changes.is_sorted_by(|one, next| one.0 < next.0 && one.1 != next.1));
        let years = years();
        assert_eq!(years.end() - years.start(), 31);
    }
}
