//! Moving pictures: where they come from, and what is done to each before anybody looks at it.
//!
//! [`source`] is the trait that every source has, real or fake; [`phantom`] is one with a known truth. Knows no engine and no protocol of ours.
//!
//! Research use only. Not for clinical use.

pub mod phantom;
pub mod source;
