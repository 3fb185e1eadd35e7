use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{Failure, print, write};
use crate::engine::{LogitMap, Segmentation};
use crate::http::{self, reply};
use crate::render::npy;

/// What is written for each picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The mask, 8-bit grey, 0 or 255, at the picture's own size.
    Png,
    /// JSON with the mask as COCO run-length code.
    Rle,
    /// JSON with the mask as polygons (outer rings and holes).
    Polygons,
    /// The picture with the mask drawn over it, PNG.
    Overlay,
    /// JSON with everything, as the HTTP API gives it.
    Json,
    /// Low-resolution logits and patch map, two float32 .npy files.
    Npy,
}

/// Where a picture's output goes.
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// This file (for `npy`: the beginning of its two names).
    File(PathBuf),
    /// Into this folder, under this name plus the format's ending.
    Folder(PathBuf, String),
}

impl Format {
    /// Whether a terminal can show it.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Rle | Self::Polygons | Self::Json)
    }

    /// What distinguishes an output from its picture and from other formats' outputs.
    fn ending(self) -> &'static str {
        match self {
            Self::Png => "mask.png",
            Self::Rle => "rle.json",
            Self::Polygons => "polygons.json",
            Self::Overlay => "overlay.png",
            Self::Json => "json",
            Self::Npy => "npy",
        }
    }
}

/// Writes one result.
pub(super) fn put(result: &Segmentation, format: Format, target: &Target) -> Result<(), Failure> {
    let as_served = match format {
        Format::Npy => return put_npy(result, target),
        Format::Png => http::Format::Png,
        Format::Rle => http::Format::Rle,
        Format::Polygons => http::Format::Polygons,
        Format::Overlay => http::Format::Overlay,
        Format::Json => http::Format::Json,
    };
    let rendered = reply::render(result, as_served, format == Format::Json)
        .map_err(|problem| Failure::Failed(format!("{problem:?}")))?;
    match target {
        Target::Stdout => print_bytes(&rendered.bytes, format),
        Target::File(path) => write(path, &rendered.bytes),
        Target::Folder(dir, name) => write(&dir.join(format!("{name}.{}", format.ending())), &rendered.bytes),
    }
}
