//! What stabilisation does on the phantom, by a segmenter that errs by rule: a table, 640 × 480 at 30 frames a second.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_live::steady::{Steady, SteadySettings};
use picture::frame::Frame;
use picture::mask::{Mask, upsample};
use picture::segmenter::SystemClock;
use testing::oracle::{Errors, Oracle};
use testing::temporal::{fidelity, steadiness};
use video::phantom::{Anatomy, Phantom, PhantomSpec};

const FRAMES: u32 = 90;
const ERRORS: [(&str, Errors); 2] = [
    (
        "fresh",
        Errors {
            fresh: 1.0,
            lasting: 0.0,
            memory: 0.0,
            wobble: 0.3,
        },
    ),
    (
        "lasting",
        Errors {
            fresh: 0.7,
            lasting: 0.7,
            memory: 0.8,
            wobble: 0.2,
        },
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("| target | speed | noise | | flicker | jitter, px | Dice | lag, frames |");
    println!("| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |");
    for anatomy in [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp] {
        for speed in [0.0, 1.0, 3.0] {
            for (name, errors) in ERRORS {
                let spec = PhantomSpec {
                    speed,
                    ..PhantomSpec::new(anatomy)
                };
                let film = film(spec, errors)?;
                for (way, masks) in [("plain", &film.plain), ("steady", &film.steady)] {
                    let (in_time, to_truth) = (steadiness(masks), fidelity(masks, &film.truths));
                    print!("| {anatomy:?} | {speed} | {name} | {way} ");
                    print!("| {:.4} | {:.2} ", in_time.flicker, in_time.jitter);
                    // What stands still has no lag.
                    let lag = if speed > 0.0 {
                        format!("{:+.2}", to_truth.lag)
                    } else {
                        String::new()
                    };
                    println!("| {:.4} | {lag} |", to_truth.dice);
                }
            }
        }
    }
    Ok(())
}

/// Masks of a phantom's frames.
struct Film {
    truths: Vec<Mask>,
    plain: Vec<Mask>,
    steady: Vec<Mask>,
}

fn film(spec: PhantomSpec, errors: Errors) -> Result<Film, Box<dyn Error>> {
    let [width, height] = spec.size;
    let period = Duration::from_secs(1) / spec.rate;
    let phantom = Phantom::new(spec, Arc::new(SystemClock))?;
    let (mut patient, mut frame) = (phantom.patient(), Frame::new(1, 1, vec![0; 3])?);
    let (mut steady, start) = (Steady::new(SteadySettings::default()), Instant::now());
    let mut oracle = Oracle::new(56, errors, 7);
    let (mut truths, mut plain, mut steadied) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..FRAMES {
        patient.draw(n.into(), &mut frame)?;
        let truth = phantom.truth(n.into())?;
        let logits = oracle.segment(&truth);
        let shown = steady.next(&frame, &logits, start + period * n);
        plain.push(upsample(&logits, width, height)?.mask);
        steadied.push(upsample(shown.logits, width, height)?.mask);
        truths.push(truth);
    }
    Ok(Film {
        truths,
        plain,
        steady: steadied,
    })
}
