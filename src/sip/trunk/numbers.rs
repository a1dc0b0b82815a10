//! Numbers in a trunk's way of writing and in E.164 (ITU-T E.164: a plus and at most 15 digits). Rewrites, and dials nothing.

/// Longer numbers are none of E.164's.
const DIGITS_MAX: usize = 15;
/// Fewer digits without any prefix are an extension, or an emergency number.
const BARE_DIGITS_MIN: usize = 8;

/// How a trunk writes numbers. By default as they are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberPlan {
    /// Where the trunk is at home: what it writes without a country is of this one. `None`: incoming numbers stay as they are.
    pub home: Option<Home>,
    /// How it wants the numbers that we call.
    pub format: NumberFormat,
}

/// A country's way of dialling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// The country's code: `49`.
    pub country: String,
    /// What is dialled in front of another country's code: `00`.
    pub international_prefix: String,
    /// What is dialled in front of an area code: `0`. Empty where nothing is.
    pub national_prefix: String,
}

/// How a trunk wants numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NumberFormat {
    /// `+4930123`.
    #[default]
    E164,
    /// `4930123`.
    E164WithoutPlus,
    /// `030123`, and `004412345` abroad.
    National,
}

impl NumberPlan {
    /// A number that came from the trunk, in E.164 where it can be told; any other as it came.
    pub fn inward(&self, number: &str) -> String {
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain {
            return number.to_owned();
        }
        let read = self.home.as_ref().and_then(|home| home.read(number));
        let bare = || {
            let is_whole = self.format == NumberFormat::E164WithoutPlus && number.len() >= BARE_DIGITS_MIN;
            is_whole.then(|| number.to_owned())
        };
        match read.or_else(bare).filter(|digits| digits.len() <= DIGITS_MAX) {
            Some(digits) => format!("+{digits}"),
            None => number.to_owned(),
        }
    }

    /// A number for the trunk; what is not in E.164 goes as it is.
    pub fn outward(&self, number: &str) -> String {
        let Some(digits) = number.strip_prefix('+') else { return number.to_owned() };
        match (self.format, &self.home) {
            (NumberFormat::E164, _) | (NumberFormat::National, None) => number.to_owned(),
            (NumberFormat::E164WithoutPlus, _) => digits.to_owned(),
            (NumberFormat::National, Some(home)) => match digits.strip_prefix(home.country.as_str()) {
                Some(rest) => format!("{}{rest}", home.national_prefix),
                None => format!("{}{digits}", home.international_prefix),
            },
        }
    }
}

impl Home {
    /// Country code and all, without a plus. `None` for what has none of the prefixes.
    fn read(&self, number: &str) -> Option<String> {
        // The longer prefix first: 00 begins with 0.
        if let Some(rest) = number.strip_prefix(self.international_prefix.as_str()) {
            return (!rest.is_empty()).then(|| rest.to_owned());
        }
        if self.national_prefix.is_empty() {
            let is_whole = number.len() >= BARE_DIGITS_MIN;
            return is_whole.then(|| format!("{}{number}", self.country));
        }
        let rest = number.strip_prefix(self.national_prefix.as_str()).filter(|rest| !rest.is_empty())?;
        Some(format!("{}{rest}", self.country))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(country: &str, international: &str, national: &str, format: NumberFormat) -> NumberPlan {
        let home = Home {
            country: country.into(),
            international_prefix: international.into(),
            national_prefix: national.into(),
        };
        NumberPlan { home: Some(home), format }
    }

    #[track_caller]
    fn check(plan: &NumberPlan, inward: &[(&str, &str)], outward: &[(&str, &str)]) {
        for (came, expected) in inward {
            assert_eq!(plan.inward(came), *expected, "{came} came in");
        }
        for (number, expected) in outward {
            assert_eq!(plan.outward(number), *expected, "{number} goes out");
        }
    }

    #[test]
    fn german_numbers_are_read_with_their_prefixes_and_extensions_are_left_alone() {
        check(
            &plan("49", "00", "0", NumberFormat::National),
            &[
                ("030123", "+4930123"),
                ("00441234567", "+441234567"),
                ("+4930123", "+4930123"),
                ("4001", "4001"),
                ("110", "110"),
                ("*21#", "*21#"),
                ("anna", "anna"),
                ("", ""),
                ("0", "0"),
                ("00", "00"),
                ("0123456789012345", "0123456789012345"),
            ],
            &[("+4930123", "030123"), ("+441234567", "00441234567"), ("110", "110"), ("*21#", "*21#")],
        );
    }

    #[test]
    fn north_american_and_french_numbers_are_read_as_well() {
        check(
            &plan("1", "011", "1", NumberFormat::E164WithoutPlus),
            &[("12125550100", "+12125550100"), ("0114930123", "+4930123"), ("2125550100", "+2125550100")],
            &[("+12125550100", "12125550100"), ("+4930123", "4930123")],
        );
        check(
            &plan("45", "00", "", NumberFormat::National),
            &[("32123456", "+4532123456"), ("112", "112"), ("004930123", "+4930123")],
            &[("+4532123456", "32123456"), ("+4930123", "004930123")],
        );
    }

    #[test]
    fn without_a_country_only_the_plus_comes_and_goes_and_by_default_nothing_does() {
        let without_plus = NumberPlan { home: None, format: NumberFormat::E164WithoutPlus };
        check(&without_plus, &[("4930123456", "+4930123456"), ("4001", "4001")], &[("+4930123", "4930123")]);
        check(
            &NumberPlan::default(),
            &[("030123", "030123"), ("4930123456", "4930123456")],
            &[("+4930123", "+4930123"), ("030", "030")],
        );
    }

    proptest::proptest! {
        #[test]
        fn what_goes_out_nationally_comes_back_as_it_was(number in "\\+[1-9][0-9]{6,12}") {
            let plan = plan("49", "00", "0", NumberFormat::National);
            // A German number without an area code cannot be told from one abroad: there is none.
            if !number.starts_with("+490") && number != "+49" {
                assert_eq!(plan.inward(&plan.outward(&number)), number);
            }
        }
    }
}
