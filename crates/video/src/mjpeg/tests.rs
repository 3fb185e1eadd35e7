use picture::frame::{Frame, FrameLimits, decode};
use picture::render::encode_jpeg;
use proptest::prelude::*;

use super::*;

fn jpeg(shade: u8) -> Vec<u8> {
    let rgb = (0..3 * 40 * 24).map(|i| (i as u8) ^ shade).collect();
    encode_jpeg(&Frame::new(40, 24, rgb).unwrap(), 80).unwrap()
}

/// All pictures of a stream that comes in pieces of these lengths, over and over.
fn pictures(stream: &[u8], lengths: &[usize], most: usize) -> (Vec<Option<Vec<u8>>>, u64) {
    let mut splitter = JpegSplitter::new(most);
    let mut found = Vec::new();
    let mut take = |splitter: &JpegSplitter, split| {
        let newest = splitter.newest().map(<[u8]>::to_vec);
        found.push(newest.filter(|_| split == JpegSplit::Picture));
    };
    let (mut rest, mut lengths) = (stream, lengths.iter().cycle());
    while !rest.is_empty() {
        let room = splitter.room();
        let length = (*lengths.next().unwrap()).clamp(1, rest.len().min(room.len()));
        room[..length].copy_from_slice(&rest[..length]);
        splitter.filled(length);
        rest = &rest[length..];
        while let Some(split) = splitter.split() {
            take(&splitter, split);
        }
    }
    if let Some(split) = splitter.finish() {
        take(&splitter, split);
    }
    (found, splitter.skipped())
}

/// An APP1 segment with a whole JPEG inside, as cameras put thumbnails.
fn with_thumbnail(jpeg: &[u8], thumbnail: &[u8]) -> Vec<u8> {
    let length = (thumbnail.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, thumbnail, &jpeg[2..]].concat()
}

#[test]
fn pictures_are_found_between_whatever_lies_between_them() {
    let (a, b, c) = (jpeg(0), jpeg(85), jpeg(170));
    let part = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\n\r\n";
    let padding = [0; 300];
    let b = with_thumbnail(&b, &a);
    // A start of image by chance, which no marker follows.
    let chance = b"\xff\xd8\x00";
    let stream = [&part[..], &a, &padding, &b, chance, &c, b"--frame--"].concat();
    let (found, skipped) = pictures(&stream, &[usize::MAX], JPEG_BYTES);
    assert_eq!(found, [Some(a), Some(b), Some(c)]);
    assert_eq!(
        skipped,
        (part.len() + padding.len() + chance.len() + 7) as u64
    );
}

#[test]
fn a_picture_without_its_end_marker_ends_where_the_next_begins() {
    let (a, b) = (jpeg(0), jpeg(85));
    let open = a[..a.len() - 2].to_vec();
    let stream = [&open[..], &b, &open].concat();
    let (found, skipped) = pictures(&stream, &[usize::MAX], JPEG_BYTES);
    assert_eq!(found, [Some(open.clone()), Some(b), Some(open.clone())]);
    assert_eq!(skipped, 0);
    let limits = FrameLimits::default();
    assert_eq!(decode(&open, &limits), decode(&a, &limits));
    // So it is with text behind it, as HTTP puts it there.
    let text = [
        &open,
        &b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"[..],
    ]
    .concat();
    assert_eq!(decode(&text, &limits), decode(&a, &limits));
}

/// Cut anywhere, a picture is left out or no decoder takes it for whole, and those after it come unharmed: at once, or
/// after 64 KiB where the cut leaves a wrong length.
#[test]
fn after_half_a_picture_the_next_ones_come_whole() {
    let (a, b) = (jpeg(0), jpeg(85));
    let limits = FrameLimits::default();
    let right = decode(&b, &limits).unwrap();
    let scan = a.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 14;
    for cut in 0..a.len() - 2 {
        let copies = if cut < scan { 65_536 / b.len() + 2 } else { 3 };
        let stream = [&a[..cut], &b.repeat(copies)].concat();
        let (found, _) = pictures(&stream, &[1000], JPEG_BYTES);
        assert_eq!(found.last(), Some(&Some(b.clone())), "cut at {cut}");
        if cut >= scan {
            assert_eq!(found[1..], vec![Some(b.clone()); 3], "cut at {cut}");
        }
        let first = found[0]
            .as_ref()
            .and_then(|file| decode(file, &limits).ok());
        assert!(first.is_none_or(|first| first == right), "cut at {cut}");
    }
}

#[test]
fn what_does_not_end_is_dropped_in_bounded_memory() {
    let a = jpeg(0);
    let scan = a.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 20;
    let endless = [&a[..scan], &[7; 500_000][..], &a].concat();
    let (found, skipped) = pictures(&endless, &[70_000], 100_000);
    assert!(found.len() > 1 && found[..found.len() - 1].iter().all(Option::is_none));
    assert_eq!(found.last(), Some(&Some(a.clone())));
    assert!(skipped > 400_000);

    // Nor does a picture that nobody takes, and noise without end behind it.
    for begun in [&a[..scan], &a] {
        let mut splitter = JpegSplitter::new(100_000);
        splitter.room()[..begun.len()].copy_from_slice(begun);
        splitter.filled(begun.len());
        for _ in 0..200 {
            while splitter.split().is_some() {}
            let room = splitter.room();
            let length = room.len();
            assert!(length < 400_000, "{length}");
            room.fill(7);
            splitter.filled(length);
        }
        assert!(splitter.newest().is_none());
    }
}

proptest! {
    /// Pieces of pictures and noise, in any order: however they are cut up, the same comes out, and every byte once.
    #[test]
    fn any_chunking_gives_the_same_pictures(
        parts in prop::collection::vec((0..6_usize, any::<prop::sample::Index>()), 0..8),
        lengths in prop::collection::vec(1..5000_usize, 1..6),
        most in 200..3000_usize,
    ) {
        let (a, b) = (jpeg(0), with_thumbnail(&jpeg(85), &jpeg(1)));
        let mut stream = Vec::new();
        for (kind, index) in parts {
            let (whole, noise): (&[u8], &[u8]) = (&a, b"\xff\xd8\xff\xe0\x00\x10\xff\xda\xff\x00\xd9\xff\xff\xd9");
            stream.extend(match kind {
                0 => whole,
                1 => &b,
                2 => &a[..index.index(a.len())],
                3 => &b[..index.index(b.len())],
                4 => &b[index.index(b.len())..],
                _ => &noise[index.index(noise.len())..],
            });
        }
        let at_once = pictures(&stream, &[usize::MAX], JPEG_BYTES);
        prop_assert_eq!(&at_once, &pictures(&stream, &lengths, JPEG_BYTES));
        prop_assert_eq!(&at_once, &pictures(&stream, &[1], JPEG_BYTES));
        let held: usize = at_once.0.iter().flatten().map(Vec::len).sum();
        prop_assert!(held as u64 + at_once.1 <= stream.len() as u64);
        // With a bound, pictures are within it.
        for picture in pictures(&stream, &lengths, most).0.into_iter().flatten() {
            prop_assert!(picture.len() <= most);
        }
    }

    #[test]
    fn any_bytes_are_walked_alike(bytes: Vec<u8>, lengths in prop::collection::vec(1..40_usize, 1..4)) {
        let starts = [b"\xff\xd8\xff", &bytes[..]].concat();
        let at_once = pictures(&starts, &[usize::MAX], JPEG_BYTES);
        prop_assert_eq!(at_once, pictures(&starts, &lengths, JPEG_BYTES));
    }
}
