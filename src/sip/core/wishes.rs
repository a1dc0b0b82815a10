//! What a trusted sender wishes for a call, read from headers of our own. A wish that cannot be read is left out, noted
//! and counted; the call is taken all the same.

use super::{Note, SipCore, Turn};
use crate::engine::event::Wishes;
use crate::engine::requirement;
use crate::engine::settings::Settings;
use crate::engine::skill::Requirement;
use crate::sip::flow::Flow;
use crate::sip::message::Headers;
use std::time::Duration;

/// What the agent must be able to do, besides what queue and number require: `spanish >= 3 and billing`.
const REQUIRES: &str = "X-Holdfast-Requires";
/// The wait the call is credited with: `60` seconds, or `1m30s`.
const PRIORITY: &str = "X-Holdfast-Priority";
/// The agent who should take it, by name.
const AGENT: &str = "X-Holdfast-Agent";
/// No wish is longer, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// Nobody waits longer, so nobody is credited with more.
const PRIORITY_MAX: Duration = Duration::from_secs(24 * 3600);
/// So much of what cannot be read goes into the log, in characters.
const NOTED_CHARS_MAX: usize = 80;

impl SipCore {
    /// What the sender, who may, wishes; `None` when nothing, or nothing that can be read.
    pub(super) fn wishes(&mut self, turn: &mut Turn<'_>, headers: &Headers, from: &Flow) -> Option<Wishes> {
        let rules = turn.rules;
        let requirement = self.wish(turn, headers, from, REQUIRES, |text| requires(text, rules));
        let priority = self.wish(turn, headers, from, PRIORITY, priority);
        let agent = self.wish(turn, headers, from, AGENT, |text| {
            rules.agent_named(text).ok_or_else(|| "expected the name of an agent".into())
        });
        let wishes = Wishes { requirement, priority, agent };
        (wishes != Wishes::default()).then_some(wishes)
    }

    fn wish<T>(
        &mut self,
        turn: &mut Turn<'_>,
        headers: &Headers,
        from: &Flow,
        header: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut values = headers.all(header);
        let text = values.next()?;
        let result = match values.next() {
            // Of two that differ, neither is what the sender meant.
            Some(_) => Err("expected one header of this name, there are several".into()),
            None if text.len() > TEXT_BYTES_MAX => Err(format!("expected at most {TEXT_BYTES_MAX} bytes")),
            None => read(text.trim()),
        };
        match result {
            Ok(wish) => Some(wish),
            Err(problem) => {
                self.bad_wishes += 1;
                let text = text.chars().take(NOTED_CHARS_MAX).collect();
                turn.out.notes.push(Note::BadWish { header, from: from.remote.ip(), text, problem });
                None
            }
        }
    }
}

fn requires(text: &str, rules: &Settings) -> Result<Requirement, String> {
    requirement::parse(text, &rules.skills)
        .map_err(|error| format!("at character {}: {error}", error.at().start + 1))
}

fn priority(text: &str) -> Result<Duration, String> {
    let wanted = || "expected seconds, or a duration such as \"1m30s\", of at most 24 hours".to_owned();
    duration(text).filter(|priority| *priority <= PRIORITY_MAX).ok_or_else(wanted)
}

/// `90`, `90s`, `1m30s`, `2h`; larger units first, each once.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(secs) = text.parse::<u32>() {
        return Some(Duration::from_secs(secs.into()));
    }
    let (mut rest, mut secs) = (text, 0_u64);
    for (unit, unit_secs) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            secs = secs.checked_add(u64::from(number.parse::<u32>().ok()?).checked_mul(unit_secs)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_number_of_seconds_or_a_duration() {
        let secs = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(["60", "90s", "1m30s", "2h", "0"].map(secs), [60, 90, 90, 7200, 0].map(Some));
        assert_eq!(["", "soon", "1s1m", "-5", "1.5s", "5 s", "1m30", "99999999999h"].map(secs), [None; 8]);
        assert!(priority("25h").is_err());
    }
}
