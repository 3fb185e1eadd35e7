//! Moving pictures: where they come from, and what is done to each before anybody looks at it.
//!
//! [`source`] is the trait that every source has, real or fake. [`pipe`], [`http`], [`openigtlink`] and [`replay`] are sources, [`phantom`] is
//! one with a known truth; [`spec`] names them in a configuration. [`y4m`], [`mjpeg`] and [`avi`] are what comes through them,
//! [`stream`] finds pictures in it, [`picture_reader`] decodes them, [`convert`] makes raw samples RGB, [`prepare`] cuts, turns and mirrors as a [`viewfinder`]
//! says, [`placement`] is where a picture lies in the room, [`surround`] proposes what to cut off, [`no_signal`] knows what grabbers make up. Knows no engine and no protocol of ours.
//!
//! Research use only. Not for clinical use.

pub mod avi;
pub mod convert;
pub mod http;
pub mod mjpeg;
pub mod no_signal;
pub mod openigtlink;
pub mod phantom;
pub mod picture_reader;
pub mod pipe;
pub mod placement;
pub mod prepare;
pub mod replay;
pub mod source;
pub mod spec;
pub mod stream;
pub mod surround;
pub mod viewfinder;
pub mod y4m;
