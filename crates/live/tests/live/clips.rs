//! What a clip has is what was shown and asked, and whoever plays it gets the same masks.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};

use espmedsam_live::{
    ClipAbout, ClipBounds, ClipCut, ClipShelf, LiveSettings, SavedClip, ShelfBounds, State,
};
use picture::frame::{Frame, FrameLimits, Stop};
use picture::mask::Mask;
use picture::mask::rle::Rle;
use picture::scale::Scale;
use picture::segmenter::{Ask, Clock, Job, Picture, Readiness, Segmenter};
use serde_json::Value;
use testing::fake::{MODALITIES, SHA256};
use testing::puppet::{Act, noise};
use video::replay::Replay;
use video::source::{Opener, Source, SourceContext};

use crate::stage::{BRIGHT, Stage};

const SIZE: [u32; 2] = [48, 32];
const EACH: Duration = Duration::from_millis(33);

fn keeping() -> Stage {
    Stage::with(LiveSettings {
        clip: Some(ClipBounds {
            span: Duration::from_secs(30),
            bytes: 1 << 20,
        }),
        ..Stage::immediate()
    })
}

fn act(seed: u64) -> Act {
    Act::Noise(SIZE[0], SIZE[1], seed)
}

fn save(stage: &Stage, shelf: &ClipShelf, at: SystemTime) -> SavedClip {
    let about = ClipAbout {
        source: "probe".into(),
        label: "a probe".into(),
        modality: MODALITIES[1].into(),
        model: None,
        budget: stage.session.settings().patience.budget,
        pixel_mm: Some([0.1, 0.1]),
    };
    shelf
        .save(&stage.session.clip().unwrap(), &about, at)
        .unwrap()
}

fn lines(folder: &Path, saved: &SavedClip) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(&saved.record.name)).unwrap();
    assert_eq!(text.len() as u64, saved.record.bytes);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert!(lines.iter().all(|line| line["notice"] == picture::NOTICE));
    assert_eq!(lines[0]["pictures"], saved.pictures);
    assert_eq!(lines.len(), 1 + saved.pictures);
    lines
}

/// A clip played as a source: its pictures, one after the other.
struct Film<'a> {
    stage: &'a Stage,
    source: Box<dyn Source>,
}

impl<'a> Film<'a> {
    fn open(stage: &'a Stage, path: &Path) -> Self {
        let replay = Replay {
            path: path.into(),
            each: Some(EACH),
            looped: false,
            context: SourceContext {
                clock: stage.clock.clone(),
                limits: FrameLimits::default(),
            },
        };
        let source = replay.open().unwrap();
        Self { stage, source }
    }

    fn next(&mut self) -> Option<Arc<Frame>> {
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let shot = self.source.next(&mut canvas, self.stage.clock.now());
        self.stage.clock.advance(EACH);
        shot.ok().map(|_| Arc::new(canvas))
    }
}

/// What the model says of a still picture.
fn segment(stage: &Stage, frame: Arc<Frame>) -> Mask {
    let (tell, told) = channel();
    let job = Job {
        picture: Picture::Frame(frame),
        scale: Scale::Unknown,
        region: None,
        ask: Ask::new(MODALITIES[1]),
        stop: Stop::never(),
    };
    let done = move |outcome| tell.send(outcome).unwrap();
    stage.fake.submit(job, Box::new(done)).unwrap();
    told.recv().unwrap().unwrap().mask
}

#[test]
fn a_clip_plays_back_as_a_source_and_gives_the_same_masks() {
    let stage = keeping();
    let mut shown = Vec::new();
    for seed in [0, 1, 1, 1, 2, 3, 3, 4, 5] {
        let view = stage.show(act(seed));
        shown.push(view.masked().unwrap().clone());
        stage.pass(40);
    }
    // One whose mask is empty.
    assert_eq!(
        stage.show(Act::Picture(SIZE[0], SIZE[1], 20)).state,
        State::NothingFound
    );

    let folder = tempfile::tempdir().unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_803_166_123);
    let saved = save(&stage, &shelf, at);
    assert_eq!(saved.video.name, "probe-20261127T181246.123Z.avi");
    assert_eq!(saved.record.name, "probe-20261127T181246.123Z.jsonl");
    assert_eq!((saved.pictures, saved.shortened), (10, None));
    assert_eq!(saved.seconds, 0.36);

    let lines = lines(folder.path(), &saved);
    let header = &lines[0];
    assert_eq!(header["saved_at"], "2026-11-27T18:12:46.123Z");
    assert_eq!(header["started_at"], "2026-11-27T18:12:45.763Z");
    assert_eq!(
        (&header["width"], &header["height"]),
        (&48.into(), &32.into())
    );
    assert_eq!(header["model_sha256"], SHA256);
    assert_eq!(header["rate"], serde_json::json!([9000, 360]));

    let mut film = Film::open(&stage, &folder.path().join(&saved.video.name));
    let mut masks = 0;
    for (i, line) in lines[1..].iter().enumerate() {
        assert_eq!(
            (&line["picture"], &line["sequence"]),
            (&i.into(), &i.into())
        );
        assert_eq!(line["captured_ns"], 40_000_000 * i as u64);
        let frame = film.next().unwrap();
        if let Some(shown) = shown.get(i) {
            assert_eq!(shown.frame.rgb(), frame.rgb(), "picture {i}");
        }
        let told = match line["same_as"].as_u64() {
            Some(same) => &lines[1 + same as usize],
            None => line,
        };
        assert_eq!(told["outcome"], "answered", "picture {i}");
        let mask = segment(&stage, frame);
        let rle = Rle::encode(&mask);
        assert_eq!(told["mask"]["size"], serde_json::json!(rle.size));
        assert_eq!(told["mask"]["counts"], rle.to_coco_string(), "picture {i}");
        masks += usize::from(mask.pixels().contains(&255));
    }
    assert!(film.next().is_none());
    assert_eq!(masks, shown.len());
    let same: Vec<_> = lines[1..]
        .iter()
        .map(|line| line["same_as"].as_u64())
        .collect();
    let expected = [
        None,
        None,
        Some(1),
        Some(1),
        None,
        None,
        Some(5),
        None,
        None,
        None,
    ];
    assert_eq!(same, expected);
    assert_eq!(
        (&lines[1]["state"], &lines[10]["state"]),
        (&"mask".into(), &"nothing-found".into())
    );
}

#[test]
fn without_a_clip_nothing_is_kept_and_pictures_stay_as_they_came() {
    let mut came = Frame::new(SIZE[0], SIZE[1], vec![0; 48 * 32 * 3]).unwrap();
    noise(&mut came, 1);
    let off = Stage::new();
    let view = off.show(act(1));
    assert_eq!(*view.picture.unwrap().frame, came);
    assert!(off.session.clip().is_none());
    // With one, they are what its JPEG can tell of them.
    let view = keeping().show(act(1));
    assert_ne!(*view.picture.unwrap().frame, came);
}

#[test]
fn why_there_is_no_mask_is_recorded() {
    let stage = keeping();
    stage
        .fake
        .set_readiness(Readiness::Stuck("it hangs".into()));
    stage.show(act(0));
    stage.fake.set_readiness(Readiness::Ready);
    stage.pass(250);
    stage.fake.slow(500);
    let begin = |seed| {
        stage.puppet.act(act(seed));
        stage.until("it is in work", |view| view.counts.lanes.in_work == 1);
        assert!(stage.clock.wait_for_sleepers(3));
    };
    begin(1);
    let folder = tempfile::tempdir().unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    let mut seconds = 0..;
    let mut recorded = || {
        let at = Duration::from_secs(seconds.next().unwrap());
        let saved = save(&stage, &shelf, SystemTime::UNIX_EPOCH + at);
        let lines = lines(folder.path(), &saved);
        shelf.files().unwrap().iter().for_each(|file| {
            std::fs::remove_file(folder.path().join(&file.name)).unwrap();
        });
        lines
    };
    let outcomes = |lines: &[Value]| -> Vec<String> {
        let outcome = |line: &Value| line["outcome"].as_str().unwrap().to_owned();
        lines[1..].iter().map(outcome).collect()
    };
    assert_eq!(outcomes(&recorded()), ["left-out", "waiting"]);
    stage.pass(500);
    stage.until("it is answered", |view| view.counts.published == 1);
    let lines = recorded();
    assert_eq!(outcomes(&lines), ["left-out", "answered"]);
    assert_eq!(lines[2]["age_ms"], 500.0);

    begin(2);
    for seed in [3, 4] {
        stage.puppet.act(act(seed));
        stage.until("it came in", |view| {
            view.counts.capture.captured == seed + 1
        });
        stage.until("it waits", |view| view.counts.lanes.waiting == 1);
    }
    stage.until("the one before is replaced", |view| {
        view.counts.lanes.replaced == 1
    });
    stage.pass(500);
    stage.until("it was too old", |view| view.counts.lanes.failed == 1);
    // What the announcer was told last is written down a moment later.
    let begun = Instant::now();
    let lines = loop {
        let lines = recorded();
        if lines[5]["outcome"] != "waiting" || begun.elapsed() > Duration::from_secs(60) {
            break lines;
        }
        std::thread::yield_now();
    };
    assert_eq!(outcomes(&lines[3..]), ["replaced", "stale"]);
    assert!(lines[5]["why"].as_str().unwrap().contains("500 ms old"));
    // Both were told within a moment: the announcer may have seen the later one alone.
    assert!(["answered", "overtaken"].contains(&outcomes(&lines)[2].as_str()));
}

#[test]
fn a_clip_has_one_size_and_says_so() {
    let stage = keeping();
    stage.show(BRIGHT);
    stage.show(act(1));
    let folder = tempfile::tempdir().unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    let saved = save(&stage, &shelf, SystemTime::now());
    assert_eq!((saved.pictures, saved.shortened), (1, Some(ClipCut::Size)));
    assert_eq!(lines(folder.path(), &saved)[0]["shortened"], "size");
}

#[test]
fn saving_holds_up_no_picture_and_every_clip_is_whole() {
    let stage = keeping();
    let folder = tempfile::tempdir().unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    stage.show(act(0));
    for round in 1..=10 {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(round);
        let saved = std::thread::scope(|scope| {
            let saving = scope.spawn(|| save(&stage, &shelf, at));
            (0..20).for_each(|i| stage.puppet.act(act(100 * round + i)));
            saving.join().unwrap()
        });
        let lines = lines(folder.path(), &saved);
        let mut film = Film::open(&stage, &folder.path().join(&saved.video.name));
        for (i, line) in lines[1..].iter().enumerate() {
            assert_eq!(line["sequence"], i);
            let frame = film.next().unwrap();
            if line["outcome"] == "answered" {
                let told = line["mask"]["counts"].as_str().unwrap();
                assert_eq!(told, Rle::encode(&segment(&stage, frame)).to_coco_string());
            }
        }
        assert!(film.next().is_none());
    }
    stage.until("all came in", |view| view.counts.capture.captured == 201);
    assert_eq!(shelf.files().unwrap().len(), 20);
}
