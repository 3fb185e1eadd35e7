//! How well a mask agrees with the ground truth.

use crate::mask::Mask;

/// Agreement of a mask with the ground truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Dice coefficient, 2|A∩B| / (|A|+|B|); 1 if both are empty.
    pub dice: f64,
    /// Intersection over union (Jaccard index); 1 if both are empty.
    pub iou: f64,
    /// 95 % Hausdorff distance of the borders, px; `None` if one mask is empty.
    pub hd95: Option<f64>,
}

/// The masks cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("masks of different sizes: {}x{} and {}x{}", .0.0, .0.1, .1.0, .1.1)]
pub struct SizeMismatch(pub (u32, u32), pub (u32, u32));

/// Compares two masks of one size.
///
/// The Hausdorff distance is the one of MONAI's `compute_hausdorff_distance(percentile=95)`: a mask's border is its
/// pixels with a side to the background or to the outside of the picture; the 95th percentile (linear between
/// ranks) of the distances from each border's pixels to the other border, then the larger of the two. (medpy's
/// `hd95` takes one percentile of both sets pooled instead and is smaller or equal in most cases.)
///
/// # Errors
/// [`SizeMismatch`].
pub fn compare(predicted: &Mask, truth: &Mask) -> Result<Scores, SizeMismatch> {
    let sizes = (
        (predicted.width, predicted.height),
        (truth.width, truth.height),
    );
    if sizes.0 != sizes.1 {
        return Err(SizeMismatch(sizes.0, sizes.1));
    }
    let count = |mask: &Mask| mask.pixels.iter().filter(|p| **p != 0).count();
    let (a, b) = (count(predicted), count(truth));
    let both = predicted
        .pixels
        .iter()
        .zip(&truth.pixels)
        .filter(|(p, t)| **p != 0 && **t != 0)
        .count();
    let ratio = |part: usize, whole: usize| {
        if whole == 0 {
            1.0
        } else {
            part as f64 / whole as f64
        }
    };
    Ok(Scores {
        dice: ratio(2 * both, a + b),
        iou: ratio(both, a + b - both),
        hd95: (a > 0 && b > 0).then(|| hausdorff95(predicted, truth)),
    })
}

/// Neither mask is empty and their sizes are equal.
fn hausdorff95(a: &Mask, b: &Mask) -> f64 {
    let borders = [border(a), border(b)];
    let directed = |from: &[bool], to: &[bool]| {
        let squares = squared_distances(to, a.width as usize);
        let distances = from
            .iter()
            .zip(squares)
            .filter(|(on, _)| **on)
            .map(|(_, square)| square.sqrt());
        percentile(distances.collect(), 0.95)
    };
    directed(&borders[0], &borders[1]).max(directed(&borders[1], &borders[0]))
}

/// Target pixels with one of their 4 neighbours in the background or outside.
fn border(mask: &Mask) -> Vec<bool> {
    let (width, height) = (mask.width as usize, mask.height as usize);
    let on_border = |i: usize| {
        let (x, y) = (i % width, i / width);
        let background = |j: usize| mask.pixels[j] == 0;
        x == 0
            || y == 0
            || x + 1 == width
            || y + 1 == height
            || background(i - 1)
            || background(i + 1)
            || background(i - width)
            || background(i + width)
    };
    mask.pixels
        .iter()
        .enumerate()
        .map(|(i, p)| *p != 0 && on_border(i))
        .collect()
}

/// The value below which `fraction` of the values lie, linear between the two nearest ranks. 0 for no values.
fn percentile(mut values: Vec<f64>, fraction: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = values.len().saturating_sub(1) as f64 * fraction;
    let value = |i: usize| values.get(i).or(values.last()).copied().unwrap_or(0.0);
    let (low, high) = (value(at as usize), value(at as usize + 1));
    low + (high - low) * at.fract()
}

/// Squared Euclidean distance of every pixel to the nearest `true` pixel, exact and in linear time:
/// Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012).
fn squared_distances(on: &[bool], width: usize) -> Vec<f64> {
    let height = on.len() / width;
    let mut field: Vec<f64> = on
        .iter()
        .map(|on| if *on { 0.0 } else { f64::INFINITY })
        .collect();
    let mut envelope = Envelope::default();
    let mut line = Vec::with_capacity(width.max(height));
    for x in 0..width {
        line.clear();
        line.extend(field.iter().skip(x).step_by(width));
        envelope.transform(&line, field.iter_mut().skip(x).step_by(width));
    }
    for row in field.chunks_exact_mut(width) {
        line.clear();
        line.extend_from_slice(row);
        envelope.transform(&line, row.iter_mut());
    }
    field
}

/// The lower envelope of parabolas (x − q)² + f(q).
#[derive(Default)]
struct Envelope {
    /// The parabolas in the envelope: q, f(q), and the x from which each is the lowest.
    parts: Vec<(f64, f64, f64)>,
}

impl Envelope {
    /// Writes min over q of (x − q)² + f(q) for each x. A line without finite value stays infinite.
    fn transform<'a>(&mut self, f: &[f64], out: impl Iterator<Item = &'a mut f64>) {
        self.parts.clear();
        for (q, value) in f.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            let q = q as f64;
            let mut from = f64::NEG_INFINITY;
            while let Some((p, other, start)) = self.parts.last() {
                from = ((value + q * q) - (other + p * p)) / (2.0 * (q - p));
                if from > *start {
                    break;
                }
                self.parts.pop();
                from = f64::NEG_INFINITY;
            }
            self.parts.push((q, *value, from));
        }
        let mut at = 0;
        for (x, out) in out.enumerate() {
            let x = x as f64;
            while self.parts.get(at + 1).is_some_and(|(.., from)| *from <= x) {
                at += 1;
            }
            *out = self
                .parts
                .get(at)
                .map_or(f64::INFINITY, |(q, value, _)| (x - q) * (x - q) + value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn};

    /// All pairs of border pixels.
    fn hd95_by_force(a: &Mask, b: &Mask) -> f64 {
        let points = |mask: &Mask| {
            let target = |x: i64, y: i64| {
                (0..i64::from(mask.width)).contains(&x)
                    && (0..i64::from(mask.height)).contains(&y)
                    && mask.pixels[(y * i64::from(mask.width) + x) as usize] != 0
            };
            let mut points = Vec::new();
            for y in 0..i64::from(mask.height) {
                for x in 0..i64::from(mask.width) {
                    let neighbours = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
                    if target(x, y) && neighbours.iter().any(|(x, y)| !target(*x, *y)) {
                        points.push((x, y));
                    }
                }
            }
            points
        };
        let directed = |from: &[(i64, i64)], to: &[(i64, i64)]| {
            let nearest = |p: &(i64, i64)| {
                to.iter()
                    .map(|q| (p.0 - q.0).pow(2) + (p.1 - q.1).pow(2))
                    .min()
                    .unwrap()
            };
            let mut distances: Vec<f64> = from.iter().map(|p| (nearest(p) as f64).sqrt()).collect();
            distances.sort_by(f64::total_cmp);
            let rank = 0.95 * (distances.len() - 1) as f64;
            let (low, high) = (
                distances[rank.floor() as usize],
                distances[rank.ceil() as usize],
            );
            low + (high - low) * rank.fract()
        };
        let (a, b) = (points(a), points(b));
        directed(&a, &b).max(directed(&b, &a))
    }

    proptest! {
        #[test]
        fn equals_brute_force(a in any_mask(), noise in prop::collection::vec(any::<bool>(), 24 * 24)) {
            let pixels = noise.iter().take(a.pixels.len()).map(|n| if *n { 255 } else { 0 }).collect();
            let b = Mask { pixels, ..a.clone() };
            let scores = compare(&a, &b).unwrap();
            let both = (0..a.pixels.len()).filter(|i| a.pixels[*i] == 255 && b.pixels[*i] == 255).count() as f64;
            let either = (0..a.pixels.len()).filter(|i| a.pixels[*i] == 255 || b.pixels[*i] == 255).count() as f64;
            if either > 0.0 {
                prop_assert!((scores.iou - both / either).abs() < 1e-12);
                prop_assert!((scores.dice - 2.0 * both / (both + either)).abs() < 1e-12);
            } else {
                prop_assert_eq!((scores.dice, scores.iou), (1.0, 1.0));
            }
            let empty = [&a, &b].iter().any(|m| m.pixels.iter().all(|p| *p == 0));
            prop_assert_eq!(scores.hd95.is_none(), empty);
            if let Some(hd95) = scores.hd95 {
                prop_assert!((hd95 - hd95_by_force(&a, &b)).abs() < 1e-9);
            }
        }

        #[test]
        fn is_symmetric_and_0_on_itself(mask in any_mask()) {
            let same = compare(&mask, &mask).unwrap();
            prop_assert_eq!((same.dice, same.iou, same.hd95.unwrap_or(0.0)), (1.0, 1.0, 0.0));
            let inverse = Mask { pixels: mask.pixels.iter().map(|p| !p).collect(), ..mask.clone() };
            prop_assert_eq!(compare(&mask, &inverse), compare(&inverse, &mask));
        }
    }

    #[test]
    fn a_shifted_pixel_is_as_far_as_it_was_shifted() {
        let scores = compare(
            &drawn(&["#....", ".....", "....."]),
            &drawn(&[".....", ".....", "....#"]),
        )
        .unwrap();
        assert_eq!((scores.dice, scores.iou), (0.0, 0.0));
        assert!((scores.hd95.unwrap() - 20_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_empty_mask_has_no_distance() {
        let scores = compare(&drawn(&["#."]), &drawn(&[".."])).unwrap();
        assert_eq!(
            scores,
            Scores {
                dice: 0.0,
                iou: 0.0,
                hd95: None
            }
        );
        assert_eq!(compare(&drawn(&[".."]), &drawn(&[".."])).unwrap().dice, 1.0);
    }

    #[test]
    fn different_sizes_are_refused() {
        assert_eq!(
            compare(&drawn(&["#."]), &drawn(&["#"])),
            Err(SizeMismatch((2, 1), (1, 1)))
        );
    }
}
