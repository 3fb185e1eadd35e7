//! TIFF files as programs and enemies write them, made here tag by tag.

use super::tiff_writer::{PLAIN, TiffPage, TiffWriter};
use super::*;

fn tiff(page: TiffPage) -> Vec<u8> {
    PLAIN.file(&[page])
}

/// 40 × 30, no two rows or columns alike.
fn pattern() -> (u32, u32, Vec<u8>) {
    let value = |i: u32| ((i % 40) * 5 + (i / 40) * 2) as u8;
    (40, 30, (0..40 * 30).map(value).collect())
}

fn grey_of(bytes: &[u8]) -> Vec<u8> {
    let frame = read(bytes).unwrap();
    assert!(frame.rgb().chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    frame.rgb().chunks(3).map(|p| p[0]).collect()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Rows as PackBits: a literal run, and a repeated byte where the row begins with one.
fn pack_bits(rows: &[u8], width: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows.chunks(width) {
        let same = row.iter().take_while(|b| **b == row[0]).count();
        let literal = if same > 1 {
            out.extend([1_u8.wrapping_sub(same as u8), row[0]]);
            &row[same..]
        } else {
            row
        };
        out.extend([0x80, literal.len() as u8 - 1]); // 0x80 says nothing
        out.extend(literal);
    }
    out
}

#[test]
fn every_compression_and_dialect_gives_the_same_pixels() {
    let (width, height, pixels) = pattern();
    let page = TiffPage::grey(width, height, &pixels);
    let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
        .encode(&pixels)
        .unwrap();
    let differences: Vec<u8> = pixels
        .chunks(40)
        .flat_map(|row| {
            (0..40).map(|i| {
                if i == 0 {
                    row[0]
                } else {
                    row[i].wrapping_sub(row[i - 1])
                }
            })
        })
        .collect();
    let strips: Vec<Vec<u8>> = pixels.chunks(40 * 7).map(Into::into).collect();
    let mut tiled = page
        .clone()
        .with(322, &[16])
        .with(323, &[16])
        .in_chunks(tiles(&pixels));
    tiled.tiled = true;
    let inverted: Vec<u8> = pixels.iter().map(|v| 255 - v).collect();
    let pages = [
        page.clone(),
        page.clone().with(278, &[7]).in_chunks(strips),
        page.clone().with(259, &[5]).in_chunks(vec![lzw]),
        page.clone().with(259, &[8]).in_chunks(vec![zlib(&pixels)]),
        page.clone()
            .with(259, &[8])
            .with(317, &[2])
            .in_chunks(vec![zlib(&differences)]),
        page.clone()
            .with(259, &[32773])
            .in_chunks(vec![pack_bits(&pixels, 40)]),
        page.with(262, &[0]).in_chunks(vec![inverted]),
        tiled,
    ];
    for (number, page) in pages.iter().enumerate() {
        for (big, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
            let bytes = TiffWriter { big, big_endian }.file(std::slice::from_ref(page));
            assert!(
                grey_of(&bytes) == pixels,
                "page {number}, {big} {big_endian}"
            );
            // No part of it passes for the whole.
            for cut in (0..bytes.len()).step_by(23) {
                assert!(read(&bytes[..cut]).is_err(), "page {number} cut at {cut}");
            }
        }
    }
}

/// 3 × 2 tiles of 16 × 16, filled up with 9.
fn tiles(pixels: &[u8]) -> Vec<Vec<u8>> {
    let value = |x: usize, y: usize| match x < 40 && y < 30 {
        true => pixels[y * 40 + x],
        false => 9,
    };
    let tile = |n: usize| {
        (0..256)
            .map(|i| value(n % 3 * 16 + i % 16, n / 3 * 16 + i / 16))
            .collect()
    };
    (0..6).map(tile).collect()
}

#[test]
fn values_of_few_bits_in_sixteen_are_taken_by_their_range() {
    let (width, height, pixels) = pattern();
    for bits in [8_u32, 10, 12, 14, 15] {
        // Every value ends in bits of its own; the brightest reaches the top of the range.
        let deep = |v: u8| u32::from(v) << (bits - 8) | u32::from(v) >> 3 & ((1 << (bits - 8)) - 1);
        let bright: Vec<u8> = pixels.iter().map(|v| (*v).max(1) | 0x80).collect();
        for big_endian in [false, true] {
            let dialect = TiffWriter {
                big: false,
                big_endian,
            };
            let mut words = Vec::new();
            bright
                .iter()
                .for_each(|v| dialect.put(&mut words, deep(*v).into(), 2));
            let page = TiffPage::grey(width, height, &words).with(258, &[16]);
            let Decoded { frame, file } = read_whole(&dialect.file(&[page])).unwrap();
            let grey: Vec<u8> = frame.rgb().chunks(3).map(|p| p[0]).collect();
            assert_eq!((file.bits, grey == bright), (bits as u8, true), "{bits}");
        }
    }
    // A statement counts where the values keep to it: a dark picture of 12 bits.
    let mut words = Vec::new();
    pixels
        .iter()
        .for_each(|v| PLAIN.put(&mut words, u64::from(*v >> 2) << 4, 2));
    let page = TiffPage::grey(width, height, &words).with(258, &[16]);
    assert_eq!(read_whole(&tiff(page.clone())).unwrap().file.bits, 10);
    let stated = read_whole(&tiff(page.with(281, &[4095]))).unwrap();
    assert_eq!(stated.file.bits, 12);
    assert!(
        stated
            .frame
            .rgb()
            .chunks(3)
            .zip(&pixels)
            .all(|(p, v)| p[0] == v >> 2)
    );
}

#[test]
fn real_numbers_are_taken_by_their_range() {
    let (width, height, pixels) = pattern();
    let page = |value: &dyn Fn(f32) -> f32| {
        let bytes: Vec<u8> = pixels
            .iter()
            .flat_map(|v| value(f32::from(*v)).to_le_bytes())
            .collect();
        tiff(
            TiffPage::grey(width, height, &bytes)
                .with(258, &[32])
                .with(339, &[3]),
        )
    };
    let one = page(&|v| v / 255.0);
    assert!(grey_of(&one) == pixels && grey_of(&page(&|v| v)) == pixels);
    assert_eq!(read_whole(&one).unwrap().file.bits, 32);
    let stretched = grey_of(&page(&|v| v - 100.0));
    assert!(stretched.contains(&0) && stretched.contains(&255));
    assert_damaged(read(&page(&|v| v / 0.0)), "finite");
}

#[test]
fn colours_come_interleaved_planar_and_with_what_else_there_is() {
    let rgb = original();
    let (width, height) = (rgb.width(), rgb.height());
    let page = |pixels: Vec<u8>, samples: u32| {
        TiffPage::grey(width, height, &pixels)
            .with(262, &[2])
            .with(277, &[samples])
            .with(258, &[8, 8, 8])
    };
    let colour = page(rgb.rgb().to_vec(), 3);
    assert_eq!(read(&tiff(colour.clone())).unwrap(), rgb);
    let plane = |n: usize| {
        rgb.rgb()
            .iter()
            .skip(n)
            .step_by(3)
            .copied()
            .collect::<Vec<u8>>()
    };
    let planar = colour
        .with(284, &[2])
        .in_chunks(vec![plane(0), plane(1), plane(2)]);
    assert_eq!(read(&tiff(planar)).unwrap(), rgb);
    let further: Vec<u8> = rgb
        .rgb()
        .chunks(3)
        .flat_map(|p| [p[0], p[1], p[2], 7])
        .collect();
    assert_eq!(
        read(&tiff(page(further.clone(), 4).with(338, &[0]))).unwrap(),
        rgb
    );
    let premultiplied = read_whole(&tiff(page(further, 4).with(338, &[1]))).unwrap();
    assert_eq!(
        (&premultiplied.frame, premultiplied.file.transparent),
        (&rgb, true)
    );
    // Channels beside grey are pictures of their own.
    let two = TiffPage::grey(20, 20, &[5; 800]).with(277, &[2]);
    assert_unsupported(read(&tiff(two)), "2 channels");
}

#[test]
fn a_page_is_chosen_and_the_others_are_counted() {
    let page = |value: u8| TiffPage::grey(20, 20, &[value; 400]);
    let thumbnail = page(99).with(254, &[1]);
    let bytes = PLAIN.file(&[page(10), thumbnail, page(20), page(30)]);
    let at = |number| read_file(&bytes, number, &FrameLimits::default(), &Stop::never());
    for (asked, number, value) in [
        (None, 1, 10),
        (Some(1), 1, 10),
        (Some(2), 2, 20),
        (Some(3), 3, 30),
    ] {
        let Decoded { frame, file } = at(asked).unwrap();
        assert_eq!((file.page, file.pages, frame.rgb()[0]), (number, 3, value));
    }
    for asked in [0, 4, u32::MAX] {
        assert_eq!(
            at(Some(asked)),
            Err(FrameError::NoSuchPage { asked, pages: 3 })
        );
    }
    // A chain that bites its own tail.
    let mut endless = PLAIN.file(&[page(1)]);
    let end = endless.len() - 4;
    let first = endless[4..8].to_vec();
    endless[end..].copy_from_slice(&first);
    assert_damaged(read(&endless), "no end");
}

#[test]
fn a_chain_of_pages_costs_little_however_it_is_knotted() {
    // Directories of 65,535 tags that overlap: each would have to be searched.
    let mut knotted = PLAIN.file(&[TiffPage::grey(20, 20, &[1; 400])]);
    let place = knotted.len() as u32;
    knotted[4..8].copy_from_slice(&place.to_le_bytes());
    knotted.extend([0xff; 1 << 20]);
    assert_damaged(read(&knotted), "more tags");
}

/// The scans and segments of a JPEG apart from its tables (DQT, DHT), as a TIFF keeps them (technical note 2).
fn abbreviated(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest) = (vec![0xff, 0xd8], vec![0xff, 0xd8]);
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        match jpeg[at + 1] {
            0xdb | 0xc4 => tables.extend(&jpeg[at..end]),
            0xe0..=0xef => {} // a TIFF says the same in tags
            _ => rest.extend(&jpeg[at..end]),
        }
        at = end;
    }
    tables.extend([0xff, 0xd9]);
    rest.extend(&jpeg[at..]);
    (tables, rest)
}

#[test]
fn a_jpeg_inside_a_tiff_is_as_good_as_one_outside() {
    for path in [
        "frames/baseline_420.jpg",
        "frames/progressive_444.jpg",
        "frames/progressive_grey.jpg",
    ] {
        let jpeg = file(path);
        let alone = read(&jpeg).unwrap();
        let (samples, photometric) = if path.contains("grey") {
            (1, 1)
        } else {
            (3, 6)
        };
        let page = TiffPage::grey(alone.width(), alone.height(), &jpeg)
            .with(259, &[7])
            .with(262, &[photometric])
            .with(277, &[samples]);
        assert_eq!(read(&tiff(page.clone())).unwrap(), alone, "{path}");
        let (tables, stream) = abbreviated(&jpeg);
        let tables: Vec<u32> = tables.iter().map(|b| u32::from(*b)).collect();
        let shared = page.clone().with(347, &tables).in_chunks(vec![stream]);
        assert_eq!(
            read(&tiff(shared)).unwrap(),
            alone,
            "{path} with shared tables"
        );

        // Cut in the middle, end marker glued on or not; a picture of another size; other channels.
        for end in [&[][..], &[0xff, 0xd9]] {
            let half = [&jpeg[..jpeg.len() * 3 / 5], end].concat();
            let cut = read(&tiff(page.clone().in_chunks(vec![half])));
            assert!(cut.is_err() || path.contains("progressive_4"), "{path}");
        }
        let larger = TiffPage {
            chunks: vec![jpeg.clone()],
            ..page.clone().with(256, &[alone.width() - 1])
        };
        assert_damaged(read(&tiff(larger)), "size");
        let other = page
            .with(277, &[4 - samples])
            .with(262, &[if samples == 1 { 6 } else { 1 }]);
        assert_damaged(read(&tiff(other)), "channels");
    }
}

#[test]
fn work_and_memory_are_known_before_they_are_spent() {
    let grey = |chunks: Vec<Vec<u8>>, rows: u32| {
        TiffPage::grey(16, 20_000, &[])
            .with(278, &[rows])
            .in_chunks(chunks)
    };
    let many = tiff(grey(vec![vec![0; 16]; 20_000], 1));
    assert_unsupported(read(&many), "20000 strips");
    assert!(read(&tiff(grey(vec![vec![0; 32]; 10_000], 2))).is_ok());
    let fewer = tiff(grey(vec![vec![0; 32]; 9_999], 2));
    assert_damaged(read(&fewer), "lists");

    let mut tile = TiffPage::grey(16, 16, &[])
        .with(322, &[1 << 30])
        .with(323, &[1 << 30])
        .in_chunks(vec![vec![0; 16]]);
    tile.tiled = true;
    assert_unsupported(read(&tiff(tile)), "tiles");

    // Every strip claims the whole file: each would be read anew.
    let mut shared = tiff(grey(vec![vec![0; 32]; 10_000], 2));
    let count = 32_u32.to_le_bytes();
    let all = (shared.len() as u32).to_le_bytes();
    let claims = |bytes: &[u8]| (0..9_999).all(|i| bytes[4 * i..4 * i + 4] == count);
    let at = (0..shared.len() - 40_000)
        .find(|at| claims(&shared[*at..]))
        .unwrap();
    (0..10_000).for_each(|i| shared[at + 4 * i..at + 4 * i + 4].copy_from_slice(&all));
    assert_damaged(read(&shared), "longer");

    let empty = TiffPage::grey(16, 16, &[])
        .with(259, &[8])
        .in_chunks(vec![zlib(&[7; 255])]);
    assert_damaged(read(&tiff(empty)), "early");
    let mut damaged = zlib(&[7; 256]);
    *damaged.last_mut().unwrap() ^= 1; // of the checksum
    let damaged = TiffPage::grey(16, 16, &[])
        .with(259, &[8])
        .in_chunks(vec![damaged]);
    assert_damaged(read(&tiff(damaged)), "damaged");

    for (tag, value, word) in [
        (259, 4, "fax"),
        (259, 6, "old-style"),
        (259, 50_001, "WebP"),
        (258, 12, "12-bit"),
        (339, 2, "signed"),
        (262, 5, "CMYK"),
        (266, 2, "reverse"),
        (317, 3, "predictor"),
    ] {
        let samples = if value == 5 && tag == 262 { 4 } else { 1 };
        let page = TiffPage::grey(16, 16, &[0; 1024])
            .with(277, &[samples])
            .with(tag, &[value]);
        assert_unsupported(read(&tiff(page)), word);
    }
}
