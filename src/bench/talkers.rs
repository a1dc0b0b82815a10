//! People who talk: every stream sends a packet each 20 ms, silence but for one loud frame a second, by which whoever hears
//! it can tell how long it was on its way. One thread for all of them; it receives nothing.

use super::histogram::Histogram;
use super::message::{Far, own_key};
use super::sinks::Listener;
use crate::media::Codec;
use crate::media::codec::HOUSE_FRAME;
use crate::media::codec::decoder::{Decoder, SAMPLES_MAX};
use crate::media::codec::encoder::Encoder;
use crate::media::rtp::{self, DATAGRAM_MAX, Header, PAYLOAD_MAX};
use crate::media::srtp::{Keying, Receiver as Decryption, Sender as Encryption};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::f32::consts::TAU;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Above the engine's, for what it does is little.
const PRIORITY: u8 = 11;
const SLOTS: usize = 20;
const SLOT: Duration = Duration::from_millis(1);
/// Frames of the round that is sent again and again, of which one is loud.
const ROUND: usize = 50;
const LOUD: usize = 25;
/// What is louder was the loud frame.
const LOUD_PEAK: u16 = 3_000;
/// Nothing takes longer; what does belongs to another round.
const DELAY_MAX: Duration = Duration::from_millis(900);
/// Those whose streams have this slot are listened to: one in twenty.
const SAMPLED: usize = 0;

/// One direction of a call, as soon as it is known where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    /// Which caller it belongs to, be it he or his agent who talks.
    pub caller: usize,
    /// By which of the sockets.
    pub socket: usize,
    /// Where to, and how what comes from there is encrypted.
    pub far: Far,
    pub codec: Codec,
}

/// A stream that is sent.
struct Stream {
    talk: Talk,
    encryption: Option<Encryption>,
}

/// A stream that is listened to.
struct Heard {
    decoder: Decoder,
    decryption: Option<Decryption>,
    /// When something loud came last.
    last: Duration,
}

/// The delays that were heard, and what is needed to tell them.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// When the sampled streams' loud frame was sent, in nanoseconds since 1970.
    loud_at: AtomicU64,
    /// Since when delays count.
    counting: AtomicBool,
    sampled: Mutex<HashMap<u16, (Codec, Option<Keying>)>>,
    delays: Mutex<Histogram>,
}

impl Ears {
    /// From now on delays count.
    pub fn measure(&self) {
        self.counting.store(true, Ordering::Release);
    }

    /// The delays until now.
    pub fn delays(&self) -> Histogram {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What looks at every packet of the sinks.
    pub fn listener(self: &Arc<Self>) -> Listener {
        let (ears, mut heard) = (Arc::clone(self), HashMap::<u16, Heard>::new());
        let (mut out, mut packet) = ([0; SAMPLES_MAX], [0; DATAGRAM_MAX]);
        Box::new(move |port, datagram, at| {
            let Heard { decoder, decryption, last } = match heard.entry(port) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let sampled = ears.sampled.lock().unwrap_or_else(PoisonError::into_inner);
                    let Some((codec, key)) = sampled.get(&port).copied() else { return };
                    let (decoder, decryption) = (Decoder::new(codec), key.as_ref().map(Decryption::new));
                    new.insert(Heard { decoder, decryption, last: Duration::ZERO })
                }
            };
            let Some(packet) = packet.get_mut(..datagram.len()) else { return };
            packet.copy_from_slice(datagram);
            let length = match decryption {
                Some(decryption) => decryption.unprotect(packet).unwrap_or_default(),
                None => packet.len(),
            };
            let Ok(plain) = rtp_rs::RtpReader::new(&packet[..length]) else { return };
            let length = decoder.decode(plain.payload(), &mut out);
            let peak = out.iter().take(length).map(|sample| sample.unsigned_abs()).max();
            if peak.unwrap_or_default() < LOUD_PEAK {
                return;
            }
            let begins = at.saturating_sub(*last) > Duration::from_millis(300);
            *last = at;
            let sent = Duration::from_nanos(ears.loud_at.load(Ordering::Acquire));
            let delay = at.saturating_sub(sent);
            if begins && ears.counting.load(Ordering::Acquire) && delay < DELAY_MAX {
                ears.delays.lock().unwrap_or_else(PoisonError::into_inner).add(delay);
            }
        })
    }
}

pub(super) struct Talkers {
    pub begin: Sender<Talk>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Talkers {
    /// Nobody talks yet: streams are told by `begin`.
    pub fn start(sockets: Vec<Arc<UdpSocket>>, ears: Arc<Ears>) -> io::Result<Talkers> {
        let (begin, begun) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let run = move || talk(&sockets, &begun, &ears, &seen);
        let thread = thread::Builder::new().name("talkers".into()).spawn(run)?;
        Ok(Talkers { begin, stop, thread: Some(thread) })
    }
}

impl Drop for Talkers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Before ordinary threads, as the engine's workers are: what this thread is late by would pass for the engine's jitter.
fn hurry() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    if let Ok(priority) = ThreadPriorityValue::try_from(PRIORITY) {
        // Where it is not permitted, the engine does without as well.
        let _ = set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Crossplatform(priority),
            policy,
        );
    }
}

fn talk(sockets: &[Arc<UdpSocket>], begun: &Receiver<Talk>, ears: &Ears, stop: &AtomicBool) {
    let mut slots: [Vec<Stream>; SLOTS] = std::array::from_fn(|_| Vec::new());
    let mut known = HashSet::new();
    let rounds: HashMap<Codec, Vec<Vec<u8>>> =
        Codec::ALL.iter().map(|&codec| (codec, round(codec))).collect();
    let (mut packet, key) = ([0; DATAGRAM_MAX], own_key());
    hurry();
    let mut due = Instant::now();
    for tick in 0_usize.. {
        if stop.load(Ordering::Acquire) {
            return;
        }
        for talk in begun.try_iter().filter(|talk| known.insert(talk.far.to)) {
            if talk.caller % SLOTS == SAMPLED {
                let mut sampled = ears.sampled.lock().unwrap_or_else(PoisonError::into_inner);
                // What comes from where it sends to is what it hears: in its own codec.
                sampled.insert(talk.far.to.port(), (talk.codec, talk.far.key));
            }
            let encryption = key.as_ref().filter(|_| talk.far.key.is_some()).map(Encryption::new);
            slots[talk.caller % SLOTS].push(Stream { talk, encryption });
        }
        let (slot, frame) = (tick % SLOTS, tick / SLOTS);
        if slot == SAMPLED && frame % ROUND == LOUD {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            ears.loud_at.store(u64::try_from(now.as_nanos()).unwrap_or_default(), Ordering::Release);
        }
        for Stream { talk, encryption } in &mut slots[slot] {
            let Some(payload) = rounds.get(&talk.codec).and_then(|round| round.get(frame % ROUND)) else {
                continue;
            };
            let header = Header {
                payload_type: talk.codec.offered_payload_type(),
                marker: false,
                sequence: frame as u16,
                timestamp: (frame as u32).wrapping_mul(talk.codec.frame_ticks()),
                ssrc: 0x7A1C_0000 | u32::from(talk.far.to.port()),
            };
            let written = rtp::write(header, payload, &mut packet);
            let written = written.and_then(|length| match encryption {
                Some(encryption) => encryption.protect(&mut packet, length),
                None => Some(length),
            });
            if let (Some(length), Some(socket)) = (written, sockets.get(talk.socket)) {
                let _ = socket.send_to(&packet[..length], talk.far.to);
            }
        }
        due += SLOT;
        sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// One second in a codec: silence, and one loud frame.
fn round(codec: Codec) -> Vec<Vec<u8>> {
    let (mut encoder, mut payload) = (Encoder::new(codec), [0; PAYLOAD_MAX]);
    let loud: [i16; HOUSE_FRAME] = std::array::from_fn(|n| ((TAU * n as f32 / 16.0).sin() * 16_000.0) as i16);
    let frame = |n: usize| if n == LOUD { loud } else { [0; HOUSE_FRAME] };
    // The second time, the encoder has the end of a round behind it.
    let mut frames = (0..2 * ROUND).map(|n| {
        let length = encoder.encode(&frame(n % ROUND), &mut payload);
        payload[..length].to_vec()
    });
    frames.by_ref().take(ROUND).for_each(drop);
    frames.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loud_frame_is_heard_in_every_codec_and_timed() {
        for codec in Codec::ALL {
            let ears = Arc::new(Ears::default());
            ears.sampled.lock().unwrap().insert(4_000, (codec, own_key()));
            ears.measure();
            let mut listener = ears.listener();
            let mut encryption = Encryption::new(&own_key().unwrap());
            for (n, payload) in round(codec).iter().enumerate() {
                let mut packet = [0; DATAGRAM_MAX];
                let header = Header {
                    payload_type: codec.offered_payload_type(),
                    marker: false,
                    sequence: n as u16,
                    timestamp: 0,
                    ssrc: 7,
                };
                let length = rtp::write(header, payload, &mut packet).unwrap();
                let length = encryption.protect(&mut packet, length).unwrap();
                let packet = &packet[..length];
                let at = Duration::from_millis(1_000 + 20 * n as u64);
                if n == LOUD {
                    ears.loud_at.store(u64::try_from(at.as_nanos()).unwrap(), Ordering::Release);
                }
                listener(4_000, packet, at + Duration::from_millis(7));
                listener(4_001, packet, at);
            }
            let delays = ears.delays();
            assert_eq!(delays.count(), 1, "{codec}");
            assert!(delays.longest() < Duration::from_millis(40), "{codec}: {:?}", delays.longest());
        }
    }
}
