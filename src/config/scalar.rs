//! The small texts of a configuration: durations, listen addresses, port ranges, names.

use std::ops::RangeInclusive;
use std::time::Duration;

/// `"15s"`, `"500ms"`, `"2m"`, `"1h30m"`; larger units first, each once. `None` when it is no such text.
pub fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    let mut units_left = UNITS.as_slice();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let at = units_left.iter().position(|(name, _)| *name == unit)?;
        let (_, unit_ms) = units_left.get(at)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*unit_ms)?)?;
        units_left = units_left.get(at + 1..)?;
        rest = after.trim_start();
    }
    Some(Duration::from_millis(millis))
}

/// A duration as `duration` reads it.
pub(super) fn duration_text(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0 => "0s".into(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

/// `"20000-29999"`.
pub(super) fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
    // RTP takes an even port and RTCP the odd one above it (RFC 3550 §11).
    (first >= 1024 && last > first).then_some(first..=last)
}

/// Names are metric labels, API paths and SIP users alike, so they stay plain.
pub(super) fn is_plain_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// What can stand in the user part of a Request-URI that is dialled.
pub(super) fn is_dialable(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '#' | '-' | '_' | '.'))
}

/// A language as prompts are filed by: `en`, `de`, `pt-BR`.
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        let read = |text| duration(text).map(|span| span.as_millis());
        assert_eq!(read("15s"), Some(15_000));
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("1m 30s"), Some(90_000));
        assert_eq!(read("0s"), Some(0));
        for wrong in ["", "15", "s", "-1s", "1s1m", "1s1s", "15 sec", "1.5s", "99999999999999999999s", "1é"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["0s", "15s", "1500ms", "90s", "2m", "1h"] {
            assert_eq!(duration_text(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn port_ranges_hold_at_least_one_pair() {
        assert_eq!(ports("20000-29999"), Some(20000..=29999));
        for wrong in ["20000", "9-8", "80-90", "20000-70000", "5000-5000"] {
            assert_eq!(ports(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_and_languages_stay_plain() {
        assert!(
            is_plain_name("sales-2")
                && !is_plain_name("sales/2")
                && !is_plain_name("")
                && !is_plain_name("-x")
        );
        assert!(
            is_language("en") && is_language("pt-BR") && !is_language("English") && !is_language("../en")
        );
        assert!(is_dialable("+4930123") && is_dialable("*11") && !is_dialable("40 01"));
    }
}
