//! Cameras and grabbers as they are listed for people.

use std::path::PathBuf;

use video::source::Encoding;

/// A camera or grabber that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedCamera {
    /// Its node: `/dev/video0`. May be another one after replugging.
    pub path: PathBuf,
    /// A name that stays the same, to be written into a configuration.
    pub stable: Option<PathBuf>,
    /// What its maker calls it.
    pub card: String,
    /// Why it cannot be used, in words.
    pub problem: Option<String>,
    /// What it offers.
    pub formats: Vec<CameraFormat>,
}

/// A pixel format that a camera offers.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraFormat {
    /// Its four characters: `MJPG`.
    pub code: String,
    /// The same in a configuration's terms; `None` if it is not read here.
    pub encoding: Option<Encoding>,
    /// In which sizes; empty if the driver does not say.
    pub sizes: Vec<CameraSize>,
}

/// A size, or a range of sizes, of a format. Columns, rows.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSize {
    /// The smallest.
    pub smallest: [u32; 2],
    /// The largest: the same, if there is only one.
    pub largest: [u32; 2],
    /// From one to the next.
    pub step: [u32; 2],
    /// Pictures a second at the largest; empty if the driver does not say.
    pub fps: Vec<f32>,
}
