//! An allocator that counts, for tests of what takes no memory. It is the global one of every test that names this crate.
//! Not part of the product.

#![allow(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HERE: Cell<Taken> = const { Cell::new(Taken::NOTHING) };
}

/// What was taken of memory; what was given back is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How often.
    pub allocations: usize,
    /// How much.
    pub bytes: usize,
}

impl Taken {
    const NOTHING: Self = Self {
        allocations: 0,
        bytes: 0,
    };

    /// By this thread so far: what the test's harness does meanwhile is none of its business.
    #[must_use]
    pub fn here() -> Self {
        HERE.get()
    }

    /// By all threads so far, for a test that is alone in its process.
    #[must_use]
    pub fn everywhere() -> Self {
        Self {
            allocations: ALLOCATIONS.load(Relaxed),
            bytes: BYTES.load(Relaxed),
        }
    }

    /// What was taken since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            allocations: self.allocations - before.allocations,
            bytes: self.bytes - before.bytes,
        }
    }
}

// SAFETY: every call goes to the system's allocator unchanged. What is not written here is made of these by the trait.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size(), Relaxed);
        HERE.with(|here| {
            let Taken { allocations, bytes } = here.get();
            here.set(Taken {
                allocations: allocations + 1,
                bytes: bytes + layout.size(),
            });
        });
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn what_is_taken_is_counted() {
    let (here, everywhere) = (Taken::here(), Taken::everywhere());
    drop(std::hint::black_box(vec![0_u8; 1000]));
    let taken = Taken::here().since(here);
    assert_eq!((taken.allocations, taken.bytes), (1, 1000));
    std::thread::scope(|scope| {
        scope.spawn(|| drop(std::hint::black_box(vec![0_u8; 1 << 20])));
    });
    assert!(Taken::everywhere().since(everywhere).bytes >= 1 << 20);
}
