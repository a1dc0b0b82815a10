//! The CSeq header: the number that orders requests of a dialog, and the method it counts.

use super::message::Method;
use super::params::is_token;
use super::uri::UriError;
use std::fmt;
use std::str::FromStr;

/// A CSeq value (RFC 3261 §20.16).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CSeq {
    /// Below 2^31 (RFC 3261 §8.1.1.5).
    pub number: u32,
    /// The method of the request, also in its responses.
    pub method: Method,
}

impl FromStr for CSeq {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(number), Some(method), None) = (words.next(), words.next(), words.next()) else {
            return Err(UriError::CSeq);
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) || !method.bytes().all(is_token) {
            return Err(UriError::CSeq);
        }
        let number = number.parse::<u32>().ok().filter(|number| *number < 1 << 31).ok_or(UriError::CSeq)?;
        Ok(Self { number, method: Method::from_token(method) })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_two_to_the_thirty_first() {
        let cseq: CSeq = "0009\t INVITE".parse().unwrap();
        assert_eq!(cseq, CSeq { number: 9, method: Method::Invite });
        assert_eq!(cseq.to_string(), "9 INVITE");
        assert!("2147483647 BYE".parse::<CSeq>().is_ok());
        for text in
            ["2147483648 BYE", "-1 BYE", "+1 BYE", "1", "BYE", "1 BYE x", "1 B<E", "36893488147419103232 BYE"]
        {
            assert_eq!(text.parse::<CSeq>(), Err(UriError::CSeq), "{text}");
        }
    }
}
