//! Whether objects say who they are of.

/// Whether objects say who they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// They do not (PS3.15, E: Basic Application Level Confidentiality Profile): nothing of the patient, the study or the time
    /// of day is in them, and every UID is new.
    #[default]
    Removed,
    /// They are of the same patient and study as their source, so that a PACS files them there.
    Kept,
}
