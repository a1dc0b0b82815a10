//! A name server of our own on loopback: it answers from a short list, counts what it is asked, and can fall silent.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;
/// In seconds: short, so that a test sees it run out.
const TTL: u32 = 1;

/// One record.
pub struct Record {
    name: &'static str,
    kind: u16,
    data: Vec<u8>,
}

pub fn a(name: &'static str, address: Ipv4Addr) -> Record {
    Record { name, kind: A, data: address.octets().to_vec() }
}

pub fn srv(name: &'static str, priority: u16, port: u16, target: &str) -> Record {
    let mut data = [priority, 0, port].map(u16::to_be_bytes).concat();
    data.extend(labels(target));
    Record { name, kind: SRV, data }
}

pub fn naptr(name: &'static str, order: u16, service: &str, replacement: &str) -> Record {
    let mut data = [order, 10].map(u16::to_be_bytes).concat();
    for text in ["s", service, ""] {
        data.push(text.len() as u8);
        data.extend(text.bytes());
    }
    data.extend(labels(replacement));
    Record { name, kind: NAPTR, data }
}

/// RFC 1035 §3.1.
fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// The running server.
pub struct Dns {
    pub address: SocketAddr,
    asked: Arc<Mutex<usize>>,
    is_silent: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dns {
    pub fn start(records: Vec<Record>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a deadline");
        let address = socket.local_addr().expect("bound");
        let (asked, is_silent, stop) =
            (Arc::<Mutex<usize>>::default(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (count, silent, stopped) = (Arc::clone(&asked), Arc::clone(&is_silent), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1_024];
            while !stopped.load(Ordering::Acquire) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                *count.lock().expect("not poisoned") += 1;
                if !silent.load(Ordering::Acquire) {
                    // Whoever has gone is told by nobody.
                    let _ = socket.send_to(&answer(&buffer[..length], &records), from);
                }
            }
        });
        Self { address, asked, is_silent, stop, thread: Some(thread) }
    }

    /// How many questions have come so far.
    pub fn asked(&self) -> usize {
        *self.asked.lock().expect("not poisoned")
    }

    /// From now on it hears and says nothing.
    pub fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::Release);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// RFC 1035 §4: the head, the question as it came, and the records that fit.
fn answer(query: &[u8], records: &[Record]) -> Vec<u8> {
    let (name, end) = question(query);
    let kind = u16::from_be_bytes([query[end], query[end + 1]]);
    let is_known = records.iter().any(|record| record.name == name);
    let found: Vec<_> = records.iter().filter(|record| record.name == name && record.kind == kind).collect();
    let mut bytes = query[..2].to_vec();
    // Response, authoritative, recursion desired and available; NXDOMAIN for a name that is not there.
    bytes.extend([0x85, if is_known { 0x80 } else { 0x83 }]);
    bytes.extend([1, found.len() as u16, 0, 0].map(u16::to_be_bytes).concat());
    bytes.extend(&query[12..end + 4]);
    for record in found {
        bytes.extend([0xC0, 12]);
        bytes.extend([record.kind, 1].map(u16::to_be_bytes).concat());
        bytes.extend(TTL.to_be_bytes());
        bytes.extend((record.data.len() as u16).to_be_bytes());
        bytes.extend(&record.data);
    }
    bytes
}

/// The name that is asked for, and where it ends.
fn question(query: &[u8]) -> (String, usize) {
    let (mut at, mut name) = (12, Vec::new());
    while query[at] != 0 {
        let label = &query[at + 1..at + 1 + usize::from(query[at])];
        name.push(String::from_utf8_lossy(label).to_lowercase());
        at += 1 + label.len();
    }
    (name.join("."), at + 1)
}
