//! What a clip's second file says, line by line: first of the clip, then of each picture.

use std::time::{Duration, Instant, SystemTime};

use picture::NOTICE;
use picture::mask::presence::Presence;
use picture::report::{CheckReport, CocoRle};
use picture::segmenter::{StageTimes, millis};
use picture::utc::Utc;
use serde::{Serialize, Serializer};

use super::ring::{ClipAnswer, ClipCut, ClipFate, ClipPicture, LiveClip};
use crate::state::State;

/// What is recorded of a clip's source.
#[derive(Clone, Debug)]
pub struct ClipAbout {
    /// Its name.
    pub source: String,
    /// What it is.
    pub label: String,
    /// What the model is asked for now.
    pub modality: String,
    /// The model that is asked, if one was named.
    pub model: Option<String>,
    /// The oldest that a mask may be.
    pub budget: Duration,
    /// Millimetres per pixel, column and row, if they are known.
    pub pixel_mm: Option<[f64; 2]>,
}

/// The first line.
#[derive(Serialize)]
pub(super) struct ClipHeader<'a> {
    notice: &'static str,
    program: &'static str,
    version: &'static str,
    source: &'a str,
    label: &'a str,
    /// What was asked when the clip was saved; what each answer is to, says its line.
    modality: &'a str,
    model: Option<&'a str>,
    model_sha256: Option<&'a str>,
    budget_ms: f64,
    pixel_mm: Option<[f64; 2]>,
    width: u32,
    height: u32,
    /// When the first picture was taken.
    started_at: String,
    saved_at: String,
    /// Pictures in so many seconds: the video's rate, which is the mean. The lines have the true times.
    rate: [u32; 2],
    pictures: usize,
    seconds: f64,
    asked_seconds: f64,
    shortened: Option<ClipCut>,
}

/// A line after that.
#[derive(Serialize)]
pub(super) struct ClipLine<'a> {
    notice: &'static str,
    /// Its place in the video, from 0.
    picture: usize,
    /// Its number among the pictures of its source.
    sequence: u64,
    /// Since the first picture.
    captured_ns: u64,
    outcome: &'static str,
    /// The place of the picture that it is equal to and that has its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    /// What viewers were told of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(flatten)]
    answer: Option<AnswerLine<'a>>,
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    mask: CocoRle,
    modality: &'a str,
    model: &'a str,
    model_sha256: &'a str,
    presence: Option<Presence>,
    confidence: Option<f32>,
    probability: Option<f32>,
    modality_check: Option<CheckReport>,
    /// From capture to the model's turn, from there to the answer, and both.
    waited_ms: f64,
    took_ms: f64,
    age_ms: f64,
    #[serde(serialize_with = "by_stage")]
    times_ms: StageTimes,
}

fn by_stage<S: Serializer>(times: &StageTimes, serializer: S) -> Result<S::Ok, S::Error> {
    let stages = StageTimes::STAGES.iter();
    serializer.collect_map(stages.map(|stage| (stage.key, (stage.time)(times))))
}

impl LiveClip {
    /// From its first picture to its last.
    pub(super) fn length(&self) -> Duration {
        let ends = self.pictures.first().zip(self.pictures.last());
        ends.map_or(Duration::ZERO, |(first, last)| {
            last.captured.saturating_duration_since(first.captured)
        })
    }

    /// Pictures in so many seconds, as the mean; 25 a second where there is none.
    pub(super) fn rate(&self) -> [u32; 2] {
        let steps = u32::try_from(self.pictures.len().saturating_sub(1)).unwrap_or_default();
        let millis = u32::try_from(self.length().as_millis()).unwrap_or_default();
        match (steps.checked_mul(1000), millis) {
            (Some(steps @ 1..), 1..) => [steps, millis],
            _ => [25, 1],
        }
    }

    pub(super) fn header<'a>(
        &'a self,
        first: &ClipPicture,
        about: &'a ClipAbout,
        at: SystemTime,
    ) -> ClipHeader<'a> {
        let answers = self.pictures.iter().rev();
        let newest = answers.filter_map(|p| p.fate.answer()).next();
        let ago = self.taken.saturating_duration_since(first.captured);
        let [width, height] = first.size;
        ClipHeader {
            notice: NOTICE,
            program: "espmedsam",
            version: env!("CARGO_PKG_VERSION"),
            source: &about.source,
            label: &about.label,
            modality: &about.modality,
            model: newest
                .map(|answer| answer.model.as_str())
                .or(about.model.as_deref()),
            model_sha256: newest.map(|answer| answer.model_sha256.as_str()),
            budget_ms: millis(about.budget),
            pixel_mm: about.pixel_mm,
            width,
            height,
            started_at: Utc::new(at.checked_sub(ago).unwrap_or(at)).extended(),
            saved_at: Utc::new(at).extended(),
            rate: self.rate(),
            pictures: self.pictures.len(),
            seconds: self.length().as_secs_f64(),
            asked_seconds: self.span.as_secs_f64(),
            shortened: self.cut,
        }
    }

    /// Picture by picture, in order.
    pub(super) fn lines(&self) -> impl Iterator<Item = ClipLine<'_>> {
        let start = self.pictures.first().map(|first| first.captured);
        let mut told = None;
        self.pictures
            .iter()
            .enumerate()
            .map(move |(place, picture)| {
                let same = matches!(picture.fate, ClipFate::Same);
                if !same {
                    told = Some(place);
                }
                line(place, picture, start, told.filter(|_| same))
            })
    }
}

fn line(
    place: usize,
    picture: &ClipPicture,
    start: Option<Instant>,
    same_as: Option<usize>,
) -> ClipLine<'_> {
    let captured = picture.captured;
    let since = start.map_or(Duration::ZERO, |start| {
        captured.saturating_duration_since(start)
    });
    let answer = picture.fate.answer();
    ClipLine {
        notice: NOTICE,
        picture: place,
        sequence: picture.sequence,
        captured_ns: since.as_nanos().try_into().unwrap_or(u64::MAX),
        outcome: picture.fate.name(),
        same_as,
        why: picture.fate.why(),
        state: picture.verdict.map(State::from),
        answer: answer.map(|answer| answer_line(answer, picture)),
    }
}

fn answer_line<'a>(answer: &'a ClipAnswer, picture: &ClipPicture) -> AnswerLine<'a> {
    let [width, height] = picture.size;
    let between = |from: Instant, to: Instant| millis(to.saturating_duration_since(from));
    AnswerLine {
        mask: CocoRle {
            size: [height, width],
            counts: answer.mask.clone(),
        },
        modality: &answer.modality,
        model: &answer.model,
        model_sha256: &answer.model_sha256,
        presence: answer.presence,
        confidence: answer.confidence,
        probability: answer.probability,
        modality_check: answer.check.as_ref().map(CheckReport::from),
        waited_ms: between(picture.captured, answer.started),
        took_ms: between(answer.started, answer.finished),
        age_ms: between(picture.captured, answer.finished),
        times_ms: answer.times,
    }
}

impl ClipFate {
    fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Same => "same",
            Self::LeftOut => "left-out",
            Self::Replaced => "replaced",
            Self::Overtaken => "overtaken",
            Self::Stale(_) => "stale",
            Self::Failed(_) => "failed",
            Self::Answered(_) => "answered",
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Stale(why) | Self::Failed(why) => Some(why),
            _ => None,
        }
    }

    fn answer(&self) -> Option<&ClipAnswer> {
        match self {
            Self::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}
