//! One picture as several views, and the network's answers to them as one.

mod blend;
mod view;

pub use blend::Blend;
pub use view::{View, Views};
