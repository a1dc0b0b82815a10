//! Keeps what was said about the last calls: bounded in calls, in steps of a call, and in bytes of all. It knows which
//! Call-ID belongs to which call because it was told before.

use super::{Passed, Peer, Step, Told, Trace, redact, wire};
use crate::engine::id::CallId;
use crate::engine::time::Monotonic;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Call-IDs of one call that are kept: an agent's phones, one agent after another. What goes beyond is not kept.
const PEERS_MAX: usize = 64;
/// What a step takes besides its text, roughly.
const STEP_BYTES: usize = 96;

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceRules {
    /// Calls; 0: nothing is kept at all.
    pub calls: usize,
    /// Steps of one call. Beyond, those in the middle are given up: how a call began and how it ended tells most.
    pub steps_max: usize,
    /// Bytes of all; the oldest calls make room.
    pub bytes_max: usize,
}

impl Default for TraceRules {
    fn default() -> Self {
        Self { calls: 200, steps_max: 200, bytes_max: 32 << 20 }
    }
}

/// The store.
#[derive(Debug)]
pub struct Keeper {
    rules: TraceRules,
    /// By identity, so that the oldest come first.
    calls: BTreeMap<CallId, Kept>,
    by_sip_call_id: BTreeMap<String, CallId>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    dialogs: Vec<Dialog>,
    steps: Vec<Entry>,
    bytes: usize,
    left_out: u64,
}

#[derive(Debug)]
struct Dialog {
    sip_call_id: String,
    with: String,
    address: String,
}

#[derive(Debug)]
struct Entry {
    at: Monotonic,
    what: What,
}

#[derive(Debug)]
enum What {
    Message { dialog: usize, is_ours: bool, bytes: Arc<[u8]> },
    Decision(String),
}

impl Entry {
    fn bytes(&self) -> usize {
        STEP_BYTES
            + match &self.what {
                What::Message { bytes, .. } => bytes.len(),
                What::Decision(what) => what.len(),
            }
    }
}

impl Keeper {
    /// Empty.
    pub fn new(rules: TraceRules) -> Self {
        Self { rules, calls: BTreeMap::new(), by_sip_call_id: BTreeMap::new(), bytes: 0 }
    }

    /// Takes in what was told. What is of no call is passed over.
    pub fn take(&mut self, told: Told) {
        match told {
            Told::Begun { sip_call_id, call, with } => self.begun(sip_call_id, call, with),
            Told::Passed(passed) => self.passed(passed),
            Told::Decided { at, call, what } => {
                if self.calls.contains_key(&call) {
                    self.add(call, Entry { at, what: What::Decision(what) });
                }
            }
        }
    }

    fn begun(&mut self, sip_call_id: String, call: CallId, with: String) {
        let is_newest = self.calls.last_key_value().is_none_or(|(newest, _)| call > *newest);
        if self.rules.calls == 0 || !(is_newest || self.calls.contains_key(&call)) {
            // Of a call that was given up: half of it would only mislead.
            return;
        }
        let kept = self.calls.entry(call).or_default();
        if kept.dialogs.len() < PEERS_MAX && !kept.dialogs.iter().any(|it| it.sip_call_id == sip_call_id) {
            let bytes = sip_call_id.len() * 2 + with.len() + STEP_BYTES;
            kept.bytes += bytes;
            self.bytes += bytes;
            self.by_sip_call_id.insert(sip_call_id.clone(), call);
            kept.dialogs.push(Dialog { sip_call_id, with, address: String::new() });
        }
        self.make_room();
    }

    /// The call that a message with this Call-ID belongs to, and the Call-ID of its caller's leg: what all its legs have
    /// in common for somebody who sees only messages.
    pub fn call_of(&self, bytes: &[u8]) -> Option<(CallId, &str)> {
        let call = *self.by_sip_call_id.get(wire::header(bytes, "Call-ID", "i")?)?;
        Some((call, self.calls.get(&call)?.dialogs.first()?.sip_call_id.as_str()))
    }

    fn passed(&mut self, passed: Passed) {
        let Some(sip_call_id) = wire::header(&passed.bytes, "Call-ID", "i") else { return };
        let Some(&call) = self.by_sip_call_id.get(sip_call_id) else { return };
        let Some(kept) = self.calls.get_mut(&call) else { return };
        let Some(dialog) = kept.dialogs.iter().position(|it| it.sip_call_id == sip_call_id) else { return };
        if let Some(known) = kept.dialogs.get_mut(dialog).filter(|known| known.address.is_empty()) {
            known.address = format!("{} {}", passed.transport.to_ascii_lowercase(), passed.far);
        }
        let bytes = match redact(&passed.bytes) {
            std::borrow::Cow::Borrowed(_) => Arc::clone(&passed.bytes),
            std::borrow::Cow::Owned(clean) => clean.into(),
        };
        let what = What::Message { dialog, is_ours: passed.is_ours, bytes };
        self.add(call, Entry { at: passed.at, what });
    }

    fn add(&mut self, call: CallId, entry: Entry) {
        let Some(kept) = self.calls.get_mut(&call) else { return };
        if kept.steps.len() >= self.rules.steps_max.max(4) {
            let middle = kept.steps.remove(kept.steps.len() * 3 / 4);
            kept.bytes -= middle.bytes();
            self.bytes -= middle.bytes();
            kept.left_out += 1;
        }
        kept.bytes += entry.bytes();
        self.bytes += entry.bytes();
        kept.steps.push(entry);
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.calls.len() > self.rules.calls || self.bytes > self.rules.bytes_max {
            let Some((call, kept)) = self.calls.pop_first() else { return };
            self.bytes -= kept.bytes;
            for dialog in kept.dialogs {
                if self.by_sip_call_id.get(&dialog.sip_call_id) == Some(&call) {
                    self.by_sip_call_id.remove(&dialog.sip_call_id);
                }
            }
        }
    }

    /// A call, if it is kept. `offset_us` leads from the loop's clock to microseconds since 1970.
    pub fn show(&self, call: CallId, offset_us: i64) -> Option<Trace> {
        let kept = self.calls.get(&call)?;
        let began = kept.steps.first()?.at;
        let peers = kept.dialogs.iter().map(|dialog| Peer {
            name: dialog.with.clone(),
            address: dialog.address.clone(),
            sip_call_id: dialog.sip_call_id.clone(),
        });
        let wall_us = i64::try_from(began.0).unwrap_or(i64::MAX).saturating_add(offset_us);
        let steps = kept.steps.iter().enumerate().map(|(number, step)| {
            let at_us = u64::try_from(step.at.since(began).as_micros()).unwrap_or(u64::MAX);
            match &step.what {
                What::Decision(what) => Step::Decision { at_us, what: what.clone() },
                What::Message { dialog, is_ours, bytes } => {
                    let same = |before: &Entry| matches!(&before.what, What::Message { is_ours: ours, bytes: other, .. } if ours == is_ours && other == bytes);
                    Step::Message {
                        at_us,
                        peer: *dialog,
                        sent: *is_ours,
                        label: wire::label(bytes),
                        again: kept.steps.iter().take(number).any(same),
                        text: String::from_utf8_lossy(bytes).into_owned(),
                    }
                }
            }
        });
        Some(Trace {
            call: call.to_string(),
            began_at_ms: wall_us.div_euclid(1_000),
            peers: peers.collect(),
            steps: steps.collect(),
            left_out: kept.left_out,
        })
    }

    /// The calls that are kept, the newest first.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        self.calls.keys().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(keeper: &mut Keeper, call: u64, sip_call_id: &str, with: &str) {
        keeper.take(Told::Begun { sip_call_id: sip_call_id.into(), call: CallId(call), with: with.into() });
    }

    fn passed(keeper: &mut Keeper, at_ms: u64, is_ours: bool, start: &str, sip_call_id: &str) {
        let text = format!("{start}\r\nCSeq: 1 INVITE\r\nCall-ID: {sip_call_id}\r\n\r\n");
        keeper.take(Told::Passed(Passed {
            at: Monotonic(at_ms * 1_000),
            is_ours,
            transport: "UDP",
            near: ([192, 0, 2, 1], 5060).into(),
            far: ([192, 0, 2, 7], 5062).into(),
            bytes: text.as_bytes().into(),
        }));
    }

    #[test]
    fn all_legs_of_a_call_are_one_trace_and_what_came_twice_is_marked() {
        let mut keeper = Keeper::new(TraceRules::default());
        passed(&mut keeper, 1, false, "REGISTER sip:x SIP/2.0", "of nobody's call");
        begun(&mut keeper, 7, "a", "caller");
        passed(&mut keeper, 10, false, "INVITE sip:4001@x SIP/2.0", "a");
        keeper.take(Told::Decided { at: Monotonic(11_000), call: CallId(7), what: "queued in sales".into() });
        begun(&mut keeper, 7, "b", "anna");
        passed(&mut keeper, 12, true, "INVITE sip:anna@y SIP/2.0", "b");
        passed(&mut keeper, 512, true, "INVITE sip:anna@y SIP/2.0", "b");
        passed(&mut keeper, 520, false, "SIP/2.0 180 Ringing", "b");
        let trace = keeper.show(CallId(7), 1_000_000).unwrap();
        assert_eq!((trace.call.as_str(), trace.began_at_ms, trace.left_out), ("7", 1_010, 0));
        let peers: Vec<_> =
            trace.peers.iter().map(|peer| (peer.name.as_str(), peer.address.as_str())).collect();
        assert_eq!(peers, [("caller", "udp 192.0.2.7:5062"), ("anna", "udp 192.0.2.7:5062")]);
        let steps: Vec<_> = trace
            .steps
            .iter()
            .map(|step| match step {
                Step::Message { at_us, peer, sent, label, again, .. } => {
                    format!("{at_us} {peer} {sent} {label} {again}")
                }
                Step::Decision { at_us, what } => format!("{at_us} {what}"),
            })
            .collect();
        assert_eq!(
            steps,
            [
                "0 0 false INVITE false",
                "1000 queued in sales",
                "2000 1 true INVITE false",
                "502000 1 true INVITE true",
                "510000 1 false 180 Ringing false",
            ]
        );
        assert_eq!(keeper.show(CallId(8), 0), None);
    }

    #[test]
    fn the_oldest_calls_make_room_and_are_gone_whole() {
        let mut keeper = Keeper::new(TraceRules { calls: 2, ..TraceRules::default() });
        for call in 1..=3 {
            begun(&mut keeper, call, &format!("call {call}"), "caller");
            passed(&mut keeper, call, false, "INVITE sip:x SIP/2.0", &format!("call {call}"));
        }
        assert_eq!(keeper.calls().collect::<Vec<_>>(), [CallId(3), CallId(2)]);
        passed(&mut keeper, 9, false, "BYE sip:x SIP/2.0", "call 1");
        begun(&mut keeper, 1, "another leg", "anna");
        assert_eq!(keeper.calls().collect::<Vec<_>>(), [CallId(3), CallId(2)]);
        assert_eq!(keeper.by_sip_call_id.len(), 2);
    }

    #[test]
    fn a_call_without_end_keeps_how_it_began_and_how_it_ends_and_bytes_are_bounded() {
        let rules = TraceRules { steps_max: 8, bytes_max: 2_000, ..TraceRules::default() };
        let mut keeper = Keeper::new(rules);
        begun(&mut keeper, 1, "a", "caller");
        for nth in 0..20 {
            passed(&mut keeper, nth, false, &format!("INFO sip:{nth} SIP/2.0"), "a");
        }
        let trace = keeper.show(CallId(1), 0).unwrap();
        assert_eq!((trace.steps.len(), trace.left_out), (8, 12));
        let Some(Step::Message { text, .. }) = trace.steps.first() else { panic!("a message") };
        assert!(text.starts_with("INFO sip:0 "));
        let Some(Step::Message { text, .. }) = trace.steps.last() else { panic!("a message") };
        assert!(text.starts_with("INFO sip:19 "));
        for call in 2..100 {
            begun(&mut keeper, call, &format!("call {call}"), "caller");
            passed(&mut keeper, 50, false, "INVITE sip:x SIP/2.0", &format!("call {call}"));
            assert!(keeper.bytes <= 2_000);
        }
        keeper.take(Told::Decided {
            at: Monotonic(0),
            call: CallId(1),
            what: "of a call that is gone".into(),
        });
        assert_eq!(keeper.bytes, keeper.calls.values().map(|kept| kept.bytes).sum::<usize>());
    }

    #[test]
    fn nothing_is_kept_when_nothing_is_to_be_kept() {
        let mut keeper = Keeper::new(TraceRules { calls: 0, ..TraceRules::default() });
        begun(&mut keeper, 1, "a", "caller");
        passed(&mut keeper, 1, false, "INVITE sip:x SIP/2.0", "a");
        assert_eq!((keeper.show(CallId(1), 0), keeper.bytes), (None, 0));
    }
}
