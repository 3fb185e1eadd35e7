use std::path::PathBuf;

use clap::ValueEnum;

use super::{Failure, print, write};
use http;
use picture::render::npy;
use picture::scale::PixelSize;
use picture::segmenter::Segmentation;

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

/// The files that [`put`] writes.
pub(super) fn paths(format: Format, target: &Target) -> Vec<PathBuf> {
    match (format, target) {
        (_, Target::Stdout) => Vec::new(),
        (Format::Npy, target) => NPY_PARTS
            .iter()
            .filter_map(|part| npy_path(target, part))
            .collect(),
        (_, Target::File(path)) => vec![path.clone()],
        (format, Target::Folder(dir, name)) => {
            vec![dir.join(format!("{name}.{}", format.ending()))]
        }
    }
}

/// Writes one result.
pub(super) fn put(
    result: Segmentation,
    format: Format,
    pixel: Option<PixelSize>,
    target: &Target,
) -> Result<(), Failure> {
    let as_served = match format {
        Format::Npy => return put_npy(&result, target),
        Format::Png => http::Format::Png,
        Format::Rle => http::Format::Rle,
        Format::Polygons => http::Format::Polygons,
        Format::Overlay => http::Format::Overlay,
        Format::Json => http::Format::Json,
    };
    let extras = http::Extras {
        patch: format == Format::Json,
        pixel,
    };
    let mut bytes = http::render(result, as_served, extras)
        .map_err(|problem| Failure::Failed(problem.detail))?
        .bytes;
    if format.is_text() {
        bytes.push(b'\n');
    }
    match paths(format, target).as_slice() {
        [] => print(&bytes),
        paths => paths.iter().try_for_each(|path| write(path, &bytes)),
    }
}

/// What the two files of `npy` hold, each `[side, side]` float32.
const NPY_PARTS: [&str; 2] = ["low_res", "patch"];

/// `NAME.PART.npy`; an `.npy` at the end of a file's name is put there, not doubled.
fn npy_path(target: &Target, part: &str) -> Option<PathBuf> {
    let name = match target {
        Target::Stdout => return None,
        Target::File(path) if path.extension().is_some_and(|ending| ending == "npy") => {
            path.with_extension("")
        }
        Target::File(path) => path.clone(),
        Target::Folder(dir, name) => dir.join(name),
    };
    // Not `with_extension`: a dot in the picture's name is no ending.
    let mut path = name.into_os_string();
    path.push(format!(".{part}.npy"));
    Some(path.into())
}

fn put_npy(result: &Segmentation, target: &Target) -> Result<(), Failure> {
    for (part, map) in NPY_PARTS.iter().zip([&result.low_res, &result.patch]) {
        let bytes = npy::write(&[map.side(), map.side()], map.logits())
            .map_err(|error| Failure::Failed(error.to_string()))?;
        let Some(path) = npy_path(target, part) else {
            return Err(Failure::Usage("npy is two files: say where with -o".into()));
        };
        write(&path, &bytes)?;
    }
    Ok(())
}
