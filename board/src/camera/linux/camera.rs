//! One of Linux's cameras, opened.

use std::io;
use std::path::Path;
use std::time::Duration;

use linuxvideo::InputStatus;
use moq_v4l::buffer::{Flags, Metadata, Type};
use moq_v4l::format::{Colorspace, Quantization};
use moq_v4l::frameinterval::FrameIntervalEnum;
use moq_v4l::framesize::{FrameSizeEnum, Stepwise};
use moq_v4l::io::traits::{CaptureStream, Stream};
use moq_v4l::prelude::MmapStream;
use moq_v4l::video::Capture;
use moq_v4l::video::capture::Parameters;
use moq_v4l::{Device, Format, FourCC, Fraction};
use rustix::time::{ClockId, clock_gettime};
use video::convert::{YuvRange, YuvStandard};

use super::super::device::{Camera, Filled, InputSignal};
use super::super::format::{CameraMode, OfferedFormat, OfferedSize, PixelCode, PixelLayout};
use super::guarded;

/// One is read, one waits, two are filled.
const BUFFERS: u32 = 4;

/// The kernel's limit of buffers in a queue (`VIDEO_MAX_FRAME`).
const MOST_BUFFERS: usize = 32;

/// `poll`'s "there is something to read" (`POLLIN`).
const READABLE: i16 = 1;

/// An open node.
pub(super) struct LinuxCamera {
    device: Device,
    /// The node once more, for the state of its inputs.
    inputs: Option<linuxvideo::Device>,
    stream: Option<Streaming>,
}

struct Streaming {
    buffers: MmapStream<'static>,
    /// The library gives a buffer back when it takes the next, so it must have taken one.
    begun: bool,
}

impl LinuxCamera {
    pub fn new(device: Device, path: &Path) -> Self {
        let inputs = guarded(|| linuxvideo::Device::open(path)).ok();
        Self {
            device,
            inputs,
            stream: None,
        }
    }

    /// The library panics if a stream cannot be stopped.
    fn stop(&mut self) {
        let stream = self.stream.take();
        let _ = guarded(|| {
            drop(stream);
            Ok(())
        });
    }
}

impl Camera for LinuxCamera {
    fn offers(&mut self) -> io::Result<Vec<OfferedFormat>> {
        guarded(|| {
            let formats = self.device.enum_formats()?.into_iter();
            let offer = |fourcc: FourCC| OfferedFormat {
                code: PixelCode(fourcc.repr),
                sizes: sizes(&self.device, fourcc),
            };
            Ok(formats.map(|format| offer(format.fourcc)).collect())
        })
    }

    fn start(&mut self, mode: &CameraMode) -> io::Result<PixelLayout> {
        self.stop();
        let [width, height] = mode.size;
        let wanted = Format::new(width, height, FourCC::new(&mode.code.0));
        guarded(|| self.device.set_format(&wanted))?;
        if let Some(fps) = mode.fps.filter(|fps| *fps > 0.0) {
            let interval = Fraction::new(1000, (1000.0 * fps).round() as u32);
            // A grabber has its signal's rate and refuses any other.
            let _ = guarded(|| self.device.set_params(&Parameters::new(interval)));
        }
        let layout = self.layout()?;
        self.stream = Some(guarded(|| Streaming::start(&self.device))?);
        Ok(layout)
    }

    fn layout(&mut self) -> io::Result<PixelLayout> {
        guarded(|| Capture::format(&self.device)).map(|format| layout(&format))
    }

    fn wait(&mut self, at_most: Duration) -> io::Result<bool> {
        ready(&self.device, at_most)
    }

    fn take(&mut self) -> io::Result<Option<Filled<'_>>> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        if !ready(&self.device, Duration::ZERO)? {
            return Ok(None);
        }
        if !stream.begun {
            guarded(|| CaptureStream::dequeue(&mut stream.buffers))?;
            stream.begun = true;
            return Ok(None);
        }
        let (bytes, said) = guarded(|| CaptureStream::next(&mut stream.buffers))?;
        let used = bytes.get(..said.bytesused as usize);
        Ok(Some(Filled {
            bytes: used.unwrap_or_default(),
            sequence: said.sequence,
            age: age(said),
            damaged: used.is_none() || said.flags.contains(Flags::ERROR),
            more: ready(&self.device, Duration::ZERO)?,
        }))
    }

    fn signal(&mut self) -> InputSignal {
        let absent = InputStatus::NO_POWER | InputStatus::NO_SIGNAL | InputStatus::NO_SYNC;
        let status = guarded(|| {
            let Some(device) = &self.inputs else {
                return Ok(InputStatus::empty());
            };
            let mut inputs = device.inputs();
            // The state is that of the input in use, and of several it is not known which that is.
            match (inputs.next(), inputs.next()) {
                (Some(only), None) => Ok(only?.status()),
                _ => Ok(InputStatus::empty()),
            }
        });
        match status {
            Ok(status) if status.intersects(absent) => InputSignal::Absent,
            _ => InputSignal::Present,
        }
    }
}

impl Drop for LinuxCamera {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Streaming {
    /// Hands all buffers to the driver and starts it. By hand, since the library would wait for the first picture.
    fn start(device: &Device) -> io::Result<Self> {
        let mut buffers = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        buffers.set_timeout(Duration::ZERO);
        CaptureStream::queue(&mut buffers, 0)?;
        // As many as the driver has made: it refuses the first that there is not.
        for index in 1..MOST_BUFFERS {
            if CaptureStream::queue(&mut buffers, index).is_err() {
                break;
            }
        }
        buffers.start()?;
        Ok(Self {
            buffers,
            begun: false,
        })
    }
}

/// Whether a buffer is filled, or something is wrong, within that time.
fn ready(device: &Device, at_most: Duration) -> io::Result<bool> {
    let whole = at_most.as_nanos().div_ceil(1_000_000);
    let milliseconds = i32::try_from(whole).unwrap_or(i32::MAX);
    match guarded(|| device.handle().poll(READABLE, milliseconds)) {
        Ok(count) => Ok(count > 0),
        // By a signal (the process's, not the camera's): whoever waits looks at the time and waits on.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// How long ago a buffer's picture was taken, if its driver tells time by the clock that never jumps.
fn age(said: &Metadata) -> Option<Duration> {
    if said.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return None;
    }
    let now = clock_gettime(ClockId::Monotonic);
    let now = 1_000_000 * now.tv_sec as i128 + now.tv_nsec as i128 / 1000;
    let taken = 1_000_000 * said.timestamp.sec as i128 + said.timestamp.usec as i128;
    u64::try_from(now - taken).ok().map(Duration::from_micros)
}

fn layout(format: &Format) -> PixelLayout {
    let full = match format.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        // V4L2: the default of all but JPEG's colours is limited.
        Quantization::Default => matches!(format.colorspace, Colorspace::JPEG),
    };
    let code = PixelCode(format.fourcc.repr);
    PixelLayout {
        code,
        size: [format.width, format.height],
        stride: format.stride,
        bytes: format.size,
        range: match full || code == PixelCode::GREY {
            true => YuvRange::Full,
            false => YuvRange::Limited,
        },
        // V4L2's default for these colours; the library does not give `ycbcr_enc`, where a driver may say another.
        standard: match format.colorspace {
            Colorspace::Rec709 | Colorspace::DCIP3 => YuvStandard::Bt709,
            _ => YuvStandard::Bt601,
        },
    }
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<OfferedSize> {
    let found = device.enum_framesizes(fourcc).unwrap_or_default();
    let offer = |size: FrameSizeEnum| {
        let range = match size {
            FrameSizeEnum::Discrete(one) => Stepwise {
                min_width: one.width,
                max_width: one.width,
                step_width: 1,
                min_height: one.height,
                max_height: one.height,
                step_height: 1,
            },
            FrameSizeEnum::Stepwise(range) => range,
        };
        let largest = [range.max_width, range.max_height];
        let found = device.enum_frameintervals(fourcc, range.max_width, range.max_height);
        let intervals = found.unwrap_or_default().into_iter();
        let (fps, any_between) = rates(intervals.map(|found| found.interval));
        OfferedSize {
            smallest: [range.min_width, range.min_height],
            largest,
            step: [range.step_width, range.step_height],
            fps,
            any_between,
        }
    };
    found.into_iter().map(|found| offer(found.size)).collect()
}

/// Pictures a second, from the slowest to the fastest, and whether any rate between them can be asked for as well.
fn rates(intervals: impl Iterator<Item = FrameIntervalEnum>) -> (Vec<f32>, bool) {
    let (mut rates, mut any_between) = (Vec::new(), false);
    for interval in intervals {
        match interval {
            FrameIntervalEnum::Discrete(one) => rates.push(one),
            // Of such the driver gives one alone.
            FrameIntervalEnum::Stepwise(range) => {
                rates.extend([range.max, range.min]);
                any_between = true;
            }
        }
    }
    let rate = |interval: Fraction| interval.denominator as f32 / interval.numerator as f32;
    let mut rates: Vec<f32> = rates.into_iter().map(rate).collect();
    rates.retain(|rate| rate.is_finite());
    rates.sort_unstable_by(f32::total_cmp);
    (rates, any_between)
}

#[cfg(test)]
mod tests {
    use moq_v4l::frameinterval::Stepwise as Intervals;

    use super::*;

    #[test]
    fn rates_are_listed_in_order_and_a_range_of_them_is_known_as_one() {
        let each = |seconds: [u32; 2]| Fraction::new(seconds[0], seconds[1]);
        let some = [[1, 60], [0, 0], [1, 5], [1001, 30_000]];
        let (fps, any_between) = rates(some.map(each).map(FrameIntervalEnum::Discrete).into_iter());
        assert!(fps.is_sorted() && fps.len() == 3 && !any_between, "{fps:?}");
        assert!((fps[1] - 29.97).abs() < 1e-3);
        let range = FrameIntervalEnum::Stepwise(Intervals {
            min: each([1, 60]),
            max: each([1, 1]),
            step: each([1, 1000]),
        });
        assert_eq!(rates([range].into_iter()), (vec![1.0, 60.0], true));
    }

    #[test]
    fn colours_of_high_definition_are_read_by_its_own_standard() {
        let mut format = Format::new(1280, 720, FourCC::new(b"YUYV"));
        for (colours, standard) in [
            (Colorspace::Rec709, YuvStandard::Bt709),
            (Colorspace::SRGB, YuvStandard::Bt601),
            (Colorspace::SMPTE170M, YuvStandard::Bt601),
            (Colorspace::JPEG, YuvStandard::Bt601),
        ] {
            format.colorspace = colours;
            assert_eq!(layout(&format).standard, standard, "{colours}");
        }
    }
}
