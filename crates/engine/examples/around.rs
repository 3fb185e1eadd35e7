//! What a live 720p picture costs around the network, to be counted (`benches/around.py`): `around PICTURE`. Each stage is
//! called as the live path calls it, for each of some pictures; one thread.
//!
//! Research use only. Not for clinical use.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_engine::guard::Guard;
use espmedsam_engine::model::runtime::Threads;
use espmedsam_engine::model::store::Store;
use espmedsam_engine::preprocess::Preprocess;
use image::imageops::{self, FilterType};
use live::steady::{Steady, SteadySettings};
use picture::frame::{Frame, FrameLimits, PixelRect, Stop, decode, read_file_into};
use picture::mask::{LogitMap, Mask, upsample};
use picture::render::{Banner, Chroma, JpegEncoder, OverlayPen, OverlayStyle, Tone, burn_banner};
use picture::report::{Extras, Form, render};
use picture::scale::Scale;
use picture::segmenter::{Lease, Segmentation, StageTimes, SystemClock};
use video::phantom::{Anatomy, Phantom, PhantomSpec};

const SIZE: [u32; 2] = [1280, 720];
/// One after the other.
const PICTURES: u32 = 2;
/// As the live stream's.
const QUALITY: u8 = 85;
/// Cells of a map's side: a model of 224 px.
const CELLS: u32 = 56;

/// A picture of each, as it comes in and goes out.
struct Shown {
    frame: Arc<Frame>,
    logits: LogitMap,
    mask: Mask,
    jpeg: Vec<u8>,
    drawn: Frame,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let frames = match arguments.as_slice() {
        [picture] if picture == "phantom" => phantom()?,
        [picture] if picture == "endoscopy" => endoscopy()?,
        _ => return Err("around phantom|endoscopy".into()),
    };
    let mut live = Live::new()?;
    for shown in frames.into_iter().map(shown) {
        let shown = shown?;
        live.decode(&shown)?;
        live.guard(&shown)?;
        live.resize(&shown);
        live.mask(&shown)?;
        live.steady(&shown)?;
        live.polygons(&shown)?;
        live.overlay(&shown)?;
        live.jpeg(&shown)?;
        live.page(&shown)?;
    }
    Ok(())
}

/// What the stages keep from one picture to the next. Each is a function of its own, as it is counted by its name.
struct Live {
    store: Store,
    threads: Threads,
    canvas: Frame,
    pen: OverlayPen,
    steady: Steady,
    captured: Instant,
    encoders: [JpegEncoder; 2],
    file: Vec<u8>,
}

type Done = Result<(), Box<dyn Error>>;

impl Live {
    fn new() -> Result<Self, Box<dyn Error>> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let store = Store::open(&root.join("models"), None)?;
        store.guard()?;
        Ok(Self {
            threads: Threads::new(store.cpu(), 1)?,
            store,
            canvas: Frame::new(1, 1, vec![0; 3])?,
            pen: OverlayPen::default(),
            steady: Steady::new(SteadySettings::default()),
            captured: Instant::now(),
            encoders: [Chroma::Full, Chroma::Halved]
                .map(|chroma| JpegEncoder::new(QUALITY, chroma)),
            file: Vec::new(),
        })
    }

    #[inline(never)]
    fn decode(&mut self, shown: &Shown) -> Done {
        let (limits, stop) = (FrameLimits::default(), Stop::never());
        read_file_into(&shown.jpeg, &limits, &stop, &mut self.canvas)?;
        Ok(())
    }

    #[inline(never)]
    fn guard(&self, shown: &Shown) -> Done {
        let (graph, spec) = self.store.guard()?.ok_or("no guard")?;
        let guard = Guard::new(graph, spec.clone());
        black_box(guard.look(&self.threads, &shown.frame)?);
        Ok(())
    }

    #[inline(never)]
    fn resize(&self, shown: &Shown) {
        if let Ok(choice) = self.store.choose(None, "ultrasound") {
            black_box(Preprocess::new(choice.model).run(&shown.frame));
        }
    }

    #[inline(never)]
    fn mask(&self, shown: &Shown) -> Done {
        black_box(upsample(&shown.logits, SIZE[0], SIZE[1])?);
        Ok(())
    }

    #[inline(never)]
    fn steady(&mut self, shown: &Shown) -> Done {
        self.captured += Duration::from_millis(33);
        let steadied = self.steady.next(&shown.frame, &shown.logits, self.captured);
        black_box(upsample(steadied.logits, SIZE[0], SIZE[1])?);
        Ok(())
    }

    #[inline(never)]
    fn polygons(&self, shown: &Shown) -> Done {
        black_box(render(segmentation(shown), Form::Polygons, Extras::default())?.bytes);
        Ok(())
    }

    #[inline(never)]
    fn overlay(&mut self, shown: &Shown) -> Done {
        draw(&shown.frame, &shown.mask, &mut self.pen, &mut self.canvas)
    }

    #[inline(never)]
    fn jpeg(&mut self, shown: &Shown) -> Done {
        Ok(self.encoders[0].encode(&shown.drawn, &mut self.file)?)
    }

    #[inline(never)]
    fn page(&mut self, shown: &Shown) -> Done {
        Ok(self.encoders[1].encode(&shown.frame, &mut self.file)?)
    }
}

/// Frames of a phantom and their true masks.
fn phantom() -> Result<Vec<(Frame, Mask)>, Box<dyn Error>> {
    let spec = PhantomSpec {
        size: SIZE,
        ..PhantomSpec::new(Anatomy::FetalHead)
    };
    let phantom = Phantom::new(spec, Arc::new(SystemClock))?;
    let mut patient = phantom.patient();
    (0..u64::from(PICTURES))
        .map(|sequence| {
            let mut frame = Frame::new(1, 1, vec![0; 3])?;
            patient.draw(sequence, &mut frame)?;
            Ok((frame, phantom.truth(sequence)?))
        })
        .collect()
}

/// A shipped sample, larger than the frame and with a camera's noise, that moves by a few pixels; an ellipse over a
/// seventh of it.
fn endoscopy() -> Result<Vec<(Frame, Mask)>, Box<dyn Error>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let file = std::fs::read(root.join("tests/samples/kvasir_cju84hibuktj80871u519o71q.jpg"))?;
    let sample = decode(&file, &FrameLimits::default())?;
    let [width, height] = sample.size();
    let sample = image::RgbImage::from_raw(width, height, sample.into_rgb()).ok_or("its pixels")?;
    let [width, height] = SIZE.map(|side| side + 3 * PICTURES);
    let large = imageops::resize(&sample, width, height, FilterType::CatmullRom);
    let whole = Frame::new(width, height, large.into_raw())?;
    let mut random = 1_u32;
    let mut noisy = |v: &u8| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        v.saturating_add((random >> 24) as u8 % 7).saturating_sub(3)
    };
    (0..PICTURES)
        .map(|number| {
            let region = PixelRect {
                x: 3 * number,
                y: number,
                width: SIZE[0],
                height: SIZE[1],
            };
            let rgb = region.cut(&whole)?.rgb().iter().map(&mut noisy).collect();
            let inside = |i: u32| {
                let (x, y) = (i % SIZE[0] + 3 * number, i / SIZE[0] + number);
                (2 * x.abs_diff(640) / 3).pow(2) + y.abs_diff(360).pow(2) < 170 * 170
            };
            let mask = (0..SIZE[0] * SIZE[1]).map(|i| if inside(i) { 255 } else { 0 });
            let mask = Mask::new(SIZE[0], SIZE[1], mask.collect())?;
            Ok((Frame::new(SIZE[0], SIZE[1], rgb)?, mask))
        })
        .collect()
}

fn shown((frame, truth): (Frame, Mask)) -> Result<Shown, Box<dyn Error>> {
    let mut cells = vec![0_u32; (CELLS * CELLS) as usize];
    for (y, row) in truth.rows().enumerate() {
        for (x, pixel) in row.iter().enumerate() {
            let (x, y) = (x as u32 * CELLS / SIZE[0], y as u32 * CELLS / SIZE[1]);
            cells[(y * CELLS + x) as usize] += u32::from(*pixel != 0);
        }
    }
    // The share of a cell that is of the target, as a network that is sure of it would say it.
    let cell = (SIZE[0] / CELLS * SIZE[1] / CELLS) as f32;
    let logits = cells.iter().map(|count| *count as f32 / cell * 12.0 - 6.0);
    let logits = LogitMap::new(CELLS as usize, logits.collect())?;
    let mask = upsample(&logits, SIZE[0], SIZE[1])?.mask;
    let (mut jpeg, mut drawn) = (Vec::new(), Frame::new(1, 1, vec![0; 3])?);
    JpegEncoder::new(QUALITY, Chroma::Halved).encode(&frame, &mut jpeg)?;
    draw(&frame, &mask, &mut OverlayPen::default(), &mut drawn)?;
    Ok(Shown {
        frame: Arc::new(frame),
        logits,
        mask,
        jpeg,
        drawn,
    })
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

/// A result with that mask.
fn segmentation(shown: &Shown) -> Segmentation {
    Segmentation {
        frame: shown.frame.clone(),
        file: None,
        scale: Scale::Unknown,
        region: None,
        mask: shown.mask.clone(),
        presence: None,
        low_res: shown.logits.clone(),
        patch: shown.logits.clone(),
        confidence: Some(0.9),
        probability: Some(0.9),
        signs: None,
        check: None,
        model: "a model".into(),
        model_sha256: "0".repeat(64),
        modality: "ultrasound".into(),
        modality_index: 0,
        label: "a target".into(),
        codes: None,
        times: StageTimes::default(),
        lease: Lease::default(),
    }
}
