//! What stabilisation does to a sequence, by the network's own logits:
//! `steadiness FOLDER MILLISECONDS`, with `FOLDER/frames/*.png`, `FOLDER/logits/*.low_res.npy` (`espmedsam segment --format
//! npy`) in the order of their names, and `FOLDER/truth/*.png` where there is one.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espmedsam_live::steady::{Steady, SteadySettings};
use picture::frame::{Frame, FrameLimits, decode};
use picture::mask::{LogitMap, Mask, upsample};
use testing::temporal::{fidelity, steadiness};

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
    let (mut plain, mut steadied, mut slowest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (n, (frame, logits)) in (0..).zip(frames.iter().zip(&logits)) {
        let [width, height] = frame.size();
        plain.push(upsample(logits, width, height)?.mask);
        let before = Instant::now();
        let next = steady.next(frame, logits, start + period * n);
        slowest = slowest.max(before.elapsed());
        if std::env::var_os("EACH").is_some() {
            let motion = next.motion.map(|m| (m.change(), m.speed() * 640.0));
            println!(
                "{n:4} cut {} changed, unexplained; px {motion:.3?}",
                next.cut
            );
        }
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
    println!("slowest {slowest:.2?}");
    Ok(())
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
