//! A session's RTCP: what the far side reports, and what we report to it (RFC 3550 §6).

use super::{REPORT_EVERY, Session};
use crate::engine::time::Monotonic;
use crate::media::bridge::ticks;
use crate::media::codec::{CLOCK_HZ, Codec};
use crate::media::counters::DropCause;
use crate::media::quality::Measured;
use crate::media::rtcp::{self, AboutUs, Block, Sender};
use std::net::SocketAddr;
use std::time::Duration;

impl Session {
    /// Takes a datagram of the RTCP port, or one of the RTP port that is RTCP. `shared` tells which. SRTCP is proven
    /// before anything is learned from it, and made readable in its place.
    ///
    /// # Errors
    /// Why it was dropped.
    pub fn receive_report(
        &mut self,
        now: Monotonic,
        from: SocketAddr,
        shared: bool,
        datagram: &mut [u8],
    ) -> Result<rtcp::Heard, DropCause> {
        let latch = self.latch.ok_or(DropCause::NotConnected)?;
        if from.ip() != latch.destination().ip() {
            return Err(DropCause::Stranger);
        }
        let datagram = match &mut self.secured {
            Some(secured) => secured.read_control(datagram)?,
            None => datagram,
        };
        let heard = rtcp::read(datagram, self.ssrc).ok_or(DropCause::Malformed)?;
        if let Some(ntp) = heard.sender_report {
            self.last_sender_report = Some((ntp, now));
        }
        if let Some(about) = heard.about_us {
            self.measure_round_trip(now, &about);
        }
        if !shared && self.control_port.is_none() {
            self.control_port = Some(from.port());
        }
        Ok(heard)
    }

    /// RFC 3550 §6.4.1: from our report until theirs, less the time they had it.
    fn measure_round_trip(&mut self, now: Monotonic, about: &AboutUs) {
        if let Some((_, went)) = self.own_sender_report.filter(|(ntp, _)| *ntp == about.last_sender_report) {
            let held = Duration::from_micros(u64::from(about.delay) * 1_000_000 / 65_536);
            self.round_trip = Some(now.since(went).saturating_sub(held));
        }
    }

    /// How well the far side is heard so far; `None` before anything came.
    pub fn measured(&self) -> Option<Measured> {
        let reception = self.reception.as_ref()?;
        let round_trip_ms = self.round_trip.unwrap_or_default().as_secs_f32() * 1e3;
        Some(Measured { round_trip_ms, ..reception.measured() })
    }

    /// Whether a report is due.
    pub fn is_report_due(&self, now: Monotonic) -> bool {
        now >= self.report_due && self.stream.is_some()
    }

    /// Writes a report: its length, where it goes, and whether from the RTP port (RFC 5761). `ntp` is the wall clock;
    /// `last` adds a goodbye.
    pub fn report(
        &mut self,
        now: Monotonic,
        ntp: u64,
        last: bool,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr, bool)> {
        self.report_due = now + REPORT_EVERY;
        if last && self.packets == 0 && !self.has_reported {
            // RFC 3550 §6.3.7: who has never sent anything says no goodbye.
            return None;
        }
        self.has_reported = true;
        let (to, shared) = self.control_destination()?;
        let since = ticks(self.sent.at, now, self.codec().map_or(CLOCK_HZ, Codec::clock_hz));
        let sender = Sender {
            ssrc: self.ssrc,
            ntp,
            rtp_timestamp: self.sent.timestamp.wrapping_add(since),
            packets: self.packets,
            octets: self.octets,
            active: self.packets != self.reported_packets,
        };
        self.reported_packets = self.packets;
        if sender.active {
            self.own_sender_report = Some(((ntp >> 16) as u32, now));
        }
        let (last_sender_report, delay) = self.last_sender_report.map_or((0, 0), |(ntp, at)| {
            (ntp, (now.since(at).as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32)
        });
        let block = self.reception.as_mut().map(|reception| Block {
            report: reception.report(),
            last_sender_report,
            delay,
        });
        let length = rtcp::write(&sender, block, last, out)?;
        let length = match &mut self.secured {
            Some(secured) => secured.sender.protect_control(out, length)?,
            None => length,
        };
        Some((length, to, shared))
    }

    /// Where reports go: as described, unless the far side turned out to be elsewhere.
    fn control_destination(&self) -> Option<(SocketAddr, bool)> {
        let stream = self.stream?;
        let latched = self.latch.map_or(stream.remote, |latch| latch.destination());
        let shared = stream.rtcp == stream.remote;
        let mut to = if shared || latched != stream.remote { latched } else { stream.rtcp };
        if !shared && latched != stream.remote {
            to.set_port(self.control_port.unwrap_or(latched.port().saturating_add(1)));
        }
        (!to.ip().is_unspecified()).then_some((to, shared))
    }
}
