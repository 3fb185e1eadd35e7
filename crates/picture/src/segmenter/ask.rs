/// What a client asks for: which modality, through which model of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What kind of picture it is. Never guessed, unless [`Modality::Auto`] asks for it.
    pub modality: Modality,
    /// Model name as in the manifest; `None` is the one the manifest prefers for the modality, else the default model.
    pub model: Option<String>,
    /// What becomes of a picture that is plainly of another kind.
    pub on_mismatch: OnMismatch,
}

impl Ask {
    /// Of the model that the manifest prefers; a mismatch is refused.
    #[must_use]
    pub fn new(modality: impl Into<Modality>) -> Self {
        Self {
            modality: modality.into(),
            model: None,
            on_mismatch: OnMismatch::default(),
        }
    }
}

/// What kind of picture it is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Modality {
    /// Named as in the manifest, for example `ultrasound`.
    Named(String),
    /// The one that the picture looks most like.
    Auto,
}

impl Modality {
    /// How [`Modality::Auto`] is spelt; no modality has this name.
    pub const AUTO: &str = "auto";

    /// As it is spelt.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Auto => Self::AUTO,
        }
    }
}

impl From<String> for Modality {
    fn from(name: String) -> Self {
        match name.as_str() {
            Self::AUTO => Self::Auto,
            _ => Self::Named(name),
        }
    }
}

impl From<&str> for Modality {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl std::fmt::Display for Modality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a picture that does not look like its modality ([`ModalityCheck`](super::ModalityCheck)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// [`EngineError::ModalityMismatch`](super::EngineError::ModalityMismatch) in place of a mask.
    #[default]
    Refuse,
    /// The mask, with [`Segmentation::check`](super::Segmentation::check) saying so.
    Keep,
}
