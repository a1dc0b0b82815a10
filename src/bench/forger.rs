//! A flood of forged requests, from many addresses, in a process of its own: callers and phones that nobody knows, passwords
//! that are none, dialogs that never were, and rubbish.

use super::BenchError;
use super::engine::NUMBER;
use super::held_callers::own_cpu;
use super::load::due_after;
use super::post::{self, Post};
use super::process;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

/// The command whose process forges.
pub(super) const NAME: &str = "forger";
/// So many senders, each with an address of its own.
const SENDERS: u8 = 200;
/// Between two looks at the answers.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Answers may come so long after the last request.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// What to send.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Flood {
    pub server: SocketAddr,
    pub per_second: f64,
    pub count: usize,
    /// When the first is due, since 1970.
    pub begin: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Forged {
    pub sent: u64,
    pub sent_bytes: u64,
    pub answers: u64,
    pub answers_bytes: u64,
    pub cpu: Duration,
}

/// What such a process does.
///
/// # Errors
/// See [`BenchError`].
pub fn forger() -> Result<(), BenchError> {
    let flood: Flood = process::told()?;
    let address = |host| Ipv4Addr::new(127, 66, 0, host);
    let senders = (1..=SENDERS).map(|host| Post::open(address(host))).collect::<Result<Vec<_>, _>>()?;
    let (mut forged, mut datagram) = (Forged::default(), post::room());
    let end = flood.begin + due_after(flood.count, flood.per_second) + LAST_ANSWER;
    let mut number = 0;
    while post::now() < end {
        while number < flood.count && flood.begin + due_after(number, flood.per_second) <= post::now() {
            if let Some(sender) = senders.get(number % senders.len()) {
                let bytes = forge(number, sender.address, flood.server);
                (forged.sent, forged.sent_bytes) = (forged.sent + 1, forged.sent_bytes + bytes.len() as u64);
                sender.send(&bytes, flood.server);
            }
            number += 1;
        }
        for sender in &senders {
            while let Some(arrived) = sender.take(&mut datagram) {
                forged.answers += 1;
                forged.answers_bytes += arrived.length as u64;
            }
        }
        sleep(LOOK_EVERY);
    }
    forged.cpu = own_cpu()?;
    process::tell(&forged)
}

/// One of six kinds, all new each time.
fn forge(number: usize, from: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let request = |method: &str, to_tag: &str, more: &str| {
        format!(
            "{method} sip:{NUMBER}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKforged{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:agent{number}@{server}>;tag=f{number}\r\nTo: <sip:{NUMBER}@{server}>{to_tag}\r\n\
             Call-ID: forged-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:forged@{from}>\r\n{more}Content-Length: 0\r\n\r\n"
        )
    };
    let password = format!(
        "Authorization: Digest username=\"agent1\", realm=\"bench\", nonce=\"{number:032x}\", uri=\"sip:{server}\", \
         response=\"{number:032x}\"\r\n"
    );
    match number % 6 {
        0 => request("INVITE", "", ""),
        1 => request("REGISTER", "", ""),
        2 => request("REGISTER", "", &password),
        3 => request("OPTIONS", "", ""),
        4 => request("BYE", &format!(";tag={number:x}"), ""),
        _ => format!("{number} is no SIP message\r\n\r\n"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::codec::parse;

    #[test]
    fn five_of_six_forged_requests_are_sip_and_none_is_like_another() {
        let any: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let all: Vec<Vec<u8>> = (0..60).map(|number| forge(number, any, any)).collect();
        assert_eq!(all.iter().filter(|bytes| parse(bytes).is_ok()).count(), 50);
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
