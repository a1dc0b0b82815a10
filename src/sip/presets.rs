//! What each make of phone wants to be told to answer by itself, or to ring with a tone of its own: one table. Nobody has
//! standardised it, so the forms are those of the makers' manuals; the phone must be told in its own settings to obey.

use std::fmt;

/// Where a URI must stand that nobody follows: makers' manuals use this one.
const NOWHERE: &str = "<http://127.0.0.1>";
/// Yealink's field for the name of a tone takes no more, in characters.
const TONE_LENGTH_MAX: usize = 32;

/// A maker of phones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhoneMake {
    /// Yealink T and CP series.
    Yealink,
    /// Polycom SoundPoint, VVX, Poly Edge.
    Polycom,
    /// Grandstream GXP, GRP, WP.
    Grandstream,
    /// Snom.
    Snom,
    /// Linphone, on the desktop, in the pocket and without a screen.
    Linphone,
}

impl PhoneMake {
    /// Every make with the name the configuration uses.
    pub const TABLE: [(&'static str, Self); 5] = [
        ("yealink", Self::Yealink),
        ("polycom", Self::Polycom),
        ("grandstream", Self::Grandstream),
        ("snom", Self::Snom),
        ("linphone", Self::Linphone),
    ];

    /// Whether it can be told by what tone to ring.
    pub fn has_tones(self) -> bool {
        self.tone(&Tone(String::new())).is_some()
    }

    /// What makes it answer by itself, at once. `host` is ours.
    fn answer(self, host: &str) -> (&'static str, String) {
        match self {
            Self::Yealink => ("Alert-Info", format!("{NOWHERE};info=alert-autoanswer;delay=0")),
            // The phone's own voIpProt.SIP.alertInfo.x.value, with the class ringAutoAnswer.
            Self::Polycom => ("Alert-Info", "Ring-Answer".into()),
            Self::Grandstream | Self::Snom | Self::Linphone => {
                ("Call-Info", format!("<sip:{host}>;answer-after=0"))
            }
        }
    }

    /// What makes it ring with this tone; `None`: it has none by name.
    fn tone(self, Tone(name): &Tone) -> Option<(&'static str, String)> {
        let value = match self {
            // The phone's "internal ringer text", and Grandstream's "matching rule".
            Self::Yealink | Self::Grandstream => format!("{NOWHERE};info={name}"),
            Self::Polycom => name.clone(),
            // Its "alert internal text", "alert external text" and so on.
            Self::Snom => format!("{NOWHERE};info={name};x-line-id=0"),
            Self::Linphone => return None,
        };
        Some(("Alert-Info", value))
    }
}

/// The name of a tone, as the phone's settings have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tone(String);

impl Tone {
    /// Reads a name. `None` when no header could carry it unquoted.
    pub fn parse(text: &str) -> Option<Self> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = (1..=TONE_LENGTH_MAX).contains(&text.len());
        (fits && text.chars().all(good)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the phones of an agent are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Whose they are.
    pub make: PhoneMake,
    /// Whether they answer the calls of queues by themselves. Colleagues ring: nobody is to be listened to unasked.
    pub auto_answer: bool,
    /// The tone they ring with, where the queue has none of its own.
    pub tone: Option<Tone>,
}

impl Preset {
    /// The header for a call, if any. `host` is ours; `queues` is the tone of the queue whose call it is. A phone that
    /// answers by itself rings with no tone.
    pub fn header(
        &self,
        host: &str,
        is_from_queue: bool,
        queues: Option<&Tone>,
    ) -> Option<(&'static str, String)> {
        if self.auto_answer && is_from_queue {
            return Some(self.make.answer(host));
        }
        self.make.tone(queues.or(self.tone.as_ref())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(make: PhoneMake, auto_answer: bool) -> Preset {
        Preset { make, auto_answer, tone: Tone::parse("internal") }
    }

    #[track_caller]
    fn check(make: PhoneMake, answers: &str, rings: Option<&str>) {
        let line = |header: Option<(&str, String)>| header.map(|(name, value)| format!("{name}: {value}"));
        let urgent = Tone::parse("urgent");
        let by_itself = preset(make, true).header("192.0.2.9", true, urgent.as_ref());
        assert_eq!(line(by_itself).as_deref(), Some(answers));
        let rung = preset(make, false).header("192.0.2.9", true, urgent.as_ref());
        assert_eq!(line(rung).as_deref(), rings);
        assert_eq!(make.has_tones(), rings.is_some());
    }

    #[test]
    fn each_make_is_told_in_its_own_way() {
        check(
            PhoneMake::Yealink,
            "Alert-Info: <http://127.0.0.1>;info=alert-autoanswer;delay=0",
            Some("Alert-Info: <http://127.0.0.1>;info=urgent"),
        );
        check(PhoneMake::Polycom, "Alert-Info: Ring-Answer", Some("Alert-Info: urgent"));
        check(
            PhoneMake::Grandstream,
            "Call-Info: <sip:192.0.2.9>;answer-after=0",
            Some("Alert-Info: <http://127.0.0.1>;info=urgent"),
        );
        check(
            PhoneMake::Snom,
            "Call-Info: <sip:192.0.2.9>;answer-after=0",
            Some("Alert-Info: <http://127.0.0.1>;info=urgent;x-line-id=0"),
        );
        check(PhoneMake::Linphone, "Call-Info: <sip:192.0.2.9>;answer-after=0", None);
    }

    #[test]
    fn a_colleagues_call_is_not_answered_by_itself_and_rings_with_the_agents_own_tone() {
        let header = preset(PhoneMake::Snom, true).header("192.0.2.9", false, None);
        assert_eq!(
            header.map(|(_, value)| value).as_deref(),
            Some("<http://127.0.0.1>;info=internal;x-line-id=0")
        );
    }

    #[test]
    fn a_tone_cannot_carry_a_second_header() {
        for bad in ["", "a b", "a;b", "a\r\nVia: x", "<x>", "ünl", &"a".repeat(33)] {
            assert_eq!(Tone::parse(bad), None, "{bad:?}");
        }
        assert!(Tone::parse("Bellcore-dr2").is_some());
    }
}
