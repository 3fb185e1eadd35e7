//! Stabilisation on a phantom whose truth is known, with a segmenter that errs by rule.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_live::steady::{Luma, Motion, Steady, SteadySettings, Untraceable};
use picture::frame::Frame;
use picture::mask::agreement::compare;
use picture::mask::{LogitMap, Mask, upsample};
use picture::segmenter::SystemClock;
use testing::oracle::{Errors, Oracle};
use testing::temporal::{Fidelity, fidelity, steadiness};
use video::phantom::{Anatomy, Incident, IncidentKind, Phantom, PhantomSpec};

const ANATOMIES: [Anatomy; 3] = [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp];
const PERIOD: Duration = Duration::from_nanos(33_333_333);
/// What is new in each frame: noise, and a mask that is never quite in place.
const FRESH: Errors = Errors {
    fresh: 1.0,
    lasting: 0.0,
    memory: 0.0,
    wobble: 0.3,
};
/// The same, and noise that lasts for some five frames.
const LASTING: Errors = Errors {
    fresh: 0.7,
    lasting: 0.7,
    memory: 0.8,
    wobble: 0.2,
};

fn spec(anatomy: Anatomy, seed: u64, speed: f32) -> PhantomSpec {
    PhantomSpec {
        size: [320, 240],
        seed,
        speed,
        ..PhantomSpec::new(anatomy)
    }
}

fn during(spec: PhantomSpec, frames: Range<u64>, kind: IncidentKind) -> PhantomSpec {
    PhantomSpec {
        incidents: vec![Incident { frames, kind }],
        ..spec
    }
}

/// A phantom's frames and what is true of them.
struct Film {
    frames: Vec<Frame>,
    truths: Vec<Mask>,
}

impl Film {
    fn new(spec: PhantomSpec, sequences: impl IntoIterator<Item = u64>) -> Self {
        let phantom = Phantom::new(spec, Arc::new(SystemClock)).unwrap();
        let mut patient = phantom.patient();
        let (frames, truths) = (sequences.into_iter())
            .map(|sequence| {
                let mut frame = Frame::new(1, 1, vec![0; 3]).unwrap();
                patient.draw(sequence, &mut frame).unwrap();
                (frame, phantom.truth(sequence).unwrap())
            })
            .unzip();
        Self { frames, truths }
    }

    fn logits(&self, errors: Errors, side: usize) -> Vec<LogitMap> {
        let mut oracle = Oracle::new(side, errors, 7);
        self.truths
            .iter()
            .map(|truth| oracle.segment(truth))
            .collect()
    }

    fn fidelity(&self, masks: &[Mask]) -> Fidelity {
        fidelity(masks, &self.truths)
    }

    /// Masks without stabilisation and with it, and where it saw a cut.
    fn run(&self, logits: &[LogitMap], times: impl IntoIterator<Item = Duration>) -> Run {
        let (mut steady, start) = (Steady::new(SteadySettings::default()), Instant::now());
        let mut run = Run::default();
        for (n, ((frame, logits), time)) in self.frames.iter().zip(logits).zip(times).enumerate() {
            let shown = steady.next(frame, logits, start + time);
            if shown.cut {
                assert_eq!(shown.logits, logits, "a cut has no past");
                run.cuts.push(n);
            }
            run.plain.push(mask(logits, frame));
            run.steady.push(mask(shown.logits, frame));
        }
        run
    }
}

#[derive(Default)]
struct Run {
    plain: Vec<Mask>,
    steady: Vec<Mask>,
    cuts: Vec<usize>,
}

fn mask(logits: &LogitMap, frame: &Frame) -> Mask {
    let [width, height] = frame.size();
    upsample(logits, width, height).unwrap().mask
}

fn evenly() -> impl Iterator<Item = Duration> {
    (0..).map(|n| PERIOD * n)
}

fn each_patient() -> impl Iterator<Item = (Anatomy, u64)> {
    ANATOMIES
        .into_iter()
        .flat_map(|anatomy| (1..3).map(move |seed| (anatomy, seed)))
}

#[test]
fn a_still_target_flickers_less_than_half_as_much() {
    for (anatomy, seed) in each_patient() {
        let film = Film::new(spec(anatomy, seed, 0.0), 0..40);
        for (errors, side) in [(FRESH, 56), (LASTING, 56), (FRESH, 112)] {
            let run = film.run(&film.logits(errors, side), evenly());
            let [plain, steady] = [&run.plain, &run.steady].map(|masks| steadiness(masks));
            let [before, after] = [&run.plain, &run.steady].map(|masks| film.fidelity(masks));
            let case = format!(
                "{anatomy:?} {seed} {errors:?}: {plain:?} {before:?}, {steady:?} {after:?}"
            );
            assert!(steady.flicker <= 0.5 * plain.flicker, "{case}");
            assert!(steady.jitter <= 0.5 * plain.jitter, "{case}");
            assert!(after.dice >= before.dice, "{case}");
            assert_eq!(run.cuts, [0; 0], "{case}");
        }
    }
}

#[test]
fn a_moving_target_is_followed_within_a_frame_and_no_less_exactly() {
    for (anatomy, seed) in each_patient() {
        for speed in [1.0, 3.0] {
            let film = Film::new(spec(anatomy, seed, speed), 0..70);
            let run = film.run(&film.logits(FRESH, 56), evenly());
            let [plain, steady] = [&run.plain, &run.steady].map(|masks| steadiness(masks));
            let [before, after] = [&run.plain, &run.steady].map(|masks| film.fidelity(masks));
            let case =
                format!("{anatomy:?} {seed} {speed}: {plain:?} {before:?}, {steady:?} {after:?}");
            assert!(after.lag <= 1.0, "{case}");
            assert!(after.dice >= before.dice, "{case}");
            assert!(steady.flicker < plain.flicker, "{case}");
            assert_eq!(run.cuts, [0; 0], "{case}");
        }
    }
}

#[test]
fn frames_at_odd_times_are_followed_as_well() {
    for (anatomy, seed) in each_patient() {
        // Of thirty frames a second, one to four after the one before: a board that is busy with other things.
        let sequences: Vec<u64> = (0..60_u64)
            .scan(0, |at, n| {
                *at += 1 + n * n % 4;
                Some(*at)
            })
            .collect();
        let film = Film::new(spec(anatomy, seed, 1.0), sequences.iter().copied());
        let times = sequences.iter().map(|n| PERIOD * *n as u32);
        let run = film.run(&film.logits(FRESH, 56), times);
        let [before, after] = [&run.plain, &run.steady].map(|masks| film.fidelity(masks));
        let case = format!("{anatomy:?} {seed}: {before:?}, {after:?}");
        assert!(after.lag <= 1.0 && after.dice >= before.dice, "{case}");
    }
}

#[test]
fn another_scene_is_seen_at_once_and_has_no_past() {
    for (anatomy, seed) in each_patient() {
        for kind in [IncidentKind::Cut, IncidentKind::ProbeOff] {
            let film = Film::new(during(spec(anatomy, seed, 1.0), 10..20, kind), 0..30);
            let run = film.run(&film.logits(FRESH, 56), evenly());
            assert_eq!(run.cuts, [10, 20], "{anatomy:?} {seed} {kind:?}");
        }
    }
}

#[test]
fn a_target_that_goes_is_gone_in_the_next_frame_but_one() {
    for (anatomy, seed) in each_patient() {
        let film = Film::new(
            during(spec(anatomy, seed, 0.0), 10..20, IncidentKind::Empty),
            0..30,
        );
        let quiet = Errors {
            fresh: 0.3,
            wobble: 0.0,
            ..FRESH
        };
        let run = film.run(&film.logits(quiet, 56), evenly());
        let area = |n: usize| run.steady[n].pixels().iter().filter(|p| **p != 0).count();
        assert!(area(11) * 50 < area(9), "{anatomy:?} {seed}");
        assert!(area(21) * 10 > area(9) * 9, "{anatomy:?} {seed}");
    }
}

#[test]
fn without_a_past_the_logits_are_the_frames_own_to_the_bit() {
    let film = Film::new(spec(Anatomy::Polyp, 1, 1.0), 0..4);
    let logits = film.logits(FRESH, 56);
    let larger = film.logits(FRESH, 112);
    let (mut steady, start) = (Steady::default(), Instant::now() + Duration::from_secs(60));
    let mut own = |n: usize, logits: &[LogitMap], time: Instant| {
        steady.next(&film.frames[n], &logits[n], time).logits == &logits[n]
    };
    assert!(own(0, &logits, start));
    assert!(!own(1, &logits, start + PERIOD));
    // Another side, a clock that went back, a pause.
    assert!(own(2, &larger, start + 2 * PERIOD));
    assert!(own(3, &larger, start));
    assert!(own(0, &larger, start + Duration::from_secs(5)));
    assert!(!own(1, &larger, start + Duration::from_secs(5) + PERIOD));
    steady.reset();
    let shown = steady.next(
        &film.frames[2],
        &larger[2],
        start + Duration::from_secs(5) + 2 * PERIOD,
    );
    assert!(shown.motion.is_none() && !shown.cut);
    assert_eq!(shown.logits, &larger[2]);
}

/// Moves the truth of one frame to another; Dice of what was moved, and of what was not, with the truth there.
fn carried(film: &Film, from: usize, to: usize) -> Result<[f64; 2], Untraceable> {
    let [mut a, mut b] = [Luma::default(), Luma::default()];
    a.take(&film.frames[from]);
    b.take(&film.frames[to]);
    let mut motion = Motion::default();
    motion.prove(&a, &b);
    let exact = Errors {
        fresh: 0.0,
        wobble: 0.0,
        ..FRESH
    };
    let logits = Oracle::new(56, exact, 1).segment(&film.truths[from]);
    let mut moved = logits.clone();
    motion.carry(&logits, &mut moved)?;
    let dice = |logits: &LogitMap| {
        compare(&mask(logits, &film.frames[to]), &film.truths[to])
            .unwrap()
            .dice
    };
    Ok([dice(&moved), dice(&logits)])
}

#[test]
fn a_mask_is_moved_with_the_picture_or_not_at_all() {
    for (anatomy, seed) in each_patient() {
        // A tenth of a second from frame to frame, by a steady hand and by one that is too hasty to be followed always.
        for (speed, fewest) in [(1.0, 19), (4.0, 1)] {
            let film = Film::new(spec(anatomy, seed, speed), (0..60).step_by(3));
            let results = (1..20).filter_map(|n| carried(&film, n - 1, n).ok());
            let results: Vec<[f64; 2]> = results.collect();
            let mean =
                |i: usize| results.iter().map(|dice| dice[i]).sum::<f64>() / results.len() as f64;
            let worst = results.iter().map(|dice| dice[0]).fold(1.0, f64::min);
            let case = format!("{anatomy:?} {seed} {speed}: {results:.3?}");
            assert!(results.len() >= fewest, "{case}");
            assert!(worst > 0.95 && mean(0) > mean(1), "{case}");
        }
    }
}

#[test]
fn a_mask_is_not_moved_to_where_its_target_is_not() {
    for (anatomy, seed) in each_patient() {
        for kind in [
            IncidentKind::Cut,
            IncidentKind::ProbeOff,
            IncidentKind::Empty,
        ] {
            let film = Film::new(during(spec(anatomy, seed, 1.0), 1..2, kind), 0..2);
            let result = carried(&film, 0, 1);
            assert!(result.is_err(), "{anatomy:?} {seed} {kind:?}: {result:?}");
        }
    }
}
