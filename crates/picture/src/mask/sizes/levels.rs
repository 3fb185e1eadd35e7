//! How sure the mask's border is: the masks at other probabilities than a half.

use std::collections::HashMap;

use crate::frame::PixelRect;
use crate::mask::regions::Regions;
use crate::mask::{LogitMap, Mask, MaskError, upsample};

/// What the mask would be if the network had to be surer of it, or less sure: at probability 0.75, and at 0.25.
pub struct Levels {
    wide: Mask,
    narrow: Mask,
}

/// Logit of probability 0.75; its negative is that of 0.25.
const LEVEL: f32 = 1.098_612_3; // ln 3

/// One standard deviation over half the difference between a length at one level and at the other.
///
/// Fitted with `live-224-int8` on HC18's validation pictures of even numbers (67), so that 68 % of the circumferences of
/// ellipses differ from those by hand by no more. Of those of odd numbers (51) 73 % lie within one, 92 % within two and 98 %
/// within three; over 500 halvings by patient the factor is 1.15 ± 0.07, and 67 % and 93 % of the other half lie within one
/// and two. Half the difference is 1.2 to 10.6 mm there, and goes with the error (rank correlation 0.43).
const CALIBRATION: f64 = 1.17;

impl Levels {
    /// Of the logits that a mask of this size was made of. They are of `part` of it; beside that there is no target.
    ///
    /// # Errors
    /// As [`upsample`](fn@upsample) and [`Mask::placed`].
    pub fn of(low_res: &LogitMap, part: PixelRect, size: [u32; 2]) -> Result<Self, MaskError> {
        let at = |level: f32| {
            let shifted = low_res.logits().iter().map(|logit| logit - level).collect();
            let shifted = LogitMap::new(low_res.side(), shifted)?;
            let mask = upsample(&shifted, part.width, part.height)?.mask;
            match part == PixelRect::whole(size) {
                true => Ok(mask),
                false => mask.placed(part, size),
            }
        };
        Ok(Self {
            wide: at(-LEVEL)?,
            narrow: at(LEVEL)?,
        })
    }

    /// Probability at least 0.25, and 0.75.
    #[must_use]
    pub fn masks(&self) -> [&Mask; 2] {
        [&self.wide, &self.narrow]
    }

    /// One standard deviation of a value, by what it is at the two levels.
    #[must_use]
    pub fn plus_minus(values: [f64; 2]) -> f64 {
        CALIBRATION * (values[0] - values[1]).abs() / 2.0
    }
}

/// What has become of regions at the two levels: for each the number of its region in either mask. A region that is not the
/// largest of those that run into one at the lower level, or is gone at the higher one, has none; of those into which it
/// falls there, the largest is taken.
pub fn counterparts(regions: &Regions<'_>, levels: [&Regions<'_>; 2]) -> Vec<Option<[u32; 2]>> {
    let [wide, narrow] = levels;
    // Of each key the number of the largest, by area; of equals the first.
    let mut largest: [HashMap<u32, (u64, u32)>; 2] = Default::default();
    let put = |map: &mut HashMap<u32, (u64, u32)>, key, area, number| {
        let entry = map.entry(key).or_insert((area, number));
        if area > entry.0 {
            *entry = (area, number);
        }
    };
    for (number, (place, area)) in (0..).zip(regions.seeds()) {
        if let Some(around) = wide.at(place) {
            put(&mut largest[0], around, area, number);
        }
    }
    for (number, (place, area)) in (0..).zip(narrow.seeds()) {
        if let Some(around) = regions.at(place) {
            put(&mut largest[1], around, area, number);
        }
    }
    let [in_wide, of_narrow] = largest;
    let of = |(number, (place, _)): (u32, ([u32; 2], u64))| {
        let around = wide.at(place)?;
        let (_, within) = of_narrow.get(&number)?;
        let first = in_wide.get(&around)?.1 == number;
        first.then_some([around, *within])
    };
    (0..).zip(regions.seeds()).map(of).collect()
}
