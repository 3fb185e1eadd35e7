//! Logits of one frame, moved to another.

use picture::mask::LogitMap;

use super::motion::Motion;

/// What a cell must be explained to count as traced.
const TRACED: f32 = 0.5;
/// Share of the mask and its rim that may be lost: noise, a highlight.
const LOST: f32 = 0.05;
/// Cells this near to the mask by their logit are its rim.
const RIM: f32 = -2.0;

/// The picture's motion does not say where the mask is now.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{:.0} % of the mask cannot be traced to this frame", 100.0 * .lost)]
pub struct Untraceable {
    /// Share of the mask and its rim that motion does not explain, 0..=1.
    pub lost: f32,
}

impl Motion {
    /// Moves the logits of the earlier frame to the later one, into `moved` (which becomes a map of their side). After
    /// [`Motion::prove`], so that every vector has been followed both ways.
    ///
    /// # Errors
    /// [`Untraceable`]: it is another scene, or motion does not explain the mask or what is around it. `moved` then says
    /// nothing.
    pub fn carry(&self, logits: &LogitMap, moved: &mut LogitMap) -> Result<(), Untraceable> {
        moved.copy_from(logits);
        let side = logits.side();
        let (mut mask, mut lost) = (0_u32, 0_u32);
        for (at, moved) in moved.logits_mut().iter_mut().enumerate() {
            let place = middle(at, side);
            *moved = self.fetch(logits, at);
            if *moved >= RIM {
                mask += 1;
                lost += u32::from(self.explained(place) < TRACED);
            }
        }
        let lost = if self.is_cut() {
            1.0
        } else {
            lost as f32 / mask.max(1) as f32
        };
        if lost > LOST {
            return Err(Untraceable { lost });
        }
        Ok(())
    }

    /// The earlier frame's logit for a cell of the later one.
    pub(super) fn fetch(&self, earlier: &LogitMap, at: usize) -> f32 {
        let (side, logits) = (earlier.side(), earlier.logits());
        let [u, v] = self.came_from(middle(at, side));
        if u == 0.0 && v == 0.0 {
            return logits[at];
        }
        let taps = |at: usize, shift: f32| Spline::at(at as f32 + shift * side as f32, side);
        let (across, down) = (taps(at % side, u), taps(at / side, v));
        let rows = down.places.iter().zip(down.weights);
        rows.map(|(row, weight)| {
            let row = &logits[row * side..][..side];
            let values = across.places.iter().zip(across.weights);
            weight * values.map(|(x, weight)| weight * row[*x]).sum::<f32>()
        })
        .sum()
    }
}

/// Catmull-Rom's spline through four cells (R. Keys, IEEE ASSP-29, 1981, a = −1/2): what is moved again with every frame
/// would be smeared by less.
struct Spline {
    places: [usize; 4],
    weights: [f32; 4],
}

impl Spline {
    fn at(place: f32, side: usize) -> Self {
        let place = place.clamp(0.0, (side - 1) as f32);
        let (low, t) = (place as usize, place.fract());
        let last = side - 1;
        Self {
            places: [
                low.saturating_sub(1),
                low,
                (low + 1).min(last),
                (low + 2).min(last),
            ],
            weights: [
                t * (t * (1.0 - 0.5 * t) - 0.5),
                1.0 + t * t * (1.5 * t - 2.5),
                t * (0.5 + t * (2.0 - 1.5 * t)),
                t * t * (0.5 * t - 0.5),
            ],
        }
    }
}

/// The middle of a cell, in shares of the picture's width and height.
pub(super) fn middle(at: usize, side: usize) -> [f32; 2] {
    [at % side, at / side].map(|i| (i as f32 + 0.5) / side as f32)
}
