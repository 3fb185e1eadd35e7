//! How good a mask is likely to be, from what the network itself shows.

use super::LogitMap;

/// Signs of a good mask, each 0..=1. Computed on the low-resolution maps, in double precision with a portable
/// exponential, so that they are the same on every CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    /// Mean probability over the mask's cells.
    pub probability: f32,
    /// Dice of the probabilities with their own thresholding: 2 Σ p·m / Σ (p + m).
    pub soft_dice: f32,
    /// Intersection over union of the masks at logit +1 and at logit -1 (the "stability score" of SAM, arXiv 2304.02643,
    /// section 5).
    pub stability: f32,
    /// Share of the cells that the mask takes.
    pub area: f32,
    /// Intersection over union of the patch prompt's cells with those that the mask touches: whether SPPG and QDMD agree.
    pub overlap: f32,
}

impl Signs {
    /// Number of signs.
    pub const COUNT: usize = 5;

    /// Of the mask's low-resolution logits and of the patch prompt; `None` where the mask has no cell.
    #[must_use]
    pub fn of(low_res: &LogitMap, patch: &LogitMap) -> Option<Self> {
        let (side, logits) = (low_res.side(), low_res.logits());
        let (patch_side, patch) = (patch.side(), patch.logits());
        let (mut cells, mut all, mut within) = (0_u32, 0.0, 0.0);
        let (mut firm, mut loose) = (0_u32, 0_u32);
        let mut touched = vec![false; patch.len()];
        for (at, &logit) in logits.iter().enumerate() {
            let p = 1.0 / (1.0 + libm::exp(-f64::from(logit)));
            all += p;
            firm += u32::from(logit >= 1.0);
            loose += u32::from(logit >= -1.0);
            if logit >= 0.0 {
                cells += 1;
                within += p;
                let (row, column) = (at / side, at % side);
                touched[row * patch_side / side * patch_side + column * patch_side / side] = true;
            }
        }
        if cells == 0 {
            return None;
        }
        let ratio = |a: u32, b: u32| if b == 0 { 0.0 } else { a as f32 / b as f32 };
        let (mut both, mut either) = (0, 0);
        for (&logit, &touched) in patch.iter().zip(&touched) {
            both += u32::from(logit >= 0.0 && touched);
            either += u32::from(logit >= 0.0 || touched);
        }
        let cells = f64::from(cells);
        Some(Self {
            probability: (within / cells) as f32,
            soft_dice: (2.0 * within / (all + cells)) as f32,
            stability: ratio(firm, loose),
            area: (cells / logits.len() as f64) as f32,
            overlap: ratio(both, either),
        })
    }

    /// In the order of the fields, as a calibration's weights are.
    #[must_use]
    pub fn array(&self) -> [f32; Self::COUNT] {
        let Self {
            probability,
            soft_dice,
            stability,
            area,
            overlap,
        } = *self;
        [probability, soft_dice, stability, area, overlap]
    }
}

/// From signs to the Dice to be expected: sigmoid(intercept + Σ weight · sign), fitted on validation pictures
/// (`models/README.md`, "Confidence").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// The modality's.
    pub intercept: f32,
    /// Of [`Signs::array`].
    pub weights: [f32; Signs::COUNT],
}

impl Calibration {
    /// The Dice to be expected, 0..=1.
    #[must_use]
    pub fn expected_dice(&self, signs: &Signs) -> f32 {
        let pairs = self.weights.iter().zip(signs.array());
        let sum = pairs.fold(f64::from(self.intercept), |sum, (weight, sign)| {
            sum + f64::from(*weight) * f64::from(sign)
        });
        (1.0 / (1.0 + libm::exp(-sum))) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(logits: &[f32]) -> LogitMap {
        LogitMap::new(logits.len().isqrt(), logits.to_vec()).unwrap()
    }

    #[test]
    fn signs_of_a_map_worked_out_by_hand() {
        let l = 3_f32.ln(); // probability 0.75
        let far = f32::NEG_INFINITY; // probability 0
        // 4 x 4 cells over 2 x 2 patch cells: two of the upper left, one weak one of the lower right.
        let mut logits = [far; 16];
        (logits[0], logits[1], logits[15]) = (l, l, 0.0);
        let signs = Signs::of(&map(&logits), &map(&[5.0, 5.0, -5.0, -5.0])).unwrap();
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
        close(signs.probability, 2.0 / 3.0);
        close(signs.soft_dice, 2.0 * 2.0 / (2.0 + 3.0));
        close(signs.stability, 2.0 / 3.0); // ln 3 > 1; the weak cell is within 1 of 0
        close(signs.area, 3.0 / 16.0);
        close(signs.overlap, 1.0 / 3.0); // upper left of upper left, upper right, lower right
    }

    #[test]
    fn an_empty_mask_and_maps_of_other_sizes_have_none() {
        assert_eq!(Signs::of(&map(&[-1.0; 16]), &map(&[1.0; 4])), None);
    }

    #[test]
    fn a_sure_mask_is_all_ones_and_expects_more_than_an_unsure_one() {
        let sure = Signs::of(&map(&[40.0; 16]), &map(&[1.0; 4])).unwrap();
        assert_eq!(sure.array(), [1.0; 5]);
        let unsure = Signs::of(&map(&[0.1; 16]), &map(&[1.0; 4])).unwrap();
        let calibration = Calibration {
            intercept: -2.0,
            weights: [1.0, 1.0, 1.0, 0.0, 1.0],
        };
        let (high, low) = (
            calibration.expected_dice(&sure),
            calibration.expected_dice(&unsure),
        );
        assert!((high - 0.880_797).abs() < 1e-5, "sigmoid(2), not {high}");
        assert!(low < high);
    }
}
