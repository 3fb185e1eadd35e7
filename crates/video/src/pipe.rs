//! Standard input or a FIFO: through it `ffmpeg`, GStreamer and `rpicam-vid` bring in whatever they can read, as Y4M or as
//! one JPEG after the other.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};

use crate::source::{Opener, Source, SourceContext, SourceError};
use crate::stream::{Ending, Stream, Wire};

/// A pipe to be read.
#[derive(Clone, Debug)]
pub struct Pipe {
    /// Which.
    pub end: PipeEnd,
    /// What it is read with.
    pub context: SourceContext,
}

/// Which pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipeEnd {
    /// The process's own. It ends once.
    StandardInput,
    /// A FIFO in the file system (`mkfifo`). Whoever writes to it may come later, and go, and come back.
    Fifo(PathBuf),
}

/// Why a path is no pipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no FIFO; files and folders are replayed instead", .0.display())]
pub struct NotAFifo(PathBuf);

impl Opener for Pipe {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let lost = |error: std::io::Error| SourceError::Lost(error.into());
        let (file, ending) = match &self.end {
            // Another handle of the same pipe, past the buffer of `std`, of which nobody could tell whether it holds bytes.
            PipeEnd::StandardInput => {
                let handle = std::io::stdin().as_fd().try_clone_to_owned();
                (File::from(handle.map_err(lost)?), Ending::Final)
            }
            PipeEnd::Fifo(path) => {
                // Else opening would wait for somebody who writes.
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let handle = rustix::fs::open(path, flags, Mode::empty());
                let file = File::from(handle.map_err(|error| lost(error.into()))?);
                if !file.metadata().map_err(lost)?.file_type().is_fifo() {
                    return Err(SourceError::Unusable(NotAFifo(path.clone()).into()));
                }
                (file, Ending::Reopens)
            }
        };
        let wire = Wire::new(file, self.context.clock.clone());
        Ok(Box::new(Stream::new(wire, &self.context, ending)))
    }

    fn label(&self) -> String {
        match &self.end {
            PipeEnd::StandardInput => "standard input".into(),
            PipeEnd::Fifo(path) => path.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use picture::frame::{Frame, FrameLimits};
    use picture::segmenter::SystemClock;

    use super::*;
    use crate::y4m::Y4mWriter;

    /// By the system's clock: reached only when a test fails.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn pipe(path: PathBuf) -> Pipe {
        Pipe {
            end: PipeEnd::Fifo(path),
            context: SourceContext {
                clock: Arc::new(SystemClock),
                limits: FrameLimits::default(),
            },
        }
    }

    #[test]
    fn a_fifo_s_writer_may_come_later_and_go_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let pipe = pipe(path.clone());
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        for _ in 0..2 {
            let mut source = pipe.open().unwrap();
            // Nobody writes yet: said at once when asked at once.
            let early = source.next(&mut canvas, Instant::now());
            assert!(matches!(early, Err(SourceError::TimedOut)), "{early:?}");
            let frame = Frame::new(640, 480, vec![90; 3 * 640 * 480]).unwrap();
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let mut bytes = Vec::new();
                    let y4m = Y4mWriter::begin(frame.size(), [25, 1], &mut bytes);
                    assert!(y4m.push(&frame, &mut bytes));
                    std::fs::File::create(&path)
                        .unwrap()
                        .write_all(&bytes)
                        .unwrap();
                });
                let shot = source.next(&mut canvas, Instant::now() + PATIENCE).unwrap();
                assert_eq!((shot.sequence, canvas.size()), (0, [640, 480]));
                writer.join().unwrap();
            });
            let gone = source.next(&mut canvas, Instant::now() + PATIENCE);
            assert!(matches!(gone, Err(SourceError::Lost(_))), "{gone:?}");
        }
    }

    #[test]
    fn what_is_no_fifo_is_refused_and_what_is_not_there_may_come() {
        let folder = tempfile::tempdir().unwrap();
        let refused = pipe(folder.path().into()).open().err();
        assert!(
            matches!(refused, Some(SourceError::Unusable(_))),
            "{refused:?}"
        );
        let missing = pipe(folder.path().join("no")).open().err();
        assert!(matches!(missing, Some(SourceError::Lost(_))), "{missing:?}");
    }
}
