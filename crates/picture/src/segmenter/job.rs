use crate::frame::Stop;

/// What a client asks for: which modality, through which model of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Modality name as in the manifest, for example `ultrasound`. Never guessed, unless [`super::AUTO`] asks for it.
    pub modality: String,
    /// Model name as in the manifest; `None` is the one the manifest prefers for the modality, else the default model.
    pub model: Option<String>,
    /// What becomes of a picture that is plainly of another kind.
    pub on_mismatch: OnMismatch,
}

/// What becomes of a picture that does not look like its modality ([`guard::ModalityCheck`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// [`EngineError::ModalityMismatch`] in place of a mask.
    #[default]
    Refuse,
    /// The mask, with [`Segmentation::check`] saying so.
    Keep,
}

/// One picture to segment: undecoded bytes, so that a waiting queue holds no pixels.
#[derive(Clone, Debug)]
pub struct Job {
    /// The picture file, as received.
    pub bytes: Vec<u8>,
    /// Which of its pages, from 1; `None`: the first.
    pub page: Option<u32>,
    /// What to do with it.
    pub ask: Ask,
    /// When to give it up.
    pub stop: Stop,
}
