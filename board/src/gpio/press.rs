//! Edges → presses: what bounces is one press, by the times of the edges and no other.

use std::time::{Duration, Instant};

use super::lines::Edge;

/// From here on a press is a long one.
pub const LONG_PRESS: Duration = Duration::from_millis(800);

/// What a foot did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Press {
    /// Down and up. Told when it is up.
    Short,
    /// Down for long. Told while it is.
    Long,
}

/// Reads presses from a switch's edges. A level counts once it has stood for the time that the switch may bounce.
#[derive(Clone, Copy, Debug)]
pub struct PressReader {
    debounce: Duration,
    /// What counts.
    down: bool,
    /// Since when it is down, as far as that has not been told of as a long press.
    pressed: Option<Instant>,
    /// Since when it stands at what will count, if it lasts.
    coming: Option<Instant>,
}

impl PressReader {
    /// Of a switch that is up. One that is down counts from its next press on.
    #[must_use]
    pub fn new(debounce: Duration) -> Self {
        Self {
            debounce,
            down: false,
            pressed: None,
            coming: None,
        }
    }

    /// Whether it is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// An edge, in the order of their times; the press that was complete by then.
    pub fn edge(&mut self, edge: Edge) -> Option<Press> {
        let press = self.quiet_until(edge.at);
        // Back where it was: what was coming is not.
        self.coming = (edge.down != self.down).then_some(edge.at);
        press
    }

    /// There was no other edge up to that time; the press that is complete by then, if there is one that was not told yet.
    pub fn quiet_until(&mut self, now: Instant) -> Option<Press> {
        let mut press = None;
        if let Some(since) = self.coming.filter(|since| now >= *since + self.debounce) {
            self.coming = None;
            self.down = !self.down;
            match self.down {
                true => self.pressed = Some(since),
                false => press = self.pressed.take().map(|from| length(from, since)),
            }
        }
        // While it seems to go up, that may be its end.
        let held = self.pressed.filter(|_| self.coming.is_none());
        if held.is_some_and(|from| now >= from + LONG_PRESS) {
            self.pressed = None;
            press = Some(Press::Long);
        }
        press
    }

    /// Edges were lost, nobody knows which: a press that was begun is none. It counts as up.
    pub fn lost(&mut self) {
        *self = Self::new(self.debounce);
    }
}

fn length(from: Instant, to: Instant) -> Press {
    match to.saturating_duration_since(from) >= LONG_PRESS {
        true => Press::Long,
        false => Press::Short,
    }
}
