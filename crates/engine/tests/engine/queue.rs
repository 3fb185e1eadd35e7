//! The engine's threads: a bounded queue, answers exactly once, an orderly end.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use testing::toy;

use espmedsam_engine::EngineOptions;
use espmedsam_engine::model::store::Store;
use espmedsam_engine::service::Engine;
use picture::frame::{FrameError, Stop, Stopped};
use picture::scale::Scale;
use picture::segmenter::{Ask, EngineError, Job, Readiness, Segmenter};

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome = Result<(), EngineError>;

fn start(dir: &Path, options: &EngineOptions) -> Engine {
    Engine::start(Arc::new(Store::open(dir, None).unwrap()), options).unwrap()
}

fn settled(engine: &Engine) -> Readiness {
    let known = engine.wait_until_ready();
    let readiness = engine.readiness();
    assert_eq!(known.is_ok(), readiness == Readiness::Ready);
    readiness
}

fn ready(dir: &Path, options: &EngineOptions) -> Engine {
    let engine = start(dir, options);
    assert_eq!(settled(&engine), Readiness::Ready);
    engine
}

fn options(queue: usize) -> EngineOptions {
    EngineOptions {
        threads: 1,
        queue,
        ..EngineOptions::default()
    }
}

fn job(modality: &str) -> Job {
    Job {
        picture: toy::png(32, 32, |_, _| 255).into(),
        scale: Scale::Unknown,
        region: None,
        ask: Ask::new(modality),
        stop: Stop::never(),
    }
}

/// Submits a job whose outcome goes to `to`.
fn submit(engine: &Engine, modality: &str, to: &Sender<Outcome>) -> Outcome {
    let to = to.clone();
    engine.submit(
        job(modality),
        Box::new(move |outcome| to.send(outcome.map(|_| ())).unwrap()),
    )
}

/// Holds the only worker inside a job's callback until the sender returned is dropped.
fn hold(engine: &Engine) -> Sender<()> {
    let (entered, inside) = channel();
    let (release, held) = channel::<()>();
    let wait = move |_| {
        entered.send(()).unwrap();
        let _ = held.recv();
    };
    engine.submit(job("bright"), Box::new(wait)).unwrap();
    inside.recv_timeout(PATIENCE).unwrap();
    release
}

fn next(from: &Receiver<Outcome>) -> Outcome {
    from.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn a_job_is_answered_and_counted() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(8));
    let (to, from) = channel();
    submit(&engine, "bright", &to).unwrap();
    next(&from).unwrap();
    let (results, received) = channel();
    engine
        .submit(
            job("dark"),
            Box::new(move |outcome| results.send(outcome).unwrap()),
        )
        .unwrap();
    let result = received.recv_timeout(PATIENCE).unwrap().unwrap();
    let times = result.times;
    let stages = times.queue
        + times.frame
        + times.preprocess
        + times.encode
        + times.self_prompt
        + times.decode
        + times.mask;
    assert!(times.total >= stages && times.encode > 0.0, "{times:?}");
    engine.shutdown(PATIENCE).unwrap();
    let stats = engine.stats();
    assert_eq!((stats.done, stats.failed, stats.rejected), (2, 0, 0));
    assert!(stats.latency.unwrap().max >= times.total);
}

#[test]
fn a_full_queue_answers_at_once() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(2));
    let release = hold(&engine);
    let (to, from) = channel();
    submit(&engine, "bright", &to).unwrap();
    submit(&engine, "bright", &to).unwrap();
    assert_eq!(engine.queue(), (2, 2));
    // The worker is held, so an answer now can only be an immediate one.
    assert!(matches!(
        submit(&engine, "bright", &to),
        Err(EngineError::Overloaded { capacity: 2 })
    ));
    assert!(
        from.try_recv().is_err(),
        "a refused job's callback was called"
    );
    drop(release);
    next(&from).unwrap();
    next(&from).unwrap();
    engine.shutdown(PATIENCE).unwrap();
    assert_eq!((engine.stats().rejected, engine.stats().done), (1, 3));
    assert_eq!(engine.queue(), (0, 2));
    assert!(
        from.try_recv().is_err(),
        "a refused job's callback was called"
    );
}

#[test]
fn shutdown_finishes_what_was_accepted() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(8));
    let release = hold(&engine);
    let (to, from) = channel();
    for _ in 0..3 {
        submit(&engine, "bright", &to).unwrap();
    }
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| engine.shutdown(PATIENCE));
        while !matches!(submit(&engine, "bright", &to), Err(EngineError::Stopped)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(release);
        ending.join().unwrap().unwrap();
    });
    drop(to);
    let outcomes: Vec<Outcome> = from.iter().collect();
    // Those accepted before the queue closed, however many the loop above got in.
    assert!(
        outcomes.len() >= 3 && outcomes.iter().all(Result::is_ok),
        "{outcomes:?}"
    );
    assert_eq!(engine.stats().done, outcomes.len() as u64 + 1);
}

#[test]
fn a_failing_job_or_callback_costs_itself_alone() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(8));
    let (to, from) = channel();
    engine
        .submit(job("bright"), Box::new(|_| panic!("a callback's fault")))
        .unwrap();
    let bad = Job {
        picture: b"not a picture".to_vec().into(),
        ..job("bright")
    };
    let tell = to.clone();
    engine
        .submit(
            bad,
            Box::new(move |outcome| tell.send(outcome.map(|_| ())).unwrap()),
        )
        .unwrap();
    assert!(matches!(next(&from), Err(EngineError::Frame(_))));
    submit(&engine, "bright", &to).unwrap();
    next(&from).unwrap();
    assert_eq!(engine.stats().failed, 1);
}

#[test]
fn several_pinned_workers_answer_everything() {
    let dir = toy::model();
    let engine = ready(
        dir.path(),
        &EngineOptions {
            workers: 3,
            threads: 2,
            pin: true,
            ..options(64)
        },
    );
    let (to, from) = channel();
    for ix in 0..40 {
        submit(&engine, ["bright", "all", "dark"][ix % 3], &to).unwrap();
    }
    engine.shutdown(PATIENCE).unwrap();
    drop(to);
    assert_eq!(from.iter().filter(Result::is_ok).count(), 40);
}

#[test]
fn unknown_names_are_answered_before_anything_is_queued() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(8));
    let (to, _from) = channel();
    assert!(matches!(
        submit(&engine, "x-ray", &to),
        Err(EngineError::UnknownModality { .. })
    ));
    assert_eq!(engine.queue().0, 0);
    let wrong = EngineOptions {
        preload: vec!["x-ray".into()],
        ..options(8)
    };
    let store = Arc::new(Store::open(dir.path(), None).unwrap());
    assert!(matches!(
        Engine::start(store, &wrong),
        Err(EngineError::UnknownModality { .. })
    ));
}

#[test]
fn preloaded_modalities_are_in_memory_when_ready() {
    let dir = toy::model();
    let engine = ready(
        dir.path(),
        &EngineOptions {
            preload: vec!["dark".into()],
            ..options(8)
        },
    );
    let models = engine.models();
    let loaded: Vec<_> = models[0]
        .modalities
        .iter()
        .map(|m| (m.name.as_str(), m.index, m.loaded))
        .collect();
    assert_eq!(
        loaded,
        [("bright", 0, false), ("all", 1, false), ("dark", 3, true)]
    );
    assert!(models[0].default && models[0].side == toy::SIDE);
}

#[test]
fn a_corrupt_model_is_never_ready_and_says_why() {
    let dir = toy::model();
    std::fs::write(dir.path().join("base.bin"), vec![7; 786_432]).unwrap();
    let engine = start(dir.path(), &options(8));
    let Readiness::Failed(reason) = settled(&engine) else {
        panic!("ready with a corrupt model")
    };
    assert!(reason.contains("expected SHA-256"), "{reason}");
    let (to, _from) = channel();
    assert!(
        matches!(submit(&engine, "bright", &to), Err(EngineError::Model(cause)) if cause.to_string() == reason)
    );
}

#[test]
fn a_job_that_nobody_waits_for_or_that_is_late_costs_nothing() {
    let dir = toy::model();
    let engine = ready(dir.path(), &options(8));
    let cancelled = Stop::never();
    cancelled.cancel();
    let (to, from) = channel();
    for (stop, why) in [
        (cancelled, Stopped::Cancelled),
        (Stop::at(Instant::now()), Stopped::Late),
    ] {
        let to = to.clone();
        // Not a picture: had it been looked at, that would be the answer.
        let job = Job {
            picture: b"not a picture".to_vec().into(),
            stop,
            ..job("bright")
        };
        let done = move |outcome: Result<_, _>| to.send(outcome.map(|_| ())).unwrap();
        engine.submit(job, Box::new(done)).unwrap();
        assert!(matches!(next(&from), Err(EngineError::GivenUp(stopped)) if stopped == why));
    }
    assert_eq!(engine.stats().failed, 2);
}

#[test]
fn decoding_has_a_time_of_its_own() {
    let dir = toy::model();
    let engine = ready(
        dir.path(),
        &EngineOptions {
            decode_timeout: Duration::ZERO,
            ..options(8)
        },
    );
    let (to, from) = channel();
    submit(&engine, "bright", &to).unwrap();
    assert!(matches!(
        next(&from),
        Err(EngineError::Frame(FrameError::Stopped(Stopped::Late)))
    ));
}

#[test]
fn a_pipe_in_the_models_folder_hangs_nothing() {
    let dir = toy::model();
    let pipe = dir.path().join("base.bin");
    std::fs::remove_file(&pipe).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let engine = start(dir.path(), &options(8));
    let Readiness::Failed(reason) = settled(&engine) else {
        panic!("ready with a pipe for weights")
    };
    assert!(reason.contains("base.bin: not a regular file"), "{reason}");
    engine.shutdown(PATIENCE).unwrap();
}
