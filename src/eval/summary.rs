//! Scores of single pictures → figures of a data set.

use serde::Serialize;

use picture::mask::agreement::Scores;
use picture::mask::presence::Presence;

/// Gathers the scores of one data set.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    dice: Vec<f64>,
    iou: Vec<f64>,
    hd95: Vec<f64>,
    empty: usize,
    falsely_marked: usize,
    circumferences: Vec<f64>,
    unmeasured: usize,
    mismatches: usize,
}

/// What was measured on one picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PictureRow {
    /// Its data set.
    pub dataset: String,
    /// Its name there.
    pub stem: String,
    /// Modality by the model's name.
    pub modality: String,
    /// Whether it truly has no target.
    pub empty: bool,
    /// Whether anything was marked.
    pub marked: bool,
    /// Dice; `None` without target.
    pub dice: Option<f64>,
    /// Intersection over union; `None` without target.
    pub iou: Option<f64>,
    /// 95 % Hausdorff distance, px; `None` if either mask is empty.
    pub hd95_px: Option<f64>,
    /// Whether anything is there, by the model's word.
    pub presence: Option<Presence>,
    /// The Dice that the program expected.
    pub confidence: Option<f32>,
    /// What it was made of ([`picture::mask::confidence::Signs::array`]).
    pub signs: Option<[f32; 5]>,
    /// The guard's score of the modality.
    pub modality_score: Option<f32>,
    /// Whether the guard took it for another kind of picture: a false alarm.
    pub mismatch: bool,
    /// Circumference by the program minus that by hand, mm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circumference_error_mm: Option<f64>,
}

/// Agreement of circumferences with those measured by hand (Bland and Altman, Lancet 327, 1986), mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Pictures compared.
    pub images: usize,
    /// Pictures measured by hand on which nothing was found.
    pub unmeasured: usize,
    /// Mean absolute error.
    pub mean_absolute: f64,
    /// Mean of ours minus theirs.
    pub mean_difference: f64,
    /// Mean difference -/+ 1.96 standard deviations of the differences: 95 % limits of agreement.
    pub limits: [f64; 2],
}

impl Agreement {
    fn of(differences: &[f64], unmeasured: usize) -> Option<Self> {
        let mean_difference = mean(differences)?;
        let squares: f64 = differences
            .iter()
            .map(|d| (d - mean_difference).powi(2))
            .sum();
        let spread = 1.96 * (squares / (differences.len() as f64 - 1.0).max(1.0)).sqrt();
        let absolute: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
        Some(Self {
            images: differences.len(),
            unmeasured,
            mean_absolute: mean(&absolute)?,
            mean_difference,
            limits: [mean_difference - spread, mean_difference + spread],
        })
    }
}

/// The figures of one data set. Accuracy is over the pictures that have a target; those without one ("empty") have
/// no Dice worth the name, and are counted apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the data set.
    pub dataset: String,
    /// Modality by the model's name.
    pub modality: String,
    /// Pictures with a target.
    pub images: usize,
    /// Mean Dice; `None` without such pictures.
    pub dice_mean: Option<f64>,
    /// Median Dice.
    pub dice_median: Option<f64>,
    /// Mean intersection over union.
    pub iou_mean: Option<f64>,
    /// Mean 95 % Hausdorff distance, pixels of the stored picture, over [`Summary::hd95_images`].
    pub hd95_mean_px: Option<f64>,
    /// Pictures with a target on which anything was marked: without a mask there is no distance.
    pub hd95_images: usize,
    /// Pictures without a target.
    pub empty: usize,
    /// Of those, pictures on which something was marked.
    pub falsely_marked: usize,
    /// Pictures, with target or without, that the guard took for another kind of picture.
    pub mismatches: usize,
    /// Circumferences, where some were measured by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circumference: Option<Agreement>,
}

impl Gathered {
    /// Adds a picture that has a target.
    pub fn target(&mut self, scores: &Scores) {
        self.dice.push(scores.dice);
        self.iou.push(scores.iou);
        self.hd95.extend(scores.hd95);
    }

    /// Adds a picture that has none.
    pub fn empty(&mut self, marked: bool) {
        self.empty += 1;
        self.falsely_marked += usize::from(marked);
    }

    /// Adds a picture that the guard took for another kind.
    pub fn mismatch(&mut self) {
        self.mismatches += 1;
    }

    /// Adds a picture whose circumference is known: ours minus theirs, mm; `None` if nothing was found.
    pub fn circumference(&mut self, difference: Option<f64>) {
        self.unmeasured += usize::from(difference.is_none());
        self.circumferences.extend(difference);
    }

    /// The figures so far.
    #[must_use]
    pub fn summary(&self, dataset: &str, modality: &str) -> Summary {
        Summary {
            dataset: dataset.into(),
            modality: modality.into(),
            images: self.dice.len(),
            dice_mean: mean(&self.dice),
            dice_median: median(&self.dice),
            iou_mean: mean(&self.iou),
            hd95_mean_px: mean(&self.hd95),
            hd95_images: self.hd95.len(),
            empty: self.empty,
            falsely_marked: self.falsely_marked,
            mismatches: self.mismatches,
            circumference: Agreement::of(&self.circumferences, self.unmeasured),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted.get(middle).copied(),
        _ => Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_pictures_are_counted_apart() {
        let mut gathered = Gathered::default();
        for (dice, hd95) in [(0.2, Some(4.0)), (0.9, Some(2.0)), (0.0, None), (0.7, None)] {
            gathered.target(&Scores {
                dice,
                iou: dice / 2.0,
                hd95,
            });
        }
        gathered.empty(true);
        gathered.empty(false);
        let summary = gathered.summary("a", "ultrasound");
        assert_eq!(
            (summary.images, summary.empty, summary.falsely_marked),
            (4, 2, 1)
        );
        assert!((summary.dice_mean.unwrap() - 0.45).abs() < 1e-12);
        assert!((summary.dice_median.unwrap() - 0.45).abs() < 1e-12);
        assert!((summary.iou_mean.unwrap() - 0.225).abs() < 1e-12);
        assert_eq!((summary.hd95_mean_px, summary.hd95_images), (Some(3.0), 2));
    }

    #[test]
    fn circumferences_agree_within_limits() {
        let mut gathered = Gathered::default();
        for difference in [Some(1.0), Some(-2.0), None, Some(4.0)] {
            gathered.circumference(difference);
        }
        let found = gathered.summary("a", "b").circumference.unwrap();
        assert_eq!((found.images, found.unmeasured), (3, 1));
        assert!((found.mean_absolute - 7.0 / 3.0).abs() < 1e-12);
        assert!((found.mean_difference - 1.0).abs() < 1e-12);
        // Standard deviation (n - 1): sqrt((0 + 9 + 9) / 2) = 3.
        assert!((found.limits[0] + 4.88).abs() < 1e-12 && (found.limits[1] - 6.88).abs() < 1e-12);
    }

    #[test]
    fn of_nothing_there_is_no_mean() {
        let summary = Gathered::default().summary("a", "b");
        assert_eq!(
            (summary.dice_mean, summary.dice_median, summary.hd95_mean_px),
            (None, None, None)
        );
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    }
}
