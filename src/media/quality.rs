//! How good a call sounds, by ITU-T G.107's E-model, from what was measured of its packets. Pure arithmetic.
//!
//! What is left out: loudness, noise and echo of the phones, which nobody here can measure; they stand at G.107's
//! defaults, with echo cancelled. Wideband codecs are rated on the wideband scale (G.107.1: R to 129, brought back to the
//! MOS of a listener who expects wideband), narrowband ones on the narrowband scale; so G.711's 4.41 and G.722's 4.35 are
//! each near the best of their kind, and not to be compared with each other.

use super::codec::Codec;

/// G.107 §3.2: the transmission rating with all defaults and no impairment by codec or delay.
const R_DEFAULT: f32 = 93.2;
/// G.107.1 §3: the same for wideband.
const R_WIDEBAND: f32 = 129.0;
/// What a codec that has no noise at all could lose by loss of packets (G.107 §3.5; G.107.1 §3.4 keeps the formula).
const IE_MAX: f32 = 95.0;

/// A codec's figures.
#[derive(Clone, Copy, Debug)]
struct Impairment {
    wideband: bool,
    /// The impairment by the codec itself: Ie, or Ie,wb.
    ie: f32,
    /// How well it bears loss: Bpl, larger is better.
    bpl: f32,
}

/// G.113 appendix I for G.711 with concealment (Ie 0, Bpl 25.1), appendix IV for G.722 at 64 kbit/s (Ie,wb 13). G.722's Bpl,
/// with our concealment, and all of Opus and L16 are our own estimates: there are no ITU figures; Opus conceals well and
/// is set between G.722 and L16.
fn impairment(codec: Codec) -> Impairment {
    match codec {
        Codec::Pcmu | Codec::Pcma => Impairment { wideband: false, ie: 0.0, bpl: 25.1 },
        Codec::G722 => Impairment { wideband: true, ie: 13.0, bpl: 20.0 },
        Codec::Opus => Impairment { wideband: true, ie: 8.0, bpl: 25.1 },
        Codec::L16 => Impairment { wideband: true, ie: 0.0, bpl: 25.1 },
    }
}

/// What was measured of one leg: filled from RTCP, [`Reception`](super::reception::Reception) and the
/// [`Ear`](super::ear::Ear).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Measured {
    /// Packets received.
    pub packets: u64,
    /// The share that never came or came too late, 0 to 1.
    pub lost_share: f32,
    /// How much more loss comes in bursts than by chance; 1: by chance (G.107 §3.5), 0 is taken for 1.
    pub burst_ratio: f32,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter_ms: f32,
    /// By RTCP (RFC 3550 §6.4.1); 0: not known.
    pub round_trip_ms: f32,
    /// How long sound waits in the jitter buffer.
    pub buffer_ms: f32,
    /// The share of the sound that was made up, 0 to 1.
    pub concealed_share: f32,
}

/// The figures of a leg as they go into the call's record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// The codec heard.
    pub codec: Codec,
    /// What was measured.
    pub measured: Measured,
    /// The estimate of the mean opinion score, 1 to 4.5.
    pub mos: f32,
}

impl Quality {
    /// Rates what was measured.
    pub fn new(codec: Codec, measured: Measured) -> Quality {
        let burst_ratio = if measured.burst_ratio > 0.0 { measured.burst_ratio } else { 1.0 };
        // Half the way there and back, the packet's own 20 ms, and the buffer.
        let one_way_ms = measured.round_trip_ms / 2.0 + 20.0 + measured.buffer_ms;
        Quality { codec, measured, mos: mos_in_bursts(codec, measured.lost_share, burst_ratio, one_way_ms) }
    }
}

/// The mean opinion score, 1 to 4.5, of a codec with a share of its packets lost at random (0 to 1) and a delay from mouth
/// to ear.
pub fn mos(codec: Codec, lost_share: f32, one_way_ms: f32) -> f32 {
    mos_in_bursts(codec, lost_share, 1.0, one_way_ms)
}

/// [`mos`] when losses come in bursts: the ratio of the mean length of a burst to that by chance (G.107 §3.5).
pub fn mos_in_bursts(codec: Codec, lost_share: f32, burst_ratio: f32, one_way_ms: f32) -> f32 {
    let impairment = impairment(codec);
    let best = if impairment.wideband { R_WIDEBAND } else { R_DEFAULT };
    let rating =
        best - delay_impairment(one_way_ms) - equipment_impairment(impairment, lost_share, burst_ratio);
    // G.107.1 §3.7: the wideband rating is brought to the scale of the formula.
    mos_of_rating(if impairment.wideband { rating / 1.29 } else { rating })
}

/// G.107 (B-4): from the transmission rating to the mean opinion score.
pub fn mos_of_rating(rating: f32) -> f32 {
    if rating.is_nan() || rating <= 0.0 {
        return 1.0;
    }
    if rating >= 100.0 {
        return 4.5;
    }
    // Just above zero the formula dips below 1, which is no score.
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

/// G.107 (3-28), Idd: what delay alone takes away; nothing up to 100 ms.
fn delay_impairment(one_way_ms: f32) -> f32 {
    if one_way_ms.is_nan() || one_way_ms <= 100.0 {
        return 0.0;
    }
    let x = (one_way_ms.min(5_000.0) / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// G.107 (3-29), Ie,eff: what the codec and the loss of packets take away.
fn equipment_impairment(codec: Impairment, lost_share: f32, burst_ratio: f32) -> f32 {
    let lost = if lost_share.is_nan() { 0.0 } else { lost_share.clamp(0.0, 1.0) * 100.0 };
    let burst_ratio = if burst_ratio.is_nan() { 1.0 } else { burst_ratio.clamp(1.0, 100.0) };
    codec.ie + (IE_MAX - codec.ie) * lost / (lost / burst_ratio + codec.bpl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(value: f32, expected: f32, within: f32) {
        assert!((value - expected).abs() <= within, "{value}, expected {expected}");
    }

    #[test]
    fn ratings_become_the_scores_of_g_107_table_b_1() {
        for (rating, score) in
            [(93.2, 4.41), (90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
        {
            near(mos_of_rating(rating), score, 0.01);
        }
        assert_eq!((mos_of_rating(0.0), mos_of_rating(-5.0), mos_of_rating(3.0)), (1.0, 1.0, 1.0));
        assert_eq!((mos_of_rating(100.0), mos_of_rating(f32::NAN)), (4.5, 1.0));
    }

    #[test]
    fn g_711_without_fault_is_4_41_and_loses_as_g_113_says() {
        near(mos(Codec::Pcmu, 0.0, 50.0), 4.41, 0.01);
        // Ie,eff at 1, 5 and 10 % with Bpl 25.1: 3.6, 15.8, 27.1; R 89.6, 77.4, 66.1.
        for (lost, ie) in [(0.01, 3.64), (0.05, 15.78), (0.1, 27.07)] {
            near(equipment_impairment(impairment(Codec::Pcma), lost, 1.0), ie, 0.01);
            near(mos(Codec::Pcma, lost, 50.0), mos_of_rating(R_DEFAULT - ie), 0.001);
        }
    }

    #[test]
    fn delay_takes_away_what_g_107_says() {
        // The formula worked out by hand.
        near(delay_impairment(100.0), 0.0, 0.0);
        for (ms, idd) in [(200.0, 3.04), (300.0, 14.76), (400.0, 24.07)] {
            near(delay_impairment(ms), idd, 0.05);
        }
    }

    #[test]
    fn a_measured_leg_is_rated_with_its_buffer_and_bursts() {
        let measured = Measured {
            packets: 500,
            lost_share: 0.02,
            round_trip_ms: 100.0,
            buffer_ms: 60.0,
            ..Measured::default()
        };
        let quality = Quality::new(Codec::Pcmu, measured);
        near(quality.mos, mos(Codec::Pcmu, 0.02, 130.0), 1e-6);
        let bursts = Quality::new(Codec::Pcmu, Measured { burst_ratio: 3.0, ..measured });
        assert!(bursts.mos < quality.mos);
    }

    proptest! {
        #[test]
        fn every_score_lies_on_the_scale_and_worse_is_never_better(lost: f32, more in 0_f32..1.0, ms: f32, burst: f32) {
            for codec in Codec::ALL {
                let score = mos_in_bursts(codec, lost, burst, ms);
                prop_assert!((1.0..=4.5).contains(&score), "{codec}: {score}");
                prop_assert!(mos(codec, more, 100.0) <= mos(codec, more / 2.0, 100.0) + 1e-4);
                // But for the rounding of numbers of 32 bits.
                prop_assert!(mos(codec, 0.0, 100.0 + more * 900.0) <= mos(codec, 0.0, 100.0) + 1e-4);
            }
        }
    }
}
