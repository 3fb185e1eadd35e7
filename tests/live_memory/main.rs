//! What a live frame allocates once all is warm: counted by the allocator itself, over every thread.
#![allow(unsafe_code, reason = "a counting allocator")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use engine::EngineOptions;
use engine::model::store::Store;
use engine::service::Engine;
use live::{LiveSettings, Session, SessionSpec};
use picture::segmenter::{Ask, Readiness, Segmenter, SystemClock};
use video::phantom::{Anatomy, Phantom, PhantomSpec};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// Of these, such as hold a picture's or a mask's pixels.
static LARGE: AtomicUsize = AtomicUsize::new(0);
const MASK: usize = 320 * 240;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        LARGE.fetch_add((layout.size() >= MASK).into(), Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
        size: [320, 240],
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
    let (first, allocations, large) = (published(), ALLOCATIONS.load(Relaxed), LARGE.load(Relaxed));
    wait(|| published() >= first + 60);
    let frames = (published() - first) as f64;
    let each = |count: usize, before: usize| (count - before) as f64 / frames;
    let all = each(ALLOCATIONS.load(Relaxed), allocations);
    let large = each(LARGE.load(Relaxed), large);
    println!("a frame: {all:.1} allocations, {large:.2} of them of {MASK} bytes or more");
    // Two masks (the engine's and the steadied one), the normalised picture, and the tensors that one graph hands the next.
    assert!(large <= 9.0, "{large}");
    // Three of four are tract's, around our nodes and in the guard's graph; the rest is the answer itself.
    assert!(all <= 300.0, "{all}");
}
