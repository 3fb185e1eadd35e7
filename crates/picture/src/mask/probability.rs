//! How likely each pixel is the target, beside the mask that says whether.

use super::upsample::{probability, taps};
use super::{LogitMap, Mask, MaskError};
use crate::frame::PixelRect;

/// Probabilities at the mask's size, row-major: 255 for 1, interpolated as the mask's own logits were
/// ([`upsample`](super::upsample())). `part`: what the map is of; `None`: all of the picture.
///
/// The mask is what the answer is; they agree with it: 128 and more where it is, less where it is not, whatever was done to it
/// after the network. Beside the part, which the network did not see, and of an empty mask all are 0: what was taken away
/// does not come back as a shadow.
///
/// # Errors
/// [`MaskError::NotFinite`]; [`MaskError::BadPixels`] if the part does not lie within the mask.
pub fn probabilities(
    map: &LogitMap,
    mask: &Mask,
    part: Option<PixelRect>,
) -> Result<Vec<u8>, MaskError> {
    let (side, logits, size) = (map.side(), map.logits(), mask.size());
    let part = part.unwrap_or(PixelRect::whole(size));
    if part.check(size).is_err() {
        let [width, height] = size;
        return Err(MaskError::BadPixels { width, height });
    }
    if let Some(at) = logits.iter().position(|v| !v.is_finite()) {
        return Err(MaskError::NotFinite {
            row: at / side,
            column: at % side,
        });
    }
    let mut out = vec![0; mask.pixels.len()];
    if mask.pixels.iter().all(|pixel| *pixel == 0) {
        return Ok(out);
    }
    let columns = taps(side, part.width as usize);
    let rows = taps(side, part.height as usize);
    let lines = out.chunks_exact_mut(mask.width as usize);
    for (row, line) in rows.iter().zip(lines.skip(part.y as usize)) {
        let (upper, lower) = (row.low * side, row.high * side);
        let along = |x: usize| row.between(logits[upper + x], logits[lower + x]);
        for (column, pixel) in columns.iter().zip(&mut line[part.x as usize..]) {
            let logit = column.between(along(column.low), along(column.high));
            *pixel = (probability(logit) * 255.0 + 0.5) as u8;
        }
    }
    for (pixel, marked) in out.iter_mut().zip(&mask.pixels) {
        *pixel = match *marked != 0 {
            true => (*pixel).max(128),
            false => (*pixel).min(127),
        };
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::upsample;

    proptest! {
        #[test]
        fn they_are_half_and_more_where_the_mask_is(
            side in 1_usize..9, width in 1_u32..40, height in 1_u32..40, seed in prop::collection::vec(-9.0_f32..9.0, 64),
        ) {
            let map = LogitMap::new(side, seed[..side * side].to_vec()).unwrap();
            let found = upsample(&map, width, height).unwrap();
            let all = probabilities(&map, &found.mask, None).unwrap();
            let empty = found.probability.is_none();
            let mut sum = 0.0;
            for (value, pixel) in all.iter().zip(found.mask.pixels()) {
                prop_assert_eq!(*value >= 128, *pixel == 255);
                prop_assert!(!empty || *value == 0);
                sum += f64::from(*value) / 255.0 * f64::from(pixel / 255);
            }
            if let Some(mean) = found.probability {
                let count = all.iter().filter(|value| **value >= 128).count();
                // Half a step of 255 each.
                prop_assert!((sum / count as f64 - f64::from(mean)).abs() < 0.5 / 255.0 + 1e-5);
            }
        }
    }

    #[test]
    fn of_what_is_not_the_target_too() {
        let map = LogitMap::new(2, vec![0.0, -2.0, 3.0, -100.0]).unwrap();
        let mask = Mask::new(2, 2, vec![255, 0, 255, 0]).unwrap();
        // sigmoid: 0.5, 0.1192, 0.9526, 0.
        assert_eq!(probabilities(&map, &mask, None), Ok(vec![128, 30, 243, 0]));
        let other = Mask::new(2, 2, vec![0, 0, 0, 255]).unwrap();
        assert_eq!(
            probabilities(&map, &other, None),
            Ok(vec![127, 30, 127, 128])
        );
        let nothing = Mask::empty(2, 2).unwrap();
        assert_eq!(probabilities(&map, &nothing, None), Ok(vec![0; 4]));
    }
    #[test]
    fn of_a_part_there_alone() {
        let map = LogitMap::new(1, vec![2.0]).unwrap();
        let part = PixelRect {
            x: 1,
            y: 1,
            width: 2,
            height: 1,
        };
        let mask = Mask::new(2, 1, vec![255, 255]).unwrap();
        let mask = mask.placed(part, [4, 2]).unwrap();
        let found = probabilities(&map, &mask, Some(part));
        assert_eq!(found, Ok(vec![0, 0, 0, 0, 0, 225, 225, 0]));
        let beyond = PixelRect { x: 3, ..part };
        let refused = probabilities(&map, &mask, Some(beyond));
        assert!(matches!(refused, Err(MaskError::BadPixels { .. })));
    }
}
