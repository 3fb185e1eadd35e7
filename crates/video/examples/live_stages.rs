//! What a live picture costs around the network, to be counted (`cross/count.py --live`): `live_stages STAGE TIMES`, STAGE one
//! of `decode`, `overlay`, `picture`, `page`. Pictures are a phantom's, 640 x 480, as a camera's JPEGs.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use espmedsam_video::phantom::{Anatomy, Phantom, PhantomSpec};
use picture::frame::{Frame, FrameLimits, Stop, read_file_into};
use picture::mask::Mask;
use picture::render::{Banner, Chroma, JpegEncoder, OverlayPen, OverlayStyle, Tone, burn_banner};
use picture::segmenter::SystemClock;

/// Different ones, which are taken in turn.
const PICTURES: usize = 4;
/// As the live stream's.
const QUALITY: u8 = 85;

/// A picture of each, as it comes in.
struct Shown {
    frame: Frame,
    truth: Mask,
    jpeg: Vec<u8>,
    /// As it goes out.
    drawn: Frame,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stage, times] = arguments.as_slice() else {
        return Err("live_stages decode|overlay|picture|page TIMES".into());
    };
    let shown = shown()?;
    let (mut canvas, mut file) = (Frame::new(1, 1, vec![0; 3])?, Vec::new());
    let mut pen = OverlayPen::default();
    let (limits, stop) = (FrameLimits::default(), Stop::never());
    let sharp = JpegEncoder::new(QUALITY, Chroma::Full);
    let plain = JpegEncoder::new(QUALITY, Chroma::Halved);
    for shown in shown.iter().cycle().take(times.parse()?) {
        match stage.as_str() {
            "decode" => {
                read_file_into(&shown.jpeg, &limits, &stop, &mut canvas)?;
            }
            "overlay" => draw(&shown.frame, &shown.truth, &mut pen, &mut canvas)?,
            "picture" => sharp.encode(&shown.drawn, &mut file)?,
            "page" => plain.encode(&shown.frame, &mut file)?,
            _ => return Err("STAGE is one of decode, overlay, picture, page".into()),
        }
        black_box((&canvas, &file));
    }
    Ok(())
}

fn shown() -> Result<Vec<Shown>, Box<dyn Error>> {
    let spec = PhantomSpec::new(Anatomy::FetalHead);
    let phantom = Phantom::new(spec, Arc::new(SystemClock))?;
    let (mut patient, mut pen) = (phantom.patient(), OverlayPen::default());
    let camera = JpegEncoder::new(QUALITY, Chroma::Halved);
    let mut shown = Vec::new();
    for sequence in (0..PICTURES as u64).map(|i| 10 * i) {
        let mut frame = Frame::new(1, 1, vec![0; 3])?;
        let (mut drawn, mut jpeg) = (frame.clone(), Vec::new());
        patient.draw(sequence, &mut frame)?;
        camera.encode(&frame, &mut jpeg)?;
        let truth = phantom.truth(sequence)?;
        draw(&frame, &truth, &mut pen, &mut drawn)?;
        shown.push(Shown {
            frame,
            truth,
            jpeg,
            drawn,
        });
    }
    Ok(shown)
}

/// As the live stream draws it: a copy, the mask upon it, its age and the notice.
fn draw(
    frame: &Frame,
    mask: &Mask,
    pen: &mut OverlayPen,
    canvas: &mut Frame,
) -> Result<(), Box<dyn Error>> {
    let [width, height] = frame.size();
    canvas.reshape(width, height)?;
    canvas.rgb_mut().copy_from_slice(frame.rgb());
    pen.mark(canvas, mask, &OverlayStyle::default())?;
    let banner = Banner {
        words: "",
        detail: "AGE 43 MS",
        tone: Tone::Note,
    };
    burn_banner(canvas, &banner);
    Ok(())
}
