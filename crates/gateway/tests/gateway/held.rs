//! What is in the way for a while: an engine that is busy or not ready, an outbox that is full, an archive that is down.

use std::sync::Arc;
use std::time::Duration;

use picture::segmenter::{EngineError, ManualClock, Readiness};

use crate::support::{Bench, a_loop};

#[test]
fn what_a_busy_engine_does_not_take_waits_for_it() {
    let busy = || EngineError::Overloaded { capacity: 4 };
    let bench = Bench::with(|_| {}, [busy(), busy()]);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    bench.archive.arrived(2);
    assert_eq!(bench.fates(1), [("answered", 1)].into());
    // Nor is anything lost while the model cannot be used.
    bench
        .fake
        .set_readiness(Readiness::Failed("a file is missing".into()));
    bench.push(&a_loop("1.2.3.4.2")).unwrap();
    let problems = bench.until(|gateway| {
        let problems = gateway.look().problems();
        (!problems.is_empty()).then_some(problems)
    });
    assert!(
        problems[0].contains("1 objects wait: model unusable: a file is missing"),
        "{problems:?}"
    );
    bench.fake.set_readiness(Readiness::Ready);
    bench.archive.arrived(4);
    bench.until(|gateway| gateway.look().problems().is_empty().then_some(()));
}

#[test]
fn a_full_outbox_holds_up_the_spool_and_a_full_spool_the_scanner() {
    let mut bench = Bench::with(
        |config| (config.outbox_objects, config.spool_objects) = (3, 2),
        [],
    );
    bench.archive.is_down(true);
    // Two answers of the first, one of the second: there is no room for the other.
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    bench.push(&a_loop("1.2.3.4.2")).unwrap();
    let held = bench.until(|gateway| gateway.look().held);
    assert!(held.contains("is full"), "{held}");
    bench.push(&a_loop("1.2.3.4.3")).unwrap();
    let refused = bench.push(&a_loop("1.2.3.4.4")).unwrap_err().to_string();
    assert!(refused.contains("A700"), "{refused}");
    // It ends in the middle of that, and goes on with it.
    bench.restart(|config| config.spool_objects = 2);
    bench.archive.is_down(false);
    let arrived = bench.archive.arrived(6);
    assert_eq!(bench.fates(2), [("answered", 2)].into());
    let kinds: Vec<_> = arrived.iter().map(|object| object.kind()).collect();
    assert_eq!(kinds, ["seg", "sr", "seg", "sr", "seg", "sr"]);
    for pair in arrived.chunks_exact(2) {
        assert!(pair[1].says(&pair[0].instance()));
    }
    bench.push(&a_loop("1.2.3.4.4")).unwrap();
    assert_eq!(bench.archive.arrived(8).len(), 8);
}

#[test]
fn an_answer_that_never_fits_is_no_reason_to_wait() {
    let bench = Bench::with(|config| config.outbox_mib = 1, []);
    // 300 frames of 256 x 256, a bit each: 2.4 MB.
    let large = testing::dicom::DicomSketch {
        size: [256, 256],
        frames: 300,
        ..crate::support::SKETCH
    };
    bench
        .push(&large.write_as("1.2.3.4.1", |_, x, _| x as u8))
        .unwrap();
    assert_eq!(bench.fates(1), [("too-large", 1)].into());
    bench.push(&a_loop("1.2.3.4.2")).unwrap();
    bench.archive.arrived(2);
}

#[test]
fn an_archive_that_is_down_is_told_of_and_tried_again() {
    let clock = Arc::new(ManualClock::default());
    let bench = Bench::by(clock.clone(), |_| {}, []);
    bench.archive.is_down(true);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    bench.fates(1);
    let tried = |count| {
        bench.until(|gateway| {
            let routes = gateway.look().outbox.routes;
            let attempts = routes.values().next()?.attempts;
            // The courier waits for the next attempt's time, the worker for objects.
            (attempts == count && clock.wait_for_sleepers(2)).then_some(())
        });
        bench.gateway().look().problems()
    };
    for (attempts, pause) in [(1, 1), (2, 2)] {
        assert_eq!(tried(attempts), [""; 0]);
        clock.advance(Duration::from_secs(pause));
    }
    let expected =
        "2 answers wait for 'archive', tried 3 times: the DICOMweb server answered with status 503";
    assert_eq!(tried(3), [expected]);
    bench.archive.is_down(false);
    clock.advance(Duration::from_secs(4));
    bench.archive.arrived(2);
    bench.until(|gateway| gateway.look().problems().is_empty().then_some(()));
}
