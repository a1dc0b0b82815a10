//! `[[hours]]`: opening hours by the week, days closed, and special days.

use super::queues::name;
use super::section::{Section, Text};
use crate::engine::hours::{Day, Hours, Span};
use std::ops::RangeInclusive;
use std::time::Duration;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// A closing longer than this is a mistake.
const DATES_MAX: usize = 366;
const MINUTES_OF_A_DAY: u64 = 24 * 60;

/// All opening hours; dates without a year are worked out for these years.
pub(super) fn read(root: &Section<'_>, years: &RangeInclusive<i16>) -> Vec<Hours> {
    let mut all: Vec<Hours> = Vec::new();
    for section in root.tables("hours") {
        let (name, span) = name(&section);
        if all.iter().any(|known| known.name == name) && !name.is_empty() {
            section.error(&span, "other hours have this name already; give each its own");
        }
        section.require("week");
        let mut hours = Hours { name, week: week(&section), ..Hours::default() };
        for text in section.texts("closed").unwrap_or_default() {
            for day in dates(&section, "closed", &text, years) {
                hours.days.insert(day, Vec::new());
            }
        }
        // After the days closed: who opens for a morning amid a holiday says so here.
        for (date, texts) in section.lists("special", "\"2026-12-24\" = \"9:00-12:00\"") {
            let spans = spans(&section, "special", &texts);
            for day in dates(&section, "special", &date, years) {
                hours.days.insert(day, spans.clone());
            }
        }
        all.push(hours);
        section.finish();
    }
    all
}

fn week(section: &Section<'_>) -> [Vec<Span>; 7] {
    let mut week: [Option<Vec<Span>>; 7] = Default::default();
    for (key, texts) in section.lists("week", "mon-fri = \"9:00-17:00\"") {
        let Some((first, last)) = weekdays(key.value) else {
            let wanted = "a day or days such as \"sat\" or \"mon-fri\"";
            section.error(&key.span, format!("week: expected {wanted}, got {:?}", key.value));
            continue;
        };
        let spans = spans(section, "week", &texts);
        let count = (last + 7 - first) % 7 + 1;
        for at in (first..first + count).map(|at| at % 7) {
            let Some(day) = week.get_mut(at) else { continue };
            if day.is_some() {
                let name = DAYS.get(at).copied().unwrap_or_default();
                section.error(&key.span, format!("week: {name} is there twice; remove one"));
            }
            *day = Some(spans.clone());
        }
    }
    week.map(Option::unwrap_or_default)
}

/// `mon`, or `mon-fri`; Saturday to Monday goes round.
fn weekdays(text: &str) -> Option<(usize, usize)> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name.trim()));
    match text.split_once('-') {
        Some((first, last)) => Some((day(first)?, day(last)?)),
        None => day(text).map(|day| (day, day)),
    }
}

/// The stretches of one day, in order and apart.
fn spans(section: &Section<'_>, key: &str, texts: &[Text<'_>]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for text in texts {
        let problem = match span(text.value) {
            None => "expected times such as \"9:00-17:30\"; \"24:00\" is the end of the day".to_owned(),
            Some(span) if span.to <= span.from => {
                "ends before it begins; past midnight it is the next day's: \"22:00-24:00\" here, \"0:00-6:00\" there"
                    .to_owned()
            }
            Some(span) if spans.last().is_some_and(|before| span.from < before.to) => {
                "begins before the one in front of it ends; write them in their order".to_owned()
            }
            Some(span) => {
                spans.push(span);
                continue;
            }
        };
        section.error(&text.span, format!("{key}: {:?}: {problem}", text.value));
    }
    spans
}

/// `9:00-17:30`.
fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    Some(Span { from: time(from)?, to: time(to)? })
}

fn time(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let plain = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !plain(hours, 2) || minutes.len() != 2 || !plain(minutes, 2) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
    let of_day = hours * 60 + minutes;
    (minutes < 60 && of_day <= MINUTES_OF_A_DAY).then(|| Duration::from_secs(of_day * 60))
}

/// `2026-12-25`, `2026-12-24..2027-01-01`, or `12-25` in every year.
fn dates(section: &Section<'_>, key: &str, text: &Text<'_>, years: &RangeInclusive<i16>) -> Vec<Day> {
    let found = match text.value.split_once("..") {
        Some((first, last)) => match (date(first), date(last)) {
            (Some(first), Some(last)) => (first.0..=last.0).take(DATES_MAX + 1).map(Day).collect(),
            (None, _) | (_, None) => Vec::new(),
        },
        None => match date(text.value) {
            Some(day) => vec![day],
            None => years.clone().filter_map(|year| date(&format!("{year}-{}", text.value))).collect(),
        },
    };
    if found.is_empty() {
        let wanted = "a date such as \"2026-12-25\", days such as \"2026-12-24..2027-01-01\", or \"12-25\" for every year";
        section.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value));
    } else if found.len() > DATES_MAX {
        section.error(&text.span, format!("{key}: {:?} is more than {DATES_MAX} days", text.value));
    }
    found
}

/// A day of the calendar that exists.
fn date(text: &str) -> Option<Day> {
    let mut parts = text.trim().split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let (year, month, day) = (year.parse::<i16>().ok()?, month.parse::<i8>().ok()?, day.parse::<i8>().ok()?);
    jiff::civil::Date::new(year, month, day).ok()?;
    Some(Day::of_date(year.into(), u32::try_from(month).ok()?, u32::try_from(day).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_day_are_read_and_nonsense_is_not() {
        let read = |text| span(text).map(|span| (span.from.as_secs() / 60, span.to.as_secs() / 60));
        assert_eq!(read("9:00-17:30"), Some((540, 1050)));
        assert_eq!(read("00:00 - 24:00"), Some((0, 1440)));
        for wrong in ["9-17", "9:0-17:00", "24:01-24:30", "9:60-10:00", "+9:00-10:00", "9:00", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_days_that_exist_are_dates() {
        assert_eq!(date("2028-02-29"), Some(Day::of_date(2028, 2, 29)));
        for wrong in ["2026-02-29", "2026-13-01", "2026-1-1", "12-25", "2026-12-25-1", "26-12-25"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_of_the_week_go_round() {
        assert_eq!(weekdays("mon-fri"), Some((0, 4)));
        assert_eq!(weekdays("Sat-Mon"), Some((5, 0)));
        assert_eq!(weekdays("sunday"), None);
    }
}
