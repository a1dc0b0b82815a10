//! What was said in a world, line by line, for whoever looks for the reason of a broken rule.

use super::network::Parcel;
use crate::sip::codec;
use crate::sip::message::Message;
use std::time::Duration;

/// Lines that are kept: the last ones tell the reason.
const LINES_MAX: usize = 20_000;

#[derive(Default)]
pub(super) struct Ladder {
    lines: Vec<(String, String)>,
}

impl Ladder {
    pub fn leaves(&mut self, at: Duration, parcel: &Parcel) {
        self.note(at, "-->", parcel);
    }

    pub fn arrives(&mut self, at: Duration, parcel: &Parcel) {
        self.note(at, "==>", parcel);
    }

    fn note(&mut self, at: Duration, arrow: &str, parcel: &Parcel) {
        let Ok(message) = codec::parse(&parcel.bytes) else { return };
        let header = |name| message.headers().first(name).unwrap_or_default();
        let what = match &message {
            Message::Request(request) => format!("{}", request.method),
            Message::Response(response) => format!("{}", response.status),
        };
        let (from, to) = (parcel.from, parcel.to);
        let cseq = header("CSeq");
        let line = format!("{:>11.6}  {from} {arrow} {to}  {what} ({cseq})", at.as_secs_f64());
        if self.lines.len() < LINES_MAX {
            self.lines.push((header("Call-ID").to_owned(), line));
        }
    }

    /// What was said in the calls whose Call-ID `text` names; all, if it names none.
    pub fn of(&self, text: &str) -> Vec<String> {
        let named = |call_id: &str| text.split([' ', ':', ',']).any(|word| word == call_id);
        let any = self.lines.iter().any(|(call_id, _)| named(call_id));
        let wanted = self.lines.iter().filter(|(call_id, _)| !any || named(call_id));
        wanted.map(|(call_id, line)| format!("{line}  {call_id}")).collect()
    }
}
