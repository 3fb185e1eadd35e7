//! RGB → 4:2:0 in limited range, as recorders and Y4M have it.

use picture::frame::Frame;

use super::matrix::{LIMITED_STEPS, YuvStandard};
use super::raw::Subsampling;

/// So many bits of a factor are its fraction.
const FRACTION: u32 = 16;

const LUMA: [i32; 3] = factors(None);
const CB: [i32; 3] = factors(Some(2));
const CR: [i32; 3] = factors(Some(0));

/// What red, green and blue add to luma, or to the chroma that is one of them less luma; by [`FRACTION`].
const fn factors(chroma: Option<usize>) -> [i32; 3] {
    const fn fixed(factor: f64) -> i32 {
        (factor / 255.0 * (1 << FRACTION) as f64 + if factor < 0.0 { -0.5 } else { 0.5 }) as i32
    }
    let weights = YuvStandard::Bt601.weights();
    let [luma_steps, chroma_steps] = LIMITED_STEPS;
    let mut factors = [0; 3];
    let mut i = 0;
    while i < 3 {
        factors[i] = match chroma {
            None => fixed(luma_steps * weights[i]),
            Some(own) if own == i => fixed(chroma_steps / 2.0),
            Some(own) => fixed(-chroma_steps / 2.0 * weights[i] / (1.0 - weights[own])),
        };
        i += 1;
    }
    factors
}

/// Appends a picture's planes Y, U, V to `bytes`, without gaps: BT.601, limited range, chroma from the mean of two by two pixels,
/// which is where JPEG and Y4M's `C420jpeg` have it.
pub fn write_yuv420(frame: &Frame, bytes: &mut Vec<u8>) {
    let [[width, height], [columns, rows]] = Subsampling::Yuv420.planes(frame.size());
    let start = bytes.len();
    bytes.resize(start + width * height + 2 * columns * rows, 0);
    let (luma, chroma) = bytes[start..].split_at_mut(width * height);
    let pixels = frame.rgb().as_chunks::<3>().0;
    for (luma, pixel) in luma.iter_mut().zip(pixels) {
        *luma = level(pixel.map(i32::from), LUMA, 16, FRACTION);
    }
    let (cb, cr) = chroma.split_at_mut(columns * rows);
    let both = cb
        .chunks_exact_mut(columns)
        .zip(cr.chunks_exact_mut(columns));
    for (y, (cb, cr)) in both.enumerate() {
        let upper = &pixels[2 * y * width..][..width];
        let lower = &pixels[(2 * y + 1).min(height - 1) * width..][..width];
        let squares = upper
            .chunks(2)
            .zip(lower.chunks(2))
            .zip(cb.iter_mut().zip(cr));
        for ((upper, lower), (cb, cr)) in squares {
            let (Some(a), Some(b)) = (upper.last(), lower.last()) else {
                continue;
            };
            let sum = |i: usize| {
                [upper[0][i], lower[0][i], a[i], b[i]]
                    .map(i32::from)
                    .iter()
                    .sum()
            };
            let four: [i32; 3] = std::array::from_fn(sum);
            *cb = level(four, CB, 128, FRACTION + 2);
            *cr = level(four, CR, 128, FRACTION + 2);
        }
    }
}

fn level(rgb: [i32; 3], factors: [i32; 3], zero: i32, fraction: u32) -> u8 {
    // Within 27 bits; `wrapping` for the compiler's sake, as in `matrix`.
    let terms = [0, 1, 2].map(|i| rgb[i].wrapping_mul(factors[i]));
    let sum = (terms[0].wrapping_add(terms[1])).wrapping_add(terms[2]);
    let rounded = sum.wrapping_add(1 << (fraction - 1)) >> fraction;
    rounded.wrapping_add(zero).clamp(0, 255) as u8
}
