use std::io::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use picture::frame::Frame;
use picture::mask::presence::{Presence, PresenceState};
use picture::segmenter::StageTimes;
use proptest::prelude::*;

use super::press::ClipPress;
use super::record::ClipAbout;
use super::ring::{ClipAnswer, ClipBounds, ClipCut, ClipFate, ClipPicture, ClipRing};
use super::shelf::{ClipError, ClipShelf, ShelfBounds, is_clip};
use crate::state::Verdict;

const SPAN: Duration = Duration::from_secs(5);
const MOST: usize = 20_000;
const BOUNDS: ClipBounds = ClipBounds {
    span: SPAN,
    bytes: MOST,
};

fn picture(sequence: u64, captured: Instant, jpeg: &Arc<[u8]>) -> ClipPicture {
    ClipPicture {
        sequence,
        asked: sequence,
        captured,
        size: [8, 6],
        jpeg: jpeg.clone(),
        fate: ClipFate::Waiting,
        verdict: None,
    }
}

fn jpeg(length: usize) -> Arc<[u8]> {
    vec![7; length].into()
}

fn answer(at: Instant, mask: usize) -> ClipFate {
    ClipFate::Answered(Arc::new(ClipAnswer {
        presence: Some(Presence {
            score: 0.9375,
            state: PresenceState::Present,
        }),
        started: at,
        finished: at,
        mask: "0".repeat(mask),
        model: "toy".into(),
        model_sha256: "00".into(),
        modality: "ultrasound".into(),
        confidence: None,
        probability: None,
        check: None,
        times: StageTimes::default(),
    }))
}

#[derive(Clone, Debug)]
enum Step {
    /// A picture: bytes, width, and whether it is equal to the one before.
    Push(usize, u32, bool),
    /// The model says something of the picture so many before the last: a mask of so many bytes.
    Answer(u64, usize),
    Replace(u64),
    Anew,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let same = prop::bool::weighted(0.3);
    prop_oneof![
        8 => (0_usize..6000, prop_oneof![9 => Just(8_u32), 1 => Just(9)], same)
            .prop_map(|(bytes, width, same)| Step::Push(bytes, width, same)),
        6 => (0_u64..8, 0_usize..3000).prop_map(|(back, mask)| Step::Answer(back, mask)),
        1 => (0_u64..8).prop_map(Step::Replace),
        1 => Just(Step::Anew),
        4 => (0_u64..2000).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn a_ring_keeps_its_bounds_and_what_it_says_of_its_pictures(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut now = Instant::now();
        let mut ring = ClipRing::new(BOUNDS);
        let mut last: Option<ClipPicture> = None;
        let mut sequence = 0;
        for step in steps {
            match step {
                Step::Push(bytes, width, same) => {
                    let equal = last.as_ref().filter(|last| same && last.size[0] == width);
                    let jpeg = equal.map_or_else(|| jpeg(bytes), |last| last.jpeg.clone());
                    let mut next = picture(sequence, now, &jpeg);
                    next.size[0] = width;
                    if equal.is_some() {
                        next.fate = ClipFate::Same;
                    }
                    last = Some(next.clone());
                    ring.push(next, now);
                    sequence += 1;
                }
                Step::Answer(back, mask) => {
                    let asked = sequence.saturating_sub(back);
                    ring.answered(asked, answer(now, mask));
                    ring.judged(asked, Verdict::Mask);
                }
                Step::Replace(back) => ring.became(sequence.saturating_sub(back), ClipFate::Replaced),
                Step::Anew => ring.asked_anew(),
                Step::Pass(ms) => now += Duration::from_millis(ms),
            }
            let clip = ring.clip(now);
            let pictures = &clip.pictures;
            prop_assert!(ring.bytes() <= MOST, "{}", ring.bytes());
            let mut bytes = 0;
            for (i, picture) in pictures.iter().enumerate() {
                let before = i.checked_sub(1).map(|i| &pictures[i]);
                bytes += picture.bytes_beside_jpeg();
                bytes += if before.is_some_and(|before| picture.repeats(before)) { 0 } else { picture.jpeg.len() };
                prop_assert!(before.is_none_or(|before| before.sequence + 1 == picture.sequence));
                prop_assert_eq!(picture.size, pictures[0].size);
                // Whose answer is another's, is equal to it, and that is there.
                if matches!(picture.fate, ClipFate::Same) {
                    let before = before.unwrap();
                    prop_assert_eq!(before.asked, picture.asked);
                    prop_assert!(picture.repeats(before));
                }
            }
            prop_assert_eq!(bytes, ring.bytes());
            prop_assert!(clip.length() <= SPAN);
            let told: Vec<_> = clip.lines().map(|line| serde_json::to_value(line).unwrap()).collect();
            for (place, line) in told.iter().enumerate() {
                let same_as = line.get("same_as").map(|same| same.as_u64().unwrap() as usize);
                prop_assert_eq!(same_as.is_some(), line["outcome"] == "same");
                prop_assert!(same_as.is_none_or(|same| same < place && told[same]["outcome"] != "same"));
            }
        }
    }
}

#[test]
fn what_is_equal_to_a_picture_that_went_has_its_answer() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut ring = ClipRing::new(BOUNDS);
    let still = jpeg(100);
    for (sequence, ms) in [0, 2000, 4000, 6000].into_iter().enumerate() {
        let mut next = picture(sequence as u64, at(ms), &still);
        if sequence > 0 {
            next.fate = ClipFate::Same;
        }
        ring.push(next, at(ms));
    }
    // The first has gone, unanswered; its answer comes now.
    ring.answered(0, answer(at(6000), 5));
    ring.judged(0, Verdict::Mask);
    let clip = ring.clip(at(6000));
    assert_eq!(clip.pictures.len(), 3);
    assert_eq!(clip.cut, None);
    let first = serde_json::to_value(clip.lines().next().unwrap()).unwrap();
    assert_eq!(first["sequence"], 1);
    assert_eq!(first["outcome"], "answered");
    assert_eq!(first["state"], "mask");
    assert_eq!(first["mask"]["counts"], "00000");
}

#[test]
fn a_clip_says_why_it_is_short_until_that_is_long_ago() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut ring = ClipRing::new(BOUNDS);
    ring.push(picture(0, at(0), &jpeg(15_000)), at(0));
    ring.push(picture(1, at(100), &jpeg(15_000)), at(100));
    let clip = ring.clip(at(100));
    assert_eq!((clip.pictures.len(), clip.cut), (1, Some(ClipCut::Memory)));
    let other = ClipPicture {
        size: [9, 6],
        ..picture(2, at(200), &jpeg(10))
    };
    ring.push(other.clone(), at(200));
    let clip = ring.clip(at(200));
    assert_eq!((clip.pictures.len(), clip.cut), (1, Some(ClipCut::Size)));
    for sequence in 3..9 {
        let ms = 1000 * sequence;
        let next = ClipPicture {
            sequence,
            asked: sequence,
            captured: at(ms),
            ..other.clone()
        };
        ring.push(next, at(ms));
    }
    assert_eq!(ring.clip(at(8000)).cut, None);
    // One that is more than all there is room for, is not kept.
    let huge = ClipPicture {
        jpeg: jpeg(2 * MOST),
        ..other
    };
    ring.push(huge, at(8100));
    assert_eq!((ring.clip(at(8100)).pictures.len(), ring.bytes()), (0, 0));
}

#[test]
fn a_pressed_picture_is_what_its_file_decodes_to_and_equal_ones_stay_equal() {
    let noise = || {
        let values = (0..48 * 32 * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        Frame::new(48, 32, values.collect()).unwrap()
    };
    let mut press = ClipPress::new();
    let mut first = noise();
    let jpeg = press.press(&mut first).unwrap().unwrap();
    assert_ne!(first, noise());
    let limits = picture::frame::FrameLimits::default();
    assert_eq!(picture::frame::decode(&jpeg, &limits).unwrap(), first);
    let mut second = noise();
    let again = press.press(&mut second).unwrap().unwrap();
    assert!(Arc::ptr_eq(&jpeg, &again));
    assert_eq!(second, first);
    // What no JPEG can hold goes on as it is.
    let long = || Frame::new(70_000, 1, vec![9; 210_000]).unwrap();
    let mut canvas = long();
    assert!(press.press(&mut canvas).unwrap().is_none());
    assert_eq!(canvas, long());
}

#[test]
fn only_clips_are_files_of_clips() {
    for name in [
        "probe-20261127T181246.123Z.avi",
        "my-probe_2-20261127T181246.123Z.jsonl",
        "probe-20261127T181246.123Z.png",
    ] {
        assert!(is_clip(name), "{name}");
    }
    for name in [
        "",
        ".avi",
        "probe.avi",
        "-20261127T181246.123Z.avi",
        "probe-20261127T181246.123Z.txt",
        "probe-20261127T181246.123Z.avi.jsonl",
        "probe-20261127T181246.123Zavi",
        "../probe-20261127T181246.123Z.avi",
        "a/b-20261127T181246.123Z.avi",
        "probe-2026112718124612300Z.avi",
    ] {
        assert!(!is_clip(name), "{name}");
    }
}

fn about() -> ClipAbout {
    ClipAbout {
        source: "probe".into(),
        label: "a probe".into(),
        modality: "ultrasound".into(),
        model: None,
        budget: Duration::from_millis(400),
        pixel_mm: None,
    }
}

/// A ring with one picture.
fn small() -> ClipRing {
    let mut ring = ClipRing::new(BOUNDS);
    let now = Instant::now();
    ring.push(picture(0, now, &jpeg(100)), now);
    ring
}

#[test]
fn a_full_folder_takes_nothing_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, about, at) = (small().clip(Instant::now()), about(), SystemTime::now());
    let open = |clips, bytes| {
        ClipShelf::open(
            folder.path(),
            ShelfBounds {
                clips,
                bytes,
                snapshots: 1,
            },
        )
        .unwrap()
    };
    let shelf = open(2, 1 << 20);
    let saved = shelf.save(&clip, &about, at).unwrap();
    assert_eq!(shelf.files().unwrap(), [saved.video.clone(), saved.record]);
    let before = std::fs::read(folder.path().join(&saved.video.name)).unwrap();
    let twice = shelf.save(&clip, &about, at).unwrap_err();
    assert!(
        matches!(&twice, ClipError::Io(error) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    let after = std::fs::read(folder.path().join(&saved.video.name)).unwrap();
    assert_eq!(before, after);
    let later = at + Duration::from_secs(1);
    for full in [open(1, 1 << 20), open(2, 4000)] {
        let error = full.save(&clip, &about, later).unwrap_err();
        assert!(matches!(error, ClipError::Full { .. }), "{error}");
    }
    shelf.save(&clip, &about, later).unwrap();
    assert_eq!(shelf.files().unwrap().len(), 4);
    // Snapshots have room of their own, and share the bytes.
    let snapshot = shelf.save_snapshot("probe", b"\x89PNG", at).unwrap();
    assert_eq!(shelf.read(&snapshot.name).unwrap().0.bytes, 4);
    assert_eq!(shelf.files().unwrap().len(), 5);
    let more = shelf.save_snapshot("probe", b"\x89PNG", later);
    assert!(matches!(more, Err(ClipError::Full { .. })));
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    let full = shelf.write("probe-20261127T181246.123Z.avi", |mut file| {
        std::io::Write::write_all(&mut file, b"RIFF")?;
        // ENOSPC.
        Err(Error::from_raw_os_error(28))
    });
    assert!(matches!(full, Err(ClipError::Io(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let clip = small().clip(Instant::now());
    let saving = shelf.lock_for_test();
    let busy = shelf.save(&clip, &about(), SystemTime::now());
    assert!(matches!(busy, Err(ClipError::Busy)));
    drop(saving);
    drop(folder);
    let gone = shelf.save(&clip, &about(), SystemTime::now());
    assert!(matches!(gone, Err(ClipError::Io(_))));
    let nowhere = ClipShelf::open(
        std::path::Path::new("/nowhere/at/all"),
        ShelfBounds::default(),
    );
    assert!(matches!(nowhere, Err(ClipError::Io(_))));
    let empty = ClipRing::new(BOUNDS).clip(Instant::now());
    let none = shelf.save(&empty, &about(), SystemTime::now());
    assert!(matches!(none, Err(ClipError::NoPictures)));
}

#[test]
fn what_a_loss_of_power_left_half_written_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, half, foreign] = [
        "probe-20261127T181246.123Z.jsonl",
        "probe-20261127T181246.123Z.avi.part",
        "letter.avi.part",
    ];
    for name in [whole, half, foreign] {
        std::fs::write(folder.path().join(name), "RIFF").unwrap();
    }
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    assert_eq!(shelf.files().unwrap()[0].name, whole);
    let there = |name| folder.path().join(name).exists();
    assert!(!there(half) && there(foreign));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_of_the_folder_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let link = "probe-20261127T181246.123Z.avi";
    std::os::unix::fs::symlink(outside.path(), folder.path().join(link)).unwrap();
    std::fs::write(folder.path().join("secret.txt"), "x").unwrap();
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    assert_eq!(shelf.files().unwrap(), []);
    for name in [link, "secret.txt", "../secret.txt", ""] {
        assert!(
            matches!(shelf.read(name), Err(ClipError::NoSuch(_))),
            "{name}"
        );
    }
}
