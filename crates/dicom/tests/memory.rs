//! A frame takes no more memory than is said beforehand, and a file none for its other frames: measured by the allocator.

#![allow(unsafe_code, reason = "a measuring allocator")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use espmedsam_dicom::{DicomFile, FrameWish};
use picture::frame::{Frame, FrameLimits, Stop};

struct Peak;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Peak {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        PEAK.fetch_max(NOW.fetch_add(size, Relaxed) + size, Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Peak = Peak;

/// What something takes at its peak, beyond what was there before.
fn peak<R>(run: impl FnOnce() -> R) -> (R, u64) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = run();
    (result, (PEAK.load(Relaxed) - before) as u64)
}

/// Checks the first and the last frame of a file.
fn check(path: &Path) {
    let name = path.display();
    let open = || DicomFile::open(File::open(path).unwrap(), FrameLimits::default()).unwrap();
    let (mut file, opened) = peak(open);
    assert!(opened < 4 << 20, "{name}: opened with {opened}");
    let last = file.facts().frames - 1;
    for frame in [0, last] {
        let said = file.need(frame).unwrap();
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let wish = FrameWish {
            frame,
            window: None,
        };
        let (read, took) = peak(|| file.read_into(wish, &Stop::never(), &mut canvas));
        read.unwrap();
        assert!(took <= said, "{name} {frame}: {took} taken, {said} said");
    }
}

/// Frames of 512 x 512 with 12 bits, 64 of them: 32 MiB.
fn many_frames() -> Vec<u8> {
    let mut file = vec![0; 128];
    file.extend(b"DICM\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0\x28\0\x04\0CS\x0c\0MONOCHROME2 ");
    file.extend(b"\x28\0\x08\0IS\x02\x0064");
    for (number, v) in [
        (0x10_u16, 512_u16),
        (0x11, 512),
        (0x100, 16),
        (0x101, 12),
        (0x102, 11),
        (0x103, 0),
    ] {
        file.extend(b"\x28\0");
        file.extend(number.to_le_bytes());
        file.extend(b"US\x02\0");
        file.extend(v.to_le_bytes());
    }
    file.extend(b"\xe0\x7f\x10\0OW\0\0");
    file.extend((64_u32 * 512 * 512 * 2).to_le_bytes());
    file
}

/// One test: memory is the process's.
#[test]
fn a_frame_takes_what_is_said_and_the_others_nothing() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("many_frames.dcm");
    let mut file = File::create(&path).unwrap();
    file.write_all(&many_frames()).unwrap();
    let frame: Vec<u8> = (0..512_u32 * 512)
        .flat_map(|i| (i as u16 % 4096).to_le_bytes())
        .collect();
    (0..64).for_each(|_| file.write_all(&frame).unwrap());
    check(&path);
    std::fs::remove_file(path).unwrap();

    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/made");
    let shared = std::env::var_os("SHARED").map(|shared| PathBuf::from(shared).join("dicom"));
    let shared = shared.filter(|folder| folder.is_dir());
    if shared.is_none() {
        eprintln!("NOT RUN: SHARED does not say where the files of real machines are");
    }
    for folder in [Some(made), shared].into_iter().flatten() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "dcm") {
                check(&path);
            }
        }
    }
}
