//! A camera that does what is written down, by a clock that goes on only when it is waited for.

use std::error::Error;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_board::camera::{
    CameraOpener, CameraWish, Happening, OfferedFormat, PixelCode, PixelLayout, Script, ScriptedBus,
};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::{Bell, Clock, ManualClock};
use video::convert::{YuvRange, YuvStandard};
use video::source::{Opener, Shot, Source, SourceContext, SourceError};

pub const EVERY: Duration = Duration::from_millis(40);
pub const SECOND: Duration = Duration::from_secs(1);

/// Time passes as soon as somebody waits for it.
#[derive(Debug, Default)]
pub struct Leaping(ManualClock);

impl Clock for Leaping {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wait(&self, until: Instant, _: &Bell) {
        self.0.advance(until.saturating_duration_since(self.now()));
    }
}

pub fn layout(code: PixelCode, size: [u32; 2]) -> PixelLayout {
    let [width, height] = size;
    let (stride, bytes) = match code {
        PixelCode::YUYV => (2 * width, 2 * width * height),
        PixelCode::NV12 => (width, width * height * 3 / 2),
        PixelCode::GREY => (width, width * height),
        _ => (0, 1 << 20),
    };
    PixelLayout {
        code,
        size,
        stride,
        bytes,
        range: YuvRange::Full,
        standard: YuvStandard::Bt601,
    }
}

/// A grey picture of one level, laid out so.
pub fn raw(layout: PixelLayout, level: u8) -> Arc<[u8]> {
    let [width, height] = layout.size;
    let pixels = (width * height) as usize;
    match layout.code {
        PixelCode::YUYV => [level, 128].repeat(pixels),
        PixelCode::NV12 => [vec![level; pixels], vec![128; pixels / 2]].concat(),
        _ => vec![level; pixels],
    }
    .into()
}

pub fn jpeg(size: [u32; 2], level: u8) -> Vec<u8> {
    file(size, level, image::ImageFormat::Jpeg)
}

pub fn png(size: [u32; 2], level: u8) -> Vec<u8> {
    file(size, level, image::ImageFormat::Png)
}

fn file(size: [u32; 2], level: u8, format: image::ImageFormat) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(size[0], size[1], image::Luma([level]));
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

pub fn context(clock: Arc<dyn Clock>) -> SourceContext {
    let limits = FrameLimits::default();
    SourceContext { clock, limits }
}

pub struct Bench {
    pub clock: Arc<Leaping>,
    pub bus: Arc<ScriptedBus>,
    pub opener: CameraOpener,
    pub canvas: Frame,
}

impl Bench {
    pub fn new(layout: PixelLayout, happenings: Vec<Happening>) -> Self {
        let clock = Arc::new(Leaping::default());
        let script = Script {
            offers: vec![OfferedFormat {
                code: layout.code,
                sizes: vec![],
            }],
            layout,
            every: EVERY,
            happenings,
            again: false,
        };
        let bus = Arc::new(ScriptedBus::new("/dev/video7", script, clock.clone()));
        let opener = CameraOpener {
            bus: bus.clone(),
            path: "/dev/video7".into(),
            wish: CameraWish::default(),
            context: context(clock.clone()),
        };
        let canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        Self {
            clock,
            bus,
            opener,
            canvas,
        }
    }

    pub fn open(&self) -> Box<dyn Source> {
        self.opener.open().unwrap()
    }

    /// The next picture within a second.
    pub fn next(&mut self, source: &mut dyn Source) -> Result<Shot, SourceError> {
        source.next(&mut self.canvas, self.clock.now() + SECOND)
    }

    pub fn level(&self) -> u8 {
        self.canvas.rgb()[0]
    }
}

pub fn cause<T: Error + 'static>(error: &SourceError) -> &T {
    error.source().unwrap().downcast_ref().unwrap()
}
