//! First boot: a camera, its picture, a modality, a crop, a pixel's size and a foot switch, asked for one by one → the
//! configuration file, in which all else stays as it was.

mod dialogue;
mod draft;
mod steps;

pub use dialogue::{Console, Dialogue};
pub use draft::{Draft, DraftError};
pub use steps::{Preview, SetupError, Surroundings, run};
