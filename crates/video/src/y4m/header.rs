//! The line that a stream begins with.

use std::time::Duration;

use picture::frame::FrameLimits;

use super::error::{Y4M_LINE, Y4mError};
use super::line::{Y4M_MAGIC, line};
use crate::convert::{Plane, Planes, RawPicture, Subsampling, YuvRange, YuvStandard};
use crate::source::Encoding;

/// What a stream says of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Y4mHeader {
    /// Width and height in pixels, within the limits it was read with.
    pub size: [u32; 2],
    /// Pictures in so many seconds, where it says so (`F30000:1001`).
    pub rate: Option<[u32; 2]>,
    /// Its planes.
    pub colours: Y4mColours,
    /// Which values they take: limited, unless `XCOLORRANGE=FULL`.
    pub range: YuvRange,
}

/// The planes of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Y4mColours {
    /// Luma alone.
    Mono,
    /// Luma and chroma.
    Colour(Subsampling),
}

impl Y4mHeader {
    /// Reads it from the first bytes of a stream; gives how many it takes as well. `None` if `bytes` do not reach its end.
    ///
    /// # Errors
    /// [`Y4mError`].
    pub fn read(bytes: &[u8], limits: &FrameLimits) -> Result<Option<(Self, usize)>, Y4mError> {
        let known = bytes.len().min(Y4M_MAGIC.len());
        if bytes[..known] != Y4M_MAGIC[..known] {
            return Err(Y4mError::NotY4m);
        }
        let Some(line) = line(bytes) else {
            return match bytes.len() < Y4M_LINE {
                true => Ok(None),
                false => Err(Y4mError::LongLine),
            };
        };
        let parameters = line.get(Y4M_MAGIC.len()..).unwrap_or_default();
        let header = Self::parse(parameters, limits)?;
        Ok(Some((header, line.len() + 1)))
    }

    fn parse(parameters: &[u8], limits: &FrameLimits) -> Result<Self, Y4mError> {
        let (mut width, mut height) = (None, None);
        let (mut rate, mut range) = (None, YuvRange::Limited);
        let mut colours = Y4mColours::Colour(Subsampling::Yuv420);
        for parameter in parameters.split(|byte| *byte == b' ') {
            let text = || String::from_utf8_lossy(parameter).into_owned();
            let wrong = || Y4mError::Parameter(text());
            match parameter {
                [b'W', digits @ ..] => width = Some(number(digits).ok_or_else(wrong)?),
                [b'H', digits @ ..] => height = Some(number(digits).ok_or_else(wrong)?),
                [b'F', ratio @ ..] => rate = known(ratio).ok_or_else(wrong)?,
                // `?`: not known.
                [] | [b'I', b'p' | b'?'] => {}
                [b'I', b't' | b'b' | b'm'] => return Err(Y4mError::Interlaced),
                [b'I', ..] => return Err(wrong()),
                [b'C', name @ ..] => {
                    colours = Y4mColours::named(name).ok_or_else(|| Y4mError::Colours(text()))?;
                }
                b"XCOLORRANGE=FULL" => range = YuvRange::Full,
                // Aspect of a pixel, comments, what others add.
                _ => {}
            }
        }
        let size = [
            width.ok_or(Y4mError::Missing("width"))?,
            height.ok_or(Y4mError::Missing("height"))?,
        ];
        limits.check(size.into())?;
        Ok(Self {
            size,
            rate,
            colours,
            range,
        })
    }

    /// Bytes of a picture, its line not counted. They fit memory: the size was checked.
    #[must_use]
    pub fn picture_bytes(&self) -> usize {
        let area = |[columns, rows]: [usize; 2]| columns * rows;
        match self.colours {
            Y4mColours::Mono => area(self.size.map(|side| side as usize)),
            Y4mColours::Colour(subsampling) => {
                let [luma, chroma] = subsampling.planes(self.size);
                area(luma) + 2 * area(chroma)
            }
        }
    }

    /// How long a picture is shown, where it says so.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let [pictures, seconds] = self.rate?.map(u64::from);
        Some(Duration::from_nanos(1_000_000_000 * seconds / pictures))
    }

    /// How its pictures come, as sources say it.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.colours {
            Y4mColours::Mono => Encoding::Grey,
            Y4mColours::Colour(_) => Encoding::Planar,
        }
    }

    /// A picture of such a stream.
    #[must_use]
    pub fn picture<'a>(&self, bytes: &'a [u8]) -> RawPicture<'a> {
        let stride = self.size[0] as usize;
        let planes = match self.colours {
            Y4mColours::Mono => Planes::Grey(Plane { bytes, stride }),
            Y4mColours::Colour(subsampling) => Planes::planar(bytes, self.size, subsampling),
        };
        RawPicture {
            size: self.size,
            range: self.range,
            // No header says another: see the module.
            standard: YuvStandard::Bt601,
            planes,
        }
    }
}

impl Y4mColours {
    /// By the name after `C`. Those of 4:2:0 differ in where chroma lies by half a pixel or less.
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"420" | b"420jpeg" | b"420mpeg2" | b"420paldv" => {
                Some(Self::Colour(Subsampling::Yuv420))
            }
            b"422" => Some(Self::Colour(Subsampling::Yuv422)),
            b"444" => Some(Self::Colour(Subsampling::Yuv444)),
            b"mono" => Some(Self::Mono),
            _ => None,
        }
    }
}

/// Digits alone, as a number above 0.
fn number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number > 0).then_some(number)
}

/// A rate; `0:0` says that it is not known.
fn known(ratio: &[u8]) -> Option<Option<[u32; 2]>> {
    if ratio == b"0:0" {
        return Some(None);
    }
    let colon = ratio.iter().position(|byte| *byte == b':')?;
    let (pictures, seconds) = (number(&ratio[..colon])?, number(&ratio[colon + 1..])?);
    Some(Some([pictures, seconds]))
}
