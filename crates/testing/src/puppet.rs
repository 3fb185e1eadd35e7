//! A source of video that does what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use picture::frame::Frame;
use picture::segmenter::{Bell, Clock};
use video::placement::Placement;
use video::source::{Encoding, Opener, Shot, Source, SourceError};

/// What it does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Sends a picture of one grey value: width, height, grey.
    Picture(u32, u32, u8),
    /// Sends a picture of noise: width, height, and which noise.
    Noise(u32, u32, u64),
    /// Sends that picture.
    Screen(Arc<Frame>),
    /// Sends that picture, which lies there in the room.
    Placed(Arc<Frame>, Placement),
    /// Sends a picture that the fake's guard takes for something else, with bright parts.
    Odd,
    /// Sends a picture with a time of capture that is so many milliseconds ahead.
    Ahead(u64),
    /// Leaves so many pictures out.
    Skip(u64),
    /// Sends what is no picture.
    Garbage,
    /// Says that nothing is connected.
    NoSignal,
    /// Is unplugged.
    Unplug,
    /// Is over.
    End,
    /// Fails as no source should.
    Panic,
    /// Does not return before it is let go.
    Hang,
}

/// A source, and its opener; clones are the same.
#[derive(Clone, Debug)]
pub struct Puppet {
    strings: Arc<Strings>,
}

#[derive(Debug)]
struct Strings {
    clock: Arc<dyn Clock>,
    acts: Mutex<VecDeque<Act>>,
    pulled: Bell,
    released: Bell,
    plugged: Mutex<bool>,
    lent: Mutex<bool>,
    sequence: Mutex<u64>,
}

impl Puppet {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            strings: Arc::new(Strings {
                clock,
                acts: Mutex::default(),
                pulled: Bell::default(),
                released: Bell::default(),
                plugged: Mutex::new(true),
                lent: Mutex::new(true),
                sequence: Mutex::new(0),
            }),
        }
    }

    /// Has it do this, after all it was told before.
    pub fn act(&self, act: Act) {
        self.strings.acts.lock().unwrap().push_back(act);
        self.strings.pulled.ring();
    }

    /// Whether it can be opened.
    pub fn plug(&self, plugged: bool) {
        *self.strings.plugged.lock().unwrap() = plugged;
    }

    /// Whether it was unplugged, and is still.
    #[must_use]
    pub fn is_unplugged(&self) -> bool {
        !*self.strings.plugged.lock().unwrap()
    }

    /// Whether clients may begin and end it.
    pub fn lend(&self, lent: bool) {
        *self.strings.lent.lock().unwrap() = lent;
    }

    /// Lets it return from [`Act::Hang`], now and for ever.
    pub fn release(&self) {
        self.strings.released.ring();
    }
}

impl Opener for Puppet {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        *self.strings.sequence.lock().unwrap() = 0;
        match *self.strings.plugged.lock().unwrap() {
            true => Ok(Box::new(self.clone())),
            false => Err(SourceError::Lost("not plugged in".into())),
        }
    }

    fn label(&self) -> String {
        "puppet".into()
    }
}

impl Source for Puppet {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        let Strings {
            clock,
            acts,
            pulled,
            released,
            plugged,
            sequence,
            ..
        } = self.strings.as_ref();
        loop {
            pulled.hush();
            let act = acts.lock().unwrap().pop_front();
            let (mut captured, mut placement) = (clock.now(), None);
            match act {
                None if clock.now() >= until => return Err(SourceError::TimedOut),
                None => {
                    clock.wait(until, pulled);
                    continue;
                }
                Some(Act::Picture(width, height, grey)) => {
                    canvas.reshape(width, height)?;
                    canvas.rgb_mut().fill(grey);
                }
                Some(Act::Noise(width, height, seed)) => {
                    canvas.reshape(width, height)?;
                    noise(canvas, seed);
                }
                Some(Act::Screen(screen)) => {
                    canvas.reshape(screen.width(), screen.height())?;
                    canvas.rgb_mut().copy_from_slice(screen.rgb());
                }
                Some(Act::Placed(screen, there)) => {
                    canvas.reshape(screen.width(), screen.height())?;
                    canvas.rgb_mut().copy_from_slice(screen.rgb());
                    placement = Some(there);
                }
                Some(Act::Odd) => {
                    canvas.reshape(2, 2)?;
                    canvas.rgb_mut().fill(255);
                    canvas.rgb_mut()[..3].copy_from_slice(&[255, 0, 0]);
                }
                Some(Act::Ahead(ms)) => {
                    canvas.reshape(2, 2)?;
                    canvas.rgb_mut().fill(255);
                    captured += std::time::Duration::from_millis(ms);
                }
                Some(Act::Skip(count)) => {
                    *sequence.lock().unwrap() += count;
                    continue;
                }
                Some(Act::Garbage) => return Err(SourceError::Garbage("not a picture".into())),
                Some(Act::NoSignal) => return Err(SourceError::NoSignal),
                Some(Act::Unplug) => {
                    *plugged.lock().unwrap() = false;
                    return Err(SourceError::Lost("unplugged".into()));
                }
                Some(Act::End) => return Err(SourceError::Ended),
                Some(Act::Panic) => std::panic::resume_unwind(Box::new("a puppet was told to")),
                Some(Act::Hang) => {
                    let far = Instant::now() + std::time::Duration::from_secs(3600);
                    picture::segmenter::SystemClock.wait(far, released);
                    continue;
                }
            }
            let mut next = sequence.lock().unwrap();
            *next += 1;
            return Ok(Shot {
                sequence: *next - 1,
                captured,
                encoding: Encoding::Rgb,
                placement,
            });
        }
    }
}

/// Fills a picture with noise: the same for the same seed.
pub fn noise(canvas: &mut Frame, seed: u64) {
    for (i, value) in (0..).zip(canvas.rgb_mut()) {
        // SplitMix64's finalizer.
        let mut mixed = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        *value = (mixed ^ mixed >> 27) as u8;
    }
}

/// Makes nothing but this puppet, whatever is described.
impl live::Workshop for Puppet {
    fn opener(
        &self,
        _: &video::spec::SourceSpec,
        _: live::Asker,
    ) -> Result<Arc<dyn Opener>, SourceError> {
        Ok(Arc::new(self.clone()))
    }

    fn limits(&self) -> picture::frame::FrameLimits {
        picture::frame::FrameLimits::default()
    }

    fn allows(&self, asker: live::Asker) -> bool {
        asker == live::Asker::Owner || *self.strings.lent.lock().unwrap()
    }

    /// Two made-up ones: a grabber, and one that may not be opened.
    fn cameras(&self) -> std::io::Result<Vec<live::OfferedCamera>> {
        let size = live::CameraSize {
            smallest: [1280, 720],
            largest: [1280, 720],
            step: [1, 1],
            fps: vec![30.0, 60.0],
        };
        let format = |code: &str, encoding| live::CameraFormat {
            code: code.into(),
            encoding,
            sizes: vec![size.clone()],
        };
        let grabber = live::OfferedCamera {
            path: "/dev/video0".into(),
            stable: Some("/dev/v4l/by-id/usb-Made_up-video-index0".into()),
            card: "Made up".into(),
            problem: None,
            formats: vec![format("MJPG", Some(Encoding::Jpeg)), format("H264", None)],
        };
        let shut = live::OfferedCamera {
            path: "/dev/video2".into(),
            stable: None,
            problem: Some("permission denied".into()),
            formats: Vec::new(),
            ..grabber.clone()
        };
        Ok(vec![grabber, shut])
    }
}
