//! Stands between the engine and a phone, passes on what they say, and leads their audio through a wire of its own: so a
//! test sees what travels, byte for byte. The phone and the engine notice nothing but each other's port.

use super::peer::free_port;
use super::wire::{Clean, Seen, Wire};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The wire's ends.
const PHONE: usize = 0;
const ENGINE: usize = 1;

/// A tap for the signalling of one phone, and the audio of one call.
pub struct Tap {
    /// Where the phone's calls go instead of the engine, and the engine's instead of the phone.
    pub sip: SocketAddr,
    leads_to: Arc<OnceLock<SocketAddr>>,
    rtp: Arc<Wire>,
    _rtcp: Arc<Wire>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Opens it; `phone` is where the phone stands, when it does not call first.
    pub fn new(mut phone: Option<SocketAddr>) -> Self {
        let base = free_port();
        let bind = |port| UdpSocket::bind((HERE, port)).expect("a free port");
        let wire = |ports: [u16; 2]| Arc::new(Wire::new(ports.map(bind), [Box::new(Clean), Box::new(Clean)]));
        let (rtp, rtcp) = (wire([base, base + 2]), wire([base + 1, base + 3]));
        let wires = [Arc::clone(&rtp), Arc::clone(&rtcp)];
        let socket = bind(free_port());
        let sip = socket.local_addr().expect("bound");
        let leads_to = Arc::new(OnceLock::new());
        let engine = Arc::clone(&leads_to);
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a deadline");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while !stopped.load(Ordering::Acquire) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let Some(&engine) = engine.get() else { continue };
                let end = if from == engine { ENGINE } else { PHONE };
                if end == PHONE {
                    phone = Some(from);
                }
                let message = through(&wires, end, &String::from_utf8_lossy(&buffer[..length]));
                // What the phone asks later comes this way too.
                let message = message.replace(&format!("@{engine}>"), &format!("@{sip}>"));
                if let Some(to) = if end == PHONE { Some(engine) } else { phone } {
                    let _ = socket.send_to(message.as_bytes(), to);
                }
            }
        });
        Self { sip, leads_to, rtp, _rtcp: rtcp, stop, thread: Some(thread) }
    }

    /// Tells where the engine is. Whoever else speaks to the tap is the phone.
    pub fn lead_to(&self, engine: SocketAddr) {
        self.leads_to.set(engine).expect("told once");
    }

    /// The RTP of both directions so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.rtp.seen()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A message with the ports of its session description (RFC 8866 §5.14, RFC 3605) replaced by those of the wires.
fn through(wires: &[Arc<Wire>; 2], from: usize, message: &str) -> String {
    let Some((head, body)) = message.split_once("\r\n\r\n").filter(|(_, body)| body.contains("m=audio "))
    else {
        return message.to_owned();
    };
    let faces = [0, 1].map(|wire: usize| wires[wire].faces[1 - from].port());
    let port_of = |text: &str| text.split(' ').next().and_then(|port| port.parse::<u16>().ok());
    let attach = |wire: usize, port: u16| wires[wire].attach(from, SocketAddr::new(HERE, port));
    let mut new = String::new();
    for line in body.lines() {
        if let Some((port, rest)) =
            line.strip_prefix("m=audio ").and_then(|rest| Some((port_of(rest)?, rest)))
        {
            attach(0, port);
            attach(1, port + 1);
            let rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
            new += &format!("m=audio {} {rest}\r\n", faces[0]);
        } else if let Some((port, _)) =
            line.strip_prefix("a=rtcp:").and_then(|rest| Some((port_of(rest)?, rest)))
        {
            attach(1, port);
            new += &format!("a=rtcp:{}\r\n", faces[1]);
        } else {
            new += &format!("{line}\r\n");
        }
    }
    let head: Vec<String> = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length") && !line.starts_with("l:"))
        .map(str::to_owned)
        .collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{new}", head.join("\r\n"), new.len())
}
