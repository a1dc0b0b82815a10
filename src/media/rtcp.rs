//! RTCP reports, read and written (RFC 3550 §6). Keeps no state.

use super::reception::Report;
use super::srtp;
use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReportBlock, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem,
    SenderReport,
};

/// The longest report we write, in bytes, with room for SRTCP's tag and index.
pub const REPORT_MAX: usize = 256 + srtp::OVERHEAD_MAX;

/// What we say about ourselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Us, on this leg.
    pub ssrc: u32,
    /// The wall clock in NTP format, 32.32 seconds since 1900.
    pub ntp: u64,
    /// The same moment in our RTP timestamps.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
    /// Whether anything was sent since the last report: a sender's report, else a receiver's.
    pub active: bool,
}

/// What we say about the far side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// The figures.
    pub report: Report,
    /// The middle 32 bits of the last sender report's NTP time; 0: none came.
    pub last_sender_report: u32,
    /// Since then, in 1/65536 s.
    pub delay: u32,
}

/// What the far side says about what we send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AboutUs {
    /// Lost since its last report, in 1/256.
    pub fraction_lost: u8,
    /// In ticks of our clock.
    pub jitter: u32,
    /// The middle 32 bits of our last sender report's NTP time; 0: it had none.
    pub last_sender_report: u32,
    /// How long it had had that, in 1/65536 s.
    pub delay: u32,
}

/// What the far side says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// The middle 32 bits of its sender report's NTP time.
    pub sender_report: Option<u32>,
    /// What it says about what we send.
    pub about_us: Option<AboutUs>,
}

/// Writes a compound report with our canonical name (RFC 3550 §6.1), and a goodbye if it is the last.
pub fn write(sender: &Sender, block: Option<Block>, last: bool, out: &mut [u8]) -> Option<usize> {
    let about_far_side = block.map(|block| {
        ReportBlock::builder(block.report.ssrc)
            .fraction_lost(block.report.fraction_lost)
            .cumulative_lost(block.report.lost)
            .extended_sequence_number(block.report.highest)
            .interarrival_jitter(block.report.jitter)
            .last_sender_report_timestamp(block.last_sender_report)
            .delay_since_last_sender_report_timestamp(block.delay)
    });
    // A name that tells nothing about the host (RFC 7022 §4.2).
    let name = format!("{:08x}@holdfast", sender.ssrc);
    let item = SdesItem::builder(SdesItem::CNAME, &name);
    let description = Sdes::builder().add_chunk(SdesChunk::builder(sender.ssrc).add_item(item));
    let mut compound = Compound::builder();
    if sender.active {
        let mut report = SenderReport::builder(sender.ssrc)
            .ntp_timestamp(sender.ntp)
            .rtp_timestamp(sender.rtp_timestamp)
            .packet_count(sender.packets)
            .octet_count(sender.octets);
        if let Some(block) = about_far_side {
            report = report.add_report_block(block);
        }
        compound = compound.add_packet(report);
    } else {
        let mut report = ReceiverReport::builder(sender.ssrc);
        if let Some(block) = about_far_side {
            report = report.add_report_block(block);
        }
        compound = compound.add_packet(report);
    }
    compound = compound.add_packet(description);
    if last {
        compound = compound.add_packet(Bye::builder().add_source(sender.ssrc));
    }
    compound.write_into(out).ok()
}

/// Reads a compound report; `None` for what is none. `ours` is the source whose reports matter to us.
pub fn read(datagram: &[u8], ours: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    for packet in Compound::parse(datagram).ok()? {
        match packet.ok()? {
            Packet::Sr(report) => {
                heard.sender_report = Some((report.ntp_timestamp() >> 16) as u32);
                heard.about_us = heard.about_us.or(about(ours, report.report_blocks()));
            }
            Packet::Rr(report) => heard.about_us = heard.about_us.or(about(ours, report.report_blocks())),
            // The far side's name is not needed, and a call ends by BYE of SIP, not of RTCP.
            _ => {}
        }
    }
    Some(heard)
}

fn about<'a>(ours: u32, mut blocks: impl Iterator<Item = ReportBlock<'a>>) -> Option<AboutUs> {
    let block = blocks.find(|block| block.ssrc() == ours)?;
    Some(AboutUs {
        fraction_lost: block.fraction_lost(),
        jitter: block.interarrival_jitter(),
        last_sender_report: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENDER: Sender = Sender {
        ssrc: 7,
        ntp: 0x0011_2233_4455_6677,
        rtp_timestamp: 1,
        packets: 2,
        octets: 320,
        active: true,
    };
    const BLOCK: Block = Block {
        report: Report { ssrc: 9, fraction_lost: 64, lost: 100, highest: 70_000, jitter: 12 },
        last_sender_report: 5,
        delay: 6,
    };

    const ABOUT_US: AboutUs = AboutUs { fraction_lost: 64, jitter: 12, last_sender_report: 5, delay: 6 };

    #[test]
    fn a_report_is_read_by_whom_it_is_about() {
        let mut out = [0; REPORT_MAX];
        let length = write(&SENDER, Some(BLOCK), false, &mut out).unwrap();
        let heard = read(&out[..length], 9).unwrap();
        assert_eq!(heard, Heard { sender_report: Some(0x2233_4455), about_us: Some(ABOUT_US) });
        assert_eq!(read(&out[..length], 8).unwrap().about_us, None);
    }

    #[test]
    fn who_sends_nothing_writes_a_receiver_report() {
        let mut out = [0; REPORT_MAX];
        let length = write(&Sender { active: false, ..SENDER }, Some(BLOCK), true, &mut out).unwrap();
        assert_eq!(out[1], 201);
        assert_eq!(read(&out[..length], 9).unwrap(), Heard { sender_report: None, about_us: Some(ABOUT_US) });
    }

    #[test]
    fn what_is_cut_off_is_no_report() {
        let mut out = [0; REPORT_MAX];
        let length = write(&SENDER, Some(BLOCK), true, &mut out).unwrap();
        assert!((0..length).all(|cut| read(&out[..cut], 9).is_none_or(|_| cut % 4 == 0)));
        assert_eq!(write(&SENDER, Some(BLOCK), true, &mut [0; 20]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(first in 0x80_u8..0xC0, kind in 192_u8..224, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&[first, kind][..], &rest].concat(), 9);
            let _ = read(&rest, 9);
        }

        #[test]
        fn no_length_field_makes_it_panic(first in 0x80_u8..0xC0, kind in 200_u8..208, words in 0_u8..40, rest in proptest::collection::vec(any::<u8>(), 0..160)) {
            let _ = read(&[&[first, kind, 0, words][..], &rest].concat(), 9);
        }
    }
}
