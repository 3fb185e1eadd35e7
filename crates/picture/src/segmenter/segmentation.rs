use std::sync::Arc;

use crate::frame::{FileInfo, Frame, PixelRect};
use crate::mask::confidence::Signs;
use crate::mask::presence::{Presence, PresenceState};
use crate::mask::{LogitMap, Mask};
use crate::scale::Scale;

use super::check::ModalityCheck;
use super::codes::MarkedCodes;
use super::memory::Lease;
use super::times::StageTimes;

/// The result for one picture.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The upright picture the mask belongs to.
    pub frame: Arc<Frame>,
    /// What its file said of itself; `None` if it came without one.
    pub file: Option<FileInfo>,
    /// How large its pixels are.
    pub scale: Scale,
    /// The part of the frame that the network looked at; `None`: all of it.
    pub region: Option<PixelRect>,
    /// The mask, at the frame's size; empty where nothing is there by [`Segmentation::presence`].
    pub mask: Mask,
    /// Whether anything is there at all; `None` if the model does not say.
    pub presence: Option<Presence>,
    /// QDMD's output, of the region looked at, a quarter of the model's input side (of the canvas, where views were put together): what the network
    /// said, also where the mask was emptied.
    pub low_res: LogitMap,
    /// SPPG's output, 1/32 of the model's input side (of the canvas): where the model looked.
    pub patch: LogitMap,
    /// The Dice to be expected, 0..=1; `None` if the mask is empty, the model is not calibrated, or
    /// the picture a mismatch. Where the model is unsure whether anything is there, [`Presence::tempered`] by that.
    pub confidence: Option<f32>,
    /// Mean probability over the mask's pixels; `None` if the mask is empty.
    pub probability: Option<f32>,
    /// What the confidence was made of; `None` if the mask is empty.
    pub signs: Option<Signs>,
    /// Whether the picture looks like the modality; `None` if the models folder has no guard that knows it.
    pub check: Option<ModalityCheck>,
    /// Name of the model in the manifest.
    pub model: String,
    /// SHA-256 (hex) that names the exact weights: over the hashes of every file this modality uses.
    pub model_sha256: String,
    /// Modality name as asked, or as the guard chose it.
    pub modality: String,
    /// The modality's index in the decoder.
    pub modality_index: usize,
    /// What the mask marks, in words ("fetal head, nerve, breast lesion").
    pub label: String,
    /// The same in codes, if the manifest has them.
    pub codes: Option<Arc<MarkedCodes>>,
    /// Where the time went.
    pub times: StageTimes,
    /// The frame's and the mask's share of the memory of all pictures, held as long as they are.
    pub lease: Lease,
}

impl Segmentation {
    /// Takes the network's word of whether anything is there. What is marked on a picture of nothing is a wrong mask: it is
    /// taken away.
    pub fn heed(&mut self, presence: Option<Presence>) {
        self.presence = presence;
        if presence.is_some_and(|of| of.state == PresenceState::Absent) {
            self.withhold();
        }
    }

    /// Takes the mask away, and what was said of it. The network's maps stay.
    pub fn withhold(&mut self) {
        self.mask.clear();
        self.probability = None;
        self.confidence = None;
        self.signs = None;
    }
}
