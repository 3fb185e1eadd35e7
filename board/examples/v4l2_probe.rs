//! What cameras there are, what they offer, and how their pictures come: `v4l2_probe [DEVICE [WIDTH HEIGHT [FPS]]]`.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_board::camera::{CameraBus, CameraOpener, LinuxBus};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::SystemClock;
use video::source::{Opener, SourceContext, SourceError};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(device) = arguments.next() else {
        return list();
    };
    let context = SourceContext {
        clock: Arc::new(SystemClock),
        limits: FrameLimits::default(),
    };
    let mut opener = CameraOpener::new(device, context);
    let wish = &mut opener.wish;
    for place in &mut wish.size {
        *place = arguments.next().map_or(Ok(*place), |side| side.parse())?;
    }
    wish.fps = arguments.next().map_or(Ok(wish.fps), |fps| fps.parse())?;
    capture(&opener)
}

fn list() -> Result<(), Box<dyn Error>> {
    for camera in LinuxBus.list()? {
        let stable = camera.stable.as_ref().unwrap_or(&camera.path);
        println!(
            "{}  {}  {}",
            camera.path.display(),
            camera.card,
            stable.display()
        );
        if let Some(problem) = camera.problem {
            println!("  {problem}");
            continue;
        }
        for format in LinuxBus.open(&camera.path)?.offers()? {
            for size in format.sizes {
                let ([w, h], [x, y]) = (size.smallest, size.largest);
                println!("  {}  {w}x{h} to {x}x{y}  {:?} fps", format.code, size.fps);
            }
        }
    }
    Ok(())
}

/// Three seconds of it.
fn capture(opener: &CameraOpener) -> Result<(), Box<dyn Error>> {
    let mut source = opener.open()?;
    let mut canvas = Frame::new(1, 1, vec![0; 3])?;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        match source.next(&mut canvas, end) {
            Ok(shot) => {
                let ([width, height], age) = (canvas.size(), shot.captured.elapsed());
                let encoding = shot.encoding;
                println!(
                    "{:5}  {width}x{height}  {encoding:?}  {age:.1?} old",
                    shot.sequence
                );
            }
            Err(error) if error.is_final() => return Err(error.into()),
            Err(error @ SourceError::TimedOut) => println!("{error}"),
            Err(error) => println!("       {error}"),
        }
    }
    Ok(())
}
