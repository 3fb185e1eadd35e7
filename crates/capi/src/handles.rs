//! What C holds by an address alone.

use std::ffi::CString;
use std::sync::Arc;

use embed::{Guest, GuestLane};
use picture::segmenter::Segmentation;

use crate::last_error::text;

/// Opened models, with threads of their own that compute. May be used by any threads at once.
pub struct EspmedsamSegmenter {
    pub(crate) guest: Arc<Guest>,
    /// Names and what is marked, each name once, those of the default model first.
    pub(crate) modalities: Vec<[CString; 2]>,
}

/// A picture's mask and what is known of it. Never changes: may be read by any threads at once.
pub struct EspmedsamResult {
    pub(crate) segmentation: Segmentation,
    pub(crate) modality: CString,
    pub(crate) label: CString,
}

/// A result in one of the forms that can be given out. Never changes.
pub struct EspmedsamDocument {
    /// Its bytes and a NUL.
    pub(crate) bytes: Vec<u8>,
}

/// A live source: frames in, the newest mask out. May be used by any threads at once.
pub struct EspmedsamLive {
    pub(crate) lane: GuestLane,
    /// The engine lives as long as its lanes.
    pub(crate) guest: Arc<Guest>,
}

/// What the header promises of threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<EspmedsamSegmenter>();
    shared::<EspmedsamResult>();
    shared::<EspmedsamDocument>();
    shared::<EspmedsamLive>();
};

impl EspmedsamSegmenter {
    pub(crate) fn new(guest: Guest) -> Self {
        let mut models: Vec<_> = guest.models().iter().collect();
        models.sort_by_key(|model| !model.default);
        let mut modalities: Vec<[CString; 2]> = Vec::new();
        for modality in models.iter().flat_map(|model| &model.modalities) {
            let name = text(&modality.name);
            if !modalities.iter().any(|[known, _]| *known == name) {
                modalities.push([name, text(&modality.label)]);
            }
        }
        Self {
            guest: Arc::new(guest),
            modalities,
        }
    }
}

impl From<Segmentation> for EspmedsamResult {
    fn from(segmentation: Segmentation) -> Self {
        Self {
            modality: text(&segmentation.modality),
            label: text(&segmentation.label),
            segmentation,
        }
    }
}
