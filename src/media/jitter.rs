//! The adaptive jitter buffer: packets in as the network brings them, out in their order when they are due. Pure; it
//! decodes nothing and knows payloads only by their length.
//!
//! Two figures steer it. `target` is how long a packet must be kept so that 95 of 100 are there in time: the 95th
//! percentile of how much later than the fastest the recent packets came. `depth` is how long it is kept now. The ear
//! asks [`JitterBuffer::adjustment`] and leaves out or makes up 20 ms, in silence where it can; so a change of the
//! network and the drift of the far side's clock are one and the same case.

mod spread;

use super::rtp::PAYLOAD_MAX;
use crate::engine::time::Monotonic;
use spread::Spread;

/// The most packets that are kept.
pub const PACKETS_MAX: usize = 64;
/// The least and the most that sound is kept back, in µs.
pub const DEPTH_US: std::ops::RangeInclusive<i64> = 20_000..=200_000;
/// What the ear takes at once, in µs.
const FRAME_US: i64 = 20_000;
/// A step of the sequence number beyond this, either way, is a restart of the source (RFC 3550 A.1).
const DROPOUT_MAX: i64 = 3_000;
/// A packet this far behind is no straggler but a restart (RFC 3550 A.1).
const MISORDER_MAX: i64 = 100;
/// By so much a timestamp may run ahead of the clock on the wall; beyond, the source has set its clock anew.
const LEAP_US: i64 = 400_000;
/// So many dry frames in a row end the spurt: what comes next starts with a depth of its own.
const DRY_MAX: u32 = 10;
/// For so many frames the depth must have been wrong before it is put right: in silence, and in speech.
const PATIENCE: [u32; 2] = [10, 50];

/// The number of a slot that is free.
const FREE: i64 = i64::MIN;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pull<K> {
    /// The next packet.
    Packet {
        /// Bytes of payload in the buffer given.
        len: usize,
        /// What it was pushed as.
        kind: K,
    },
    /// A packet is missing here, and later ones are there.
    Missing,
    /// The sender paused here: the timestamps jump, the sequence numbers do not.
    Pause,
    /// Nothing is there; `dry_frames` in a row so far, 0 while no spurt has begun.
    Empty {
        /// See above.
        dry_frames: u32,
    },
}

/// What would bring the depth nearer to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adjustment {
    /// Nothing.
    Keep,
    /// Leave out up to 20 ms.
    Shrink,
    /// Make up 20 ms.
    Grow,
}

/// What became of the packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Packets taken.
    pub received: u64,
    /// Came after their turn.
    pub late: u64,
    /// Never came.
    pub lost: u64,
    /// Came again.
    pub duplicates: u64,
    /// Thrown away so that the delay stays bounded.
    pub skipped: u64,
    /// The source began anew.
    pub restarts: u64,
}

#[derive(Debug)]
struct Slot<K> {
    number: i64,
    timestamp: i64,
    /// `None`: the number is accounted for, but there is no sound in it.
    kind: Option<K>,
    payload: Vec<u8>,
}

/// What came last, and how its numbers go on ours, which do not wrap.
#[derive(Clone, Copy, Debug)]
struct Newest {
    number: i64,
    timestamp: i64,
    raw_timestamp: u32,
    at: Monotonic,
}

/// One source's packets. `K` is whatever is to be remembered with each. Slots grow to the largest payload that was in
/// them and are used again: nothing is allocated in steady state.
#[derive(Debug)]
pub struct JitterBuffer<K> {
    clock_hz: i64,
    slots: Vec<Option<Slot<K>>>,
    kept: usize,
    newest: Option<Newest>,
    /// Bit n: the packet n before the newest has come.
    seen: u64,
    /// The last number that was played or passed over.
    played: i64,
    /// The timestamp of the sound that is due next.
    position: i64,
    /// Arrival minus timestamp of sound that would be played the moment it arrives, in µs.
    playing_transit: i64,
    playing: bool,
    filling_since: Monotonic,
    dry_frames: u32,
    spread: Spread,
    /// Ticks from one packet to the next.
    step: i64,
    strange: Option<u16>,
    too_deep: u32,
    too_shallow: u32,
    figures: Figures,
}

impl<K: Copy> JitterBuffer<K> {
    /// An empty buffer for timestamps of this clock.
    pub fn new(clock_hz: u32) -> JitterBuffer<K> {
        JitterBuffer {
            clock_hz: i64::from(clock_hz.max(1_000)),
            slots: std::iter::repeat_with(|| None).take(PACKETS_MAX).collect(),
            kept: 0,
            newest: None,
            seen: 0,
            played: 0,
            position: 0,
            playing_transit: 0,
            playing: false,
            filling_since: Monotonic::default(),
            dry_frames: 0,
            spread: Spread::default(),
            step: i64::from(clock_hz.max(1_000)) / 50,
            strange: None,
            too_deep: 0,
            too_shallow: 0,
            figures: Figures::default(),
        }
    }

    /// The clock of the timestamps.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz as u32
    }

    /// What became of the packets so far.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// How long the fastest packet waits before it is played, in ms.
    pub fn depth_ms(&self) -> u32 {
        if self.playing { (self.depth().max(0) / 1_000) as u32 } else { 0 }
    }

    /// How long it should wait, in ms.
    pub fn target_ms(&self) -> u32 {
        (self.spread.target() / 1_000) as u32
    }

    /// Packets in the buffer.
    pub fn len(&self) -> usize {
        self.kept
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// The source is another one now: what it sent is forgotten, how the network is, is not.
    pub fn restart(&mut self) {
        self.figures.restarts += 1;
        self.forget();
        (self.newest, self.seen, self.strange) = (None, 0, None);
        self.spread.begin();
        self.playing = false;
    }

    /// A packet with sound came. Payloads longer than [`PAYLOAD_MAX`] are cut.
    pub fn push(&mut self, now: Monotonic, sequence: u16, timestamp: u32, kind: K, payload: &[u8]) {
        let payload = payload.get(..PAYLOAD_MAX).unwrap_or(payload);
        let Some(number) = self.place(sequence) else { return };
        let timestamp = self.timestamp(now, number, timestamp);
        self.figures.received += 1;
        self.spread.observe(now.0 as i64 - self.ticks_to_us(timestamp));
        if self.playing && number <= self.played {
            self.late();
            return;
        }
        if self.kept == 0 {
            if !self.playing {
                self.filling_since = now;
            } else if timestamp + self.step <= self.position {
                // There is nothing else to play: played late it is worth more than left out.
                self.position = timestamp;
            }
        }
        self.store(number, timestamp, Some(kind), payload);
        self.bound();
    }

    /// A packet came that has a sequence number but no sound, such as a telephone event: it is not missing.
    pub fn pass_over(&mut self, sequence: u16) {
        let Some(number) = self.place(sequence) else { return };
        let Some(newest) = self.newest else { return };
        if number > newest.number {
            self.newest = Some(Newest { number, ..newest });
        }
        if if self.playing { number > self.played } else { self.kept > 0 } {
            self.store(number, newest.timestamp, None, &[]);
        }
    }

    /// To be called every 20 ms before the pulls; `ahead` are the ticks that were pulled and are not heard yet.
    pub fn tick(&mut self, now: Monotonic, ahead: i64) {
        if !self.playing {
            return;
        }
        self.playing_transit = now.0 as i64 - self.ticks_to_us(self.position - ahead);
        let excess = self.depth() - self.spread.target();
        self.too_deep = if excess > FRAME_US { self.too_deep.saturating_add(1) } else { 0 };
        self.too_shallow = if excess < -FRAME_US / 2 { self.too_shallow.saturating_add(1) } else { 0 };
    }

    /// Whether the ear should leave out or make up a frame now; `silent`: nobody would hear it.
    pub fn adjustment(&mut self, silent: bool) -> Adjustment {
        let [quiet, loud] = PATIENCE;
        let patience = if silent { quiet } else { loud };
        if self.too_deep >= patience {
            self.too_deep = 0;
            Adjustment::Shrink
        } else if self.too_shallow >= patience {
            self.too_shallow = 0;
            Adjustment::Grow
        } else {
            Adjustment::Keep
        }
    }

    /// What is due. After it, [`JitterBuffer::advance`] must be told how much sound became of it.
    pub fn pull(&mut self, now: Monotonic, out: &mut [u8; PAYLOAD_MAX]) -> Pull<K> {
        if !self.playing && !self.begin(now) {
            return Pull::Empty { dry_frames: 0 };
        }
        while let Some((number, timestamp)) = self.oldest() {
            let ahead = timestamp - self.position;
            let slot = self.slots[index(number)].as_ref();
            let Some(kind) = slot.and_then(|slot| slot.kind) else {
                self.take(number);
                continue;
            };
            if ahead <= -self.step {
                self.figures.late += 1;
                self.take(number);
                continue;
            }
            if ahead >= self.us_to_ticks(FRAME_US / 2) {
                return if number == self.played + 1 { Pull::Pause } else { Pull::Missing };
            }
            let len = slot.map_or(0, |slot| slot.payload.len());
            if let (Some(to), Some(slot)) = (out.get_mut(..len), slot) {
                to.copy_from_slice(&slot.payload);
            }
            self.take(number);
            (self.position, self.dry_frames) = (timestamp, 0);
            return Pull::Packet { len, kind };
        }
        self.dry_frames += 1;
        if self.dry_frames > DRY_MAX {
            self.playing = false;
            (self.too_deep, self.too_shallow) = (0, 0);
        }
        Pull::Empty { dry_frames: self.dry_frames }
    }

    /// The packet whose sound begins 20 ms after the place that is due, when it is here: what is missing before it may be
    /// told in it (RFC 6716 §2.1.7). It stays here.
    pub fn after_missing(&self) -> Option<(K, &[u8])> {
        let (number, timestamp) = self.oldest()?;
        let slot = self.slots[index(number)].as_ref()?;
        let near = timestamp - self.position < self.us_to_ticks(FRAME_US * 3 / 2);
        Some((slot.kind.filter(|_| near)?, &slot.payload))
    }

    /// So many ticks of sound followed the last pull, decoded or made up.
    pub fn advance(&mut self, ticks: i64) {
        if self.playing {
            self.position += ticks;
        }
    }

    /// Begins a spurt when its first packet has waited long enough.
    fn begin(&mut self, now: Monotonic) -> bool {
        let Some((number, timestamp)) = self.oldest() else { return false };
        if (now.since(self.filling_since).as_micros() as i64) < self.spread.target() {
            return false;
        }
        // Numbers between two spurts were lost, but nobody knows whether there was sound in them.
        (self.playing, self.position, self.played) = (true, timestamp, number - 1);
        self.playing_transit = now.0 as i64 - self.ticks_to_us(timestamp);
        (self.dry_frames, self.too_deep, self.too_shallow) = (0, 0, 0);
        true
    }

    /// The number of a packet on our line, which does not wrap; `None`: not to be taken.
    fn place(&mut self, sequence: u16) -> Option<i64> {
        let Some(newest) = self.newest else {
            self.seen = 1;
            return Some(i64::from(sequence));
        };
        let step = i64::from(sequence.wrapping_sub(newest.number as u16) as i16);
        if !(-MISORDER_MAX..DROPOUT_MAX).contains(&step) {
            // One stray packet is no restart, two in order are (RFC 3550 A.1).
            if self.strange.replace(sequence.wrapping_add(1)) != Some(sequence) {
                return None;
            }
            self.restart();
            self.seen = 1;
            return Some(i64::from(sequence));
        }
        self.strange = None;
        if step > 0 {
            self.seen = self.seen.checked_shl(step as u32).unwrap_or(0) | 1;
            return Some(newest.number + step);
        }
        let bit = 1_u64.checked_shl(step.unsigned_abs() as u32).unwrap_or(0);
        if bit == 0 {
            self.late();
            return None;
        }
        if self.seen & bit != 0 {
            self.figures.duplicates += 1;
            return None;
        }
        self.seen |= bit;
        Some(newest.number + step)
    }

    /// The timestamp of a packet on our line. A source that sets its clock anew goes on where it was.
    fn timestamp(&mut self, now: Monotonic, number: i64, raw: u32) -> i64 {
        let Some(newest) = self.newest else {
            let timestamp = i64::from(raw);
            self.newest = Some(Newest { number, timestamp, raw_timestamp: raw, at: now });
            return timestamp;
        };
        let grown = i64::from(raw.wrapping_sub(newest.raw_timestamp) as i32);
        if number <= newest.number {
            return newest.timestamp + grown.max(-self.clock_hz * 10).min(0);
        }
        let passed = self.us_to_ticks(now.since(newest.at).as_micros().min(1 << 40) as i64);
        let steps = number - newest.number;
        let leaps = grown <= 0 || grown > passed + self.us_to_ticks(LEAP_US) + steps * self.step;
        let grown = if leaps { steps * self.step } else { grown };
        if steps == 1 && !leaps && grown <= self.us_to_ticks(6 * FRAME_US) {
            self.step = grown;
        }
        let timestamp = newest.timestamp + grown;
        if leaps {
            self.spread.begin();
        }
        self.newest = Some(Newest { number, timestamp, raw_timestamp: raw, at: now });
        timestamp
    }

    /// Puts a packet into its slot; what is so old that it would share the slot is thrown away.
    fn store(&mut self, number: i64, timestamp: i64, kind: Option<K>, payload: &[u8]) {
        while let Some((oldest, _)) =
            self.oldest().filter(|&(oldest, _)| number - oldest >= PACKETS_MAX as i64)
        {
            self.skip(oldest);
        }
        if self.oldest().is_some_and(|(oldest, _)| oldest - number >= PACKETS_MAX as i64) {
            return self.late();
        }
        let slot = &mut self.slots[index(number)];
        match slot {
            Some(slot) => {
                (slot.number, slot.timestamp, slot.kind) = (number, timestamp, kind);
                slot.payload.clear();
                slot.payload.extend_from_slice(payload);
            }
            None => *slot = Some(Slot { number, timestamp, kind, payload: payload.to_vec() }),
        }
        self.kept += 1;
    }

    /// Throws the oldest away when more is kept than the longest delay allows: after a stall, the burst is not played.
    fn bound(&mut self) {
        let Some(newest) = self.newest else { return };
        let longest = self.us_to_ticks(*DEPTH_US.end()) + 2 * self.step;
        let from =
            if self.playing { Some(self.position) } else { self.oldest().map(|(_, timestamp)| timestamp) };
        if from.is_none_or(|from| newest.timestamp - from <= longest) {
            return;
        }
        let wanted = self.us_to_ticks(self.spread.target());
        while let Some((oldest, timestamp)) = self.oldest() {
            if self.kept <= 1 || newest.timestamp - timestamp <= wanted {
                self.position = timestamp;
                return;
            }
            self.skip(oldest);
        }
    }

    /// A packet leaves in its turn: those before it that are not there are lost.
    fn take(&mut self, number: i64) {
        self.remove(number);
        self.figures.lost += (number - self.played - 1).max(0) as u64;
        self.played = number;
    }

    fn skip(&mut self, number: i64) {
        self.figures.skipped += 1;
        self.remove(number);
        self.played = self.played.max(number);
    }

    fn late(&mut self) {
        self.figures.late += 1;
        // It was counted as lost when its turn came.
        self.figures.lost = self.figures.lost.saturating_sub(1);
    }

    /// The oldest packet kept: its number and timestamp.
    fn oldest(&self) -> Option<(i64, i64)> {
        if self.kept == 0 {
            return None;
        }
        let kept = self.slots.iter().flatten().filter(|slot| slot.number != FREE);
        kept.map(|slot| (slot.number, slot.timestamp)).min()
    }

    fn remove(&mut self, number: i64) {
        if let Some(slot) = &mut self.slots[index(number)] {
            slot.number = FREE;
            self.kept = self.kept.saturating_sub(1);
        }
    }

    fn forget(&mut self) {
        self.slots.iter_mut().flatten().for_each(|slot| slot.number = FREE);
        self.kept = 0;
    }

    /// How much later than it could the fastest packet is played, in µs.
    fn depth(&self) -> i64 {
        self.playing_transit - self.spread.fastest()
    }

    fn ticks_to_us(&self, ticks: i64) -> i64 {
        ticks.saturating_mul(1_000_000) / self.clock_hz
    }

    fn us_to_ticks(&self, us: i64) -> i64 {
        us.saturating_mul(self.clock_hz) / 1_000_000
    }
}

fn index(number: i64) -> usize {
    number.rem_euclid(PACKETS_MAX as i64) as usize
}

#[cfg(test)]
mod tests;
