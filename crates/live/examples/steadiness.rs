//! What stabilisation does to a sequence of frames, by the network's own logits:
//! `steadiness FOLDER MILLISECONDS`, with `FOLDER/frames/*.png`, `FOLDER/logits/*.low_res.npy` (`espmedsam segment --format
//! npy`) in the order of their names, and `FOLDER/truth/*.png` where there is one.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espmedsam_live::steady::{Luma, Motion, Steady, SteadySettings};
use picture::frame::{Frame, FrameLimits, decode};
use picture::mask::{LogitMap, Mask, upsample};
use testing::temporal::{dice, fidelity, steadiness};

type Anything<T> = Result<T, Box<dyn Error>>;

fn main() -> Anything<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, milliseconds] = arguments.as_slice() else {
        return Err("steadiness FOLDER MILLISECONDS".into());
    };
    let folder = Path::new(folder);
    let period = Duration::from_millis(milliseconds.parse()?);
    let frames = each(&folder.join("frames"), ".png", picture)?;
    let logits = each(&folder.join("logits"), ".low_res.npy", npy)?;
    let truths = each(&folder.join("truth"), ".png", mask).unwrap_or_default();
    let (mut steady, start) = (Steady::new(SteadySettings::default()), Instant::now());
    let (mut plain, mut steadied, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (frame, logits)) in (0..).zip(frames.iter().zip(&logits)) {
        let [width, height] = frame.size();
        plain.push(upsample(logits, width, height)?.mask);
        let before = Instant::now();
        let next = steady.next(frame, logits, start + period * n);
        taken.push(before.elapsed());
        steadied.push(upsample(next.logits, width, height)?.mask);
    }
    for (name, masks) in [("plain", &plain), ("steady", &steadied)] {
        let found = steadiness(masks);
        print!(
            "{name:6} flicker {:.4} jitter {:.2} px blinks {}",
            found.flicker, found.jitter, found.blinks
        );
        if truths.len() == masks.len() {
            let found = fidelity(masks, &truths);
            print!(" dice {:.4} lag {:+.2}", found.dice, found.lag);
        }
        println!();
    }
    taken.sort();
    println!("median {:.2?} a frame", taken[taken.len() / 2]);
    for apart in [1, 3, 6] {
        let found = carried(&frames, &logits, apart)?;
        println!("carried over {apart}: {found}");
    }
    Ok(())
}

/// How well masks moved to a later frame agree with the later frame's own.
fn carried(frames: &[Frame], logits: &[LogitMap], apart: usize) -> Anything<String> {
    let [mut then, mut now] = [Luma::default(), Luma::default()];
    let (mut motion, mut results) = (Motion::default(), Vec::new());
    for later in apart..frames.len() {
        let (earlier, [width, height]) = (later - apart, frames[later].size());
        then.take(&frames[earlier]);
        now.take(&frames[later]);
        motion.prove(&then, &now);
        let mut moved = logits[earlier].clone();
        if motion.carry(&logits[earlier], &mut moved).is_ok() {
            let own = upsample(&logits[later], width, height)?.mask;
            let agreement = |logits: &LogitMap| -> Anything<f64> {
                let mask = upsample(logits, width, height)?.mask;
                Ok(dice(&mask, &own))
            };
            results.push([agreement(&moved)?, agreement(&logits[earlier])?]);
        }
    }
    let mean = |i: usize| results.iter().map(|dice| dice[i]).sum::<f64>() / results.len() as f64;
    let (count, all) = (results.len(), frames.len().saturating_sub(apart));
    if count == 0 {
        return Ok(format!("none of {all}"));
    }
    let [moved, unmoved] = [mean(0), mean(1)];
    Ok(format!(
        "{count} of {all}, Dice {moved:.4} (not moved: {unmoved:.4})"
    ))
}

/// All files of a folder with such names, read.
fn each<T>(folder: &Path, ending: &str, read: fn(&[u8]) -> Anything<T>) -> Anything<Vec<T>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
        .iter()
        .map(|path| read(&std::fs::read(path)?))
        .collect()
}

fn picture(bytes: &[u8]) -> Anything<Frame> {
    Ok(decode(bytes, &FrameLimits::default())?)
}

fn mask(bytes: &[u8]) -> Anything<Mask> {
    let frame = picture(bytes)?;
    let pixels = frame
        .rgb()
        .chunks_exact(3)
        .map(|rgb| if rgb[0] < 128 { 0 } else { 255 });
    Ok(Mask::new(frame.width(), frame.height(), pixels.collect())?)
}

/// A square of float32, as this program writes it: 128 bytes of header, or as many as it says.
fn npy(bytes: &[u8]) -> Anything<LogitMap> {
    let length = bytes.get(8..10).ok_or("not .npy")?;
    let header = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let values = bytes.get(header..).ok_or("not .npy")?.as_chunks::<4>().0;
    let logits: Vec<f32> = values
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    Ok(LogitMap::new(logits.len().isqrt(), logits)?)
}
