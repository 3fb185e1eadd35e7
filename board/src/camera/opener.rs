//! Opens a camera, as often as need be.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;
use video::source::{Opener, Source, SourceContext, SourceError};

use super::choice::{CameraWish, choose};
use super::device::{Camera, CameraBus};
use super::error::CameraError;
use super::linux::LinuxBus;
use super::paint::FramePainter;
use super::source::CameraSource;

/// A camera that is opened again whenever it has come back.
#[derive(Clone, Debug)]
pub struct CameraOpener {
    /// Where it is found.
    pub bus: Arc<dyn CameraBus>,
    /// Its node, or better a link to it that stays the same: [`super::CameraInfo::stable`].
    pub path: PathBuf,
    /// What its pictures should be like.
    pub wish: CameraWish,
    /// Tells when they came, and how large they may be.
    pub context: SourceContext,
}

impl CameraOpener {
    /// One of this machine's, with its pictures as they are wished for by default.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, context: SourceContext) -> Self {
        Self {
            bus: Arc::new(LinuxBus),
            path: path.into(),
            wish: CameraWish::default(),
            context,
        }
    }

    /// What came of asking the system.
    fn system<T>(&self, answer: io::Result<T>) -> Result<T, SourceError> {
        answer.map_err(|source| {
            let never = is_no_camera(&source);
            let path = self.path.clone();
            let cause = CameraError::System { path, source }.into();
            match never {
                true => SourceError::Unusable(cause),
                // Also what is forbidden: a node has its group only a moment after it has come back.
                false => SourceError::Lost(cause),
            }
        })
    }

    /// Starts the format nearest to the wish.
    fn start(&self, camera: &mut dyn Camera) -> Result<FramePainter, SourceError> {
        let offers = self.system(camera.offers())?;
        let Some(mode) = choose(&offers, &self.wish) else {
            let gone = offers.is_empty();
            let offered = offers.iter().map(|format| format.code).collect();
            let cause = CameraError::NoKnownFormat { offered }.into();
            return Err(match gone {
                // As of a camera that is being unplugged, or a loopback into which nobody plays.
                true => SourceError::Lost(cause),
                false => SourceError::Unusable(cause),
            });
        };
        let layout = self.system(camera.start(&mode))?;
        FramePainter::new(layout, self.context.limits)
    }
}

impl Opener for CameraOpener {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let mut camera = self.system(self.bus.open(&self.path))?;
        let painter = self.start(camera.as_mut())?;
        let clock = Arc::clone(&self.context.clock);
        Ok(Box::new(CameraSource::new(camera, painter, clock)))
    }

    fn label(&self) -> String {
        self.path.display().to_string()
    }
}

/// Whether what stands there will never be a camera.
fn is_no_camera(error: &io::Error) -> bool {
    let kinds = [
        io::ErrorKind::Unsupported,
        io::ErrorKind::IsADirectory,
        io::ErrorKind::NotADirectory,
    ];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(Errno::NOTTY.raw_os_error())
}
