//! The last pictures with what became of them, bounded by time and by memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::mask::presence::Presence;
use picture::segmenter::{ModalityCheck, StageTimes};
use serde::Serialize;

use crate::state::Verdict;
use crate::view::LivePicture;

/// How much of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipBounds {
    /// Pictures no older than that.
    pub span: Duration,
    /// And no more than that many bytes of them; the oldest go first.
    pub bytes: usize,
}

/// A picture that is kept.
#[derive(Clone, Debug)]
pub(crate) struct ClipPicture {
    /// Its number among the pictures of its source.
    pub sequence: u64,
    /// The number of the picture that the model was asked about for it: itself, or an earlier one that is equal to it.
    pub asked: u64,
    pub captured: Instant,
    /// Width and height, px.
    pub size: [u32; 2],
    /// Shared with the picture before if that is equal.
    pub jpeg: Arc<[u8]>,
    pub fate: ClipFate,
    /// What was thought of its answer.
    pub verdict: Option<Verdict>,
}

/// What became of a picture.
#[derive(Clone, Debug)]
pub(crate) enum ClipFate {
    /// Nothing yet.
    Waiting,
    /// It is equal to the one before, and what became of that is said there.
    Same,
    /// It was not offered to the model.
    LeftOut,
    /// A newer one came before its turn.
    Replaced,
    /// Its answer came after a newer one's, or after something else was asked.
    Overtaken,
    /// It was too old when its turn came.
    Stale(Arc<str>),
    /// The model gave no mask; why.
    Failed(Arc<str>),
    /// It has a mask.
    Answered(Arc<ClipAnswer>),
}

impl ClipPicture {
    /// A picture that has just come in.
    pub fn new(picture: &LivePicture, jpeg: Arc<[u8]>, fate: ClipFate) -> Self {
        Self {
            sequence: picture.sequence,
            asked: picture.sequence,
            captured: picture.captured,
            size: picture.frame.size(),
            jpeg,
            fate,
            verdict: None,
        }
    }
}

/// The model's own answer, before anything was made of it for those who look.
#[derive(Debug)]
pub(crate) struct ClipAnswer {
    pub started: Instant,
    pub finished: Instant,
    /// The run lengths as COCO's string, of the picture's size.
    pub mask: String,
    pub model: String,
    pub model_sha256: String,
    pub modality: String,
    pub presence: Option<Presence>,
    pub confidence: Option<f32>,
    pub probability: Option<f32>,
    pub check: Option<ModalityCheck>,
    pub times: StageTimes,
}

/// Why a clip is shorter than asked for, though the source has been watched for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipCut {
    /// More pictures take more memory than there is for them.
    Memory,
    /// The pictures before had another size, and a video has one.
    Size,
}

/// The last pictures, the newest last.
#[derive(Debug)]
pub(super) struct ClipRing {
    bounds: ClipBounds,
    pictures: VecDeque<ClipPicture>,
    bytes: usize,
    /// The newest picture that had to go before its time.
    cut: Option<(Instant, ClipCut)>,
}

/// What there was of a source's last seconds at a moment. It shares its pictures' bytes with the source.
#[derive(Clone, Debug)]
pub struct LiveClip {
    pub(super) pictures: Vec<ClipPicture>,
    /// How long it could have been.
    pub(super) span: Duration,
    pub(super) cut: Option<ClipCut>,
    pub(super) bytes: usize,
    /// That moment.
    pub(super) taken: Instant,
}

impl ClipFate {
    fn bytes(&self) -> usize {
        match self {
            Self::Stale(why) | Self::Failed(why) => why.len(),
            Self::Answered(answer) => {
                let ClipAnswer {
                    mask,
                    model,
                    model_sha256,
                    modality,
                    ..
                } = answer.as_ref();
                let texts = [mask, model, model_sha256, modality];
                size_of::<ClipAnswer>() + texts.map(String::len).iter().sum::<usize>()
            }
            _ => 0,
        }
    }
}

impl ClipPicture {
    /// Whether both are one JPEG in memory.
    pub fn repeats(&self, before: &Self) -> bool {
        Arc::ptr_eq(&self.jpeg, &before.jpeg)
    }

    pub(super) fn bytes_beside_jpeg(&self) -> usize {
        size_of::<Self>() + self.fate.bytes()
    }
}

impl ClipRing {
    pub fn new(bounds: ClipBounds) -> Self {
        Self {
            bounds,
            pictures: VecDeque::new(),
            bytes: 0,
            cut: None,
        }
    }

    /// Takes the newest picture in. What is too old by then goes, and of the rest the oldest if it is too much.
    pub fn push(&mut self, mut picture: ClipPicture, now: Instant) {
        if let Some(last) = self.pictures.back() {
            if last.size != picture.size {
                self.cut = Some((last.captured, ClipCut::Size));
                (self.bytes, self.pictures) = (0, VecDeque::new());
            } else if matches!(picture.fate, ClipFate::Same) {
                picture.asked = last.asked;
            }
        }
        if self.pictures.is_empty() && matches!(picture.fate, ClipFate::Same) {
            // What it is equal to is not kept.
            picture.fate = ClipFate::LeftOut;
        }
        let shared = (self.pictures.back()).is_some_and(|last| picture.repeats(last));
        self.bytes += picture.bytes_beside_jpeg();
        self.bytes += if shared { 0 } else { picture.jpeg.len() };
        self.pictures.push_back(picture);
        let old = |first: &ClipPicture, span| now.saturating_duration_since(first.captured) > span;
        while self
            .pictures
            .front()
            .is_some_and(|first| old(first, self.bounds.span))
        {
            self.drop_first();
        }
        self.fit();
    }

    /// What became of the picture of that number, if nothing is known of it yet.
    pub fn became(&mut self, sequence: u64, fate: ClipFate) {
        let waits = |picture: &&mut ClipPicture| matches!(picture.fate, ClipFate::Waiting);
        if let Some(picture) = self.asked(sequence).filter(waits) {
            picture.fate = fate;
        }
    }

    /// What the model said of the picture of that number, whatever was thought to have become of it.
    pub fn answered(&mut self, sequence: u64, fate: ClipFate) {
        if let Some(picture) = self.asked(sequence) {
            let before = std::mem::replace(&mut picture.fate, fate);
            let more = picture.fate.bytes();
            self.bytes = (self.bytes + more).saturating_sub(before.bytes());
            self.fit();
        }
    }

    /// What was thought of the answer to the picture of that number.
    pub fn judged(&mut self, sequence: u64, verdict: Verdict) {
        if let Some(picture) = self.asked(sequence) {
            picture.verdict = Some(verdict);
        }
    }

    /// Something else is asked from now on.
    pub fn asked_anew(&mut self) {
        for picture in &mut self.pictures {
            if matches!(picture.fate, ClipFate::Waiting) {
                picture.fate = ClipFate::Overtaken;
            }
        }
    }

    /// What there is now.
    pub fn clip(&self, now: Instant) -> LiveClip {
        let newest = self.pictures.back().map(|last| last.captured);
        let cut = self.cut.filter(|(captured, _)| {
            newest.is_some_and(|last| last.saturating_duration_since(*captured) <= self.bounds.span)
        });
        LiveClip {
            pictures: self.pictures.iter().cloned().collect(),
            span: self.bounds.span,
            cut: cut.map(|(_, cut)| cut),
            bytes: self.bytes,
            taken: now,
        }
    }

    /// The picture that has the answer to a question: the one that was asked about, or what is left that is equal to it.
    fn asked(&mut self, sequence: u64) -> Option<&mut ClipPicture> {
        let place = self.pictures.partition_point(|p| p.asked < sequence);
        let found = self.pictures.get_mut(place);
        found.filter(|picture| picture.asked == sequence)
    }

    fn fit(&mut self) {
        while self.bytes > self.bounds.bytes {
            let Some(captured) = self.drop_first() else {
                return;
            };
            self.cut = Some((captured, ClipCut::Memory));
        }
    }

    /// Drops the oldest, and when that was taken. The next one has its answer if that is equal to it.
    fn drop_first(&mut self) -> Option<Instant> {
        let first = self.pictures.pop_front()?;
        self.bytes -= first.bytes_beside_jpeg();
        let next = self.pictures.front_mut();
        if !next.as_ref().is_some_and(|next| next.repeats(&first)) {
            self.bytes -= first.jpeg.len();
        }
        if let Some(next) = next.filter(|next| next.asked == first.asked) {
            (next.fate, next.verdict) = (first.fate, first.verdict);
            self.bytes += next.fate.bytes();
        }
        Some(first.captured)
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
