//! A caller's pixels → a frame of ours.

use picture::frame::{Frame, FrameLimits};
use video::convert::RawPicture;

use crate::fault::GuestError;

/// The one copy that is made of a caller's pixels: upright RGB, in memory of our own.
///
/// # Errors
/// A picture that is too large or too small, before memory is asked for; samples that are not there.
pub fn frame_of(picture: &RawPicture<'_>, limits: &FrameLimits) -> Result<Frame, GuestError> {
    let [width, height] = picture.size;
    limits.check((width, height))?;
    let mut frame = Frame::new(1, 1, vec![0; 3])?;
    picture.write(&mut frame)?;
    Ok(frame)
}
