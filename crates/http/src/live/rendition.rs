//! How pictures are drawn.

/// How a picture is to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rendition {
    /// Without mask; state, age and notice are on it all the same.
    pub raw: bool,
    /// The newest picture, with the mask moved to where it is on it.
    pub fresh: bool,
    /// Width, px; none is the source's own.
    pub width: Option<u32>,
}
