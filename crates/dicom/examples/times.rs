//! What DICOM files say of themselves, and how long a frame takes: `cargo run --release --example times -- FILES`.

use std::error::Error;
use std::fs::File;
use std::time::{Duration, Instant};

use espmedsam_dicom::{DicomFile, FrameWish};
use picture::frame::{Frame, FrameLimits, Stop};

/// Frames are read so many times; the fastest counts.
const TIMES: u32 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let began = Instant::now();
        let mut file = match DicomFile::open(File::open(&path)?, FrameLimits::default()) {
            Ok(file) => file,
            Err(error) => {
                println!("{path}: {error}");
                continue;
            }
        };
        let opened = began.elapsed();
        let (facts, scale) = (file.facts().clone(), file.scale());
        let mut frame = Frame::new(1, 1, vec![0; 3])?;
        let mut fastest = Duration::MAX;
        for number in (0..facts.frames)
            .cycle()
            .take(facts.frames.max(TIMES) as usize)
        {
            let began = Instant::now();
            let wish = FrameWish {
                frame: number,
                window: None,
            };
            file.read_into(wish, &Stop::never(), &mut frame)?;
            fastest = fastest.min(began.elapsed());
        }
        let notes: Vec<String> = scale.notes.iter().map(ToString::to_string).collect();
        println!(
            "{path}: {} {}x{}, {} frames, opened in {:.2} ms, a frame in {:.2} ms; {:?}, scale by {:?} {notes:?}",
            facts.photometric.name(),
            facts.size[0],
            facts.size[1],
            facts.frames,
            1e3 * opened.as_secs_f64(),
            1e3 * fastest.as_secs_f64(),
            facts.transfer_syntax.name,
            scale.source,
        );
    }
    Ok(())
}
