//! What a mask says in numbers.

use super::regions::{Regions, Run};

/// Size and place of a mask, in pixels of its frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// Target pixels.
    pub area: u64,
    /// Target pixels over all pixels, 0..=1.
    pub area_fraction: f64,
    /// Smallest box around the target as COCO gives it: x, y of the top left corner, width, height.
    /// `None` if the mask is empty.
    pub bounding_box: Option<[u32; 4]>,
    /// Mean x and y of the target, where the centre of the top left pixel is (0.5, 0.5). `None` if empty.
    pub centroid: Option<[f64; 2]>,
}

/// Measures a mask, run by run.
#[must_use]
pub fn measure(regions: &Regions<'_>) -> Measures {
    let (mut left, mut right, mut top, mut bottom) = (u32::MAX, 0, u32::MAX, 0);
    let (mut area, mut twice_x, mut sum_y) = (0_u64, 0_u64, 0_u64);
    for Run { y, start, end, .. } in &regions.runs {
        (left, right) = (left.min(*start), right.max(*end));
        (top, bottom) = (top.min(*y), y + 1);
        let count = u64::from(end - start);
        area += count;
        twice_x += count * (u64::from(*start) + u64::from(*end) - 1);
        sum_y += count * u64::from(*y);
    }
    let mean = |sum: u64| sum as f64 / area as f64 + 0.5;
    Measures {
        area,
        area_fraction: area as f64 / regions.mask.pixels.len().max(1) as f64,
        bounding_box: (area > 0).then(|| [left, top, right - left, bottom - top]),
        centroid: (area > 0).then(|| [mean(twice_x / 2), mean(sum_y)]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn};

    #[test]
    fn of_a_drawn_mask() {
        let measures = measure(&Regions::find(&drawn(&[
            "......", "..##..", ".####.", "......",
        ])));
        assert_eq!(measures.area, 6);
        assert_eq!(measures.area_fraction, 0.25);
        assert_eq!(measures.bounding_box, Some([1, 1, 4, 2]));
        let [x, y] = measures.centroid.unwrap();
        assert!((x - 3.0).abs() < 1e-12 && (y - (2.0 * 1.5 + 4.0 * 2.5) / 6.0).abs() < 1e-12);
    }

    #[test]
    fn of_nothing() {
        let measures = measure(&Regions::find(&drawn(&["...", "..."])));
        assert_eq!(
            measures,
            Measures {
                area: 0,
                area_fraction: 0.0,
                bounding_box: None,
                centroid: None
            }
        );
    }

    proptest! {
        #[test]
        fn equals_the_pixels_one_by_one(mask in any_mask()) {
            let points: Vec<(u32, u32)> = (0..mask.height)
                .flat_map(|y| (0..mask.width).map(move |x| (x, y)))
                .filter(|(x, y)| mask.pixels[(y * mask.width + x) as usize] == 255)
                .collect();
            let measures = measure(&Regions::find(&mask));
            prop_assert_eq!(measures.area, points.len() as u64);
            prop_assert_eq!(measures.bounding_box.is_some(), !points.is_empty());
            if let Some([x, y, w, h]) = measures.bounding_box {
                prop_assert_eq!(x, points.iter().map(|p| p.0).min().unwrap());
                prop_assert_eq!(y, points.iter().map(|p| p.1).min().unwrap());
                prop_assert_eq!(x + w, points.iter().map(|p| p.0).max().unwrap() + 1);
                prop_assert_eq!(y + h, points.iter().map(|p| p.1).max().unwrap() + 1);
                let mean = |v: &dyn Fn(&(u32, u32)) -> u32| {
                    points.iter().map(|p| f64::from(v(p)) + 0.5).sum::<f64>() / points.len() as f64
                };
                let [cx, cy] = measures.centroid.unwrap();
                prop_assert!((cx - mean(&|p| p.0)).abs() < 1e-9 && (cy - mean(&|p| p.1)).abs() < 1e-9);
            }
        }
    }
}
