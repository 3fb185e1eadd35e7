//! The softmax of 8-bit attention: integers, and a table.

/// Steps of the table for a factor of two: its 256 reach down to where a weight rounds to 0.
const PER_BIT: usize = 28;

/// 2^(-1 / 28).
const STEP: f64 = 0.975_548_642_052_573_2;

/// Steps of the table for a score of 1.
pub const PER_NAT: f32 = (PER_BIT as f64 * std::f64::consts::LOG2_E) as f32;

/// Weights by how many steps a score is below its row's largest: 255 · 2^(-step / 28), rounded; 0 from step 255 on.
pub(super) static WEIGHTS: [u8; 256] = weights();

const fn weights() -> [u8; 256] {
    let (mut table, mut step, mut weight, mut octave) = ([0; 256], 0, 255.0, 255.0);
    while step < 255 {
        table[step] = (weight + 0.5) as u8;
        weight *= STEP;
        step += 1;
        if step.is_multiple_of(PER_BIT) {
            octave /= 2.0;
            weight = octave; // Without what rounding has added up: 127.5 is one of them.
        }
    }
    table
}

/// Factors whose product, rounded to units of 2¹⁵, is a weight: by the upper and by the lower four bits of its steps. Found by
/// trying which do for all weights. What the lower ones have above 8 bits is a 1.
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) const COARSE: [i16; 16] = [
    21265, 14310, 9630, 6481, 4361, 2935, 1974, 1329, 894, 602, 405, 273, 183, 123, 83, 56,
];
/// As `COARSE`.
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) const FINE: [i16; 16] = [
    393, 383, 374, 365, 356, 347, 339, 330, 322, 314, 307, 299, 292, 285, 278, 271,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_powers_rounded() {
        for (step, weight) in WEIGHTS.iter().enumerate().take(255) {
            let exact = 255.0 * (-(step as f64) / PER_BIT as f64).exp2();
            assert_eq!(f64::from(*weight), exact.round(), "{step}");
        }
        assert_eq!((WEIGHTS[0], WEIGHTS[28], WEIGHTS[255]), (255, 128, 0));
    }

    #[test]
    fn weights_are_products_of_factors() {
        assert!(FINE.iter().all(|fine| fine >> 8 == 1));
        for (step, weight) in WEIGHTS.iter().enumerate() {
            let product = i32::from(COARSE[step / 16]) * i32::from(FINE[step % 16]);
            assert_eq!(i32::from(*weight), (product + (1 << 14)) >> 15, "{step}");
        }
    }
}
