//! Functions of one number, and the larger and smaller of two.

/// The larger, `b` if `a` is NaN. `b` is never NaN. Of two zeros it is either one, which must not be seen in a result: so
/// `b` is a number other than 0, or 0.0 itself, or the result is only subtracted from what `exp2` takes.
#[inline(always)]
#[must_use]
pub fn larger(a: f32, b: f32) -> f32 {
    if cfg!(target_arch = "aarch64") {
        a.max(b)
    } else if a > b {
        a
    } else {
        b
    }
}

/// The smaller, `b` if `a` is NaN; as [`larger`].
#[inline(always)]
#[must_use]
pub fn smaller(a: f32, b: f32) -> f32 {
    if cfg!(target_arch = "aarch64") {
        a.min(b)
    } else if a < b {
        a
    } else {
        b
    }
}

/// 1.5 * 2^23: adding it rounds a number of magnitude up to 2^22 to an integer (ties to even), which then stands in the
/// low bits of the sum; subtracting it again leaves the rounded number.
const ROUND: f32 = 12_582_912.0;

/// 2^x to within 2e-7 of its value for x in -126..=126; 2^-126 below that and for NaN. Softmax with it takes scores in
/// units of ln 2, which costs nothing where they are scaled anyway.
#[inline(always)]
#[must_use]
pub fn exp2(x: f32) -> f32 {
    // 2^x = 2^n 2^r with n an integer, |r| <= 1/2, and 2^r = 1 + r q(r), where q minimises the largest relative error of
    // that (9e-8).
    const Q: [f32; 5] = [
        1.326_472_7e-3,
        9.671_513e-3,
        5.550_733_7e-2,
        2.402_224_2e-1,
        std::f32::consts::LN_2 - 1.5 * f32::EPSILON,
    ];
    let x = larger(x, -126.0);
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    let mut p = Q[0];
    p = p.mul_add(r, Q[1]);
    p = p.mul_add(r, Q[2]);
    p = p.mul_add(r, Q[3]);
    p = p.mul_add(r, Q[4]);
    p = p.mul_add(r, 1.0);
    // The low nine bits of `shifted` hold n; moved up, they add to the exponent.
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// x Φ(x), the exact (erf) GELU, to within 1e-6 · max(1, |x|).
#[inline(always)]
#[must_use]
pub fn gelu(x: f32) -> f32 {
    // x Φ(x) = x (1/2 + x P(u)) with u = 2 x² / 4.9² - 1 for |x| <= 4.9; beyond, x P passes 1/2 and the limits below make
    // the rest exact to within 5e-7. P minimises the largest of |error of x Φ(x)| / max(1, |x|) (4.8e-7) by Remez'
    // exchange. A centred argument keeps Horner's scheme well conditioned; no division, as it is slow on ARM.
    const P: [f32; 12] = [
        -1.005_034_8e-3,
        2.665_180_2e-3,
        -2.963_410_7e-3,
        4.429_338_5e-3,
        -9.616_01e-3,
        1.599_278_5e-2,
        -2.268_688e-2,
        3.092_426_4e-2,
        -4.055_384e-2,
        5.224_64e-2,
        -7.162_298e-2,
        1.442_308_1e-1,
    ];
    let square = smaller(x * x, 24.01);
    let u = square.mul_add(2.0 / 24.01, -1.0);
    let mut p = P[0];
    p = p.mul_add(u, P[1]);
    p = p.mul_add(u, P[2]);
    p = p.mul_add(u, P[3]);
    p = p.mul_add(u, P[4]);
    p = p.mul_add(u, P[5]);
    p = p.mul_add(u, P[6]);
    p = p.mul_add(u, P[7]);
    p = p.mul_add(u, P[8]);
    p = p.mul_add(u, P[9]);
    p = p.mul_add(u, P[10]);
    p = p.mul_add(u, P[11]);
    let half = smaller(larger(x * p, -0.5), 0.5);
    x * (half + 0.5)
}
