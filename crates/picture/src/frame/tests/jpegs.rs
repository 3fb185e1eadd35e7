//! JPEG files as cameras, broken programs and enemies write them.

use super::*;

/// The file without segments of this marker.
fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != marker {
            out.extend(&jpeg[at..end]);
        }
        at = end;
    }
    out.extend(&jpeg[at..]);
    out
}

/// Where the first scan's header begins.
fn first_scan(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|w| w == [0xff, 0xda]).unwrap()
}

#[test]
fn a_camera_s_frame_without_huffman_tables_is_read_with_the_typical_ones() {
    let jpeg = file("frames/baseline_420.jpg");
    assert!(without(&jpeg, 0xc4).len() < jpeg.len());
    assert_eq!(read(&without(&jpeg, 0xc4)).unwrap(), read(&jpeg).unwrap());
}

#[test]
fn what_lacks_its_end_marker_alone_is_whole() {
    for path in READABLE.iter().filter(|p| p.ends_with(".jpg")) {
        let jpeg = file(path);
        let whole = read(&jpeg).unwrap();
        assert_eq!(jpeg[jpeg.len() - 2..], [0xff, 0xd9]);
        assert_eq!(read(&jpeg[..jpeg.len() - 2]).unwrap(), whole, "{path}");
        assert_eq!(read(&jpeg[..jpeg.len() - 1]).unwrap(), whole, "{path}");
        assert!(read(&jpeg[..jpeg.len() - 3]).is_err(), "{path}");
    }
    // A progressive file that ends after one of its scans, without a marker, is cut.
    let jpeg = file("frames/progressive_420.jpg");
    let scans: Vec<usize> = (0..jpeg.len() - 1)
        .filter(|at| jpeg[*at..*at + 2] == [0xff, 0xda])
        .collect();
    for scan in &scans[1..] {
        assert!(read(&jpeg[..*scan]).is_err(), "cut at {scan}");
    }
}

#[test]
fn scans_are_bounded_in_number_and_never_bring_a_coefficient_twice() {
    let jpeg = file("frames/progressive_grey.jpg");
    let (start, end) = (first_scan(&jpeg), jpeg.len() - 2);
    let twice = [&jpeg[..end], &jpeg[start..]].concat();
    assert_damaged(read(&twice), "scan header");

    // DC of one bit after the other, then AC one coefficient at a time: more scans than any encoder writes. All blocks
    // are empty: an end-of-band code each.
    let side = 16_u16;
    let mut many = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    many.extend([1; 64]);
    many.extend([0xff, 0xc2, 0, 17, 8]);
    many.extend(side.to_be_bytes());
    many.extend(side.to_be_bytes());
    many.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // One code of one bit, 0: symbol 0.
    for class in [0x00, 0x10] {
        many.extend([0xff, 0xc4, 0, 20, class, 1]);
        many.extend([0; 15]);
        many.push(0);
    }
    let scan = |parts: &[u8], first: u8, last: u8| {
        let mut scan = vec![0xff, 0xda, 0, 6 + 2 * parts.len() as u8, parts.len() as u8];
        parts.iter().for_each(|id| scan.extend([*id, 0]));
        scan.extend([first, last, 0]);
        // A bit a block, ones to fill up.
        scan.extend(if parts.len() == 3 {
            [0x00, 0x0f].to_vec()
        } else {
            [0x0f].to_vec()
        });
        scan
    };
    many.extend(scan(&[1, 2, 3], 0, 0));
    let up_to = |coefficients: u8, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for id in 1..=3 {
            (1..=coefficients).for_each(|k| bytes.extend(scan(&[id], k, k)));
        }
        bytes.extend([0xff, 0xd9]);
        bytes
    };
    assert!(
        read(&up_to(10, &many)).is_ok(),
        "{:?}",
        read(&up_to(10, &many)).err()
    );
    assert_damaged(read(&up_to(34, &many)), "more scans");
}

#[test]
fn jpeg_ls_is_named() {
    let mut jpeg = file("frames/baseline_420.jpg");
    let header = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[header + 1] = 0xf7;
    assert!(matches!(
        read(&jpeg),
        Err(FrameError::Foreign {
            format: "a JPEG-LS picture",
            ..
        })
    ));
}

#[test]
fn memory_is_known_by_the_header() {
    let jpeg = file("frames/progressive_444.jpg");
    let need_of = |max_memory| {
        let limits = FrameLimits {
            max_memory,
            ..FrameLimits::default()
        };
        (need(&jpeg, None, &limits), decode(&jpeg, &limits).map(drop))
    };
    // 96 × 64 of three components: samples, and coefficients of two bytes.
    let bytes = 96 * 64 * 3 * 3;
    assert_eq!(need_of(1 << 20), (Ok(bytes), Ok(())));
    let refused = FrameError::TooMuchMemory {
        need: bytes,
        limit: bytes - 1,
    };
    assert_eq!(need_of(bytes - 1), (Err(refused.clone()), Err(refused)));
}
