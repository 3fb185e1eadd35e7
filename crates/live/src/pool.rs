//! Frames that are used again: once there are enough, none is allocated any more.

use std::sync::Arc;

use picture::frame::{Frame, FrameError};

/// Most frames at once: the one being filled, one that waits, one in work, one that is shown, and those that viewers are
/// still drawing from.
const MOST: usize = 12;

/// Frames, each shared with whoever still needs it and free when nobody does.
#[derive(Debug, Default)]
pub struct FramePool {
    frames: Vec<Arc<Frame>>,
}

impl FramePool {
    /// A frame that nobody else has, with whatever was on it; `None` if all are in use. It counts as free again if it is
    /// not given back by [`FramePool::put`].
    ///
    /// # Errors
    /// None in practice: a frame of one pixel.
    pub fn take(&mut self) -> Result<Option<Arc<Frame>>, FrameError> {
        let free = |frame: &Arc<Frame>| Arc::strong_count(frame) == 1;
        if let Some(place) = self.frames.iter().position(free) {
            return Ok(Some(self.frames.swap_remove(place)));
        }
        match self.frames.len() < MOST {
            true => Ok(Some(Arc::new(Frame::new(1, 1, vec![0; 3])?))),
            false => Ok(None),
        }
    }

    /// Keeps a frame, to be taken again when nobody else has it.
    pub fn put(&mut self, frame: Arc<Frame>) {
        if self.frames.len() < MOST {
            self.frames.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_when_nobody_has_them_and_are_never_too_many() {
        let mut pool = FramePool::default();
        let mut held = Vec::new();
        while let Some(frame) = pool.take().unwrap() {
            pool.put(frame.clone());
            held.push(frame);
        }
        assert_eq!(held.len(), MOST);
        let back = held.pop().unwrap();
        let place = Arc::as_ptr(&back);
        drop(back);
        let mut frame = pool.take().unwrap().unwrap();
        assert_eq!(Arc::as_ptr(&frame), place);
        assert!(Arc::get_mut(&mut frame).is_some());
    }
}
