//! A cut picture is never taken for a whole one.

use super::*;

/// Every cut of a file is refused, or (where only what follows the pixels is lost) gives the very same picture.
#[test]
fn no_cut_picture_passes_for_a_whole_one() {
    for path in READABLE {
        let bytes = file(path);
        let whole = read(&bytes).unwrap();
        let step = (bytes.len() / 150).max(1);
        let near_the_end = bytes.len().saturating_sub(40)..bytes.len();
        for cut in (0..bytes.len()).step_by(step).chain(near_the_end) {
            match read(&bytes[..cut]) {
                Err(_) => {}
                Ok(frame) => {
                    assert_eq!(frame, whole, "{path} cut at {cut} of {}", bytes.len());
                }
            }
        }
    }
}

/// What lenient decoders end in grey: data missing although an end marker is there.
#[test]
fn a_cut_jpeg_with_its_end_marker_glued_on_is_refused() {
    for path in READABLE.iter().filter(|p| p.ends_with(".jpg")) {
        let bytes = file(path);
        let scan = bytes.windows(2).position(|w| w == [0xff, 0xda]).unwrap() + 14;
        // A progressive file cut at the end of a scan is whole, only coarser: cut within the first scan.
        let end = match path.contains("progressive") {
            true => {
                scan + bytes[scan..]
                    .windows(2)
                    .position(|w| w[0] == 0xff && w[1] != 0)
                    .unwrap()
            }
            false => bytes.len() - 2,
        };
        for tenth in 0..10 {
            let cut = scan + (end - scan) * tenth / 10;
            let glued = [&bytes[..cut], &[0xff, 0xd9]].concat();
            let result = read(&glued);
            assert!(
                matches!(result, Err(FrameError::Corrupt(_))),
                "{path} at {cut}: {:?}",
                result.map(|_| "whole")
            );
        }
        let short = [&bytes[..end - 8], &[0xff, 0xd9]].concat();
        assert!(read(&short).is_err(), "{path}: the last 8 bytes");
    }
}

#[test]
fn bytes_after_the_end_of_a_jpeg_are_ignored() {
    let bytes = file("frames/baseline_420.jpg");
    let longer = [&bytes[..], &[0; 300]].concat();
    assert_eq!(read(&longer).unwrap(), read(&bytes).unwrap());
}

/// A format says of itself whether later pages can be asked for; none is passed off as the first.
#[test]
fn a_page_that_is_not_there_is_refused() {
    for path in READABLE {
        let read_page = |page| {
            let limits = FrameLimits::default();
            read_file(&file(path), Some(page), &limits, &Stop::never())
        };
        assert_eq!(read_page(1), read_whole(&file(path)), "{path}");
        for asked in [0, 2] {
            let refused = Err(FrameError::NoSuchPage { asked, pages: 1 });
            assert_eq!(read_page(asked), refused, "{path}");
        }
    }
}
