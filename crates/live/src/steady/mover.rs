//! A mask, moved to a newer picture.

use picture::frame::Frame;
use picture::mask::{LogitMap, Mask, upsample};

use super::carry::Untraceable;
use super::luma::Luma;
use super::motion::Motion;

/// Moves masks one after the other, in the memory of the first.
#[derive(Debug, Default)]
pub struct Mover {
    earlier: Luma,
    later: Luma,
    motion: Motion,
    moved: Option<LogitMap>,
}

impl Mover {
    /// The mask of `logits`, which are those of the earlier picture, where it is on the later one.
    ///
    /// # Errors
    /// [`Untraceable`]: the picture's motion does not prove where it is. Pictures of different sizes prove nothing.
    pub fn carry(
        &mut self,
        logits: &LogitMap,
        earlier: &Frame,
        later: &Frame,
    ) -> Result<Mask, Untraceable> {
        let nothing = Untraceable { lost: 1.0 };
        if earlier.size() != later.size() {
            return Err(nothing);
        }
        self.earlier.take(earlier);
        self.later.take(later);
        self.motion.estimate(&self.earlier, &self.later);
        self.motion.prove(&self.earlier, &self.later);
        let moved = self.moved.get_or_insert_with(|| logits.clone());
        self.motion.carry(logits, moved)?;
        let mask = upsample(moved, later.width(), later.height());
        Ok(mask.map_err(|_| nothing)?.mask)
    }
}
