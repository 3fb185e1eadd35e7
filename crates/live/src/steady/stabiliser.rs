//! Logits that do not flicker.

use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::mask::LogitMap;

use super::carry::middle;
use super::luma::Luma;
use super::motion::Motion;

/// The past's share is halved where the picture moves by so many cells of the map from one frame to the next: an estimate
/// errs by a share of the motion, and what moves does not show that it flickers.
const HALVED_AT: f32 = 0.3;

/// How much the past counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadySettings {
    /// Share of the past in what is shown, where motion explains the picture, 0..1. With 0.7, at 30 frames a second, noise
    /// of the logits that is new in each frame is 0.46 of what it was, and what of it changes between frames 0.27.
    pub weight: f32,
    /// The past's share is halved when its frame is so much older.
    pub fade: Duration,
    /// A past that is older is none.
    pub forget: Duration,
    /// The most that the past is sure of, as a logit: what was there and surely is no more is gone after one frame.
    pub surest: f32,
}

impl Default for SteadySettings {
    fn default() -> Self {
        Self {
            weight: 0.7,
            fade: Duration::from_millis(500),
            forget: Duration::from_secs(1),
            surest: 5.0,
        }
    }
}

/// Blends each frame's logits with the past's, moved as the picture moved. Allocates nothing once it has seen two frames of
/// a size.
#[derive(Debug, Default)]
pub struct Steady {
    settings: SteadySettings,
    /// When the past's frame was taken; `None`: there is no past.
    captured: Option<Instant>,
    earlier: Luma,
    later: Luma,
    motion: Motion,
    /// The past's blended logits, and where the next go.
    past: Option<LogitMap>,
    next: Option<LogitMap>,
}

/// A frame's logits, steadied.
#[derive(Clone, Copy, Debug)]
pub struct Steadied<'a> {
    /// The blend; the frame's own logits where there is no past.
    pub logits: &'a LogitMap,
    /// How the picture moved since the frame before; `None` where there is none.
    pub motion: Option<&'a Motion>,
    /// Another scene: the past has been forgotten.
    pub cut: bool,
}

impl Steady {
    /// Without a past.
    #[must_use]
    pub fn new(settings: SteadySettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Forgets the past: after a freeze, with the probe off, for another model or modality.
    pub fn reset(&mut self) {
        self.captured = None;
    }

    /// Takes the next frame, its logits, and when it was taken. A frame that is older than the one before, or much younger,
    /// has no past; nor have logits of another side.
    pub fn next<'a>(
        &'a mut self,
        frame: &Frame,
        logits: &'a LogitMap,
        captured: Instant,
    ) -> Steadied<'a> {
        self.later.take(frame);
        let weight = self.weight(logits, captured);
        if weight.is_some() {
            self.motion.estimate(&self.earlier, &self.later);
        }
        let cut = weight.is_some() && self.motion.is_cut();
        let next = self.next.get_or_insert_with(|| logits.clone());
        next.copy_from(logits);
        if let (Some(weight), Some(past), false) = (weight, &self.past, cut) {
            blend(next, past, &self.motion, weight, self.settings.surest);
        }
        std::mem::swap(&mut self.past, &mut self.next);
        std::mem::swap(&mut self.earlier, &mut self.later);
        self.captured = Some(captured);
        Steadied {
            logits: self.past.as_ref().unwrap_or(logits),
            motion: weight.is_some().then_some(&self.motion),
            cut,
        }
    }

    /// The past's share for a frame that motion explains wholly; `None` where there is no past.
    fn weight(&self, logits: &LogitMap, captured: Instant) -> Option<f32> {
        let SteadySettings {
            weight,
            fade,
            forget,
            ..
        } = self.settings;
        let passed = captured.checked_duration_since(self.captured?)?;
        let same = self.past.as_ref()?.side() == logits.side();
        let fade = fade.max(Duration::from_millis(1)).as_secs_f32();
        let share = weight.clamp(0.0, 0.95) * fade / (fade + passed.as_secs_f32());
        (same && passed <= forget && share > 0.0).then_some(share)
    }
}

/// Mixes the past into the next.
fn blend(next: &mut LogitMap, past: &LogitMap, motion: &Motion, weight: f32, surest: f32) {
    let (side, surest) = (next.side(), surest.max(0.0));
    for (at, value) in next.logits_mut().iter_mut().enumerate() {
        let place = middle(at, side);
        let [u, v] = motion
            .came_from(place)
            .map(|shift| shift * side as f32 / HALVED_AT);
        let weight = weight * motion.explained(place) / (1.0 + u * u + v * v);
        let past = motion.fetch(past, at).clamp(-surest, surest);
        *value += weight * (past - *value);
    }
}
