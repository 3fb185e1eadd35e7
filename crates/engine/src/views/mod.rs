//! One picture as several views, and the network's answers to them as one.

mod blend;
mod presence;
mod view;

pub use blend::Blend;
pub use presence::PresenceBlend;
pub use view::{View, Views};
