//! When a certificate is valid, which the TLS library asks only of others' (RFC 5280 §4.1.2.5). Pure.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// From when until when; `None` when it is not written as it must be.
pub(super) fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut certificate = Der(der).expect(SEQUENCE)?;
    let mut signed = certificate.expect(SEQUENCE)?;
    if signed.0.first() == Some(&VERSION) {
        signed.expect(VERSION)?;
    }
    signed.expect(INTEGER)?;
    // The signature's algorithm, and who issued it.
    signed.expect(SEQUENCE)?;
    signed.expect(SEQUENCE)?;
    let mut validity = signed.expect(SEQUENCE)?;
    Some((validity.time()?, validity.time()?))
}

/// What is not read yet of an encoding by the Distinguished Encoding Rules (X.690).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if it is of this kind.
    fn expect(&mut self, tag: u8) -> Option<Der<'a>> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    fn next(&mut self) -> Option<(u8, Der<'a>)> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        // X.690 §8.1.3: short, or the number of bytes the length is written with.
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (length.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, Der(content)))
    }

    fn time(&mut self) -> Option<Timestamp> {
        let (tag, content) = self.next()?;
        let text = std::str::from_utf8(content.0).ok()?.strip_suffix('Z')?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year: i16 = year.parse().ok()?;
                // RFC 5280 §4.1.2.5.1.
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (year.parse().ok()?, rest)
            }
            _ => return None,
        };
        let two = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
        let moment = DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, 0).ok()?;
        Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate as far as it is looked at.
    fn certificate(from: (u8, &str), until: (u8, &str)) -> Vec<u8> {
        let element = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x82, length[0], length[1]][..], content].concat()
        };
        let time = |(tag, text): (u8, &str)| element(tag, text.as_bytes());
        let validity = element(SEQUENCE, &[time(from), time(until)].concat());
        let (version, serial) = (element(VERSION, &[2, 1, 2]), element(INTEGER, &[7]));
        let (algorithm, issuer) = (element(SEQUENCE, &[]), element(SEQUENCE, &[0; 200]));
        let signed = element(SEQUENCE, &[version, serial, algorithm, issuer, validity].concat());
        element(SEQUENCE, &signed)
    }

    #[test]
    fn both_ways_to_write_the_time_are_read() {
        let der = certificate((UTC_TIME, "991231235959Z"), (GENERALIZED_TIME, "20500101000000Z"));
        let (from, until) = validity(&der).unwrap();
        assert_eq!(
            (from.to_string().as_str(), until.to_string().as_str()),
            ("1999-12-31T23:59:59Z", "2050-01-01T00:00:00Z")
        );
    }

    #[test]
    fn what_is_cut_or_nonsense_has_no_validity() {
        let der = certificate((UTC_TIME, "240101000000Z"), (UTC_TIME, "250101000000Z"));
        assert!(validity(&der).is_some());
        for end in 0..der.len() {
            assert_eq!(validity(&der[..end]), None, "{end} bytes of it");
        }
        for time in ["2401010000Z", "241301000000Z", "240101000000", "24010100000xZ"] {
            assert_eq!(validity(&certificate((UTC_TIME, time), (UTC_TIME, "250101000000Z"))), None, "{time}");
        }
    }
}
