//! Steadying a frame allocates nothing once two have gone through: counted by the allocator itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use counting::Taken;
use espmedsam_live::steady::{Luma, Motion, Steady};
use picture::frame::Frame;
use picture::mask::LogitMap;
use picture::segmenter::SystemClock;
use video::phantom::{Anatomy, Phantom, PhantomSpec};

#[test]
fn a_frame_and_a_carried_mask_allocate_nothing() {
    let phantom = Phantom::new(PhantomSpec::new(Anatomy::Lesion), Arc::new(SystemClock)).unwrap();
    let (mut patient, mut frame) = (phantom.patient(), Frame::new(1, 1, vec![0; 3]).unwrap());
    let logits = LogitMap::new(56, (0..56 * 56).map(|i| (i % 7) as f32 - 3.0).collect()).unwrap();
    let (mut steady, start) = (Steady::default(), Instant::now());
    let mut turn = |n: u32| {
        patient.draw(n.into(), &mut frame).unwrap();
        let shown = steady.next(&frame, &logits, start + Duration::from_millis(33) * n);
        assert_eq!(shown.motion.is_some(), n > 0);
    };
    (0..2).for_each(&mut turn);
    let before = Taken::here();
    (2..20).for_each(&mut turn);
    assert_eq!(Taken::here().since(before).allocations, 0);

    let [mut then, mut now] = [Luma::default(), Luma::default()];
    let (mut motion, mut moved) = (Motion::default(), logits.clone());
    then.take(&frame);
    now.take(&frame);
    let before = Taken::here();
    for _ in 0..3 {
        now.take(&frame);
        motion.prove(&then, &now);
        motion.carry(&logits, &mut moved).unwrap();
    }
    assert_eq!(Taken::here().since(before).allocations, 0);
    assert_eq!(moved, logits);
}
