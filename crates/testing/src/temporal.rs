//! How masks behave in time: whether they flicker, jitter, or lag behind the truth.

use picture::mask::Mask;

/// Figures of a sequence of masks of one size.
#[derive(Clone, Copy, Debug)]
pub struct Steadiness {
    /// Mean over pairs of consecutive masks of 1 − IoU.
    pub flicker: f64,
    /// Mean over such pairs of the distance between their borders, pixels; pairs with an empty mask left out.
    pub jitter: f64,
    /// Pairs of which one mask is empty and the other is not.
    pub blinks: usize,
}

/// Figures of a sequence of masks beside the true ones.
#[derive(Clone, Copy, Debug)]
pub struct Fidelity {
    /// Mean Dice.
    pub dice: f64,
    /// Frames by which the masks come late: the shift at which their centres and areas follow the truth's best; negative
    /// if they come early.
    pub lag: f64,
}

/// Flicker and jitter of masks in the order of time.
///
/// # Panics
/// If they are not of one size, or fewer than two.
#[must_use]
pub fn steadiness(masks: &[Mask]) -> Steadiness {
    let pairs = || masks.iter().zip(&masks[1..]);
    let count = masks.len() - 1;
    assert!(count > 0, "one mask does not flicker");
    let flicker: f64 = pairs().map(|(a, b)| 1.0 - iou(a, b)).sum();
    let borders: Vec<Border> = masks.iter().map(Border::of).collect();
    let distances: Vec<f64> = (borders.iter().zip(&borders[1..]))
        .filter(|(a, b)| !a.points.is_empty() && !b.points.is_empty())
        .map(|(a, b)| (a.mean_distance(b) + b.mean_distance(a)) / 2.0)
        .collect();
    let blinks = borders
        .iter()
        .zip(&borders[1..])
        .filter(|(a, b)| a.points.is_empty() != b.points.is_empty());
    Steadiness {
        flicker: flicker / count as f64,
        jitter: distances.iter().sum::<f64>() / distances.len().max(1) as f64,
        blinks: blinks.count(),
    }
}

/// Dice and lag of masks beside the truth, frame by frame.
///
/// # Panics
/// If they are not of one size, or not as many.
#[must_use]
pub fn fidelity(masks: &[Mask], truths: &[Mask]) -> Fidelity {
    assert_eq!(masks.len(), truths.len());
    let sum: f64 = masks.iter().zip(truths).map(|(a, b)| dice(a, b)).sum();
    Fidelity {
        dice: sum / masks.len() as f64,
        lag: lag(&track(masks), &track(truths)),
    }
}

/// Pixels of the one, of the other, and of both.
fn areas(a: &Mask, b: &Mask) -> [f64; 3] {
    assert_eq!(a.size(), b.size());
    let pairs = a.pixels().iter().zip(b.pixels());
    pairs.fold([0.0; 3], |[one, other, both], (a, b)| {
        let [a, b] = [a, b].map(|pixel| f64::from(u8::from(*pixel != 0)));
        [one + a, other + b, both + a * b]
    })
}

/// Dice coefficient of two masks; 1 if both are empty.
///
/// # Panics
/// If they are not of one size.
#[must_use]
pub fn dice(a: &Mask, b: &Mask) -> f64 {
    let [one, other, both] = areas(a, b);
    if one + other == 0.0 {
        1.0
    } else {
        2.0 * both / (one + other)
    }
}

fn iou(a: &Mask, b: &Mask) -> f64 {
    let [one, other, both] = areas(a, b);
    let either = one + other - both;
    if either == 0.0 { 1.0 } else { both / either }
}

/// A mask's border: target pixels with one of their 4 neighbours in the background or outside.
struct Border {
    size: [i64; 2],
    points: Vec<[i64; 2]>,
    on: Vec<bool>,
}

impl Border {
    fn of(mask: &Mask) -> Self {
        let size = mask.size().map(i64::from);
        let within = |x: i64, y: i64| x >= 0 && y >= 0 && x < size[0] && y < size[1];
        let at = |x: i64, y: i64| (y * size[0] + x) as usize;
        let target = |x: i64, y: i64| within(x, y) && mask.pixels()[at(x, y)] != 0;
        let mut border = Self {
            size,
            points: Vec::new(),
            on: vec![false; mask.pixels().len()],
        };
        for (x, y) in (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))) {
            let around = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
            if target(x, y) && !around.iter().all(|(x, y)| target(*x, *y)) {
                border.points.push([x, y]);
                border.on[at(x, y)] = true;
            }
        }
        border
    }

    fn has(&self, x: i64, y: i64) -> bool {
        let within = x >= 0 && y >= 0 && x < self.size[0] && y < self.size[1];
        within && self.on[(y * self.size[0] + x) as usize]
    }

    /// The distance to the nearest of its points: ring by ring, until no farther ring can have a nearer one.
    fn distance(&self, [x, y]: [i64; 2]) -> f64 {
        let mut nearest = i64::MAX;
        let mut ring = 0;
        while ring * ring <= nearest && ring <= self.size[0] + self.size[1] {
            for along in -ring..=ring {
                let places = [(along, -ring), (along, ring), (-ring, along), (ring, along)];
                for (u, v) in places.into_iter().filter(|(u, v)| self.has(x + u, y + v)) {
                    nearest = nearest.min(u * u + v * v);
                }
            }
            ring += 1;
        }
        (nearest as f64).sqrt()
    }

    /// From each of its points to the nearest of another's; neither is empty.
    fn mean_distance(&self, to: &Self) -> f64 {
        let sum: f64 = self.points.iter().map(|point| to.distance(*point)).sum();
        sum / self.points.len() as f64
    }
}

/// Centre and square root of the area, so that all are lengths; the last known centre where there is no mask.
fn track(masks: &[Mask]) -> Vec<[f64; 3]> {
    let mut last = [0.0; 3];
    let place = |mask: &Mask| {
        let (mut x, mut y, mut area) = (0.0, 0.0, 0.0);
        for (row, v) in mask.rows().zip(0..) {
            for (_, u) in row.iter().zip(0..).filter(|(pixel, _)| **pixel != 0) {
                (x, y, area) = (x + f64::from(u), y + f64::from(v), area + 1.0);
            }
        }
        last = if area > 0.0 {
            [x / area, y / area, area.sqrt()]
        } else {
            [last[0], last[1], 0.0]
        };
        last
    };
    masks.iter().map(place).collect()
}

/// The shift, in steps of a twentieth, at which one track differs least from the other, a constant difference left aside.
fn lag(track: &[[f64; 3]], truth: &[[f64; 3]]) -> f64 {
    const FARTHEST: i32 = 6;
    const PARTS: i32 = 20;
    let apart = |parts: i32| -> f64 {
        let shift = f64::from(parts) / f64::from(PARTS);
        let margin = FARTHEST as usize + 1;
        let inner = margin..track.len().saturating_sub(margin);
        (0..3)
            .map(|axis| {
                let then = |n: usize| {
                    let at = n as f64 - shift;
                    let (low, part) = (at.floor() as usize, at - at.floor());
                    truth[low][axis] * (1.0 - part) + truth[low + 1][axis] * part
                };
                let apart: Vec<f64> = inner.clone().map(|n| track[n][axis] - then(n)).collect();
                let mean = apart.iter().sum::<f64>() / apart.len() as f64;
                apart.iter().map(|d| (d - mean).powi(2)).sum::<f64>()
            })
            .sum()
    };
    let shifts = -FARTHEST * PARTS..=FARTHEST * PARTS;
    let best = shifts.min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
    f64::from(best.unwrap_or(0)) / f64::from(PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc that swings, seen so many frames late.
    fn discs(late: f64, count: usize) -> Vec<Mask> {
        let disc = |n: usize| {
            let turn = (n as f64 - late) / 9.0;
            let (x, y) = (40.0 + 14.0 * turn.sin(), 40.0 + 9.0 * (0.7 * turn).cos());
            let on = |i: usize| ((i % 80) as f64 - x).hypot((i / 80) as f64 - y) < 15.0;
            let pixels = (0..80 * 80).map(|i| if on(i) { 255 } else { 0 });
            Mask::new(80, 80, pixels.collect()).unwrap()
        };
        (0..count).map(disc).collect()
    }

    #[test]
    fn lag_is_what_it_was_made_with() {
        let truth = discs(0.0, 90);
        for late in [0.0, 0.5, 1.0, 2.5] {
            let found = fidelity(&discs(late, 90), &truth);
            assert!((found.lag - late).abs() <= 0.1, "{late}: {found:?}");
        }
        assert_eq!(fidelity(&truth, &truth).dice, 1.0);
    }

    #[test]
    fn what_stands_still_does_not_flicker_and_a_step_is_a_step() {
        let still = vec![discs(0.0, 1).remove(0); 3];
        let found = steadiness(&still);
        assert_eq!((found.flicker, found.jitter, found.blinks), (0.0, 0.0, 0));
        let column = |x: usize| {
            let pixels = (0..100).map(|i| if i % 10 == x { 255 } else { 0 });
            Mask::new(10, 10, pixels.collect()).unwrap()
        };
        let found = steadiness(&[column(2), column(5), Mask::empty(10, 10).unwrap()]);
        assert_eq!((found.flicker, found.jitter, found.blinks), (1.0, 3.0, 1));
    }
}
