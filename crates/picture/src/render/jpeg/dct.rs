//! The forward discrete cosine transform (ITU-T T.81, A.3.3) of eight blocks side by side, in 16-bit integers.
//!
//! The eight values of one place in the eight blocks lie together, so a step of the transform is a step for all of them,
//! which the compiler makes one vector instruction; nothing is ever moved between lanes. Sums and differences wrap: the
//! range of each is shown where it is made, and a checked sum is no vector instruction.

/// Blocks that are worked on together.
pub(super) const LANES: usize = 8;

/// A row of each: `[LANES * column + block]`.
pub(super) type BlockRow = [i16; 8 * LANES];

/// Eight blocks of 8 × 8 samples or coefficients.
pub(super) type Blocks = [BlockRow; 8];

/// What [`forward`] takes for one level of brightness. With 8, a black block would come to the very end of 16 bits.
pub(super) const INPUT_SCALE: i16 = 7;

/// What [`forward`] gives for a coefficient of 1 as the standard defines it, where levels come at [`INPUT_SCALE`].
pub(super) const OUTPUT_SCALE: i16 = 4 * INPUT_SCALE;

/// The high half of a product: `a * b / 65536`, rounded down.
#[inline(always)]
pub(super) fn mul_high(a: i16, b: i16) -> i16 {
    (i32::from(a).wrapping_mul(i32::from(b)) >> 16) as i16
}

/// Samples of levels -128..=127 at [`INPUT_SCALE`] → coefficients at [`OUTPUT_SCALE`], in place.
pub(super) fn forward(blocks: &mut Blocks) {
    // Down the columns of all blocks, then along their rows.
    let mut down = [[0; 8 * LANES]; 8];
    for i in 0..8 * LANES {
        let mut column = [0; 8];
        for y in 0..8 {
            column[y] = blocks[y][i];
        }
        let column = line(column);
        for v in 0..8 {
            down[v][i] = column[v];
        }
    }
    for (from, to) in down.iter().zip(blocks) {
        for lane in 0..LANES {
            let mut row = [0; 8];
            for x in 0..8 {
                row[x] = from[LANES * x + lane];
            }
            let row = line(row);
            for u in 0..8 {
                to[LANES * u + lane] = row[u];
            }
        }
    }
}

/// `out[k] = c(k) * sum over n of x[n] * cos((2n + 1) k π / 16)`, c(0) = 1/√2, else 1.
///
/// Nothing wraps where |x| ≤ 5789: what is summed or doubled here comes to 4 |x| at most, and `out` to 5.66 |x|. Levels
/// come to 128 * INPUT_SCALE, and once down the columns to 5.66 times that. Products are rounded down; where two or four
/// meet, half of them are subtracted, so that a coefficient is not too small by their number.
#[inline(always)]
fn line(x: [i16; 8]) -> [i16; 8] {
    /// cos(k π / 16) * 32768.
    const C1: i16 = 32138;
    const C3: i16 = 27246;
    const C5: i16 = 18205;
    const C7: i16 = 6393;
    /// (1 - cos(k π / 16)) * 65536.
    const ONE_LESS_C2: i16 = 4989;
    const ONE_LESS_C4: i16 = 19195;
    /// cos(6 π / 16) * 65536.
    const C6: i16 = 25080;

    let sum = |a: usize, b: usize| x[a].wrapping_add(x[b]);
    let (outer, inner) = ([sum(0, 7), sum(1, 6)], [sum(3, 4), sum(2, 5)]);
    let s0 = outer[0].wrapping_add(inner[0]);
    let s1 = outer[1].wrapping_add(inner[1]);
    let t0 = outer[0].wrapping_sub(inner[0]);
    let t1 = outer[1].wrapping_sub(inner[1]);
    let p0 = s0.wrapping_sub(mul_high(s0, ONE_LESS_C4));
    let p1 = s1.wrapping_add(mul_high(s1, -ONE_LESS_C4));
    let q0 = t0.wrapping_sub(mul_high(t0, ONE_LESS_C2));
    let q1 = t1.wrapping_add(mul_high(t1, -ONE_LESS_C2));

    let twice = |a: usize, b: usize| {
        let d = x[a].wrapping_sub(x[b]);
        d.wrapping_add(d)
    };
    let (d0, d1, d2, d3) = (twice(0, 7), twice(1, 6), twice(2, 5), twice(3, 4));
    let odd = |plus: [i16; 2], minus: [i16; 2]| {
        let plus = plus[0].wrapping_add(plus[1]);
        plus.wrapping_sub(minus[0].wrapping_add(minus[1]))
    };
    let m = mul_high;
    [
        p0.wrapping_add(p1),
        odd([m(d0, C1), m(d1, C3)], [m(d2, -C5), m(d3, -C7)]),
        q0.wrapping_add(m(t1, C6)),
        odd([m(d0, C3), m(d1, -C7)], [m(d2, C1), m(d3, C5)]),
        p0.wrapping_sub(p1),
        odd([m(d0, C5), m(d2, C7)], [m(d1, C1), m(d3, -C3)]),
        m(t0, C6).wrapping_sub(q1),
        odd([m(d0, C7), m(d2, C3)], [m(d1, C5), m(d3, C1)]),
    ]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    /// cos((2n + 1) k π / 16), weighed as A.3.3 has it.
    fn basis(n: usize, k: usize) -> f64 {
        let weight = if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
        weight / 2.0 * ((2 * n + 1) as f64 * k as f64 * PI / 16.0).cos()
    }

    /// Of one block, by the definition.
    fn plain(level: &dyn Fn(usize, usize) -> f64) -> [[f64; 8]; 8] {
        let sum = |v: usize, u: usize| -> f64 {
            let all = (0..64).map(|i| (i / 8, i % 8));
            all.map(|(y, x)| level(y, x) * basis(y, v) * basis(x, u))
                .sum()
        };
        std::array::from_fn(|v| std::array::from_fn(|u| sum(v, u)))
    }

    /// For each coefficient the block that makes it largest, and its opposite: where a sum would wrap if any did.
    #[test]
    fn is_the_definition_where_it_is_largest() {
        for (v, u) in (0..64).map(|i| (i / 8, i % 8)) {
            // Lane by lane less contrast, to the opposite.
            let level = |lane: usize, y: usize, x: usize| {
                let scale = 128.0 - 36.0 * lane as f64;
                scale * (basis(y, v) * basis(x, u)).signum()
            };
            let mut blocks = [[0; 8 * LANES]; 8];
            for (y, row) in blocks.iter_mut().enumerate() {
                for (i, value) in row.iter_mut().enumerate() {
                    *value =
                        (f64::from(INPUT_SCALE) * level(i % LANES, y, i / LANES)).round() as i16;
                }
            }
            let input = blocks;
            forward(&mut blocks);
            for lane in 0..LANES {
                let level = |y: usize, x: usize| f64::from(input[y][LANES * x + lane]);
                let expected = plain(&|y, x| level(y, x) / f64::from(INPUT_SCALE));
                for (i, expected) in expected.as_flattened().iter().enumerate() {
                    let found =
                        f64::from(blocks[i / 8][LANES * (i % 8) + lane]) / f64::from(OUTPUT_SCALE);
                    assert!(
                        (found - expected).abs() < 0.4,
                        "{v},{u} lane {lane} at {i}: {found} for {expected}"
                    );
                }
            }
        }
    }
}
