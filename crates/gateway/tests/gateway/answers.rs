//! What is pushed, and what comes of it.

use gateway::{AnswerKind, DicomConfig, SentIdentity};
use picture::segmenter::{EngineError, ModalityCheck};
use testing::dicom::DicomSketch;

use crate::support::{Bench, SKETCH, a_loop, squares};

#[test]
fn a_loop_is_answered_by_a_segmentation_and_a_report_that_refers_to_it() {
    let bench = Bench::start();
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let arrived = bench.archive.arrived(2);
    let kinds: Vec<_> = arrived.iter().map(|object| object.kind()).collect();
    assert_eq!(kinds, ["seg", "sr"]);
    let [seg, sr] = &arrived[..] else { panic!() };
    for object in [seg, sr] {
        // Filed where its source is, of which it says that it is the source.
        assert!(object.says("1.2.3.100") && object.says("1.2.3.4.1"));
        assert!(object.says("Research use only"));
    }
    assert!(sr.says(&seg.instance()));
    assert_eq!(bench.fates(1), [("answered", 1)].into());
    let view = bench.until(|gateway| {
        let view = gateway.look();
        (view.outbox.waiting == 0).then_some(view)
    });
    assert!(view.problems().is_empty() && view.runs);
    assert_eq!((view.received, view.spooled), (1, 0));
    assert_eq!(view.sendings.values().next().unwrap().sent, 2);
    assert!(bench.lies_in("spool").is_empty());
}

#[test]
fn a_report_with_outlines_comes_alone() {
    let outlines = |config: &mut DicomConfig| {
        config.destinations[0].answers = vec![AnswerKind::SrOutlines];
    };
    let bench = Bench::with(outlines, []);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let arrived = bench.archive.arrived(1);
    let [report] = &arrived[..] else { panic!() };
    assert_eq!(report.kind(), "sr");
    assert!(report.says("POLYLINE") && report.says("1.2.3.4.1"));
    assert!(
        !report.says("1.2.840.10008.5.1.4.1.1.66.4"),
        "no segmentation"
    );
}

#[test]
fn what_is_pushed_again_is_not_answered_twice() {
    let mut bench = Bench::start();
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    bench.archive.arrived(2);
    bench.fates(1);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let expected = [("answered", 1), ("answered-before", 1)];
    assert_eq!(bench.fates(2), expected.into());
    // Nor after a restart.
    bench.restart(|_| {});
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    assert_eq!(bench.fates(1), [("answered-before", 1)].into());
    // Whoever asks another question gets another answer.
    bench.restart(|config| config.identity = SentIdentity::Removed);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let arrived = bench.archive.arrived(4);
    let names: std::collections::BTreeSet<_> =
        arrived.iter().map(|object| object.instance()).collect();
    assert_eq!(names.len(), 4);
    assert!(arrived[..2].iter().all(|object| object.says("1.2.3.100")));
    assert!(
        !arrived[2..]
            .iter()
            .any(|object| object.says("1.2.3.100") || object.says("1.2.3.4.1"))
    );
    assert!(arrived[3].says(&arrived[2].instance()));
}

#[test]
fn a_capture_is_of_the_largest_mask_and_shows_nobody() {
    let answers = vec![AnswerKind::Capture];
    let with = |identity| {
        let answers = answers.clone();
        Bench::with(
            move |config| {
                config.identity = identity;
                config.destinations[0].answers = answers;
            },
            [],
        )
    };
    let bench = with(SentIdentity::Kept);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let [capture] = &bench.archive.arrived(1)[..] else {
        panic!()
    };
    assert_eq!(capture.kind(), "capture");
    // (0008,1160), the referenced frame, from 1: the third has the larger square.
    let frame = [0x08, 0, 0x60, 0x11, b'I', b'S', 2, 0, b'3', b' '];
    assert!(capture.0.windows(frame.len()).any(|bytes| bytes == frame));
    // Whether a name is drawn into it nobody said.
    let bench = with(SentIdentity::Removed);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    assert_eq!(bench.fates(1), [("not-written", 1)].into());
    let said = DicomSketch {
        more: &[(0x0028_0301, "CS", "NO")],
        ..SKETCH
    };
    bench.push(&said.write_as("1.2.3.4.2", squares)).unwrap();
    assert_eq!(bench.archive.arrived(1)[0].kind(), "capture");
}

#[test]
fn what_gets_no_answer_is_counted_by_its_reason_and_goes() {
    let bench = Bench::with(|config| config.max_frames = 3, []);
    let other = DicomSketch {
        modality: "MR",
        ..SKETCH
    };
    let long = DicomSketch {
        frames: 4,
        ..SKETCH
    };
    let mut damaged = a_loop("1.2.3.4.3");
    damaged.truncate(damaged.len() - 200);
    // Its own pixel data, by another tag.
    let mut without = a_loop("1.2.3.4.4");
    let at = without
        .windows(6)
        .rposition(|bytes| bytes == [0xe0, 0x7f, 0x10, 0, b'O', b'B']);
    without[at.unwrap() + 2] = 0x20;
    let files = [
        (other.write_as("1.2.3.4.1", squares), "other-modality"),
        (long.write_as("1.2.3.4.2", squares), "too-large"),
        (damaged, "damaged"),
        (without, "no-picture"),
        (SKETCH.write_as("1.2.3.4.5", |_, _, _| 20), "nothing-found"),
        // CR of a chest is x-ray, which the fake does not have.
        (
            DicomSketch {
                modality: "CR",
                ..SKETCH
            }
            .write_as("1.2.3.4.6", squares),
            "no-model",
        ),
    ];
    for (number, (file, expected)) in files.iter().enumerate() {
        bench.push(file).unwrap();
        let fates = bench.fates(number as u64 + 1);
        assert_eq!(fates.get(expected), Some(&1), "{expected}: {fates:?}");
    }
    let spool_is_empty = |_: &gateway::Gateway| bench.lies_in("spool").is_empty().then_some(());
    bench.until(spool_is_empty);
    assert_eq!(bench.archive.count(), 0);
    // Others come through as before.
    bench.push(&a_loop("1.2.3.4.7")).unwrap();
    bench.archive.arrived(2);
}

fn mismatch() -> EngineError {
    EngineError::ModalityMismatch {
        asked: "ultrasound".into(),
        check: ModalityCheck {
            score: 0.1,
            threshold: 0.5,
            likeliest: "other".into(),
            likeliest_score: 0.9,
            inverted: None,
        },
        pages: None,
    }
}

#[test]
fn frames_that_do_not_look_like_it_are_left_out_and_all_of_them_are_a_reason() {
    let bench = Bench::with(|_| {}, [mismatch()]);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    let seg = &bench.archive.arrived(1)[0];
    // (0028,0008), the number of frames: two of three.
    let frames = [0x28, 0, 0x08, 0, b'I', b'S', 2, 0, b'2', b' '];
    assert!(seg.0.windows(frames.len()).any(|bytes| bytes == frames));
    let bench = Bench::with(|_| {}, [mismatch(), mismatch(), mismatch()]);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    assert_eq!(bench.fates(1), [("modality-mismatch", 1)].into());
    let fault = EngineError::Internal("it broke".into());
    let bench = Bench::with(|_| {}, [fault]);
    bench.push(&a_loop("1.2.3.4.1")).unwrap();
    assert_eq!(bench.fates(1), [("fault", 1)].into());
}
