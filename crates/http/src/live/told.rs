//! What a viewer is told of a moment, as JSON.

use live::{BoardReading, LiveCounts, LiveView, PaceReason, PaceStep, State};
use picture::NOTICE;
use picture::mask::presence::Presence;
use picture::report::CheckReport;
use picture::scale::Scale;
use picture::segmenter::millis;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::watch::LiveWatch;
use crate::board::BoardReport;

/// Size of a picture.
#[derive(Serialize, ToSchema)]
pub struct LiveSize {
    /// Width, px.
    width: u32,
    /// Height, px.
    height: u32,
}

/// How many come in a second.
#[derive(Serialize, ToSchema)]
pub struct LiveRates {
    /// Pictures from the source.
    captured: f64,
    /// Answers of the model.
    segmented: f64,
}

/// What became of the source's pictures so far.
#[derive(Serialize, ToSchema)]
pub struct FrameCounts {
    /// Came in.
    captured: u64,
    /// Of these, equal to the one before: one answer for both.
    same: u64,
    /// Of these, replaced by a newer one before the model had time for them.
    replaced: u64,
    /// Of these, answered with a mask.
    segmented: u64,
    /// Of these, answered with an error.
    failed: u64,
    /// Of these, never offered to the model.
    left_out: u64,
    /// By the source's own count, never came in.
    missed: u64,
    /// Came in and could not be read.
    garbage: u64,
}

impl From<LiveCounts> for FrameCounts {
    fn from(counts: LiveCounts) -> Self {
        let LiveCounts { capture, lanes, .. } = counts;
        Self {
            captured: capture.captured,
            same: capture.same,
            replaced: lanes.replaced,
            segmented: lanes.computed,
            failed: lanes.failed + lanes.dropped,
            left_out: capture.left_out,
            missed: capture.missed,
            garbage: capture.garbage,
        }
    }
}

/// What may be shown of a live source at a moment. True for that moment only: its age grows until the next one comes.
#[derive(Serialize, ToSchema)]
pub struct LiveReport<'a> {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// The source's name.
    source: &'a str,
    /// Number of the model's newest answer, from 1; 0: none yet.
    update: u64,
    /// Answers that this viewer was not sent since the one before.
    missed: u64,
    /// What may be shown. Only with `mask` there is a mask.
    #[schema(value_type = String, example = "mask")]
    state: State,
    /// What is to be written over the picture, in capitals; empty: nothing.
    words: &'static str,
    /// Why, where there is more to say than the word.
    detail: Option<&'a str>,
    /// Number of the picture that this is about.
    sequence: Option<u64>,
    /// How old that picture is, milliseconds.
    age_ms: Option<f64>,
    /// The oldest that a mask may be, milliseconds.
    budget_ms: f64,
    /// When this was told: milliseconds since the source was begun.
    at_ms: f64,
    /// That picture's size.
    picture: Option<LiveSize>,
    /// Millimetres per pixel of that picture, column and row; null where they are not known, or not the same all over it.
    pixel_mm: Option<[f64; 2]>,
    /// Held by a person's wish.
    frozen: bool,
    /// Whether masks are not to be drawn, by a person's wish.
    hidden: bool,
    /// For so long every picture has been equal to the one before, milliseconds; null: not for long.
    still_ms: Option<f64>,
    /// How much is asked of the board: full, fewer-frames, small-model, small-picture.
    #[schema(value_type = String, example = "full")]
    step: PaceStep,
    /// Why it is less than all: `late`, answers came too late; else what is amiss with the board. Null if it is not.
    #[schema(value_type = Option<String>)]
    step_reason: Option<PaceReason>,
    /// How the board does; null where that is not known.
    board: Option<BoardReport>,
    /// How many come in a second.
    rate: LiveRates,
    /// What became of the source's pictures so far.
    counts: FrameCounts,
    /// The modality of the answer; without one, what is asked for.
    modality: &'a str,
    /// Whether anything is there at all in the answered picture, by the network's own word on that one picture; null if the
    /// model does not say. The state is steadied: it may be a few pictures behind.
    presence: Option<Presence>,
    /// The Dice to be expected of the answer, 0..=1.
    confidence: Option<f32>,
    /// Whether the answered picture looks like its modality.
    #[serde(skip_serializing_if = "Option::is_none")]
    modality_check: Option<CheckReport>,
    /// Media type of the payload that follows, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'static str>,
    /// The report on the mask as of POST /v1/segment; null unless the state is `mask` or `nothing-found`.
    #[schema(value_type = Option<Object>)]
    result: Option<&'a RawValue>,
}

/// What goes along with a view.
#[derive(Clone, Copy, Default)]
pub struct Along<'a> {
    /// Answers that this viewer missed.
    pub missed: u64,
    /// The payload's media type.
    pub payload: Option<&'static str>,
    /// The report on the mask.
    pub result: Option<&'a RawValue>,
    /// What is asked of the model.
    pub modality: &'a str,
    /// How the board does.
    pub board: Option<&'a BoardReading>,
}

/// The record of a view.
pub fn told<'a>(watch: &'a LiveWatch, view: &'a LiveView, along: Along<'a>) -> LiveReport<'a> {
    record(&watch.name, &watch.session, view, along)
}

/// The record of a view of a source of that name.
pub fn record<'a>(
    source: &'a str,
    session: &live::Session,
    view: &'a LiveView,
    along: Along<'a>,
) -> LiveReport<'a> {
    let answer = view.answer.as_ref().filter(|_| view.state.is_answer());
    let segmentation = answer.map(|answer| &answer.segmentation);
    let check = segmentation.and_then(|segmentation| segmentation.check.as_ref());
    LiveReport {
        notice: NOTICE,
        source,
        update: view.answer.as_ref().map_or(0, |answer| answer.number),
        missed: along.missed,
        state: view.state,
        words: view.words(),
        detail: view.detail.as_deref(),
        sequence: view.picture.as_ref().map(|picture| picture.sequence),
        age_ms: view.age().map(millis),
        budget_ms: millis(session.settings().patience.budget),
        at_ms: millis(view.now.saturating_duration_since(session.begun())),
        picture: view.picture.as_ref().map(|picture| LiveSize {
            width: picture.frame.width(),
            height: picture.frame.height(),
        }),
        pixel_mm: pixel_mm(&session.scale()),
        frozen: view.frozen.is_some(),
        hidden: view.hidden,
        still_ms: view.still.map(millis),
        step: view.step,
        step_reason: view.reason,
        board: along.board.map(BoardReport::from),
        rate: LiveRates {
            captured: view.rates.captured,
            segmented: view.rates.segmented,
        },
        counts: view.counts.into(),
        modality: segmentation.map_or(along.modality, |answered| &answered.modality),
        presence: segmentation.and_then(|segmentation| segmentation.presence),
        confidence: segmentation.and_then(|segmentation| segmentation.confidence),
        modality_check: check.map(CheckReport::from),
        payload: along.payload,
        result: along.result,
    }
}

/// Whether the report on the mask may be given out.
pub fn has_result(view: &LiveView) -> bool {
    matches!(view.state, State::Mask | State::NothingFound)
}

/// Column and row in millimetres, where they are the same everywhere.
pub fn pixel_mm(scale: &Scale) -> Option<[f64; 2]> {
    match scale {
        Scale::Uniform(pixel) => Some(pixel.mm()),
        Scale::Unknown | Scale::Regions(_) => None,
    }
}
