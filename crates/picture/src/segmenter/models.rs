/// A modality as the manifest lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModalityInfo {
    /// For example `ultrasound`.
    pub name: String,
    /// Mask-query row in the decoder.
    pub index: usize,
    /// What its masks mark.
    pub label: String,
    /// Whether this modality has a trained controller, or runs on the shared base alone.
    pub controller: bool,
    /// Passes of the network for one picture: tiles and mirror images.
    pub passes: usize,
    /// Whether its weights are in memory now.
    pub loaded: bool,
    /// Data sets it was trained on.
    pub trained_on: Vec<String>,
    /// Validation figures: data set → (Dice, IoU), as in the manifest.
    pub validation: Vec<(String, f64, f64)>,
}

/// A model as the manifest lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// For example `live-224`.
    pub name: String,
    /// Input side, px.
    pub side: usize,
    /// SHA-256 (hex) over the hashes of all its files.
    pub sha256: String,
    /// Its modalities, in index order.
    pub modalities: Vec<ModalityInfo>,
    /// Whether a request that names no model gets this one.
    pub default: bool,
}
