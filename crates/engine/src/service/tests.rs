use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use picture::frame::{Stop, Stopped};
use picture::scale::Scale;
use picture::segmenter::{
    Ask, Clock, EngineError, Job, ManualClock, Picture, Readiness, Segmentation, Segmenter,
    SystemClock,
};

use super::engine::Staff;
use super::post::{Duty, Post};
use super::shared::{Running, Shared};
use super::worker::Work;
use super::{Engine, LeftBehind};
use crate::flow::Reading;
use crate::model::store::Store;
use crate::options::EngineOptions;
use picture::sync::lock;

mod live;
mod reading;
mod stage;

const PATIENCE: Duration = Duration::from_secs(60);

type Outcome = Result<(), EngineError>;

/// Work that comes back when its gate is opened, whoever asks it to stop.
struct Hangs {
    /// At the first modality, or at the first picture.
    loading: bool,
    entered: Sender<()>,
    gate: Receiver<()>,
}

/// Work that comes back as soon as it is asked to stop.
struct Heeds(Sender<()>);

/// Work whose fault takes its thread along: not even what it panics with can be dropped.
struct Dies;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

impl Work for Dies {
    fn warm_up(&self, _: &Ask) -> Outcome {
        Ok(())
    }

    fn segment(&self, _: &Job) -> Result<Segmentation, EngineError> {
        std::panic::panic_any(Bomb)
    }
}

impl Hangs {
    fn hang(&self) {
        self.entered.send(()).unwrap();
        let _ = self.gate.recv();
    }
}

impl Work for Hangs {
    fn warm_up(&self, _: &Ask) -> Outcome {
        if self.loading {
            self.hang();
        }
        Ok(())
    }

    fn segment(&self, _: &Job) -> Result<Segmentation, EngineError> {
        self.hang();
        Err(EngineError::Internal("the gate was opened".into()))
    }
}

impl Work for Heeds {
    fn warm_up(&self, _: &Ask) -> Outcome {
        Ok(())
    }

    fn segment(&self, job: &Job) -> Result<Segmentation, EngineError> {
        self.0.send(()).unwrap();
        loop {
            job.stop.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// An engine whose only worker hangs, the clock its watchdog looks at, and the gate that lets the worker go on.
struct Hung {
    engine: Engine,
    clock: Arc<ManualClock>,
    entered: Receiver<()>,
    gate: Sender<()>,
}

/// The shipped manifest, without a single file of the models.
fn store() -> (tempfile::TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let manifest = testing::repository("models/manifest.toml");
    std::fs::copy(manifest, dir.path().join("manifest.toml")).unwrap();
    let store = Arc::new(Store::open(dir.path(), None).unwrap());
    (dir, store)
}

/// One worker that does this.
fn staff(work: impl Work + 'static) -> Staff {
    Staff {
        work: vec![Box::new(work)],
        reading: Reading::of_engine(&EngineOptions::default()),
    }
}

fn hung(loading: bool) -> Hung {
    let ((enter, entered), (gate, closed)) = (channel(), channel());
    let work = Hangs {
        loading,
        entered: enter,
        gate: closed,
    };
    let clock = Arc::new(ManualClock::default());
    let (_dir, store) = store();
    let options = EngineOptions::default();
    let engine = Engine::staff(store, &options, clock.clone(), staff(work)).unwrap();
    Hung {
        engine,
        clock,
        entered,
        gate,
    }
}

fn wait_for(engine: &Engine, wanted: &Readiness) {
    let patience = Instant::now() + PATIENCE;
    while engine.readiness() != *wanted {
        assert!(Instant::now() < patience, "{:?}", engine.readiness());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn job() -> Job {
    Job {
        picture: Picture::Frame(stage::black()),
        scale: Scale::Unknown,
        region: None,
        ask: Ask::new("ultrasound"),
        stop: Stop::never(),
    }
}

fn submit(engine: &Engine, to: &Sender<Outcome>) -> Outcome {
    let to = to.clone();
    let done = move |outcome: Result<Segmentation, EngineError>| {
        let _ = to.send(outcome.map(|_| ()));
    };
    engine.submit(job(), Box::new(done))
}

#[test]
fn a_worker_that_does_not_come_back_is_told_of_until_it_does() {
    let Hung {
        engine,
        clock,
        entered,
        gate,
    } = hung(false);
    wait_for(&engine, &Readiness::Ready);
    let (to, from) = channel();
    // That this is accepted shows as well that names are answered without a file of the models, the guard's among them.
    submit(&engine, &to).unwrap();
    entered.recv_timeout(PATIENCE).unwrap();
    clock.advance(Duration::from_secs(119));
    assert_eq!(engine.readiness(), Readiness::Ready);
    clock.advance(Duration::from_secs(2));
    let reason = "an engine thread has been at one picture for 121 s";
    assert_eq!(engine.readiness(), Readiness::Stuck(reason.into()));
    let refused = submit(&engine, &to).unwrap_err();
    assert!(matches!(refused, EngineError::Stuck(why) if why == reason));
    drop(gate);
    wait_for(&engine, &Readiness::Ready);
    let outcome = from.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(outcome, Err(EngineError::Internal(_))));
    submit(&engine, &to).unwrap();
}

#[test]
fn loading_that_does_not_end_is_told_of() {
    let Hung {
        engine,
        clock,
        entered,
        gate,
    } = hung(true);
    entered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(engine.readiness(), Readiness::Starting);
    clock.advance(Duration::from_secs(130));
    let reason = "an engine thread has been loading a modality for 130 s";
    assert_eq!(engine.readiness(), Readiness::Stuck(reason.into()));
    drop(gate);
    wait_for(&engine, &Readiness::Ready);
}

#[test]
fn a_thread_that_hangs_between_two_pictures_is_told_of() {
    let (_dir, store) = store();
    let clock = Arc::new(ManualClock::default());
    // Two workers, of which neither does anything, and each looks as if it ran.
    let shared = Shared::new(store, &EngineOptions::default(), clock.clone(), 2);
    let count = |_: &Post| Running::count(&shared);
    let _running: Vec<Running> = shared.posts.iter().map(count).collect();
    *lock(&shared.readiness) = Readiness::Ready;
    let push = || {
        let done = Box::new(|_: Result<Segmentation, EngineError>| {});
        shared.inbox.push(job(), done).unwrap();
    };
    clock.advance(Duration::from_secs(1000));
    assert_eq!(shared.readiness(), Readiness::Ready, "nothing waits");
    push();
    clock.advance(Duration::from_secs(119));
    push();
    assert_eq!(shared.readiness(), Readiness::Ready);
    clock.advance(Duration::from_secs(2));
    let reason = "an engine thread that is at nothing has not taken what waits for 121 s";
    assert_eq!(shared.readiness(), Readiness::Stuck(reason.into()));
    // Both are at something: what waits waits for its turn.
    let duty = || Duty {
        what: "at one picture",
        since: clock.now(),
        stop: Stop::never(),
        reply: None,
    };
    let _first = shared.posts[0].begin(duty());
    assert_ne!(shared.readiness(), Readiness::Ready);
    let second = shared.posts[1].begin(duty());
    assert_eq!(shared.readiness(), Readiness::Ready);
    drop(second);
    // One of the two is taken, so that somebody takes.
    drop(shared.inbox.try_take());
    clock.advance(Duration::from_secs(119));
    assert_eq!(shared.readiness(), Readiness::Ready);
    drop(shared.inbox.try_take());
    clock.advance(Duration::from_secs(1));
    assert_eq!(shared.readiness(), Readiness::Ready, "nothing waits");
}

#[test]
fn a_thread_that_died_is_told_of() {
    let (_dir, store) = store();
    let (options, clock) = (EngineOptions::default(), Arc::new(SystemClock));
    let engine = Engine::staff(store, &options, clock, staff(Dies)).unwrap();
    wait_for(&engine, &Readiness::Ready);
    let (to, from) = channel();
    submit(&engine, &to).unwrap();
    let outcome = from.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(outcome, Err(EngineError::Stopped)), "{outcome:?}");
    let reason = "1 of the engine's threads died";
    wait_for(&engine, &Readiness::Stuck(reason.into()));
    let refused = submit(&engine, &to).unwrap_err();
    assert!(matches!(refused, EngineError::Stuck(why) if why == reason));
    // Asked to end, it is no fault that it has.
    assert_eq!(engine.shutdown(PATIENCE), Ok(()));
    assert_eq!(engine.readiness(), Readiness::Ready);
}

/// Shuts down an engine of which one thread hangs, with 400 ms of its clock.
fn end_in_vain(engine: &Engine, clock: &ManualClock) -> Result<(), LeftBehind> {
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| engine.shutdown(Duration::from_millis(400)));
        // For what is finished, then for what gives up.
        assert!(clock.wait_for_sleepers(1));
        clock.advance(Duration::from_millis(300));
        assert!(clock.wait_for_sleepers(1));
        // The others end by real time, which that clock knows nothing of.
        let patience = Instant::now() + PATIENCE;
        while *lock(&engine.shared.running) > 1 {
            assert!(Instant::now() < patience, "more than one thread hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
        clock.advance(Duration::from_millis(100));
        ending.join().unwrap()
    })
}

#[test]
fn shutdown_ends_in_time_whatever_hangs() {
    for loading in [false, true] {
        let Hung {
            engine,
            clock,
            entered,
            gate,
        } = hung(loading);
        let (to, from) = channel();
        if !loading {
            wait_for(&engine, &Readiness::Ready);
            submit(&engine, &to).unwrap();
        }
        entered.recv_timeout(PATIENCE).unwrap();
        if !loading {
            submit(&engine, &to).unwrap();
        }
        let started = Instant::now();
        let left = end_in_vain(&engine, &clock).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(left, LeftBehind { threads: 1 });
        // Both the job that hangs and the one that waited are answered.
        for _ in 0..if loading { 0 } else { 2 } {
            let outcome = from.recv_timeout(PATIENCE).unwrap();
            assert!(matches!(outcome, Err(EngineError::Stopped)));
        }
        assert!(matches!(submit(&engine, &to), Err(EngineError::Stopped)));
        assert_eq!(engine.shutdown(PATIENCE), Ok(()), "what is left is left");
        drop(engine);
        assert!(started.elapsed() < Duration::from_secs(2));
        drop(gate);
        drop(to);
        assert!(from.recv().is_err(), "a job was answered twice");
    }
}

#[test]
fn shutdown_cancels_what_is_not_finished_in_time() {
    let (enter, entered) = channel();
    let (_dir, store) = store();
    let (options, clock) = (EngineOptions::default(), Arc::new(SystemClock));
    let engine = Engine::staff(store, &options, clock, staff(Heeds(enter))).unwrap();
    wait_for(&engine, &Readiness::Ready);
    let (to, from) = channel();
    submit(&engine, &to).unwrap();
    entered.recv_timeout(PATIENCE).unwrap();
    let started = Instant::now();
    assert_eq!(engine.shutdown(Duration::from_secs(2)), Ok(()));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_secs(3));
    let outcome = from.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(
        outcome,
        Err(EngineError::GivenUp(Stopped::Cancelled))
    ));
    assert_eq!(engine.stats().failed, 1);
}
