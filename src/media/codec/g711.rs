//! G.711 µ-law and A-law, exact to ITU-T G.711 (11/88): tables built at compile time. Knows samples only, no packets.
//!
//! Linear samples are 16 bits wide here: µ-law's 14 and A-law's 13 bits sit at the top.

use serde::{Deserialize, Serialize};

/// Which of the two laws.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Law {
    /// µ-law, of North America and Japan.
    Mu,
    /// A-law, of the rest of the world.
    A,
}

impl Law {
    /// Both.
    pub const ALL: [Law; 2] = [Law::Mu, Law::A];

    /// The payload type that RFC 3551 §6 assigns for ever.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Mu => 0,
            Self::A => 8,
        }
    }

    /// The encoding name of RFC 3551, as in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mu => "PCMU",
            Self::A => "PCMA",
        }
    }

    /// The code that decodes to (almost) nothing: what silence is filled with.
    pub fn silence(self) -> u8 {
        self.encode(0)
    }

    /// One 16-bit linear sample to its code.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Mu => ulaw_encode(sample),
            Self::A => alaw_encode(sample),
        }
    }

    /// One code to its 16-bit linear sample.
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Self::Mu => ULAW_TO_LINEAR[usize::from(code)],
            Self::A => ALAW_TO_LINEAR[usize::from(code)],
        }
    }

    /// The table that turns each code of this law into the code of `into`; `None` when they are the same.
    pub fn crossing(self, into: Law) -> Option<&'static [u8; 256]> {
        match (self, into) {
            (Self::Mu, Self::A) => Some(&ULAW_TO_ALAW),
            (Self::A, Self::Mu) => Some(&ALAW_TO_ULAW),
            (Self::Mu, Self::Mu) | (Self::A, Self::A) => None,
        }
    }
}

/// Added to a µ-law magnitude (14 bits) so that every segment begins at a power of two.
const ULAW_BIAS: i32 = 33;
/// The highest biased µ-law magnitude.
const ULAW_MAX: i32 = 0x1FFF;
/// A-law sends even bits inverted (G.711 §2).
const ALAW_INVERTED: u8 = 0x55;

/// The linear value of every µ-law code.
pub static ULAW_TO_LINEAR: [i16; 256] = linear_table(true);
/// The linear value of every A-law code.
pub static ALAW_TO_LINEAR: [i16; 256] = linear_table(false);
/// The A-law code nearest to every µ-law code.
pub static ULAW_TO_ALAW: [u8; 256] = crossing_table(true);
/// The µ-law code nearest to every A-law code.
pub static ALAW_TO_ULAW: [u8; 256] = crossing_table(false);

/// One linear sample to µ-law (G.711 table 2a/2b). Negative samples are taken in one's complement, as ITU-T G.191 does.
pub const fn ulaw_encode(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = (if negative { !(sample as i32) } else { sample as i32 } >> 2) + ULAW_BIAS;
    let magnitude = if magnitude > ULAW_MAX { ULAW_MAX } else { magnitude };
    // The biased magnitude has its highest bit in 5..=12: that is the segment, the 4 bits below are the step.
    let segment = (31 - magnitude.leading_zeros() as i32) - 5;
    let step = (magnitude >> (segment + 1)) & 0x0F;
    let code = ((segment << 4) | step) as u8;
    // All bits are sent inverted; the sign bit is 1 for positive.
    if negative { !(code | 0x80) } else { !code }
}

/// One µ-law code to the linear value in the middle of its interval.
const fn ulaw_decode(code: u8) -> i16 {
    let code = !code;
    let segment = ((code >> 4) & 0x07) as i32;
    let step = (code & 0x0F) as i32;
    let magnitude = (((step << 1) + ULAW_BIAS) << segment) - ULAW_BIAS;
    let sample = (magnitude << 2) as i16;
    if code & 0x80 != 0 { -sample } else { sample }
}

/// One linear sample to A-law (G.711 table 1a/1b).
pub const fn alaw_encode(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = if negative { !(sample as i32) } else { sample as i32 } >> 4;
    let code = if magnitude < 32 {
        // The two lowest segments share one step size.
        magnitude as u8
    } else {
        let segment = (31 - magnitude.leading_zeros() as i32) - 3;
        ((segment << 4) | ((magnitude >> (segment - 1)) & 0x0F)) as u8
    };
    (if negative { code } else { code | 0x80 }) ^ ALAW_INVERTED
}

/// One A-law code to the linear value in the middle of its interval.
const fn alaw_decode(code: u8) -> i16 {
    let code = code ^ ALAW_INVERTED;
    let segment = ((code >> 4) & 0x07) as i32;
    let step = (code & 0x0F) as i32;
    let sample = if segment == 0 {
        (step << 4) + 8
    } else {
        // The hidden leading one of the upper segments.
        (((step + 16) << 4) + 8) << (segment - 1)
    };
    if code & 0x80 != 0 { sample as i16 } else { -sample as i16 }
}

const fn linear_table(ulaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if ulaw { ulaw_decode(code as u8) } else { alaw_decode(code as u8) };
        code += 1;
    }
    table
}

const fn crossing_table(from_ulaw: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if from_ulaw {
            let sample = ulaw_decode(code as u8);
            // The two zeros keep their sign: one's complement takes −1 to the least negative interval.
            alaw_encode(if sample == 0 && code < 0x80 { -1 } else { sample })
        } else {
            ulaw_encode(alaw_decode(code as u8))
        };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulaw_decodes_to_the_values_of_table_2() {
        // G.711 table 2a, 14-bit quantized values y_n, times four.
        let known = [
            (0x80, 8031),
            (0x8F, 4191),
            (0x90, 3999),
            (0x9F, 2079),
            (0xA0, 1983),
            (0xAF, 1023),
            (0xB0, 975),
            (0xBF, 495),
            (0xC0, 471),
            (0xCF, 231),
            (0xD0, 219),
            (0xDF, 99),
            (0xE0, 93),
            (0xEF, 33),
            (0xF0, 30),
            (0xFE, 2),
            (0xFF, 0),
        ];
        for (code, value) in known {
            assert_eq!(ULAW_TO_LINEAR[code], value * 4, "code {code:#x}");
            assert_eq!(ULAW_TO_LINEAR[code & 0x7F], -value * 4, "negative code {code:#x}");
        }
    }

    #[test]
    fn alaw_decodes_to_the_values_of_table_1() {
        // G.711 table 1a: 13-bit values (y_n of 4096 full scale), codes before even-bit inversion.
        let known = [
            (0xFF, 4032),
            (0xF0, 2112),
            (0xEF, 2016),
            (0xE0, 1056),
            (0xDF, 1008),
            (0xD0, 528),
            (0xCF, 504),
            (0xC0, 264),
            (0xBF, 252),
            (0xB0, 132),
            (0xAF, 126),
            (0xA0, 66),
            (0x9F, 63),
            (0x90, 33),
            (0x8F, 31),
            (0x81, 3),
            (0x80, 1),
        ];
        for (plain, value) in known {
            let code = usize::from(plain as u8 ^ 0x55);
            assert_eq!(ALAW_TO_LINEAR[code], value * 8, "code {plain:#x}");
            assert_eq!(ALAW_TO_LINEAR[code ^ 0x80], -value * 8, "negative code {plain:#x}");
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for code in 0..=255u8 {
            let again = ulaw_encode(ULAW_TO_LINEAR[usize::from(code)]);
            // Negative zero becomes positive zero: the linear scale has only one.
            assert_eq!(again, if code == 0x7F { 0xFF } else { code }, "µ-law {code:#x}");
            assert_eq!(alaw_encode(ALAW_TO_LINEAR[usize::from(code)]), code, "A-law {code:#x}");
        }
    }

    #[test]
    fn every_sample_goes_to_the_interval_it_lies_in() {
        for sample in i16::MIN..=i16::MAX {
            let (sample_wide, magnitude) = (i32::from(sample), i32::from(sample).abs());
            let ulaw = i32::from(ULAW_TO_LINEAR[usize::from(ulaw_encode(sample))]);
            let alaw = i32::from(ALAW_TO_LINEAR[usize::from(alaw_encode(sample))]);
            // Half a step plus the bits that 14 and 13 bits can't hold; above the clipping level, the last value.
            let ulaw_step = (((magnitude / 4 + 33) / 16) * 2).max(4) + 4;
            let alaw_step = (magnitude / 32).max(8) + 8;
            if magnitude < 32_124 {
                assert!((ulaw - sample_wide).abs() <= ulaw_step, "µ-law {sample} → {ulaw}");
            }
            assert!((alaw - sample_wide).abs() <= alaw_step, "A-law {sample} → {alaw}");
        }
    }

    #[test]
    fn the_extremes_clip_and_do_not_wrap() {
        assert_eq!(ulaw_encode(i16::MAX), 0x80);
        assert_eq!(ulaw_encode(i16::MIN), 0x00);
        assert_eq!(alaw_encode(i16::MAX), 0xFF ^ 0x55);
        assert_eq!(alaw_encode(i16::MIN), 0x7F ^ 0x55);
    }

    #[test]
    fn crossing_tables_equal_decoding_and_encoding_and_keep_the_sign() {
        for code in 0..=255u8 {
            let index = usize::from(code);
            let linear = ULAW_TO_LINEAR[index];
            let crossed = ALAW_TO_LINEAR[usize::from(ULAW_TO_ALAW[index])];
            assert_eq!(code >= 0x80, crossed > 0, "µ-law {code:#x}");
            let allowed = (i32::from(linear).abs() / 32).max(8) + 8;
            assert!((i32::from(linear) - i32::from(crossed)).abs() <= allowed, "µ-law {code:#x}");

            let linear = ALAW_TO_LINEAR[index];
            let crossed = ULAW_TO_LINEAR[usize::from(ALAW_TO_ULAW[index])];
            assert_eq!(linear > 0, crossed > 0, "A-law {code:#x}");
            let allowed = i32::from(linear).abs() / 24 + 12;
            assert!((i32::from(linear) - i32::from(crossed)).abs() <= allowed, "A-law {code:#x}");
        }
    }

    #[test]
    fn crossing_there_and_back_again_stays_where_it_is() {
        for code in 0..=255usize {
            let once = ALAW_TO_ULAW[usize::from(ULAW_TO_ALAW[code])];
            let twice = ALAW_TO_ULAW[usize::from(ULAW_TO_ALAW[usize::from(once)])];
            assert_eq!(once, twice, "a second tandem adds no more noise");
        }
    }
}
