//! What happens to a phantom.

use std::ops::Range;

/// Something that happens while these frames are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The frames' sequence numbers.
    pub frames: Range<u64>,
    /// What happens.
    pub kind: IncidentKind,
}

/// What happens to a phantom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// The probe is in the air (an endoscope: in the dark); nothing to be seen, reverberation.
    ProbeOff,
    /// Another part of the body, with another target; back again when it is over.
    Cut,
    /// The scanner's freeze: the frame before it again and again, every pixel the same.
    Freeze,
    /// The tissue without the target.
    Empty,
}
