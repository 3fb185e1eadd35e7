//! YBR_FULL → RGB (PS3.3, C.7.6.3.1.2).

/// One pixel, rounded to the nearest and kept within 0..=255. In single precision, each product and sum rounded once and in
/// this order, as machines with a fused multiply and add do it: so that it gives what others give.
#[must_use]
pub fn ybr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    const RED: f32 = 1.402;
    const BLUE: f32 = 1.772;
    const GREEN_OF_BLUE: f32 = (-0.114_f64 * 1.772 / 0.587) as f32;
    const GREEN_OF_RED: f32 = (-0.299_f64 * 1.402 / 0.587) as f32;
    let fused = |factor: f32, by: f32, sum: f32| {
        (f64::from(factor) * f64::from(by) + f64::from(sum)) as f32
    };
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [
        fused(RED, cr, y),
        fused(GREEN_OF_RED, cr, fused(GREEN_OF_BLUE, cb, y)),
        fused(BLUE, cb, y),
    ]
    .map(|v| (v + 0.5).floor().clamp(0.0, 255.0) as u8)
}
