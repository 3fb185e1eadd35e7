//! Steadying a frame allocates nothing once two have gone through: counted by the allocator itself.

#![allow(unsafe_code, reason = "a counting allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_live::steady::{Luma, Motion, Steady};
use picture::frame::Frame;
use picture::mask::LogitMap;
use picture::segmenter::SystemClock;
use video::phantom::{Anatomy, Phantom, PhantomSpec};

struct Counting;

thread_local! {
    /// This thread's: those of the test's harness are none of its business.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
    let before = ALLOCATIONS.get();
    (2..20).for_each(&mut turn);
    assert_eq!(ALLOCATIONS.get() - before, 0);

    let [mut then, mut now] = [Luma::default(), Luma::default()];
    let (mut motion, mut moved) = (Motion::default(), logits.clone());
    then.take(&frame);
    now.take(&frame);
    let before = ALLOCATIONS.get();
    for _ in 0..3 {
        now.take(&frame);
        motion.prove(&then, &now);
        motion.carry(&logits, &mut moved).unwrap();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(moved, logits);
}
