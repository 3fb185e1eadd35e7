//! A phantom's frame allocates nothing once it has been opened: counted by the allocator itself.

#![allow(unsafe_code, reason = "a counting allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use espmedsam_video::phantom::{Anatomy, Phantom, PhantomSpec};
use picture::frame::Frame;
use picture::segmenter::SystemClock;

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
fn a_frame_allocates_nothing() {
    for anatomy in [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp] {
        let phantom = Phantom::new(PhantomSpec::new(anatomy), Arc::new(SystemClock)).unwrap();
        let mut patient = phantom.patient();
        let mut canvas = Frame::new(640, 480, vec![0; 3 * 640 * 480]).unwrap();
        let before = ALLOCATIONS.get();
        for sequence in 0..20 {
            patient.draw(sequence, &mut canvas).unwrap();
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{anatomy:?}");
    }
}
