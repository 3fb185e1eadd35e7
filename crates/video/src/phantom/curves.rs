//! Soft edges, made of nothing but products.

/// 0 up to `from`, 1 beyond `to`, a smooth step between.
pub(super) fn step(from: f32, to: f32, at: f32) -> f32 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// 1 at `peak`, 0 at `width` from it and beyond.
pub(super) fn bump(peak: f32, width: f32, at: f32) -> f32 {
    let d = (at - peak) / width;
    let t = (1.0 - d * d).max(0.0);
    t * t
}
