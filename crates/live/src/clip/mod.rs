//! The last seconds of a source: kept in memory, saved when somebody asks, and played again as a source.
//!
//! ```text
//! picture ──► press ──► what is shown, and what the model is asked about
//!               │                        │
//!               ▼                        ▼
//!             ring ◄──────────────── answers         ring ──► LiveClip ──► shelf: NAME-TIME.avi and .jsonl
//! ```
//!
//! A JPEG loses something. So while a clip is kept, the picture that the model is asked about *is* what its JPEG decodes to
//! ([`press`]), and whoever plays the file gets the same masks, bit for bit.

mod keeper;
mod press;
mod record;
mod ring;
mod shelf;

#[cfg(test)]
mod tests;

pub(crate) use self::keeper::ClipKeeper;
pub(crate) use self::press::ClipPress;
pub(crate) use self::ring::{ClipFate, ClipPicture};

pub use self::record::ClipAbout;
pub use self::ring::{ClipBounds, ClipCut, LiveClip};
pub use self::shelf::{ClipError, ClipFile, ClipShelf, SavedClip, ShelfBounds};
