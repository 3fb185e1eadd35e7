use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use picture::frame::Frame;
use picture::mask::Mask;
use picture::segmenter::{Clock, ManualClock, SystemClock};
use proptest::prelude::*;

use super::*;
use crate::source::{Opener, SourceError};

const ANATOMIES: [Anatomy; 3] = [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp];

fn small(anatomy: Anatomy) -> PhantomSpec {
    PhantomSpec {
        size: [160, 120],
        ..PhantomSpec::new(anatomy)
    }
}

fn with(anatomy: Anatomy, kind: IncidentKind, frames: Range<u64>) -> PhantomSpec {
    PhantomSpec {
        incidents: vec![Incident { frames, kind }],
        ..small(anatomy)
    }
}

fn phantom(spec: PhantomSpec) -> Phantom {
    Phantom::new(spec, Arc::new(SystemClock)).unwrap()
}

fn canvas() -> Frame {
    Frame::new(1, 1, vec![0; 3]).unwrap()
}

fn frames(spec: PhantomSpec, sequences: impl IntoIterator<Item = u64>) -> Vec<Frame> {
    let mut patient = phantom(spec).patient();
    let draw = |sequence| {
        let mut frame = canvas();
        patient.draw(sequence, &mut frame).unwrap();
        frame
    };
    sequences.into_iter().map(draw).collect()
}

fn area(mask: &Mask) -> usize {
    mask.pixels().iter().filter(|pixel| **pixel != 0).count()
}

fn centre(mask: &Mask) -> [f64; 2] {
    let width = mask.width() as usize;
    let on = (mask.pixels().iter().enumerate()).filter(|(_, pixel)| **pixel != 0);
    let sum = on.fold([0.0; 2], |[x, y], (at, _)| {
        [x + (at % width) as f64, y + (at / width) as f64]
    });
    sum.map(|sum| sum / area(mask) as f64)
}

/// Mean of the samples where the mask is, or is not.
fn mean(frame: &Frame, mask: &Mask, inside: bool) -> f64 {
    let pixels = frame.rgb().chunks_exact(3).zip(mask.pixels());
    let chosen = pixels.filter(|(_, on)| (**on != 0) == inside);
    let (sum, count) = chosen.fold((0.0, 0), |(sum, count), (rgb, _)| {
        (
            sum + rgb.iter().map(|v| f64::from(*v)).sum::<f64>() / 3.0,
            count + 1,
        )
    });
    sum / f64::from(count)
}

#[test]
fn the_same_specification_gives_the_same_pictures_and_another_seed_others() {
    for anatomy in ANATOMIES {
        let spec = small(anatomy);
        let first = frames(spec.clone(), [0, 7]);
        assert_eq!(first, frames(spec.clone(), [0, 7]));
        assert_ne!(first[0], first[1]);
        assert_ne!(first, frames(PhantomSpec { seed: 2, ..spec }, [0, 7]));
    }
}

/// FNV-1a of the samples, so that another machine's picture can be told from this one's.
#[test]
fn pictures_are_the_same_on_every_machine() {
    let hash = |frame: &Frame| {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        frame.rgb().iter().fold(0xcbf2_9ce4_8422_2325, fold)
    };
    let hashes = ANATOMIES.map(|anatomy| hash(&frames(small(anatomy), [12])[0]));
    let known = [
        0x384e_5f1e_5b26_2123,
        0x0e5e_fb4b_8e92_21e9,
        0xa6a4_c73a_39e6_3792,
    ];
    assert_eq!(hashes, known, "{hashes:#x?}");
}

#[test]
fn without_speed_only_the_noise_changes() {
    for anatomy in ANATOMIES {
        let still = PhantomSpec {
            speed: 0.0,
            ..small(anatomy)
        };
        let truth = phantom(still.clone()).truth(0).unwrap();
        assert_eq!(truth, phantom(still.clone()).truth(99).unwrap());
        let noisy = frames(still.clone(), [0, 1]);
        assert_ne!(noisy[0], noisy[1]);
        let apart = noisy[0].rgb().iter().zip(noisy[1].rgb());
        let most = apart.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(
            f32::from(most) <= 2.0 * still.noise + 1.0,
            "{anatomy:?}: {most}"
        );
        let quiet = PhantomSpec {
            noise: 0.0,
            ..still
        };
        let quiet = frames(quiet, [0, 1]);
        assert_eq!(quiet[0], quiet[1]);
    }
}

#[test]
fn the_target_moves_as_a_hand_does_and_stays_in_the_picture() {
    for (anatomy, seed) in ANATOMIES
        .into_iter()
        .flat_map(|anatomy| (1..6).map(move |seed| (anatomy, seed)))
    {
        let phantom = phantom(PhantomSpec {
            seed,
            ..small(anatomy)
        });
        let truths: Vec<Mask> = (0..300).map(|n| phantom.truth(n).unwrap()).collect();
        let centres: Vec<[f64; 2]> = truths.iter().map(centre).collect();
        let far = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let steps = centres.iter().zip(&centres[1..]).map(|(a, b)| far(a, b));
        // 1 % of the height in a thirtieth of a second.
        assert!(steps.fold(0.0, f64::max) < 1.2, "{anatomy:?} {seed}");
        let path = centres
            .iter()
            .map(|c| far(c, &centres[0]))
            .fold(0.0, f64::max);
        assert!(path > 6.0, "{anatomy:?} {seed}: {path}");
        for truth in &truths {
            let share = area(truth) as f64 / f64::from(160 * 120);
            assert!((0.03..0.4).contains(&share), "{anatomy:?} {seed}: {share}");
        }
    }
}

#[test]
fn the_target_is_where_the_truth_is() {
    for seed in 1..4 {
        let seen = |anatomy: Anatomy| {
            let spec = PhantomSpec {
                seed,
                ..small(anatomy)
            };
            let frame = &frames(spec.clone(), [5])[0];
            let truth = phantom(spec).truth(5).unwrap();
            mean(frame, &truth, true) / mean(frame, &truth, false)
        };
        assert!(seen(Anatomy::Lesion) < 0.4);
        assert!(seen(Anatomy::Polyp) > 1.2);
    }
}

#[test]
fn incidents_show_what_they_say_and_only_while_they_last() {
    for anatomy in ANATOMIES {
        let usual = frames(small(anatomy), 0..12);
        let truth = |spec: &PhantomSpec, n| phantom(spec.clone()).truth(n).unwrap();
        for kind in [
            IncidentKind::ProbeOff,
            IncidentKind::Cut,
            IncidentKind::Freeze,
            IncidentKind::Empty,
        ] {
            let spec = with(anatomy, kind, 4..9);
            let shown = frames(spec.clone(), 0..12);
            assert_eq!((&shown[..4], &shown[9..]), (&usual[..4], &usual[9..]));
            for n in 4..9 {
                let target = truth(&spec, n as u64);
                assert_ne!(shown[n], usual[n]);
                match kind {
                    IncidentKind::Freeze => {
                        assert_eq!(shown[n], usual[3]);
                        assert_eq!(target, truth(&small(anatomy), 3));
                    }
                    IncidentKind::Cut => {
                        assert!(area(&target) > 0);
                        assert_ne!(target, truth(&small(anatomy), n as u64));
                    }
                    IncidentKind::Empty | IncidentKind::ProbeOff => assert_eq!(area(&target), 0),
                }
            }
        }
        let off = with(anatomy, IncidentKind::ProbeOff, 0..1);
        let nothing = Mask::empty(160, 120).unwrap();
        let dark = mean(&frames(off, [0])[0], &nothing, false);
        assert!(
            dark < 0.5 * mean(&usual[0], &nothing, false),
            "{anatomy:?}: {dark}"
        );
    }
}

#[test]
fn a_freeze_shows_what_was_there_whatever_that_was() {
    let freeze = |frames| Incident {
        frames,
        kind: IncidentKind::Freeze,
    };
    let mut spec = with(Anatomy::Lesion, IncidentKind::Empty, 2..5);
    spec.incidents
        .extend([freeze(0..1), freeze(5..8), freeze(8..10)]);
    let shown = frames(spec.clone(), 0..11);
    assert_eq!(shown[4], shown[5]);
    assert_eq!(shown[4], shown[9]);
    assert_ne!(shown[9], shown[10]);
    assert_eq!(area(&phantom(spec).truth(9).unwrap()), 0);
}

#[test]
fn frames_come_at_their_rate_and_the_newest_first() {
    let clock = Arc::new(ManualClock::default());
    let start = clock.now();
    let spec = small(Anatomy::Lesion);
    let period = Duration::from_nanos(33_333_334);
    let phantom = Phantom::new(spec, clock.clone()).unwrap();
    let (mut source, mut frame) = (phantom.open().unwrap(), canvas());
    let shot = source.next(&mut frame, start).unwrap();
    assert_eq!(
        (shot.sequence, shot.captured, frame.size()),
        (0, start, [160, 120])
    );
    // The next is not due, and nobody waits for it.
    assert!(matches!(
        source.next(&mut frame, start),
        Err(SourceError::TimedOut)
    ));
    clock.advance(period);
    let shot = source.next(&mut frame, start).unwrap();
    assert_eq!((shot.sequence, shot.captured), (1, start + period));
    // A second passes unseen.
    clock.advance(Duration::from_secs(1));
    let shot = source.next(&mut frame, start).unwrap();
    assert_eq!(
        (shot.sequence, shot.captured),
        (31, start + Duration::from_secs(1) + period)
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| source.next(&mut frame, start + Duration::from_secs(9)));
        assert!(clock.wait_for_sleepers(1));
        clock.advance(period);
        assert_eq!(waiting.join().unwrap().unwrap().sequence, 32);
    });
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let refused = |change: fn(&mut PhantomSpec)| {
        let mut spec = small(Anatomy::Polyp);
        change(&mut spec);
        Phantom::new(spec, Arc::new(SystemClock)).unwrap_err()
    };
    assert_eq!(refused(|s| s.size = [0, 480]), PhantomError::Size(0, 480));
    assert_eq!(
        refused(|s| s.size = [640, 5000]),
        PhantomError::Size(640, 5000)
    );
    assert_eq!(refused(|s| s.rate = 0), PhantomError::Rate(0));
    assert!(matches!(
        refused(|s| s.speed = f32::NAN),
        PhantomError::Speed(_)
    ));
    assert_eq!(refused(|s| s.noise = -1.0), PhantomError::Noise(-1.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_size_and_any_time_can_be_shown(
        anatomy in prop::sample::select(ANATOMIES.to_vec()), width in 32_u32..200, height in 32_u32..200,
        seed in any::<u64>(), speed in 0.0_f32..=10.0, sequence in prop_oneof![0..1000_u64, any::<u64>()],
    ) {
        let spec = PhantomSpec { size: [width, height], seed, speed, ..PhantomSpec::new(anatomy) };
        let phantom = phantom(spec.clone());
        prop_assert_eq!(frames(spec, [sequence])[0].size(), [width, height]);
        let truth = phantom.truth(sequence).unwrap();
        prop_assert_eq!(truth.size(), [width, height]);
    }
}
