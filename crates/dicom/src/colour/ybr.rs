//! YBR_FULL → RGB (PS3.3, C.7.6.3.1.2).

/// One pixel, rounded to the nearest and kept within 0..=255. In single precision and in this order, so that it gives what
/// others give.
#[must_use]
pub fn ybr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    const RED: f32 = 1.402;
    const BLUE: f32 = 1.772;
    const GREEN_OF_BLUE: f32 = (-0.114_f64 * 1.772 / 0.587) as f32;
    const GREEN_OF_RED: f32 = (-0.299_f64 * 1.402 / 0.587) as f32;
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [
        y + RED * cr,
        y + GREEN_OF_BLUE * cb + GREEN_OF_RED * cr,
        y + BLUE * cb,
    ]
    .map(|v| (v + 0.5).floor().clamp(0.0, 255.0) as u8)
}
