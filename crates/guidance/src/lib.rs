//! What may be shown of live sources, for programs of image-guided therapy (3D Slicer, PLUS, and what speaks to them): a server
//! of OpenIGTLink.
//!
//! [`GuidanceServer`] sends each client, of each source that is watched, its state in words, the picture that an answer is about
//! and the answer as a label map; logits, if it asks for them. What may be shown is `live`'s to say; where there is no mask to
//! show, the label map that is sent is empty, so that none stays on a screen. Knows no engine.
//!
//! Research use only. Not for clinical use.

mod client;
mod config;
mod names;
mod server;
mod socket;
mod standing;
mod teller;

pub use self::config::{BadGuidanceSetting, GuidanceConfig};
pub use self::server::{GuidanceError, GuidanceServer};
