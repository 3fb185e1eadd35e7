//! The edge of the program that touches hardware. Each device is a small trait with a real implementation and a runnable
//! fake, so that everything else is tested without a board.
//!
//! [`camera`]: whatever Linux shows as `/dev/video*`, as a source of video. [`gpio`]: lights and a foot switch by what they
//! are for, on the pins that a board has for it; [`panel`]: what they show and do. [`heat`]: how warm the board is, and
//! whether it is held back.
//!
//! Research use only. Not for clinical use.

pub mod camera;
mod ending;
pub mod gpio;
pub mod heat;
pub mod panel;
