//! Coefficients → the small integers that are coded (ITU-T T.81, A.3.4), in the order in which they are (A.3.6).

use super::dct::{Blocks, LANES, OUTPUT_SCALE, mul_high};

/// Where the k-th coefficient of the zig-zag stands in its block, row by row (figure A.6).
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Table K.1: luminance.
#[rustfmt::skip]
const LUMINANCE: [u8; 64] = [
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
];

/// Table K.2: chrominance.
#[rustfmt::skip]
const CHROMINANCE: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Eight blocks quantised.
pub(super) struct Quantised {
    /// `[k][block]`, k along the zig-zag.
    pub levels: [[i16; LANES]; 64],
    /// Which of a block's levels are not 0: bit `k % 16` of `[k / 16][block]`.
    pub nonzero: [[u16; LANES]; 4],
}

impl Quantised {
    /// Empty blocks.
    pub const NONE: Self = Self {
        levels: [[0; LANES]; 64],
        nonzero: [[0; LANES]; 4],
    };
}

/// Divides coefficients by the steps of one table.
#[derive(Clone, Debug)]
pub(super) struct Quantiser {
    /// Along the zig-zag, as the file states them.
    pub steps: [u8; 64],
    divisors: [Divisor; 64],
}

/// Division by a constant: `(value * reciprocal / 65536 + half) >> shift`.
#[derive(Clone, Copy, Debug)]
struct Divisor {
    reciprocal: i16,
    half: i16,
    shift: u32,
}

impl Quantiser {
    /// Of brightness and of colour.
    pub fn both(quality: u8) -> [Self; 2] {
        [&LUMINANCE, &CHROMINANCE].map(|table| Self::scaled(table, quality))
    }

    /// Steps for a quality of 1..=100 as libjpeg counts it: 50 is the table itself, 100 is no step above 1.
    fn scaled(table: &[u8; 64], quality: u8) -> Self {
        let quality = u32::from(quality.clamp(1, 100));
        let percent = match quality {
            ..50 => 5000 / quality,
            _ => 200 - 2 * quality,
        };
        let step =
            |at: u8| ((u32::from(table[usize::from(at)]) * percent + 50) / 100).clamp(1, 255) as u8;
        let steps = ZIGZAG.map(step);
        Self {
            steps,
            divisors: steps.map(Divisor::by),
        }
    }

    /// Of all coefficients at [`OUTPUT_SCALE`].
    pub fn run(&self, blocks: &Blocks, to: &mut Quantised) {
        let places = blocks.as_flattened();
        for group in 0..4 {
            let mut nonzero = [0_u16; LANES];
            for bit in 0..16 {
                let k = 16 * group + bit;
                let divisor = self.divisors[k];
                let at = LANES * usize::from(ZIGZAG[k]);
                let from = &places[at..at + LANES];
                for lane in 0..LANES {
                    let level = divisor.divide(from[lane]);
                    to.levels[k][lane] = level;
                    nonzero[lane] |= u16::from(level != 0) << bit;
                }
            }
            to.nonzero[group] = nonzero;
        }
    }
}

impl Divisor {
    /// By a step in units of the standard, of values at [`OUTPUT_SCALE`].
    fn by(step: u8) -> Self {
        let divisor = f64::from(OUTPUT_SCALE) * f64::from(step);
        // The most bits that 16 with sign hold.
        let shift = (f64::from(i16::MAX) / 65536.0 * divisor).log2().floor() as u32;
        Self {
            reciprocal: (f64::from(1_u32 << (16 + shift)) / divisor).round() as i16,
            half: 1 << (shift - 1),
            shift,
        }
    }

    /// To the nearest integer. The product is below 2^14 and half below 2^11.
    #[inline(always)]
    fn divide(self, value: i16) -> i16 {
        mul_high(value, self.reciprocal)
            .wrapping_add(self.half)
            .wrapping_shr(self.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_divides_to_the_nearest() {
        for step in 1..=255 {
            let divisor = Divisor::by(step);
            for value in (i16::MIN..=i16::MAX).step_by(7) {
                let exact = f64::from(value) / (f64::from(OUTPUT_SCALE) * f64::from(step));
                let found = f64::from(divisor.divide(value));
                assert!(
                    (found - exact).abs() < 0.65,
                    "{value} by {step}: {found} for {exact}"
                );
            }
            assert_eq!(divisor.divide(0), 0);
        }
    }

    #[test]
    fn the_zigzag_passes_each_place_once_and_nearest_first() {
        let mut seen = ZIGZAG;
        seen.sort_unstable();
        assert_eq!(seen, std::array::from_fn(|i| i as u8));
        let diagonal = |at: u8| at / 8 + at % 8;
        assert!(ZIGZAG.is_sorted_by_key(|at| diagonal(*at)));
    }

    #[test]
    fn steps_are_those_of_libjpeg() {
        let [luminance, chrominance] = Quantiser::both(50);
        assert_eq!((luminance.steps[2], chrominance.steps[63]), (12, 99));
        assert_eq!(Quantiser::both(100)[0].steps, [1; 64]);
        assert_eq!(Quantiser::both(1)[1].steps, [255; 64]);
        assert_eq!(Quantiser::both(90)[0].steps[..3], [3, 2, 2]);
    }
}
