//! How a picture's pixels are described (PS3.3, C.7.6.3).

use picture::frame::FrameLimits;

use crate::data::{DataSet, Tag};
use crate::error::DicomError;

/// What samples mean (PS3.3, C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    /// Grey, the least value white.
    Monochrome1,
    /// Grey, the least value black.
    Monochrome2,
    /// Numbers of colours in a table.
    Palette,
    /// Red, green, blue.
    Rgb,
    /// Luminance and two chrominances, all values used (JFIF).
    YbrFull,
    /// The same, chrominance for every second pixel.
    YbrFull422,
    /// JPEG 2000's irreversible colours.
    YbrIct,
    /// JPEG 2000's reversible colours.
    YbrRct,
}

const PHOTOMETRIC: [(&str, Photometric); 8] = [
    ("MONOCHROME1", Photometric::Monochrome1),
    ("MONOCHROME2", Photometric::Monochrome2),
    ("PALETTE COLOR", Photometric::Palette),
    ("RGB", Photometric::Rgb),
    ("YBR_FULL", Photometric::YbrFull),
    ("YBR_FULL_422", Photometric::YbrFull422),
    ("YBR_ICT", Photometric::YbrIct),
    ("YBR_RCT", Photometric::YbrRct),
];

impl Photometric {
    /// As DICOM spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = PHOTOMETRIC.iter().find(|(_, own)| *own == self);
        found.map_or("", |(name, _)| name)
    }

    /// Whether a window is for it.
    #[must_use]
    pub fn is_grey(self) -> bool {
        matches!(self, Self::Monochrome1 | Self::Monochrome2)
    }

    fn of(set: &DataSet) -> Result<Self, DicomError> {
        let text = set.text(Tag::PHOTOMETRIC);
        let text = text.ok_or(DicomError::Damaged("it does not say what its pixels mean"))?;
        let found = PHOTOMETRIC.iter().find(|(name, _)| *name == text);
        found.map(|(_, own)| *own).ok_or(DicomError::Unsupported(
            "its colours are neither grey, RGB, a palette nor YBR_FULL, _FULL_422, _ICT or _RCT",
        ))
    }
}

/// How one frame's samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleLayout {
    pub columns: u32,
    pub rows: u32,
    pub frames: u32,
    /// 1 or 3.
    pub samples: usize,
    /// Whether each sample has a plane of its own.
    pub planar: bool,
    /// Bytes of a sample, 1 or 2.
    pub bytes: usize,
    /// Bits of a sample that say something, and the bits below them that do not.
    pub stored: u32,
    pub shift: u32,
    pub signed: bool,
    pub photometric: Photometric,
}

impl SampleLayout {
    /// Of a data set, within the limits.
    pub fn of(set: &DataSet, limits: &FrameLimits) -> Result<Self, DicomError> {
        let word = |tag| set.word(tag).map(u32::from);
        let needed =
            |tag| word(tag).ok_or(DicomError::Damaged("it does not say how its pixels lie"));
        let (rows, columns) = (needed(Tag::ROWS)?, needed(Tag::COLUMNS)?);
        limits.check((columns, rows))?;
        let photometric = Photometric::of(set)?;
        let samples = word(Tag::SAMPLES_PER_PIXEL).unwrap_or(1);
        let expected = match photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette => 1,
            _ => 3,
        };
        if samples != expected {
            return Err(DicomError::Damaged(
                "its colours and its samples do not go together",
            ));
        }
        let allocated = needed(Tag::BITS_ALLOCATED)?;
        let stored = word(Tag::BITS_STORED).unwrap_or(allocated);
        let high = word(Tag::HIGH_BIT).unwrap_or(stored.saturating_sub(1));
        match (allocated, samples) {
            (8, _) | (16, 1) => {}
            (1, _) => {
                return Err(DicomError::Unsupported(
                    "it has 1 bit a pixel, as segmentations do",
                ));
            }
            (16, _) => {
                return Err(DicomError::Unsupported(
                    "it is in colour with more than 8 bits a sample",
                ));
            }
            _ => {
                return Err(DicomError::Unsupported(
                    "its samples have neither 8 nor 16 bits",
                ));
            }
        }
        if stored == 0 || stored > high + 1 || high >= allocated {
            return Err(DicomError::Damaged("its samples have more bits than room"));
        }
        if samples == 3 && stored != 8 {
            return Err(DicomError::Unsupported(
                "it is in colour with other than 8 bits a sample",
            ));
        }
        Ok(Self {
            columns,
            rows,
            frames: frames(set)?,
            samples: samples as usize,
            planar: word(Tag::PLANAR) == Some(1) && samples == 3,
            bytes: allocated as usize / 8,
            stored,
            shift: high + 1 - stored,
            signed: word(Tag::PIXEL_REPRESENTATION) == Some(1),
            photometric,
        })
    }

    /// Of a frame.
    pub fn pixels(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Samples of a frame, decoded.
    pub fn values(&self) -> usize {
        self.pixels() * self.samples
    }

    /// Bytes of a frame that is not compressed.
    pub fn native(&self) -> u64 {
        let bytes = match self.photometric {
            Photometric::YbrFull422 => self.pixels() * 2,
            _ => self.values() * self.bytes,
        };
        bytes as u64
    }

    /// A stored sample's bits → its value.
    pub fn value(&self, index: u32) -> i32 {
        let value = index.cast_signed();
        match self.signed && index >> (self.stored - 1) == 1 {
            true => value - (1 << self.stored),
            false => value,
        }
    }

    /// The bits of a sample that say something.
    pub fn index(&self, sample: u16) -> usize {
        let mask = (1_u32 << self.stored) - 1;
        (u32::from(sample) >> self.shift & mask) as usize
    }
}

fn frames(set: &DataSet) -> Result<u32, DicomError> {
    let Some(number) = set.text(Tag::FRAMES) else {
        return Ok(1);
    };
    let number = number.parse().ok().filter(|frames: &u32| *frames > 0);
    number.ok_or(DicomError::Damaged("its number of frames is no number"))
}
