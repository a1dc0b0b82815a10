//! Which numbers outside may be called: all that stands between a mistake and somebody's telephone bill. Decides, and
//! calls nobody.
//!
//! Nothing may be called unless a pattern allows it. A pattern's last `*` stands for digits only: a code such as
//! `*21*00900…#`, which would redirect somebody's line, must be allowed letter by letter.

use std::fmt;

/// Longer numbers are none: E.164 has 15 digits, prefixes and extensions included this is ample.
const NUMBER_LENGTH_MAX: usize = 32;

/// A number in the form in which it is dialled: digits, `*` and `#`, with at most one `+` in front.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dialable(String);

impl Dialable {
    /// Reads a number as people write it: `+49 (30) 123-45`. `None` when it is no number.
    pub fn parse(text: &str) -> Option<Self> {
        let is_mark = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')');
        let number: String = text.chars().filter(|c| !is_mark(*c)).collect();
        let digits = number.strip_prefix('+').unwrap_or(&number);
        let is_key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
        let good = !digits.is_empty() && number.len() <= NUMBER_LENGTH_MAX && digits.chars().all(is_key);
        good.then_some(Self(number))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dialable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One or many numbers: `+49301234` is one, `+4930*` all that begin so and go on in digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    begin: String,
    goes_on: bool,
}

impl Pattern {
    /// Reads a pattern. `None` when no number could match it.
    pub fn parse(text: &str) -> Option<Self> {
        let (begin, goes_on) = match text.strip_suffix('*') {
            Some(begin) => (begin, true),
            None => (text, false),
        };
        if begin.is_empty() {
            return goes_on.then(|| Self { begin: String::new(), goes_on });
        }
        // A lone plus is the beginning of every international number.
        let begin = if begin == "+" { begin.to_owned() } else { Dialable::parse(begin)?.0 };
        Some(Self { begin, goes_on })
    }

    /// Whether the number is one of these.
    pub fn matches(&self, number: &Dialable) -> bool {
        match number.0.strip_prefix(&self.begin) {
            Some("") => !self.goes_on || !self.begin.is_empty(),
            Some(rest) => {
                let digits =
                    if self.begin.is_empty() { rest.strip_prefix('+').unwrap_or(rest) } else { rest };
                self.goes_on && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            None => false,
        }
    }
}

/// Which numbers may be called. By default none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DialPolicy {
    /// These.
    pub allow: Vec<Pattern>,
    /// But not these, whatever is allowed.
    pub deny: Vec<Pattern>,
}

/// Why a number is not called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDialled {
    /// Nothing one can dial.
    #[error("this is no number: expected digits, * and #, with at most a + in front")]
    NoNumber,
    /// No pattern allows it.
    #[error("no pattern of [dial] allow lets it be called")]
    NotAllowed,
    /// A pattern forbids it.
    #[error("a pattern of [dial] deny forbids it")]
    Denied,
    /// An address that is nobody's here.
    #[error("it names an address elsewhere, and only numbers are called")]
    Elsewhere,
    /// It was forwarded here, from somewhere that was forwarded to before.
    #[error("the call was forwarded too often, or in a circle")]
    SentRound,
    /// Nobody to call it through.
    #[error("no [[trunk]] has dial = \"…\"")]
    NoTrunk,
    /// The trunks that can be called through carry other numbers.
    #[error("no [[trunk]] with dial = \"…\" has it among its numbers")]
    NotCarried,
    /// The trunks have names that lead nowhere.
    #[error("no trunk's address is known: its name could not be resolved, or no listener reaches it")]
    NoAddress,
    /// No port, or too much going on.
    #[error("there is no room for another leg")]
    NoRoom,
}

impl DialPolicy {
    /// The number in the form in which it is dialled, if it may be.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, number: &str) -> Result<Dialable, NotDialled> {
        let number = Dialable::parse(number).ok_or(NotDialled::NoNumber)?;
        if self.deny.iter().any(|pattern| pattern.matches(&number)) {
            return Err(NotDialled::Denied);
        }
        if !self.allow.iter().any(|pattern| pattern.matches(&number)) {
            return Err(NotDialled::NotAllowed);
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &[&str], deny: &[&str]) -> DialPolicy {
        let read = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        DialPolicy { allow: read(allow), deny: read(deny) }
    }

    #[track_caller]
    fn check(policy: &DialPolicy, number: &str, expected: Result<&str, NotDialled>) {
        let got = policy.check(number);
        assert_eq!(got.as_ref().map(Dialable::as_str).map_err(|error| *error), expected, "{number}");
    }

    #[test]
    fn nothing_may_be_called_unless_it_is_allowed() {
        check(&DialPolicy::default(), "+49301234", Err(NotDialled::NotAllowed));
        let policy = policy(&["+49*", "0800*", "110"], &["+49900*"]);
        check(&policy, "+49 (30) 12-34", Ok("+49301234"));
        check(&policy, "0800 123", Ok("0800123"));
        check(&policy, "110", Ok("110"));
        check(&policy, "1101", Err(NotDialled::NotAllowed));
        check(&policy, "+4412345", Err(NotDialled::NotAllowed));
        check(&policy, "+49900123", Err(NotDialled::Denied));
        check(&policy, "0049301234", Err(NotDialled::NotAllowed));
    }

    #[test]
    fn an_asterisk_stands_for_digits_so_that_no_code_hides_behind_it() {
        let wide = policy(&["*", "0*"], &[]);
        check(&wide, "+49301234", Ok("+49301234"));
        check(&wide, "0*21*0900123#", Err(NotDialled::NotAllowed));
        check(&wide, "*21*0900123#", Err(NotDialled::NotAllowed));
        check(&policy(&["*21#"], &[]), "*21#", Ok("*21#"));
    }

    #[test]
    fn what_is_no_number_is_never_called() {
        let wide = policy(&["*"], &[]);
        for text in ["", "+", "anna", "123@evil.example", "12;phone-context=x", "1+2", "++1", "12\r\n3", "٣٤"]
        {
            check(&wide, text, Err(NotDialled::NoNumber));
        }
        check(&wide, &"1".repeat(NUMBER_LENGTH_MAX + 1), Err(NotDialled::NoNumber));
    }

    #[test]
    fn a_pattern_that_nothing_matches_is_none() {
        assert!(Pattern::parse("+*").is_some());
        assert_eq!(["", "anna", "+49x*", "sip:*", "++*"].map(Pattern::parse), [const { None }; 5]);
    }
}
