//! Measuring a live answer allocates nothing once its kind was seen: counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use counting::Taken;
use espmedsam_http::{LiveMeter, ResultMeter};
use live::{LiveAnswer, Verdict};
use picture::frame::{Frame, Stop};
use picture::scale::Scale;
use picture::segmenter::{Ask, Job, Picture, Segmenter};
use testing::fake::Fake;

fn allocations(work: impl FnOnce()) -> usize {
    let before = Taken::here();
    work();
    Taken::here().since(before).allocations
}

#[test]
fn an_answer_is_measured_without_allocating() {
    let (tell, told) = mpsc::channel();
    let frame = Frame::new(16, 16, vec![255; 3 * 16 * 16]).unwrap();
    let job = Job {
        picture: Picture::Frame(frame.into()),
        scale: Scale::Unknown,
        region: None,
        ask: Ask::new("ultrasound"),
        stop: Stop::never(),
    };
    let done = Box::new(move |outcome| tell.send(outcome).unwrap());
    let fake = Fake::new(1);
    fake.submit(job, done).unwrap();
    let captured = Instant::now();
    let mut answer = LiveAnswer {
        number: 1,
        sequence: 0,
        captured,
        finished: captured + Duration::from_millis(50),
        verdict: Verdict::Mask,
        segmentation: told.recv().unwrap().unwrap(),
    };
    let meter = LiveMeter::new(Arc::new(ResultMeter::default()));
    let first = allocations(|| meter.observe(&answer));
    assert!(first > 0, "the count does not count");
    let further = allocations(|| {
        for number in 2..1000 {
            answer.number = number;
            meter.observe(&answer);
        }
    });
    assert_eq!(further, 0);
}
