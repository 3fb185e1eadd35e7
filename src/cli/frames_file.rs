//! Files that hold the results of several frames, put together one by one.

use super::failure::Failure;
use dicom::DicomAnswer;
use picture::render::nifti::{MaskStack, StackShape};
use picture::scale::Scale;
use picture::segmenter::Segmentation;

/// A file in the making.
pub(super) enum FramesFile {
    /// A DICOM object.
    Object(Box<DicomAnswer>),
    /// A stack of masks, of so many.
    Stack {
        /// How many masks there will be.
        count: u32,
        /// Begun with the first, which tells their size.
        begun: Option<Box<MaskStack<Vec<u8>>>>,
    },
}

impl FramesFile {
    /// Takes in the result of a frame, from 0 (0 of a picture that has no frames).
    pub(super) fn add(&mut self, frame: u32, result: Segmentation) -> Result<(), Failure> {
        match self {
            Self::Object(answer) => answer.add(frame, result).map_err(failed),
            Self::Stack { count, begun } => {
                let stack = match begun {
                    Some(stack) => stack,
                    none => none.insert(Box::new(begin(*count, &result)?)),
                };
                stack.put(&result.mask).map_err(failed)
            }
        }
    }

    /// The file's bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Object(answer) => answer.finish().map_err(failed),
            Self::Stack { begun, .. } => {
                let stack = begun.ok_or_else(|| Failure::Failed("there is no mask".into()))?;
                stack.finish().map_err(failed)
            }
        }
    }
}

fn begin(count: u32, first: &Segmentation) -> Result<MaskStack<Vec<u8>>, Failure> {
    let shape = StackShape {
        size: first.mask.size(),
        count,
        pixel: match first.scale {
            Scale::Uniform(pixel) => Some(pixel),
            Scale::Unknown | Scale::Regions(_) => None,
        },
        seconds: None,
    };
    MaskStack::begin(Vec::new(), shape).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}
