//! A view → a JPEG that says by itself what it is.

use std::sync::Arc;

use live::{LiveView, State};
use picture::frame::Frame;
use picture::render::{self, OverlayStyle, RenderError};

use super::rendition::Rendition;

/// Of live pictures: no visible blocks around a crisp contour.
const QUALITY: u8 = 85;
/// Size of the picture that says that there is none.
const CARD: [u32; 2] = [640, 480];

/// The picture as it is to be looked at: its mask, if one may be shown, its state, its age and the notice drawn upon it.
///
/// # Errors
/// [`RenderError`].
pub fn drawn(view: &LiveView, rendition: Rendition) -> Result<Vec<u8>, RenderError> {
    let frame = picture(view)?;
    render::encode_jpeg(&frame, QUALITY)
}

/// As [`drawn`], not encoded, at the picture's own size.
///
/// # Errors
/// [`RenderError`].
pub fn picture(view: &LiveView) -> Result<Frame, RenderError> {
    let style = OverlayStyle::default();
    match (view.masked(), &view.picture) {
        (Some(masked), _) => render::overlay(
            Arc::unwrap_or_clone(masked.frame.clone()),
            &masked.mask,
            &style,
        ),
        (None, Some(picture)) => Ok(Arc::unwrap_or_clone(picture.frame.clone())),
        (None, None) => card(),
    }
}

/// A dark picture to write upon.
fn card() -> Result<Frame, RenderError> {
    let [width, height] = CARD;
    let samples = vec![16; 3 * (width * height) as usize];
    Frame::new(width, height, samples).map_err(|error| RenderError::Encode(error.into()))
}

/// The picture as it came.
///
/// # Errors
/// [`RenderError`].
pub fn plain(view: &LiveView) -> Result<Vec<u8>, RenderError> {
    match &view.picture {
        Some(picture) => render::encode_jpeg(&picture.frame, QUALITY),
        None => Ok(Vec::new()),
    }
}
