//! What a live frame allocates once all is warm: counted by the allocator itself, over every thread.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counting::Taken;
use engine::EngineOptions;
use engine::model::store::Store;
use engine::service::Engine;
use live::{LiveSettings, Session, SessionSpec};
use picture::segmenter::{Ask, Readiness, Segmenter, SystemClock};
use video::phantom::{Anatomy, Phantom, PhantomSpec};

/// Of the pictures, px.
const SIZE: [u32; 2] = [320, 240];
/// Bytes that a frame may take.
const BOUND: u64 = 5 << 19;

const PATIENCE: Duration = Duration::from_secs(120);

fn wait(is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_live_frame_allocates_what_its_answer_is_made_of_and_no_more() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let store = Arc::new(Store::open(&models, None).unwrap());
    let engine = Arc::new(Engine::start(store, &EngineOptions::default()).unwrap());
    wait(|| engine.readiness() == Readiness::Ready);
    let clock = Arc::new(SystemClock);
    let phantom = PhantomSpec {
        size: SIZE,
        ..PhantomSpec::new(Anatomy::FetalHead)
    };
    let spec = SessionSpec {
        opener: Arc::new(Phantom::new(phantom, clock.clone()).unwrap()),
        view: video::prepare::SourceView::default(),
        ask: Ask::new("ultrasound"),
        settings: LiveSettings::default(),
    };
    let session = Session::begin(0, spec, engine, clock).unwrap();
    let published = || session.look().counts.published;
    wait(|| published() >= 40);
    let (first, before) = (published(), Taken::everywhere());
    wait(|| published() >= first + 60);
    let frames = published() - first;
    let Taken { allocations, bytes } = Taken::everywhere().since(before);
    let (allocations, bytes) = (allocations as u64 / frames, bytes as u64 / frames);
    println!("a frame: {allocations} allocations, {bytes} bytes");
    // Three of four are tract's, around our nodes and in the guard's graph; the rest is the answer itself.
    assert!(allocations <= 300, "{allocations}");
    // Two masks (the engine's and the steadied one), the normalised picture, and the tensors that one graph hands the next:
    // no picture's pixels again and again.
    assert!(bytes <= BOUND, "{bytes}");
}
