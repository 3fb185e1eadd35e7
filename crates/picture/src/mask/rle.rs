//! COCO run-length encoding, as `pycocotools` reads and writes it.
//!
//! Runs go down the columns, left to right; the first counts background and may be 0. In JSON the runs are either
//! the list itself ("uncompressed") or a string: each run, from the fourth on as the difference to the last but
//! one, in groups of 5 bits, lowest first, as characters from `0` (48) on; bit 5 says that more follow, the last
//! group's bit 4 is the sign (`maskApi.c`, `rleToString`).

use super::polygons::Polygon;
use super::{Mask, MaskError};

/// A run-length encoded mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rle {
    /// Height, width: COCO's order.
    pub size: [u32; 2],
    /// Lengths of background and target runs in turn, background first.
    pub counts: Vec<u32>,
}

impl Rle {
    /// Encodes a mask.
    pub fn encode(mask: &Mask) -> Self {
        /// Columns read at a time: a cache line of each row, where single columns would fetch it 64 times over.
        const STRIP: usize = 64;
        let (width, height) = (mask.width as usize, mask.height as usize);
        let mut runs = Runs {
            counts: Vec::new(),
            last: 0,
            start: 0,
        };
        let mut changes: Vec<Vec<u32>> = vec![Vec::new(); STRIP];
        let mut above = [0_u8; STRIP];
        for left in (0..width).step_by(STRIP) {
            let strip = left..(left + STRIP).min(width);
            let across = strip.len();
            if let Some(first) = mask.rows().next() {
                above[..across].copy_from_slice(&first[strip.clone()]);
            }
            let top = above;
            for (y, row) in mask.rows().enumerate() {
                let row = &row[strip.clone()];
                if *row == above[..across] {
                    continue;
                }
                for ((pixel, above), changes) in row.iter().zip(&mut above).zip(&mut changes) {
                    if pixel != above {
                        *above = *pixel;
                        changes.push(y as u32);
                    }
                }
            }
            for (i, changes) in changes.iter_mut().take(across).enumerate() {
                let column = (left + i) as u32 * mask.height;
                if top[i] != runs.last {
                    runs.change(column);
                }
                changes.drain(..).for_each(|y| runs.change(column + y));
            }
        }
        runs.counts.push((width * height) as u32 - runs.start);
        Self {
            size: [mask.height, mask.width],
            counts: runs.counts,
        }
    }

    /// Of one region of a mask of `size` (width, height, px); time and memory are those of its outline.
    #[must_use]
    pub fn of(region: &Polygon, [width, height]: [u32; 2]) -> Self {
        let total = u64::from(width) * u64::from(height);
        // A side of a pixel that an outline runs along, from left or right, is where its column changes.
        let mut changes: Vec<u64> = Vec::new();
        for ring in region.holes.iter().chain([&region.outer]) {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let columns = a[0].min(b[0])..a[0].max(b[0]);
                let place = |x: u32| u64::from(x) * u64::from(height) + u64::from(a[1]);
                changes.extend(columns.map(place));
            }
        }
        changes.sort_unstable();
        let (mut counts, mut start) = (Vec::new(), 0);
        // From the last row of a column to the first of the next there may be two that undo each other.
        for same in changes
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() % 2 == 1)
        {
            if let Some(change) = same.first().filter(|change| **change < total) {
                counts.push((change - start) as u32);
                start = *change;
            }
        }
        counts.push((total - start) as u32);
        Self {
            size: [height, width],
            counts,
        }
    }

    /// Decodes to a mask.
    ///
    /// # Errors
    /// [`MaskError::BadRle`] if the runs do not add up to the size, [`MaskError::BadSize`] if that is impossible.
    pub fn decode(&self) -> Result<Mask, MaskError> {
        let [height, width] = self.size;
        let total: u64 = self.counts.iter().map(|c| u64::from(*c)).sum();
        if total != u64::from(width) * u64::from(height) {
            return Err(MaskError::BadRle);
        }
        let mut mask = Mask::empty(width, height)?;
        let (mut at, mut target) = (0, false);
        for count in &self.counts {
            let end = at + *count as usize;
            if target {
                for i in at..end {
                    let (x, y) = (i / height as usize, i % height as usize);
                    mask.pixels[y * width as usize + x] = 255;
                }
            }
            (at, target) = (end, !target);
        }
        Ok(mask)
    }

    /// The runs as COCO's compressed string: printable ASCII from `0` to `o`.
    pub fn to_coco_string(&self) -> String {
        let mut out = String::new();
        for (i, count) in self.counts.iter().enumerate() {
            let mut rest = i64::from(*count);
            if i > 2 {
                rest -= i64::from(self.counts[i - 2]);
            }
            loop {
                let bits = (rest & 0x1f) as u8;
                rest >>= 5;
                let more = rest != if bits & 0x10 != 0 { -1 } else { 0 };
                out.push(char::from(bits + 48 + if more { 0x20 } else { 0 }));
                if !more {
                    break;
                }
            }
        }
        out
    }

    /// Reads COCO's compressed string; `size` is height, width.
    ///
    /// # Errors
    /// [`MaskError::BadRle`] if the string is not one, or its runs do not add up to the size.
    pub fn from_coco_string(size: [u32; 2], text: &str) -> Result<Self, MaskError> {
        let pixels = u64::from(size[0]) * u64::from(size[1]);
        let (mut counts, mut total): (Vec<u32>, u64) = (Vec::new(), 0);
        let mut bytes = text.bytes();
        while bytes.len() > 0 {
            let (mut value, mut shift) = (0_i64, 0);
            loop {
                let group = bytes
                    .next()
                    .and_then(|b| b.checked_sub(48))
                    .filter(|g| *g < 64);
                let group = group.ok_or(MaskError::BadRle)?;
                value |= i64::from(group & 0x1f) << shift;
                shift += 5;
                if group & 0x20 == 0 {
                    if group & 0x10 != 0 {
                        value |= -1 << shift;
                    }
                    break;
                }
                if shift > 35 {
                    return Err(MaskError::BadRle); // no 32-bit count is this long
                }
            }
            if counts.len() > 2 {
                value += i64::from(counts[counts.len() - 2]);
            }
            let count = u32::try_from(value).map_err(|_| MaskError::BadRle)?;
            total += u64::from(count);
            if total > pixels {
                return Err(MaskError::BadRle);
            }
            counts.push(count);
        }
        if total == pixels {
            Ok(Self { size, counts })
        } else {
            Err(MaskError::BadRle)
        }
    }
}

/// Runs while they are found.
struct Runs {
    counts: Vec<u32>,
    /// Value of the run under way.
    last: u8,
    /// Where it started.
    start: u32,
}

impl Runs {
    fn change(&mut self, at: u32) {
        self.counts.push(at - self.start);
        self.start = at;
        self.last = !self.last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::polygons::polygons;
    use crate::mask::regions::Regions;
    use crate::mask::tests::{any_mask, drawn, regions_by_flooding};

    /// Down the columns, pixel by pixel.
    fn by_definition(mask: &Mask) -> Vec<u32> {
        let (mut counts, mut last, mut run) = (Vec::new(), 0, 0);
        for x in 0..mask.width {
            for y in 0..mask.height {
                let pixel = mask.pixels[(y * mask.width + x) as usize];
                if pixel != last {
                    counts.push(run);
                    (last, run) = (pixel, 0);
                }
                run += 1;
            }
        }
        counts.push(run);
        counts
    }

    proptest! {
        #[test]
        fn encodes_by_definition_and_round_trips(mask in any_mask()) {
            let rle = Rle::encode(&mask);
            prop_assert_eq!(&rle.counts, &by_definition(&mask));
            prop_assert_eq!(&rle.decode().unwrap(), &mask);
            let text = rle.to_coco_string();
            prop_assert_eq!(Rle::from_coco_string(rle.size, &text).unwrap(), rle);
        }

        #[test]
        fn of_a_region_is_that_of_its_pixels(mask in any_mask()) {
            let regions = polygons(&Regions::find(&mask));
            for (region, pixels) in regions.iter().zip(regions_by_flooding(&mask)) {
                let alone = Mask { pixels, ..mask };
                prop_assert_eq!(Rle::of(region, mask.size()), Rle::encode(&alone));
            }
        }

        #[test]
        fn strips_join(width in 60_u32..200, height in 1_u32..5, seed: u64) {
            let noise = |i: u32| (seed.rotate_left(i % 64) ^ u64::from(i)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63;
            let pixels = (0..width * height).map(|i| if noise(i) == 1 { 255 } else { 0 }).collect();
            let mask = Mask { width, height, pixels };
            prop_assert_eq!(Rle::encode(&mask).counts, by_definition(&mask));
        }

        #[test]
        fn any_string_is_read_or_refused(text in "[ -~]{0,40}") {
            if let Ok(rle) = Rle::from_coco_string([7, 9], &text) {
                prop_assert!(rle.decode().is_ok());
            }
        }
    }

    /// By hand: 40 = 8 + 32·1 → (8|32)+48 = `X`, 1+48 = `1`; 1-40 = -39 = 25 + 32·(-2) → (25|32)+48 = `i`,
    /// -2 in 5 bits is 30 → `N`, its bit 4 the sign; 3-4 = -1 is 31 → `O`.
    #[test]
    fn string_by_hand() {
        let rle = Rle {
            size: [1, 48],
            counts: vec![0, 40, 4, 1, 3],
        };
        assert_eq!(rle.to_coco_string(), "0X14iNO");
    }

    /// Strings written by pycocotools 2.0 (`mask.encode`) for the same masks.
    #[test]
    fn equals_pycocotools() {
        let mask = drawn(&[".##..", "##..#", "...##"]);
        let rle = Rle::encode(&mask);
        assert_eq!(
            (rle.size, rle.to_coco_string().as_str()),
            ([3, 5], "11110O30M1")
        );
        let ring = |x: i32, y: i32| {
            (x - 20).pow(2) + (y - 30).pow(2) < 225 && (x - 18).pow(2) + (y - 33).pow(2) >= 25
        };
        let pixels = (0..64 * 48)
            .map(|i| if ring(i % 48, i / 48) { 255 } else { 0 })
            .collect();
        let text = "i<;c14M2M4M2O0O2N2OCPOJo06SOJl05VOJj06VOJj06VOJj06VOJj06VOJj07TOJl07ROJn0d000001N101N2N101N3L3N3LYi0";
        let mask = Mask {
            width: 48,
            height: 64,
            pixels,
        };
        assert_eq!(Rle::encode(&mask).to_coco_string(), text);
        assert_eq!(
            Rle::from_coco_string([64, 48], text)
                .unwrap()
                .decode()
                .unwrap(),
            mask
        );
        let full = Mask {
            width: 400,
            height: 300,
            pixels: vec![255; 120_000],
        };
        assert_eq!(Rle::encode(&full).to_coco_string(), "0PVe3");
        assert_eq!(
            Rle::encode(&Mask::empty(400, 300).unwrap()).to_coco_string(),
            "PVe3"
        );
    }

    #[test]
    fn wrong_runs_are_refused() {
        for counts in [vec![], vec![5], vec![3, 4], vec![u32::MAX, u32::MAX]] {
            assert_eq!(
                Rle {
                    size: [2, 3],
                    counts
                }
                .decode(),
                Err(MaskError::BadRle)
            );
        }
        for text in ["", "7", "P", "6\u{7f}", "é", "PPPPPPPPPPPPPP"] {
            assert_eq!(
                Rle::from_coco_string([2, 3], text),
                Err(MaskError::BadRle),
                "{text:?}"
            );
        }
    }
}
