//! What is rendered of a moment, and still true when it is given out: rendering takes its time, or waits for others to.

use live::{LiveView, Session};

/// How often what has grown old meanwhile is rendered anew.
const TRIES: u32 = 3;

/// Rendering of what is seen, until it may be given out.
#[derive(Debug, Default)]
pub struct Trial {
    /// Renderings so far that were too old.
    failed: u32,
}

impl Trial {
    /// Whether what was just rendered of `view` may be given out; its age is then that of now. Else `view` is what is to be
    /// rendered in its place: if that takes longer than a mask may be old again and again, the state without one.
    pub fn succeeded(&mut self, session: &Session, view: &mut LiveView) -> bool {
        if self.failed == TRIES {
            return true;
        }
        let now = session.look();
        if view.holds(&now, session.settings().patience.budget) {
            view.now = now.now;
            return true;
        }
        self.failed += 1;
        *view = match self.failed == TRIES {
            true => now.too_late(),
            false => now,
        };
        false
    }
}
