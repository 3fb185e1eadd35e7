use std::path::PathBuf;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::console::print;
use super::failure::Failure;
use super::files::write;
use super::frames_file::FramesFile;
use picture::render::npy;
use picture::report::{Extras, Form, render};
use picture::segmenter::Segmentation;

/// What is written for each picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The result in a form that every door has.
    Report(Form),
    /// Low-resolution logits and patch map.
    Npy,
    /// The masks of all frames that were asked for, one after the other.
    Nifti,
}

impl ValueEnum for Written {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Written>> = LazyLock::new(|| {
            let forms = Form::ALL.iter().copied().map(Written::Report);
            forms.chain([Written::Npy, Written::Nifti]).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, about) = match self {
            Self::Report(form) => (form.name(), form.about().trim_end_matches('.')),
            Self::Npy => (
                "npy",
                "Low-resolution logits and patch map, two float32 .npy files",
            ),
            Self::Nifti => (
                "nifti",
                "The masks of all frames that were asked for as NIfTI-1, one after the other, gzip",
            ),
        };
        Some(PossibleValue::new(name).help(about))
    }
}

impl Written {
    /// The DICOM objects that are made; none for what is no such form. With a report comes the segmentation that it refers to.
    pub(super) fn objects(self) -> &'static [Form] {
        match self {
            Self::Report(form) => form.objects(),
            Self::Npy | Self::Nifti => &[],
        }
    }

    /// Whether all frames of a file go into one of these.
    pub(super) fn holds_all_frames(self) -> bool {
        match self {
            Self::Nifti => true,
            Self::Report(form) => form.holds_all_frames(),
            Self::Npy => false,
        }
    }

    /// Whether a terminal can show it.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Report(form) if form.is_text())
    }
}

/// Where a picture's output goes.
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// This file (for `npy`: the beginning of its two names).
    File(PathBuf),
    /// Into this folder, under this name plus the form's ending.
    Folder(PathBuf, String),
}

/// The files that [`put`] writes.
pub(super) fn paths(written: Written, target: &Target) -> Vec<PathBuf> {
    match (written, target) {
        (_, Target::Stdout) => Vec::new(),
        (Written::Npy, target) => NPY_PARTS
            .iter()
            .filter_map(|part| npy_path(target, part))
            .collect(),
        // The report's segmentation lies beside it.
        (Written::Report(form), Target::File(path)) if let [beside, _] = form.objects() => {
            vec![path.with_extension(beside.ending()), path.clone()]
        }
        (Written::Report(form), Target::Folder(dir, name)) if !form.objects().is_empty() => {
            let objects = form.objects().iter();
            let named = objects.map(|form| dir.join(format!("{name}.{}", form.ending())));
            named.collect()
        }
        (_, Target::File(path)) => vec![path.clone()],
        (Written::Nifti, Target::Folder(dir, name)) => vec![dir.join(format!("{name}.nii.gz"))],
        (Written::Report(form), Target::Folder(dir, name)) => {
            vec![dir.join(format!("{name}.{}", form.ending()))]
        }
    }
}

/// Writes one result. Gives what is to be doubted about it, if what was written has no words for it.
pub(super) fn put(
    result: Segmentation,
    written: Written,
    target: &Target,
    extras: Extras,
) -> Result<Option<String>, Failure> {
    let form = match written {
        Written::Report(form) => form,
        Written::Npy => return put_npy(&result, target).map(|()| None),
        Written::Nifti => return Err(Failure::Failed("a stack is put together first".into())),
    };
    let extras = Extras {
        patch: form == Form::Json,
        ..extras
    };
    let rendered =
        render(result, form, extras).map_err(|error| Failure::Failed(error.to_string()))?;
    let mut bytes = rendered.bytes;
    if form.is_text() {
        bytes.push(b'\n');
    }
    match paths(written, target).as_slice() {
        [] => print(&bytes),
        paths => paths.iter().try_for_each(|path| write(path, &bytes)),
    }?;
    Ok(rendered.doubts.filter(|_| !form.is_report()))
}

/// Writes what was put together, DICOM objects in the order of [`Written::objects`].
pub(super) fn put_frames_files(
    files: Vec<FramesFile>,
    written: Written,
    target: &Target,
) -> Result<(), Failure> {
    let paths = paths(written, target);
    for (number, file) in files.into_iter().enumerate() {
        let bytes = file.finish()?;
        match paths.get(number) {
            Some(path) => write(path, &bytes)?,
            None => print(&bytes)?,
        }
    }
    Ok(())
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
