//! Bytes → the few elements that are read, and where the pixels are.

mod input;
mod set;
mod tag;
mod walk;

pub use self::input::Bytes;
pub(crate) use self::input::Input;
pub(crate) use self::set::DataSet;
pub(crate) use self::tag::Tag;
pub(crate) use self::walk::{PixelPlace, Walk};
