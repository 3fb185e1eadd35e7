//! Lights and a foot switch beside the source, as whoever serves them tells of them.

/// A lamp, or what sounds like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelLamp {
    /// What it is for: `ready`.
    pub role: &'static str,
    /// Whether it is lit now.
    pub lit: bool,
    /// How it is lit while nothing changes: `on`, `two-blinks`.
    pub pattern: &'static str,
}

/// What there is to see of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PanelView {
    /// Its lamps.
    pub lamps: Vec<PanelLamp>,
    /// Whether it is one of glass and metal, or is only made up.
    pub simulated: bool,
    /// Whether the switch is down.
    pub pressed: bool,
    /// What became of the switch's edges.
    pub edges: EdgeCounts,
    /// Short presses.
    pub short: u64,
    /// Long ones.
    pub long: u64,
    /// Why it cannot be used now.
    pub problem: Option<String>,
}

/// What became of a switch's edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EdgeCounts {
    /// Taken into the queue.
    pub queued: u64,
    /// Lost, as the queue, or the kernel's before it, was full.
    pub overflowed: u64,
}

/// Lights and a foot switch.
pub trait FrontPanel: Send + Sync {
    /// What there is to see of it now.
    fn look(&self) -> PanelView;
    /// Has the switch be down or up, if it is a simulated one; whether it is.
    fn press(&self, down: bool) -> bool;
}
