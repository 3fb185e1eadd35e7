//! Offering live frames allocates nothing: counted by the allocator itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use counting::Taken;
use espmedsam_picture::frame::Frame;
use espmedsam_picture::scale::Scale;
use espmedsam_picture::segmenter::{
    Ask, EngineError, Inbox, Lane, LaneSpec, LiveFrame, LiveOutcome, Picture, SystemClock,
};

fn allocations(work: impl FnOnce()) -> usize {
    let before = Taken::here();
    work();
    Taken::here().since(before).allocations
}

#[test]
fn an_offer_allocates_nothing_and_a_turn_twice() {
    let inbox = Inbox::new(8, Arc::new(SystemClock));
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let sink = move |outcome: LiveOutcome| {
        assert!(outcome.result.is_err());
        count.fetch_add(1, Relaxed);
    };
    let spec = LaneSpec {
        ask: Ask::new("ultrasound"),
        stale_after: None,
    };
    let lane = Lane::open(&inbox, spec, Arc::new(sink)).unwrap();
    let pixels = Arc::new(Frame::new(640, 480, vec![0; 3 * 640 * 480]).unwrap());
    let captured = std::time::Instant::now();
    let offer = |sequence| {
        let picture = Picture::Frame(pixels.clone());
        let scale = Scale::Unknown;
        let frame = LiveFrame {
            sequence,
            captured,
            picture,
            scale,
        };
        lane.offer(frame).unwrap();
    };
    let offering = allocations(|| (0..1000).for_each(offer));
    assert_eq!((offering, lane.counts().replaced), (0, 999));

    // The copy of the modality's name in its job, and the box of what it is answered by.
    let turns = allocations(|| {
        for sequence in 0..100 {
            offer(sequence);
            let taken = inbox.try_take().unwrap();
            (taken.done)(Err(EngineError::NotReady));
        }
    });
    assert_eq!((turns, told.load(Relaxed)), (200, 100));
}
