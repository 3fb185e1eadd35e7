//! What the capture thread tells.

use std::sync::Arc;

use picture::frame::Frame;
use picture::sync::lock;
use video::source::Shot;

use super::Core;
use crate::clip::{ClipFate, ClipPicture};
use crate::desk::Arrival;
use crate::state::Signal;

impl Core {
    /// How the source does now; told to all who listen if that is news.
    pub fn signal(&self, signal: Signal) {
        let news = {
            let mut desk = lock(&self.desk);
            // The end is the end, whatever a source says of itself that returns late.
            let signal = match self.is_stopped() {
                true => Signal::Ended,
                false => signal,
            };
            let news = desk.standing.signal != signal;
            desk.standing.signal = signal;
            news
        };
        if news {
            self.ears.tell();
        }
    }

    /// The source was opened.
    pub fn opened(&self) {
        lock(&self.desk).capture.opened += 1;
        self.signal(Signal::Up);
    }

    /// A picture came that could not be read.
    pub fn garbage(&self) {
        lock(&self.desk).capture.garbage += 1;
    }

    /// By the source's own count so many pictures never came in.
    pub fn missed(&self, count: u64) {
        lock(&self.desk).capture.missed += count;
    }

    /// A picture came in: it is shown, and the model is asked, unless its answer is known. If it has a JPEG, that is kept.
    pub fn arrived(self: &Arc<Self>, frame: Arc<Frame>, shot: Shot, jpeg: Option<Arc<[u8]>>) {
        let now = self.clock.now();
        // A source whose clock is ahead must not make its pictures look fresher than they are.
        let shot = Shot {
            captured: shot.captured.min(now),
            ..shot
        };
        // Before the picture counts: whoever sees that it came sees how the model does as well.
        self.see_to_lane(&mut lock(&self.line), now);
        let mut desk = lock(&self.desk);
        if self.is_stopped() {
            return;
        }
        // Cut as is not to be seen any more. Asked under the lock: a change comes before this, or lets go of it after.
        if !self.viewfinder.is_current() {
            desk.capture.missed += 1;
            return;
        }
        let (picture, arrival) = desk.arrived(frame, shot, now, &self.settings);
        drop(desk);
        if let Some(jpeg) = jpeg {
            let fate = match arrival {
                Arrival::Ask => ClipFate::Waiting,
                Arrival::Same => ClipFate::Same,
                Arrival::LeftOut => ClipFate::LeftOut,
            };
            self.clip
                .arrived(ClipPicture::new(&picture, jpeg, fate), now);
        }
        if arrival == Arrival::Ask {
            let offered = self.offer(&picture);
            lock(&self.desk).was_offered(picture.sequence, offered);
            if !offered {
                self.clip.became(picture.sequence, ClipFate::LeftOut);
            }
        }
        // While there is an answer it is shown with its own picture, and this one is nothing to look at yet.
        if !self.next_change().0.is_answer() {
            self.ears.tell();
        }
    }
}
