//! Bytes → the few elements that are read, and where the pixels are.

mod input;
mod set;
mod tag;
mod walk;

pub(crate) use self::input::ByteInput;
pub use self::input::Bytes;
pub(crate) use self::set::DataSet;
pub(crate) use self::tag::{Content, Tag};
pub(crate) use self::walk::{DataWalk, ElementWish, PixelPlace};
