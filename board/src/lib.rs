//! The edge of the program that touches hardware. Each device is a small trait with a real implementation and a runnable
//! fake, so that everything else is tested without a board.
//!
//! [`camera`]: whatever Linux shows as `/dev/video*`, as a source of video.
//!
//! Research use only. Not for clinical use.

pub mod camera;
