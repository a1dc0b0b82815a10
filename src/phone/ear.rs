//! What a phone hears in one call: counts, jitter, pressed keys, and the sound itself within a cap. Opens no socket.

use crate::media::codec::g711::Law;
use crate::media::codec::{CLOCK_HZ, FRAME_SAMPLES};
use rtp_rs::RtpReader;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

/// How much of the newest sound is kept for tone detection: one second.
const RECENT_SAMPLES: usize = CLOCK_HZ as usize;
/// Keys kept at most.
const DIGITS_MAX: usize = 256;
/// A gap longer than this is a restart of the far side, not loss (RFC 3550 appendix A.1 calls it MAX_DROPOUT).
const DROPOUT_MAX: u16 = 3_000;

/// What was heard so far.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// RTP packets taken, telephone events included.
    pub packets: u64,
    /// Packets missing by their sequence numbers.
    pub lost: u64,
    /// Packets that came late, twice or out of order.
    pub late: u64,
    /// Datagrams on the RTP port that were no RTP of ours.
    pub strange: u64,
    /// Datagrams on the RTCP port.
    pub reports: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), in milliseconds.
    pub jitter_ms: f64,
    /// The longest silence between two packets, in milliseconds.
    pub gap_max_ms: f64,
    /// How often the far side's SSRC changed.
    pub sources: u32,
    /// Keys the far side pressed (RFC 4733).
    pub digits: String,
    /// The newest second of sound at 8 kHz.
    pub recent: Vec<i16>,
}

impl Heard {
    /// How much of the newest second is a tone of that frequency: 0 to 1.
    pub fn tone_share(&self, hz: f64) -> f64 {
        super::sound::tone_share(&self.recent, hz)
    }

    /// The loudness of the newest second: root of the mean square, 0 to 32,767.
    pub fn loudness(&self) -> f64 {
        let sum: f64 = self.recent.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        (sum / self.recent.len().max(1) as f64).sqrt()
    }
}

/// Listens to the packets of one call.
pub(super) struct Ear {
    heard: Heard,
    recent: VecDeque<i16>,
    recording: Vec<i16>,
    recording_samples_max: usize,
    ssrc: Option<u32>,
    newest: Option<u16>,
    last_at: Option<Instant>,
    transit_ms: Option<f64>,
    digit_stamp: Option<u32>,
    epoch: Instant,
}

impl Ear {
    pub fn new(record_max: Duration) -> Self {
        let samples = record_max.as_millis().saturating_mul(u128::from(CLOCK_HZ)) / 1000;
        Self {
            heard: Heard::default(),
            recent: VecDeque::with_capacity(RECENT_SAMPLES),
            recording: Vec::new(),
            recording_samples_max: usize::try_from(samples).unwrap_or(usize::MAX),
            ssrc: None,
            newest: None,
            last_at: None,
            transit_ms: None,
            digit_stamp: None,
            epoch: Instant::now(),
        }
    }

    /// One datagram from the RTP port. `dtmf`: the payload type of telephone events.
    pub fn hear(&mut self, datagram: &[u8], at: Instant, dtmf: Option<u8>) {
        let Ok(packet) = RtpReader::new(datagram) else {
            self.heard.strange += 1;
            return;
        };
        let codec = Law::ALL.into_iter().find(|codec| codec.payload_type() == packet.payload_type());
        let event = dtmf == Some(packet.payload_type());
        if codec.is_none() && !event {
            self.heard.strange += 1;
            return;
        }
        self.heard.packets += 1;
        let missing = self.follow(&packet);
        self.measure(&packet, at);
        match (missing, codec) {
            (Some(missing), Some(codec)) => self.keep(missing, codec, packet.payload()),
            (Some(_) | None, None) => self.digit(&packet),
            (None, Some(_)) => {}
        }
    }

    /// One datagram from the RTCP port.
    pub fn report(&mut self) {
        self.heard.reports += 1;
    }

    /// What was heard so far.
    pub fn heard(&self) -> Heard {
        Heard { recent: self.recent.iter().copied().collect(), ..self.heard.clone() }
    }

    /// The recording so far.
    pub fn recording(&self) -> Vec<i16> {
        self.recording.clone()
    }

    /// Begins the recording and the newest second anew.
    pub fn forget(&mut self) {
        self.recording.clear();
        self.recent.clear();
    }

    /// How many packets are missing before this one; `None` when it is late or a duplicate.
    fn follow(&mut self, packet: &RtpReader<'_>) -> Option<u16> {
        let sequence = u16::from(packet.sequence_number());
        if self.ssrc != Some(packet.ssrc()) {
            self.heard.sources += u32::from(self.ssrc.is_some());
            (self.ssrc, self.newest, self.transit_ms) = (Some(packet.ssrc()), None, None);
        }
        let step = self.newest.map_or(1, |newest| sequence.wrapping_sub(newest));
        if step == 0 || step >= u16::MAX - DROPOUT_MAX {
            self.heard.late += 1;
            return None;
        }
        self.newest = Some(sequence);
        let missing = if step > DROPOUT_MAX { 0 } else { step - 1 };
        self.heard.lost += u64::from(missing);
        Some(missing)
    }

    fn measure(&mut self, packet: &RtpReader<'_>, at: Instant) {
        if let Some(last) = self.last_at.replace(at) {
            let gap_ms = at.saturating_duration_since(last).as_secs_f64() * 1e3;
            self.heard.gap_max_ms = self.heard.gap_max_ms.max(gap_ms);
        }
        let sent_ms = f64::from(packet.timestamp()) / (f64::from(CLOCK_HZ) / 1e3);
        let transit = at.saturating_duration_since(self.epoch).as_secs_f64() * 1e3 - sent_ms;
        if let Some(before) = self.transit_ms.replace(transit) {
            self.heard.jitter_ms += ((transit - before).abs() - self.heard.jitter_ms) / 16.0;
        }
    }

    fn keep(&mut self, missing: u16, codec: Law, payload: &[u8]) {
        // Lost sound leaves a hole of its own length, so that what follows stays in its place.
        let hole = std::iter::repeat_n(0, usize::from(missing).min(50) * FRAME_SAMPLES);
        let samples = hole.chain(payload.iter().map(|&code| codec.decode(code)));
        for sample in samples {
            if self.recording.len() < self.recording_samples_max {
                self.recording.push(sample);
            }
            if self.recent.len() == RECENT_SAMPLES {
                self.recent.pop_front();
            }
            self.recent.push_back(sample);
        }
    }

    /// RFC 4733 §2.5.1.3: all packets of one event carry its start's timestamp.
    fn digit(&mut self, packet: &RtpReader<'_>) {
        const KEYS: &[u8; 16] = b"0123456789*#ABCD";
        if self.digit_stamp == Some(packet.timestamp()) || self.heard.digits.len() >= DIGITS_MAX {
            return;
        }
        let key = packet.payload().first().and_then(|&event| KEYS.get(usize::from(event)));
        if let Some(&key) = key {
            self.digit_stamp = Some(packet.timestamp());
            self.heard.digits.push(char::from(key));
        }
    }
}

/// Writes samples of 8 kHz as a WAV file.
///
/// # Errors
/// When the file can't be written.
pub fn write_wav(path: &Path, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: CLOCK_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec)?;
    for &sample in samples {
        wav.write_sample(sample)?;
    }
    wav.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_rs::RtpPacketBuilder;

    fn packet(sequence: u16, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        RtpPacketBuilder::new()
            .payload_type(payload_type)
            .sequence(sequence.into())
            .ssrc(7)
            .timestamp(timestamp)
            .payload(payload)
            .build()
            .unwrap()
    }

    fn hear(ear: &mut Ear, sequence: u16) {
        ear.hear(&packet(sequence, 0, 0, &[0xFF; FRAME_SAMPLES]), Instant::now(), None);
    }

    #[test]
    fn loss_duplicates_and_disorder_are_told_apart_across_the_wrap() {
        let mut ear = Ear::new(Duration::from_secs(1));
        for sequence in [65_534, 65_535, 1, 0, 1, 2] {
            hear(&mut ear, sequence);
        }
        let heard = ear.heard();
        assert_eq!((heard.packets, heard.lost, heard.late), (6, 1, 2));
        assert_eq!(ear.recording().len(), 5 * FRAME_SAMPLES, "the hole is kept, the late one is not");
    }

    #[test]
    fn the_recording_stops_at_its_cap() {
        let mut ear = Ear::new(Duration::from_millis(30));
        (0..4).for_each(|sequence| hear(&mut ear, sequence));
        assert_eq!(ear.recording().len(), 240);
    }

    #[test]
    fn a_key_counts_once_however_many_packets_tell_of_it() {
        let mut ear = Ear::new(Duration::ZERO);
        let keys = [(1, 160, 5), (2, 160, 5), (3, 160, 5), (4, 1600, 11)];
        for (sequence, timestamp, event) in keys {
            ear.hear(&packet(sequence, 101, timestamp, &[event, 0, 0, 160]), Instant::now(), Some(101));
        }
        assert_eq!(ear.heard().digits, "5#");
    }

    #[test]
    fn rubbish_is_counted_and_nothing_else() {
        let mut ear = Ear::new(Duration::ZERO);
        for rubbish in [&b""[..], b"hello", &[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]] {
            ear.hear(rubbish, Instant::now(), None);
        }
        assert_eq!((ear.heard().packets, ear.heard().strange), (0, 3));
    }
}
