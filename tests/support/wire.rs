//! A stretch of wire between two ends, on which every packet is seen, and may be lost, doubled or held up. Knows nothing
//! of what the packets are.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// A packet as it came in, before anything happened to it.
#[derive(Clone)]
pub struct Seen {
    /// Since 1970.
    pub at: Duration,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What comes out of the wire for each packet that goes in.
pub trait Fate: Send + 'static {
    fn of(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>>;
}

/// Everything passes.
#[derive(Clone, Copy)]
pub struct Clean;

impl Fate for Clean {
    fn of(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>> {
        vec![packet]
    }
}

/// Of the packets, 10 % are lost, 5 % come twice, and 10 % come after the next one or two.
pub struct Bad {
    state: u64,
    held: Vec<(u32, Vec<u8>)>,
}

impl Bad {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(2).wrapping_add(1), held: Vec::new() }
    }

    /// 0 to 99, by a generator of the SplitMix family: always the same row for a seed.
    fn percent(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % 100
    }
}

impl Fate for Bad {
    fn of(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        match self.percent() {
            0..10 => {}
            10..15 => out.extend([packet.clone(), packet]),
            15..25 => {
                let behind = 1 + (self.percent() % 2) as u32;
                self.held.push((behind + 1, packet));
            }
            _ => out.push(packet),
        }
        for held in &mut self.held {
            held.0 -= 1;
        }
        out.extend(self.held.extract_if(.., |held| held.0 == 0).map(|held| held.1));
        out
    }
}

/// Two sockets and what passes between them: whoever is at an end talks to the socket that faces him.
pub struct Wire {
    /// The sockets' addresses: to be given to the one at each end as the other's.
    pub faces: [SocketAddr; 2],
    ends: Arc<Mutex<[Option<SocketAddr>; 2]>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Wire {
    /// Begins to pass packets, with one fate for either direction, as soon as it is told who is at its ends.
    pub fn new(sockets: [UdpSocket; 2], fates: [Box<dyn Fate>; 2]) -> Self {
        let faces = [0, 1].map(|end: usize| sockets[end].local_addr().expect("bound"));
        let (ends, seen) = (Arc::new(Mutex::new([None; 2])), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = fates.into_iter().enumerate().map(|(end, mut fate)| {
            let [facing, away] = [end, 1 - end].map(|end| sockets[end].try_clone().expect("a socket"));
            // The deadline is only for the end of the thread.
            facing.set_read_timeout(Some(Duration::from_millis(50))).expect("a deadline");
            let (ends, seen, stop) = (Arc::clone(&ends), Arc::clone(&seen), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut buffer = [0; 2_048];
                while !stop.load(Ordering::Acquire) {
                    let Ok((length, from)) = facing.recv_from(&mut buffer) else { continue };
                    let ends: [Option<SocketAddr>; 2] = *ends.lock().expect("not poisoned");
                    let (Some(mine), Some(to)) = (ends[end], ends[1 - end]) else { continue };
                    if from != mine {
                        continue;
                    }
                    let at = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
                    let bytes = buffer[..length].to_vec();
                    seen.lock().expect("not poisoned").push(Seen { at, from, to, bytes: bytes.clone() });
                    for packet in fate.of(bytes) {
                        // Whoever has closed his port is told of it by nobody.
                        let _ = away.send_to(&packet, to);
                    }
                }
            })
        });
        Self { faces, threads: threads.collect(), ends, seen, stop }
    }

    /// Tells who is at an end.
    pub fn attach(&self, end: usize, who: SocketAddr) {
        self.ends.lock().expect("not poisoned")[end] = Some(who);
    }

    /// What has come in at either end so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Writes packets of IPv4 as a capture file: the classic format of libpcap (draft-ietf-opsawg-pcap), each packet in a
/// frame of Ethernet (LINKTYPE 1), for SIPp knows no other.
pub fn write_pcap(path: &Path, packets: &[Seen]) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a capture file"));
    let head = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1];
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("written");
    head.iter().for_each(|word| write(&word.to_le_bytes()));
    for packet in packets {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (packet.from.ip(), packet.to.ip()) else {
            panic!("IPv4 only");
        };
        let udp_length = 8 + packet.bytes.len() as u16;
        let length = u32::from(udp_length) + 20;
        let framed = length + 14;
        for word in [packet.at.as_secs() as u32, packet.at.subsec_micros(), framed, framed] {
            write(&word.to_le_bytes());
        }
        // From nobody to nobody, with IPv4 inside.
        write(&[0; 12]);
        write(&[0x08, 0x00]);
        // IPv4 (RFC 791 §3.1) and UDP (RFC 768); without checksums, which a capture on the sender has not either.
        write(&[0x45, 0]);
        write(&(length as u16).to_be_bytes());
        write(&[0, 0, 0, 0, 64, 17, 0, 0]);
        write(&from.octets());
        write(&to.octets());
        for half in [packet.from.port(), packet.to.port(), udp_length, 0] {
            write(&half.to_be_bytes());
        }
        write(&packet.bytes);
    }
    file.flush().expect("written");
}
