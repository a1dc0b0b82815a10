//! Fields of comma-separated values (RFC 4180) that may hold what strangers wrote: no field is a formula to a spreadsheet, and
//! none drives a terminal.

/// Control characters, and what Unicode has for turning and hiding text (its Annex 9 and Technical Report 36).
pub(super) fn drives_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// One field.
pub(super) fn field(text: &str) -> String {
    let mut safe: String = text.chars().map(|c| if drives_a_terminal(c) { '\u{fffd}' } else { c }).collect();
    if is_formula(&safe) {
        safe.insert(0, '\'');
    }
    if safe.contains([',', '"', ';', '\'']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

/// What a spreadsheet would compute. A number with its sign it may.
fn is_formula(text: &str) -> bool {
    let text = text.trim_start();
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    text.starts_with(['=', '@', '\u{fffd}'])
        || text.strip_prefix(['+', '-']).is_some_and(|rest| !is_number(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(field(text), expected);
    }

    #[test]
    fn no_field_is_a_formula_to_a_spreadsheet() {
        check("=cmd|'/c calc'!A1", "\"'=cmd|'/c calc'!A1\"");
        check("@SUM(1+1)", "\"'@SUM(1+1)\"");
        check("+1+cmd()", "\"'+1+cmd()\"");
        check("-2+3", "\"'-2+3\"");
        check(" =1", "\"' =1\"");
        check("\t=1", "\"'\u{fffd}=1\"");
        check("+4930123", "+4930123");
        check("Zoë", "Zoë");
    }

    #[test]
    fn no_field_ends_early_or_drives_the_terminal() {
        check("a,b", "\"a,b\"");
        check("say \"hi\"", "\"say \"\"hi\"\"\"");
        check("a\r\nb\u{1b}[2J\u{202e}", "a\u{fffd}\u{fffd}b\u{fffd}[2J\u{fffd}");
    }
}
