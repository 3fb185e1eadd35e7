//! Moving pictures: where they come from, and what is done to each before anybody looks at it.
//!
//! [`source`] is the trait that every source has, real or fake. Knows no engine and no protocol of ours.
//!
//! Research use only. Not for clinical use.

pub mod convert;
pub mod mjpeg;
pub mod no_signal;
pub mod source;
pub mod stream;
pub mod y4m;
