//! What objects of one file are called.

use std::sync::mpsc;
use std::time::SystemTime;

use espmedsam_dicom::{AnswerMaker, Identity, IntakeWish, NamingSecret, TakenFile};
use picture::frame::Stop;
use picture::report::Form;
use picture::segmenter::{Ask, Job, Segmentation, Segmenter};
use testing::dicom::DicomSketch;
use testing::fake::Fake;

use crate::LIMITS;

fn loop_of_two() -> TakenFile {
    let sketch = DicomSketch {
        size: [32, 24],
        frames: 2,
        modality: "US",
        regions: &[],
        more: &[
            (0x0020_000d, "UI", "1.2.3.1"),
            (0x0020_000e, "UI", "1.2.3.2"),
            (0x0028_0301, "CS", "NO"),
        ],
    };
    let wish = IntakeWish {
        frames: Some("all".parse().unwrap()),
        objects: Some(Identity::Kept),
        ..IntakeWish::default()
    };
    TakenFile::of(sketch.write(|_, x, _| x as u8 * 8), &wish, LIMITS, 2).unwrap()
}

fn segmented(fake: &Fake, file: &TakenFile, frame: usize) -> Segmentation {
    let (tell, told) = mpsc::channel();
    let job = Job {
        picture: file.pictures[frame].picture.clone(),
        scale: file.scale.clone(),
        region: None,
        ask: Ask::new("ultrasound"),
        stop: Stop::never(),
    };
    fake.submit(job, Box::new(move |done| tell.send(done).unwrap()))
        .unwrap();
    told.recv().unwrap().unwrap()
}

#[test]
fn an_answer_made_again_has_its_name_and_another_answer_another() {
    let (fake, file) = (Fake::new(1), loop_of_two());
    let made = |secret, form, frames: &[usize]| {
        let maker = AnswerMaker {
            secret: NamingSecret::fixed([secret; 32]),
            program: "espmedsam",
            version: "1.2.3",
            written: SystemTime::UNIX_EPOCH,
            most: 1 << 20,
        };
        let mut answer = file.answer(form, maker).unwrap();
        for frame in frames {
            answer
                .add(*frame as u32, segmented(&fake, &file, *frame))
                .unwrap();
        }
        answer.finish_named().unwrap()
    };
    let all = [
        made(1, Form::Seg, &[0, 1]),
        made(1, Form::Seg, &[0]),
        made(1, Form::Sr, &[0, 1]),
        made(1, Form::Capture, &[0]),
        // Of another frame it is another picture.
        made(1, Form::Capture, &[1]),
        made(2, Form::Seg, &[0, 1]),
    ];
    for (at, (name, bytes)) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|(other, _)| other != name), "{at}");
        let holds = |name: &str| {
            bytes
                .windows(name.len())
                .any(|part| part == name.as_bytes())
        };
        assert!(holds(name.as_str()), "{at}");
        assert_eq!(at == 0 || at == 2, holds(all[0].0.as_str()), "{at}");
    }
    assert_eq!(made(1, Form::Sr, &[0, 1]), all[2]);
}
