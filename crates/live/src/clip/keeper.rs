//! A source's ring, if it has one, for the threads that fill it.

use std::sync::Mutex;
use std::time::Instant;

use picture::mask::rle::Rle;
use picture::segmenter::{EngineError, LiveOutcome};
use picture::sync::lock;

use super::ring::{ClipAnswer, ClipBounds, ClipFate, ClipPicture, ClipRing, LiveClip};
use crate::state::Verdict;

/// Keeps the last pictures of a source, or nothing at all. Its lock is taken last, and never for long.
#[derive(Debug)]
pub(crate) struct ClipKeeper(Option<Mutex<ClipRing>>);

impl ClipKeeper {
    pub fn new(bounds: Option<ClipBounds>) -> Self {
        Self(bounds.map(|bounds| Mutex::new(ClipRing::new(bounds))))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub fn arrived(&self, picture: ClipPicture, now: Instant) {
        self.with(|ring| ring.push(picture, now));
    }

    pub fn became(&self, sequence: u64, fate: ClipFate) {
        self.with(|ring| ring.became(sequence, fate));
    }

    /// What the model said of a picture, before anything is made of it.
    pub fn answered(&self, outcome: &LiveOutcome) {
        if self.is_on() {
            let fate = fate(outcome);
            self.with(|ring| ring.answered(outcome.sequence, fate));
        }
    }

    pub fn judged(&self, sequence: u64, verdict: Verdict) {
        self.with(|ring| ring.judged(sequence, verdict));
    }

    pub fn asked_anew(&self) {
        self.with(ClipRing::asked_anew);
    }

    /// What there is now; `None` if nothing is kept.
    pub fn clip(&self, now: Instant) -> Option<LiveClip> {
        self.with(|ring| ring.clip(now))
    }

    fn with<R>(&self, work: impl FnOnce(&mut ClipRing) -> R) -> Option<R> {
        let ring = self.0.as_ref()?;
        Some(work(&mut lock(ring)))
    }
}

fn fate(outcome: &LiveOutcome) -> ClipFate {
    match &outcome.result {
        Ok(segmentation) => ClipFate::Answered(
            ClipAnswer {
                started: outcome.started,
                finished: outcome.finished,
                mask: Rle::encode(&segmentation.mask).to_coco_string(),
                model: segmentation.model.clone(),
                model_sha256: segmentation.model_sha256.clone(),
                modality: segmentation.modality.clone(),
                presence: segmentation.presence,
                confidence: segmentation.confidence,
                probability: segmentation.probability,
                check: segmentation.check.clone(),
                times: segmentation.times,
            }
            .into(),
        ),
        Err(why @ EngineError::Stale { .. }) => ClipFate::Stale(why.to_string().into()),
        Err(why) => ClipFate::Failed(why.to_string().into()),
    }
}
