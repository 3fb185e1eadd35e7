/// What an output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LampRole {
    /// The model is warm, and serves.
    Ready,
    /// A live source has fresh answers.
    Streaming,
    /// Something is amiss.
    Fault,
    /// Sounds in place of light.
    Buzzer,
}

impl LampRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Streaming, Self::Fault, Self::Buzzer];

    /// As in maps of pins.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Streaming => "streaming",
            Self::Fault => "fault",
            Self::Buzzer => "buzzer",
        }
    }
}
