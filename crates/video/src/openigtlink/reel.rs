//! Messages → the newest picture, and its place.

use std::ops::Range;

use igtl::{
    DeviceName, IgtlFault, IgtlHeader, ImageMessage, ImagePart, MessageBody, MessageSplitter,
    ScalarKind, SplitBounds, SplitStep,
};
use picture::frame::{Frame, FrameError, FrameLimits, significant_bits, to_eight_bits};

use crate::placement::Placement;
use crate::source::{Encoding, SourceError};
use crate::stream::Reel;

/// What a message may have beside its samples: its headers, and what else is said of it.
const BESIDE: usize = 64 << 10;
/// Longest message that is passed over.
const PASSED: u64 = 1 << 30;

/// Why an IMAGE message gives no picture.
#[derive(Debug, thiserror::Error)]
pub enum ImageRefusal {
    /// It is no message, or no image.
    #[error(transparent)]
    Fault(#[from] IgtlFault),
    /// Too large, or too small.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// A volume.
    #[error("an image of {0} slices is no picture")]
    Volume(u16),
    /// A part of one.
    #[error("a part of an image is no picture")]
    Part,
    /// Samples that are not known here.
    #[error("images of {components} x {} are not taken: 1 or 3 x uint8, or 1 x uint16", scalar.name())]
    Samples {
        /// Values of a sample.
        components: u8,
        /// What each is.
        scalar: ScalarKind,
    },
}

impl From<ImageRefusal> for SourceError {
    fn from(refusal: ImageRefusal) -> Self {
        Self::Garbage(refusal.into())
    }
}

/// Takes messages in, keeps the newest picture.
pub(super) struct ImageReel {
    limits: FrameLimits,
    /// Whose pictures are taken; once one was, that one's.
    device: Option<DeviceName>,
    splitter: MessageSplitter,
    newest: Option<NewestImage>,
    /// Of the newest picture.
    body: Vec<u8>,
    came: u64,
    /// Significant bits of deep samples so far: if they were each picture's own, its brightness would jump.
    bits: u8,
    placement: Option<Placement>,
}

/// A picture that was looked over.
struct NewestImage {
    header: IgtlHeader,
    /// Where in the body it is.
    content: Range<usize>,
}

impl ImageReel {
    pub fn new(device: Option<DeviceName>, limits: FrameLimits) -> Self {
        // As many bytes as pixels may have by either bound, and never more than decoding may take.
        let samples = limits.max_memory.min(limits.max_pixels.saturating_mul(3));
        let bounds = SplitBounds {
            kept: usize::try_from(samples).unwrap_or(usize::MAX / 2) + BESIDE,
            passed: PASSED,
        };
        Self {
            limits,
            device,
            splitter: MessageSplitter::new(bounds),
            newest: None,
            body: Vec::new(),
            came: 0,
            bits: 0,
            placement: None,
        }
    }

    /// Looks a message over that is whole, and keeps it if it is a picture.
    fn keep(&mut self, header: IgtlHeader) -> Result<(), ImageRefusal> {
        let body = MessageBody::read(&header, self.splitter.body())?;
        let content = body.at..body.at + body.content.len();
        self.check(&ImageMessage::read(body.content)?)?;
        self.device = Some(header.device);
        self.splitter.swap_body(&mut self.body);
        self.newest = Some(NewestImage { header, content });
        Ok(())
    }

    fn check(&self, image: &ImageMessage<'_>) -> Result<(), ImageRefusal> {
        let [width, height, slices] = image.size;
        if slices != 1 {
            return Err(ImageRefusal::Volume(slices));
        }
        if image.part != ImagePart::whole(image.size) {
            return Err(ImageRefusal::Part);
        }
        let (components, scalar) = (image.components, image.scalar);
        match (components, scalar) {
            (1 | 3, ScalarKind::Uint8) | (1, ScalarKind::Uint16) => {}
            _ => return Err(ImageRefusal::Samples { components, scalar }),
        }
        Ok(self.limits.check((width.into(), height.into()))?)
    }
}

impl Reel for ImageReel {
    fn room(&mut self) -> &mut [u8] {
        self.splitter.room()
    }

    fn filled(&mut self, count: usize) -> Result<(), SourceError> {
        if count == 0 {
            return Ok(());
        }
        let device = self.device;
        let wanted = |header: &IgtlHeader| {
            header.kind.is("IMAGE") && device.is_none_or(|device| device == header.device)
        };
        let step = self.splitter.filled(count, wanted);
        // Where the next message begins is not known any more.
        match step.map_err(|fault| SourceError::Unusable(fault.into()))? {
            SplitStep::Part | SplitStep::Passed(_) => Ok(()),
            SplitStep::Whole(header) => {
                self.came += 1;
                Ok(self.keep(header)?)
            }
        }
    }

    fn finish(&mut self) {}

    fn came(&self) -> u64 {
        self.came
    }

    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let Some(NewestImage { header, content }) = self.newest.take() else {
            return Err(SourceError::TimedOut);
        };
        let content = self.body.get(content).unwrap_or_default();
        let image = ImageMessage::read(content).map_err(ImageRefusal::from)?;
        let [width, height, _] = image.size.map(u32::from);
        canvas.reshape(width, height)?;
        self.placement = Some(Placement {
            axes: image.axes,
            stamp: header.stamp,
            ..Placement::of_matrix(&image.matrix, [width, height])
        });
        let rgb = canvas.rgb_mut();
        match (image.components, image.scalar) {
            (3, _) => {
                rgb.copy_from_slice(image.samples);
                return Ok(Encoding::Rgb);
            }
            (_, ScalarKind::Uint16) => {
                let words = || {
                    let pairs = image.samples.as_chunks::<2>().0.iter();
                    pairs.map(|pair| image.order.u16(*pair))
                };
                let highest = words().max().unwrap_or_default();
                self.bits = self.bits.max(significant_bits(highest));
                let bits = self.bits;
                write_grey(words().map(|word| to_eight_bits(word, bits)), rgb);
            }
            _ => write_grey(image.samples.iter().copied(), rgb),
        }
        Ok(Encoding::Grey)
    }

    fn placement(&self) -> Option<Placement> {
        self.placement
    }
}

fn write_grey(samples: impl Iterator<Item = u8>, rgb: &mut [u8]) {
    for (pixel, grey) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
        *pixel = [grey; 3];
    }
}
