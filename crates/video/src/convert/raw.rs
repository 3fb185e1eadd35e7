//! A raw picture: where its samples lie, and whether they are all there.

use picture::frame::{Frame, FrameError};

use super::matrix::{LANES, YuvMatrix, YuvRange, YuvRun, YuvStandard};

/// Samples in rows.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// From the first row on.
    pub bytes: &'a [u8],
    /// Bytes from the start of a row to the start of the next (V4L2: `bytesperline`).
    pub stride: usize,
}

/// A picture of 8-bit samples.
#[derive(Clone, Copy, Debug)]
pub struct RawPicture<'a> {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Which values its luma and chroma take; RGB has none of them.
    pub range: YuvRange,
    /// How they are made of red, green and blue.
    pub standard: YuvStandard,
    /// Its samples.
    pub planes: Planes<'a>,
}

/// Samples as they lie. Where a chroma sample stands for two columns or rows, an odd side is rounded up.
#[derive(Clone, Copy, Debug)]
pub enum Planes<'a> {
    /// R G B (V4L2 `RGB3`).
    Rgb(Plane<'a>),
    /// Luma alone (V4L2 `GREY`, Y4M `Cmono`).
    Grey(Plane<'a>),
    /// Y U Y V (V4L2 `YUYV`).
    Yuyv(Plane<'a>),
    /// 4:2:0 with U V interleaved (V4L2 `NV12`).
    Nv12 {
        /// Y.
        luma: Plane<'a>,
        /// U V.
        chroma: Plane<'a>,
    },
    /// A plane for each.
    Planar {
        /// Y.
        luma: Plane<'a>,
        /// U, that is Cb.
        cb: Plane<'a>,
        /// V, that is Cr.
        cr: Plane<'a>,
        /// How many pixels share a sample of chroma.
        subsampling: Subsampling,
    },
}

/// How many pixels share a sample of chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subsampling {
    /// 4:2:0, two columns and two rows.
    Yuv420,
    /// 4:2:2, two columns.
    Yuv422,
    /// 4:4:4, none.
    Yuv444,
}

/// Why samples are no picture.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// The size is none.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// A plane ends early, or its rows overlap.
    #[error("a plane of {rows} rows of {row} bytes, {stride} apart, does not lie in {found} bytes")]
    Plane {
        /// Rows it must have.
        rows: usize,
        /// Bytes of a row.
        row: usize,
        /// [`Plane::stride`].
        stride: usize,
        /// Bytes that are there.
        found: usize,
    },
}

impl<'a> Planes<'a> {
    /// [`Planes::Nv12`] in one piece: both planes have one stride, chroma comes straight after luma's `height` rows.
    #[must_use]
    pub fn nv12(bytes: &'a [u8], stride: usize, height: u32) -> Self {
        let (luma, chroma) = split(bytes, stride.saturating_mul(height as usize));
        Self::Nv12 {
            luma: Plane {
                bytes: luma,
                stride,
            },
            chroma: Plane {
                bytes: chroma,
                stride,
            },
        }
    }

    /// [`Planes::Planar`] in one piece without gaps, as Y4M has it.
    #[must_use]
    pub fn planar(bytes: &'a [u8], size: [u32; 2], subsampling: Subsampling) -> Self {
        let [luma, chroma] = subsampling.planes(size);
        let (first, rest) = split(bytes, luma[0].saturating_mul(luma[1]));
        let (second, third) = split(rest, chroma[0].saturating_mul(chroma[1]));
        let plane = |bytes, stride| Plane { bytes, stride };
        Self::Planar {
            luma: plane(first, luma[0]),
            cb: plane(second, chroma[0]),
            cr: plane(third, chroma[0]),
            subsampling,
        }
    }
}

/// What is missing is missed later, by the plane's own check.
fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at(at.min(bytes.len()))
}

impl Subsampling {
    /// Columns and rows of the luma plane and of a chroma plane.
    #[must_use]
    pub fn planes(self, size: [u32; 2]) -> [[usize; 2]; 2] {
        let [width, height] = size.map(|side| side as usize);
        let chroma = match self {
            Self::Yuv420 => [width.div_ceil(2), height.div_ceil(2)],
            Self::Yuv422 => [width.div_ceil(2), height],
            Self::Yuv444 => [width, height],
        };
        [[width, height], chroma]
    }
}

impl<'a> Plane<'a> {
    /// Whether so many rows of so many bytes lie in it.
    fn check(&self, rows: usize, row: usize) -> Result<(), RawError> {
        let last = self.stride.checked_mul(rows.saturating_sub(1));
        let need = last.and_then(|last| last.checked_add(row));
        match need {
            Some(need) if need <= self.bytes.len() && row <= self.stride => Ok(()),
            _ => Err(RawError::Plane {
                rows,
                row,
                stride: self.stride,
                found: self.bytes.len(),
            }),
        }
    }

    /// A row from byte `from` on; it was checked that it is there.
    fn row(&self, row: usize, from: usize) -> &'a [u8] {
        &self.bytes[row * self.stride + from..]
    }
}

impl RawPicture<'_> {
    /// Writes it as RGB into a frame, in the memory that it has: nothing is allocated for a second picture of one size.
    ///
    /// # Errors
    /// [`RawError`]; the frame is then as it was.
    pub fn write(&self, frame: &mut Frame) -> Result<(), RawError> {
        self.check()?;
        let [width, height] = self.size;
        frame.reshape(width, height)?;
        let matrix = YuvMatrix::of(self.standard, self.range);
        let rows = frame.rgb_mut().chunks_exact_mut(3 * width as usize);
        for (y, row) in rows.enumerate() {
            match self.planes {
                Planes::Rgb(plane) => row.copy_from_slice(&plane.row(y, 0)[..row.len()]),
                Planes::Grey(plane) if self.range == YuvRange::Full => {
                    for (pixel, luma) in row.as_chunks_mut::<3>().0.iter_mut().zip(plane.row(y, 0))
                    {
                        *pixel = [*luma; 3];
                    }
                }
                _ => self.write_row(y, row, &matrix),
            }
        }
        Ok(())
    }

    fn write_row(&self, y: usize, row: &mut [u8], matrix: &YuvMatrix) {
        let mut run = YuvRun::NEUTRAL;
        for (i, rgb) in row.chunks_mut(3 * LANES).enumerate() {
            self.fetch([i * LANES, y], rgb.len() / 3, &mut run);
            run.write(matrix, rgb);
        }
    }

    /// Fetches the samples of a run of pixels; its first column is even, and so is [`LANES`].
    fn fetch(&self, [x, y]: [usize; 2], count: usize, run: &mut YuvRun) {
        let YuvRun { luma, cb, cr } = run;
        match self.planes {
            Planes::Rgb(plane) | Planes::Grey(plane) => copy(plane.row(y, x), count, luma),
            Planes::Yuyv(plane) => {
                let macropixels = plane.row(y, 2 * x).as_chunks::<4>().0;
                let pairs = pairs(luma).iter_mut().zip(pairs(cb)).zip(pairs(cr));
                for (((luma, cb), cr), [first, u, second, v]) in pairs.zip(macropixels) {
                    *luma = [*first, *second];
                    *cb = [*u; 2];
                    *cr = [*v; 2];
                }
            }
            Planes::Nv12 {
                luma: plane,
                chroma,
            } => {
                copy(plane.row(y, x), count, luma);
                let both = chroma.row(y / 2, x).as_chunks::<2>().0;
                for ((cb, cr), [u, v]) in pairs(cb).iter_mut().zip(pairs(cr)).zip(both) {
                    *cb = [*u; 2];
                    *cr = [*v; 2];
                }
            }
            Planes::Planar {
                luma: plane,
                cb: plane_cb,
                cr: plane_cr,
                subsampling,
            } => {
                copy(plane.row(y, x), count, luma);
                for (to, from) in [(cb, plane_cb), (cr, plane_cr)] {
                    match subsampling {
                        Subsampling::Yuv420 => repeat(from.row(y / 2, x / 2), to),
                        Subsampling::Yuv422 => repeat(from.row(y, x / 2), to),
                        Subsampling::Yuv444 => copy(from.row(y, x), count, to),
                    }
                }
            }
        }
    }

    /// Whether all samples are there.
    fn check(&self) -> Result<(), RawError> {
        let [width, height] = self.size.map(|side| side as usize);
        let wide = |factor: usize| width.saturating_mul(factor);
        let pairs = width.div_ceil(2);
        match self.planes {
            Planes::Rgb(plane) => plane.check(height, wide(3)),
            Planes::Grey(plane) => plane.check(height, width),
            Planes::Yuyv(plane) => plane.check(height, pairs.saturating_mul(4)),
            Planes::Nv12 { luma, chroma } => {
                luma.check(height, width)?;
                chroma.check(height.div_ceil(2), pairs.saturating_mul(2))
            }
            Planes::Planar {
                luma,
                cb,
                cr,
                subsampling,
            } => {
                let [_, [columns, rows]] = subsampling.planes(self.size);
                luma.check(height, width)?;
                cb.check(rows, columns)?;
                cr.check(rows, columns)
            }
        }
    }
}

fn copy(from: &[u8], count: usize, to: &mut [u8; LANES]) {
    match from.first_chunk() {
        Some(whole) => *to = *whole,
        None => to[..count].copy_from_slice(&from[..count]),
    }
}

/// Each sample twice. What follows the last pixel of a row is nobody's.
fn repeat(from: &[u8], to: &mut [u8; LANES]) {
    for (pair, sample) in pairs(to).iter_mut().zip(from) {
        *pair = [*sample; 2];
    }
}

fn pairs(samples: &mut [u8; LANES]) -> &mut [[u8; 2]] {
    samples.as_chunks_mut().0
}
