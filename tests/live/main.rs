//! Live video through the whole of it: shipped models, engine, live sources.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use engine::EngineOptions;
use engine::model::store::Store;
use engine::service::Engine;
use live::{LiveSettings, LiveView, Session, SessionSpec, State};
use picture::frame::Stop;
use picture::render::encode_png;
use picture::scale::Scale;
use picture::segmenter::{
    Ask, Job, OnMismatch, Picture, Readiness, Segmentation, Segmenter, SystemClock,
};
use video::phantom::{Anatomy, Phantom, PhantomSpec};
use video::source::Opener;

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(120);

fn engine() -> Arc<Engine> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let store = Arc::new(Store::open(&models, None).unwrap());
    let engine = Arc::new(Engine::start(store, &EngineOptions::default()).unwrap());
    wait("the engine is ready", || {
        (engine.readiness() == Readiness::Ready).then_some(())
    });
    engine
}

fn wait<R>(what: &str, mut is: impl FnMut() -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not so: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The still path's answer to those pixels.
fn still(engine: &Engine, of: &Segmentation, modality: &str) -> Segmentation {
    let (to, from) = channel();
    let job = Job {
        picture: Picture::from(encode_png(of.frame.as_ref().clone()).unwrap()),
        scale: Scale::Unknown,
        region: None,
        ask: Ask {
            on_mismatch: OnMismatch::Keep,
            ..Ask::new(modality)
        },
        stop: Stop::never(),
    };
    engine
        .submit(job, Box::new(move |result| to.send(result).unwrap()))
        .unwrap();
    from.recv_timeout(PATIENCE).unwrap().unwrap()
}

#[test]
fn the_live_path_gives_the_still_path_s_masks_bit_for_bit() {
    let engine = engine();
    let clock = Arc::new(SystemClock);
    for (anatomy, modality) in [
        (Anatomy::FetalHead, "ultrasound"),
        (Anatomy::Polyp, "colonoscopy"),
    ] {
        let phantom = PhantomSpec {
            size: [320, 240],
            rate: 10,
            ..PhantomSpec::new(anatomy)
        };
        let opener: Arc<dyn Opener> = Arc::new(Phantom::new(phantom, clock.clone()).unwrap());
        let default = LiveSettings::default();
        let spec = SessionSpec {
            opener,
            view: video::prepare::SourceView::default(),
            ask: Ask::new(modality),
            settings: LiveSettings {
                steady: false,
                patience: live::LivePatience {
                    budget: Duration::from_secs(10),
                    ..default.patience
                },
                ..default
            },
        };
        let session = Session::begin(0, spec, engine.clone(), clock.clone()).unwrap();
        let mut sequence = None;
        for _ in 0..4 {
            let view: LiveView = wait("another answer", || {
                let view = session.look();
                let newest = view.answer.as_ref()?.sequence;
                (view.state == State::Mask && Some(newest) > sequence).then_some(view)
            });
            let answer = view.answer.unwrap();
            sequence = Some(answer.sequence);
            let live = &answer.segmentation;
            let still = still(&engine, live, modality);
            assert!(live.mask.pixels().contains(&255));
            assert_eq!(live.low_res, still.low_res);
            assert_eq!(live.mask, still.mask);
            assert_eq!(
                (live.confidence, live.probability, &live.model_sha256),
                (still.confidence, still.probability, &still.model_sha256)
            );
        }
    }
}
