//! PNG files: whole by their chunks, deep, interlaced.

use super::*;

/// A PNG, cut into its chunks; each may be left out or put in elsewhere.
fn png_chunks(png: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut rest = &png[8..];
    while let Some(length) = rest.first_chunk() {
        let (chunk, after) = rest.split_at(12 + u32::from_be_bytes(*length) as usize);
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

#[test]
fn a_png_is_whole_by_its_chunks() {
    let png = file("frames/rgb.png");
    let chunks = png_chunks(&png);
    let with = |chunks: &[Vec<u8>]| [png[..8].to_vec(), chunks.concat()].concat();
    let (end, most) = chunks.split_last().unwrap();
    assert_eq!(&end[4..8], b"IEND");
    assert_eq!(
        read(&with(most)).unwrap(),
        original(),
        "the end marker alone is missing"
    );
    // The pixels' own checksum, of the last chunk that holds them.
    let mut wrong = most.to_vec();
    let last = wrong
        .iter_mut()
        .rfind(|chunk| &chunk[4..8] == b"IDAT")
        .unwrap();
    *last.last_mut().unwrap() ^= 1;
    assert!(read(&with(&wrong)).is_err());
}

/// Found by fuzzing: such a palette made the library panic.
#[test]
fn a_palette_that_ends_within_a_colour_is_damaged() {
    let png = file("frames/palette.png");
    let mut chunks = png_chunks(&png);
    let palette = chunks
        .iter_mut()
        .find(|chunk| &chunk[4..8] == b"PLTE")
        .unwrap();
    let mut body = palette[4..palette.len() - 4].to_vec();
    body.pop();
    let mut sum = flate2::Crc::new();
    sum.update(&body);
    let length = body.len() as u32 - 4;
    *palette = [&length.to_be_bytes(), &body[..], &sum.sum().to_be_bytes()].concat();
    assert_damaged(
        read(&[png[..8].to_vec(), chunks.concat()].concat()),
        "palette",
    );
}

/// Values of 14 bits in 16, as some devices write them.
#[test]
fn a_deep_png_is_taken_by_its_range() {
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_fn(64, 64, |x, y| {
        image::Luma([((y * 64 + x) * 4) as u16]) // 0..=16380
    });
    let Decoded { frame, file } =
        read_whole(&encode(&deep.clone().into(), ImageFormat::Png)).unwrap();
    assert_eq!(file.bits, 14);
    for (pixel, value) in frame.rgb().chunks(3).zip(deep.as_raw()) {
        assert_eq!(pixel, [(value >> 6) as u8; 3]);
    }
}

#[test]
fn an_interlaced_png_is_the_same_picture() {
    let whole = original();
    let interlaced = adam7(&whole);
    assert_eq!(read(&interlaced).unwrap(), whole);
}

/// A picture as an Adam7 PNG (8.2), unfiltered.
fn adam7(frame: &Frame) -> Vec<u8> {
    use std::io::Write;
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for (x0, y0, dx, dy) in passes {
        for y in (y0..frame.height() as usize).step_by(dy) {
            let row = (x0..frame.width() as usize).step_by(dx);
            let pixel = |x: usize| &frame.rgb()[3 * (y * frame.width() as usize + x)..][..3];
            zlib.write_all(&[0]).unwrap();
            row.for_each(|x| zlib.write_all(pixel(x)).unwrap());
        }
    }
    let mut header = [frame.width().to_be_bytes(), frame.height().to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 1]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", header),
        (b"IDAT", zlib.finish().unwrap()),
        (b"IEND", vec![]),
    ] {
        let body = [&kind[..], &data].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&body);
        png.extend((data.len() as u32).to_be_bytes());
        png.extend(&body);
        png.extend(sum.sum().to_be_bytes());
    }
    png
}
