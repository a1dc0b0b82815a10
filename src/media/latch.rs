//! Whose packets are taken, and where ours go: the address of the session description, or the one behind which a NAT
//! hides it. Once locked, nobody else is heard or sent to (RTP bleed: CVE-2017-14099, CVE-2025-53399).

use crate::engine::time::Monotonic;
use std::net::SocketAddr;
use std::time::Duration;

/// So many plausible packets make another address the far side's.
const PACKETS_TO_LEARN: u8 = 5;
/// And it must have sent this long: what the real phone sends in the meantime comes first.
const TIME_TO_LEARN: Duration = Duration::from_millis(60);
/// The locked address must have been silent for this long before its host may send from another port (NAT rebinding).
const SILENCE_TO_RELEARN: Duration = Duration::from_millis(500);
/// How many addresses are watched at once.
const CANDIDATES: usize = 4;

/// Whether a packet is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It comes from the far side.
    Taken,
    /// It may; more packets must show.
    Learning,
    /// It does not.
    Stranger,
}

/// An address that is not (yet) the far side's.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    packets: u8,
    since: Monotonic,
}

/// The addresses of one leg's far side.
#[derive(Clone, Copy, Debug)]
pub struct Latch {
    described: SocketAddr,
    locked: Option<Locked>,
    candidates: [Option<Candidate>; CANDIDATES],
    is_proven: bool,
}

#[derive(Clone, Copy, Debug)]
struct Locked {
    from: SocketAddr,
    ssrc: u32,
    heard: Monotonic,
}

impl Latch {
    /// Starts with the address of the session description.
    pub fn new(described: SocketAddr) -> Latch {
        Latch { described, locked: None, candidates: [None; CANDIDATES], is_proven: false }
    }

    /// Whether every packet that is judged was proven to be the far side's (SRTP): a source that fell silent may then
    /// go on from another host too.
    pub fn prove(&mut self, is_proven: bool) {
        self.is_proven = is_proven;
    }

    /// Where to send: where the far side was heard from, else where its description says.
    pub fn destination(&self) -> SocketAddr {
        self.locked.map_or(self.described, |locked| locked.from)
    }

    /// The address this latch started with.
    pub fn described(&self) -> SocketAddr {
        self.described
    }

    /// Judges a packet that is RTP with a payload type of this stream.
    pub fn judge(&mut self, now: Monotonic, from: SocketAddr, ssrc: u32) -> Verdict {
        // The described address is always believed, even after another was learned: a sprayer may have been faster than
        // the phone, and whoever forges this address gets nothing sent to his own.
        if from == self.described {
            return self.lock(now, from, ssrc);
        }
        match self.locked {
            Some(locked) if locked.from == from => self.lock(now, from, ssrc),
            Some(locked) => {
                let rebound = (self.is_proven || from.ip() == locked.from.ip())
                    && ssrc == locked.ssrc
                    && now.since(locked.heard) >= SILENCE_TO_RELEARN;
                if rebound { self.learn(now, from, ssrc) } else { Verdict::Stranger }
            }
            None => self.learn(now, from, ssrc),
        }
    }

    fn lock(&mut self, now: Monotonic, from: SocketAddr, ssrc: u32) -> Verdict {
        self.locked = Some(Locked { from, ssrc, heard: now });
        self.candidates = [None; CANDIDATES];
        Verdict::Taken
    }

    fn learn(&mut self, now: Monotonic, from: SocketAddr, ssrc: u32) -> Verdict {
        let known = self
            .candidates
            .iter_mut()
            .flatten()
            .find(|candidate| candidate.from == from && candidate.ssrc == ssrc);
        if let Some(candidate) = known {
            candidate.packets = candidate.packets.saturating_add(1);
            if candidate.packets >= PACKETS_TO_LEARN && now.since(candidate.since) >= TIME_TO_LEARN {
                return self.lock(now, from, ssrc);
            }
            return Verdict::Learning;
        }
        let fresh = Candidate { from, ssrc, packets: 1, since: now };
        // The least convincing one makes room.
        let weakest = self.candidates.iter_mut().min_by_key(|slot| slot.map_or(0, |known| known.packets));
        if let Some(slot) = weakest {
            *slot = Some(fresh);
        }
        Verdict::Learning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Monotonic {
        Monotonic(ms * 1_000)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn latch() -> Latch {
        Latch::new(address("10.0.0.7:4000"))
    }

    #[test]
    fn the_described_address_is_locked_at_its_first_packet() {
        let mut latch = latch();
        assert_eq!(latch.judge(at(0), address("10.0.0.7:4000"), 1), Verdict::Taken);
        for ms in 0..1_000 {
            assert_eq!(latch.judge(at(ms), address("198.51.100.66:4000"), 1), Verdict::Stranger);
        }
        assert_eq!(latch.destination(), address("10.0.0.7:4000"));
    }

    #[test]
    fn the_address_behind_a_nat_is_learned_and_locked() {
        let (mut latch, outside) = (latch(), address("203.0.113.9:61000"));
        let verdicts: Vec<_> = (0..6).map(|n| latch.judge(at(n * 20), outside, 1)).collect();
        assert_eq!(verdicts[..4], [Verdict::Learning; 4]);
        assert_eq!(verdicts[4..], [Verdict::Taken; 2]);
        assert_eq!(latch.destination(), outside);
        assert_eq!(latch.judge(at(200), address("198.51.100.66:4000"), 1), Verdict::Stranger);
    }

    #[test]
    fn a_burst_does_not_win_the_lock_before_the_phone_speaks() {
        let (mut latch, sprayer) = (latch(), address("198.51.100.66:4000"));
        for n in 0..1_000 {
            assert_eq!(latch.judge(Monotonic(n * 10), sprayer, 1), Verdict::Learning);
        }
        assert_eq!(latch.destination(), address("10.0.0.7:4000"));
        assert_eq!(latch.judge(at(20), address("10.0.0.7:4000"), 2), Verdict::Taken);
        assert_eq!(latch.judge(at(21), sprayer, 1), Verdict::Stranger);
    }

    #[test]
    fn the_described_address_wins_even_after_a_sprayer_was_learned() {
        let (mut latch, sprayer) = (latch(), address("198.51.100.66:4000"));
        for n in 0..10 {
            latch.judge(at(n * 20), sprayer, 1);
        }
        assert_eq!(latch.destination(), sprayer);
        assert_eq!(latch.judge(at(300), address("10.0.0.7:4000"), 2), Verdict::Taken);
        assert_eq!(latch.destination(), address("10.0.0.7:4000"));
        assert_eq!(latch.judge(at(301), sprayer, 1), Verdict::Stranger);
    }

    #[test]
    fn sprayers_from_many_ports_never_crowd_out_the_real_one() {
        let (mut latch, outside) = (latch(), address("203.0.113.9:61000"));
        for n in 0..6 {
            for port in 0..50_u16 {
                latch.judge(
                    at(n * 20),
                    SocketAddr::new([198, 51, 100, 66].into(), 1_000 + port + n as u16 * 50),
                    9,
                );
            }
            latch.judge(at(n * 20), outside, 1);
            latch.judge(at(n * 20), outside, 1);
        }
        assert_eq!(latch.destination(), outside);
    }

    #[test]
    fn a_proven_source_that_fell_silent_may_go_on_from_another_host() {
        let (mut latch, elsewhere) = (latch(), address("203.0.113.9:61000"));
        latch.judge(at(0), address("10.0.0.7:4000"), 1);
        assert_eq!(latch.judge(at(1_000), elsewhere, 1), Verdict::Stranger, "not proven");
        latch.prove(true);
        assert_eq!(latch.judge(at(100), elsewhere, 1), Verdict::Stranger, "the old one spoke a moment ago");
        assert_eq!(latch.judge(at(1_000), elsewhere, 2), Verdict::Stranger, "another source");
        let verdicts: Vec<_> = (0..5).map(|n| latch.judge(at(2_000 + n * 20), elsewhere, 1)).collect();
        assert_eq!(verdicts[4], Verdict::Taken);
        assert_eq!(latch.destination(), elsewhere);
    }

    #[test]
    fn a_rebound_port_is_relearned_from_the_same_host_and_source_only() {
        let mut latch = latch();
        latch.judge(at(0), address("10.0.0.7:4000"), 1);
        let rebound = address("10.0.0.7:4999");
        assert_eq!(latch.judge(at(100), rebound, 1), Verdict::Stranger, "the old port spoke a moment ago");
        for n in 0..9 {
            assert_eq!(latch.judge(at(1_000 + n * 20), rebound, 2), Verdict::Stranger, "another source");
        }
        let verdicts: Vec<_> = (0..5).map(|n| latch.judge(at(2_000 + n * 20), rebound, 1)).collect();
        assert_eq!(verdicts[4], Verdict::Taken);
        assert_eq!(latch.destination(), rebound);
    }
}
