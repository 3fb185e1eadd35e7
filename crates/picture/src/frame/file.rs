//! What a decoder is given.

use super::error::{FrameError, unsupported};
use super::limits::FrameLimits;
use super::stop::Stop;

/// A file to be read, and within what.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub bytes: &'a [u8],
    /// From 1; `None`: the first.
    pub page: Option<u32>,
    pub limits: &'a FrameLimits,
    pub stop: &'a Stop,
}

impl File<'_> {
    /// Refuses every page but the first, of a format whose further `pages` are not read.
    pub fn only_first_of(&self, pages: u32) -> Result<(), FrameError> {
        match self.page {
            None | Some(1) => Ok(()),
            Some(asked) if asked > 0 && asked <= pages => Err(unsupported(
                "a later frame of an animation; send it as a picture of its own",
            )),
            Some(asked) => Err(FrameError::NoSuchPage { asked, pages }),
        }
    }
}
