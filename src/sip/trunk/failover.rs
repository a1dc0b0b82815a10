//! What a refusal of a number outside says about who should be asked next. Decides, and asks nobody.

/// For whom a final response speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpeaksFor {
    /// The server: another one of the same trunk may do better.
    Server,
    /// The trunk: its other servers would say the same, another trunk may not.
    Trunk,
    /// The number, or the person who has it: every way leads there.
    Called,
}

/// What a final response other than 2xx says. `rang`: whether a phone had rung by then, so that a 408 means that nobody
/// picked it up.
pub fn speaks_for(status: u16, rang: bool) -> SpeaksFor {
    match status {
        408 if rang => SpeaksFor::Called,
        // RFC 3261 §21.5 speaks of the server.
        408 | 500..=599 => SpeaksFor::Server,
        // Who we are, what it costs, what is spoken: an agreement between us and the trunk.
        401 | 402 | 403 | 407 | 415 | 420 | 421 | 488 | 494 => SpeaksFor::Trunk,
        _ => SpeaksFor::Called,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_trouble_a_trunks_refusal_and_a_persons_no_are_told_apart() {
        for (status, rang, expected) in [
            (503, false, SpeaksFor::Server),
            (500, true, SpeaksFor::Server),
            (408, false, SpeaksFor::Server),
            (408, true, SpeaksFor::Called),
            (403, false, SpeaksFor::Trunk),
            (488, false, SpeaksFor::Trunk),
            (404, false, SpeaksFor::Called),
            (486, true, SpeaksFor::Called),
            (603, false, SpeaksFor::Called),
        ] {
            assert_eq!(speaks_for(status, rang), expected, "{status}");
        }
    }
}
