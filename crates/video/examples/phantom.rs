//! Writes a phantom's frames and true masks into a folder, to be looked at or segmented:
//! `phantom ANATOMY SEED SPEED FRAMES FOLDER [off|empty]`, ANATOMY one of `head`, `lesion`, `polyp`; with the probe in the air,
//! or without a target.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use espmedsam_video::phantom::{Anatomy, Incident, IncidentKind, Phantom, PhantomSpec};
use picture::frame::Frame;
use picture::render;
use picture::segmenter::SystemClock;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [anatomy, seed, speed, frames, folder, rest @ ..] = arguments.as_slice() else {
        return Err("phantom ANATOMY SEED SPEED FRAMES FOLDER [off|empty]".into());
    };
    let anatomy = match anatomy.as_str() {
        "head" => Anatomy::FetalHead,
        "lesion" => Anatomy::Lesion,
        "polyp" => Anatomy::Polyp,
        _ => return Err("ANATOMY is one of head, lesion, polyp".into()),
    };
    let incident = |word: &String| {
        let kind = match word.as_str() {
            "off" => IncidentKind::ProbeOff,
            "empty" => IncidentKind::Empty,
            _ => return Err("what happens is off or empty"),
        };
        let frames = 0..u64::MAX;
        Ok(Incident { frames, kind })
    };
    let spec = PhantomSpec {
        incidents: rest.iter().map(incident).collect::<Result<_, _>>()?,
        seed: seed.parse()?,
        speed: speed.parse()?,
        ..PhantomSpec::new(anatomy)
    };
    let phantom = Phantom::new(spec, Arc::new(SystemClock))?;
    let (mut patient, mut frame) = (phantom.patient(), Frame::new(1, 1, vec![0; 3])?);
    let folder = Path::new(folder);
    for part in ["frames", "truth"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let mut drawing = std::time::Duration::ZERO;
    for sequence in 0..frames.parse()? {
        let start = Instant::now();
        patient.draw(sequence, &mut frame)?;
        drawing += start.elapsed();
        let name = format!("{sequence:04}.png");
        std::fs::write(
            folder.join("frames").join(&name),
            render::encode_png(frame.clone())?,
        )?;
        let truth = phantom.truth(sequence)?;
        std::fs::write(folder.join("truth").join(&name), render::mask_png(truth)?)?;
    }
    println!("drawn in {drawing:.1?}");
    Ok(())
}
