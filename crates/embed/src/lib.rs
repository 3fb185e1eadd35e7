//! The engine as a guest of somebody else's process: what its doors for C and for Python have in common.
//!
//! [`Guest`] opens a models folder and answers pictures, [`GuestLane`] takes the frames of a live source, the newest of which
//! wins. What goes wrong is a [`GuestError`] of one of few kinds, named as the HTTP API names its problems.
//!
//! Research use only. Not for clinical use.

mod fault;
mod file;
mod guest;
mod lane;
mod pixels;
mod places;

pub use fault::{GuestError, GuestFault};
pub use file::{FileObjects, FileWish};
pub use guest::{Guest, GuestOptions, GuestWish};
pub use lane::{GuestLane, GuestSight};
pub use pixels::frame_of;
pub use places::{ModelPlaces, find_models};
